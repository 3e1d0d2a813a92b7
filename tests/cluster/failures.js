/**
 * What a cluster does when its engine, a connection or a node fails. What Socket.IO does not promise is asked of our nodes only.
 * The third node is one of Socket.IO where its adapter lives on after such a failure.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { IoClient, PlainClient } from './clients.js';
import { Engine, kinds } from './matrix.js';
import { settle, startAll } from './nodes.js';
import { eventually, within } from './process.js';

/** Socket.IO's adapters give up on an answer after five seconds. */
const ANSWER_TIME = 7_500;
/** Events that are sent while the engine is away. */
const AWAY = Array.from({ length: 20 }, (_, number) => number);

/** The nodes of a cluster and a client on each, which is in the room `red`. */
class Cluster {
  static async start(engineName, [own, third]) {
    const cluster = new Cluster();
    cluster.engine = await Engine.start(engineName);
    cluster.nodes = await startAll(cluster.engine, [[own, 'one'], [own, 'two'], [third, 'three']]);
    await settle(cluster.nodes);
    return cluster;
  }

  /** A client for each node. */
  async clients(nodes = this.nodes) {
    const clients = await Promise.all(nodes.map((node) => IoClient.open(node, node.name)));
    for (const client of clients) await client.ask('join', 'red');
    if (this.engine.name === 'sharded') {
      await this.engine.services.redis.subscribed('socket.io#/#red#', nodes.length, 'SHARDNUMSUB');
    }
    return clients;
  }

  /** The clients leave, and their nodes have noticed. */
  async leave(clients) {
    for (const client of clients) client.close();
    const [node] = this.nodes;
    const last = await IoClient.open(node, 'last');
    await eventually('no client is left', async () => (await last.do('fetch', { except: [last.id] })).sockets.length === 0);
    // The socket ends before it is answered.
    last.do('disconnect', { rooms: [last.id] }).catch(() => {});
    await last.left;
  }

  async stop() {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.engine.stop();
  }
}

/** Asserts that an event to the room reaches each of the clients from each. */
async function isWhole(clients) {
  for (const sender of clients) {
    await sender.do('emit', { rooms: ['red'], args: ['whole', sender.tag] });
    for (const client of clients) await client.see('whole', sender.tag);
  }
  const { err, sockets } = await clients[0].do('fetch', { rooms: ['red'] });
  assert.deepEqual({ err, tags: tags(sockets) }, { err: null, tags: clients.map(({ tag }) => tag).sort() });
}

const tags = (sockets) => sockets.map(({ tag }) => tag).sort();
const numbers = (client) => client.take().filter(({ event }) => event === 'away').map(({ args: [number] }) => number);

/** Asks everything of the other nodes at once, and returns the answers when they are there. */
async function askAll(client) {
  const [fetched, served, answered] = await within('the answers', Promise.all([
    client.do('fetch', { rooms: ['red'] }),
    client.do('sseAck', { args: ['ask', 1] }),
    client.do('emitAck', { rooms: ['red'], args: ['question', 1], timeout: 5_000 }),
  ]), ANSWER_TIME);
  return {
    errors: [fetched, served, answered].map(({ err }) => err !== null),
    fetched: tags(fetched.sockets),
    served: served.responses.map(({ node }) => node).sort(),
    answered: answered.responses.sort(),
  };
}

/** What is answered when the third node is silent. */
function assertPartial(answers, ours) {
  assert.deepEqual(answers.errors, [true, true, true]);
  assert.deepEqual(answers.served, ['two']);
  assert.deepEqual(answers.answered, ['one', 'two']);
  // Socket.IO throws away what came.
  if (ours) assert.deepEqual(answers.fetched, ['one', 'two']);
}

export function failures(engineName) {
  const ours = kinds.includes('rust');
  const own = ours ? 'rust' : 'node';
  const third = kinds.includes('node') && engineName !== 'postgres' ? 'node' : own;
  // Socket.IO's adapter for PostgreSQL ends its process.
  const cannotBeCut = engineName === 'postgres' && !ours;
  describe(`failures: ${engineName}, ${own} and ${third}`, () => {
    let cluster;
    before(async () => { cluster = await Cluster.start(engineName, [own, third]); });
    after(() => cluster.stop());

    test('a node that does not move', async () => {
      const clients = await cluster.clients();
      const { process } = cluster.nodes[2];
      await process.freeze();
      assertPartial(await askAll(clients[0]), ours);
      process.thaw();
      await settle(cluster.nodes);
      await isWhole(clients);
      await cluster.leave(clients);
    });

    test('a node that is killed before it answers', async () => {
      const clients = await cluster.clients();
      const silent = cluster.nodes[2];
      await silent.process.freeze();
      const asked = askAll(clients[0]);
      await clients[1].see('question', 1);
      await silent.kill();
      const { fetched, served, answered } = await asked;
      assert.deepEqual([served, answered], [['two'], ['one', 'two']]);
      if (ours) assert.deepEqual(fetched, ['one', 'two']);
      await eventually('two nodes', async () => (await clients[0].do('count')) === 2);
      await isWhole(clients.slice(0, 2));
      await silent.run();
      await settle(cluster.nodes);
      await cluster.leave(clients.slice(0, 2));
    });

    test('connections that are cut', { skip: cannotBeCut }, async () => {
      const clients = await cluster.clients();
      for (const cut of cuts[engineName] ?? cuts.redis) {
        await cut(cluster.engine.service);
        await settle(cluster.nodes);
        await isWhole(clients);
      }
      await cluster.leave(clients);
    });

    test('the engine restarts', { skip: cannotBeCut }, async () => {
      const clients = await cluster.clients();
      const [one, two] = clients;
      await cluster.engine.service.kill();
      if (ours) await whileAway(clients);
      await cluster.engine.service.run();
      await settle(cluster.nodes);
      if (cluster.engine.name === 'sharded') await cluster.engine.services.redis.subscribed('socket.io#/#red#', 3, 'SHARDNUMSUB');
      await isWhole(clients);
      if (ours) {
        const came = numbers(two);
        // Without a log each comes at most once, in order; with one, all do.
        assert.deepEqual(came, [...new Set(came)].sort((a, b) => a - b));
        if (engineName === 'streams') assert.deepEqual(came, AWAY);
        assert.ok((await one.ask('rooms')).includes('late'));
      }
      await cluster.leave(clients);
    });
  });
}

const cuts = {
  redis: [
    (redis) => redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub'),
    (redis) => redis.command('CLIENT', 'KILL', 'TYPE', 'normal'),
  ],
  postgres: [
    (postgres) => postgres.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"),
  ],
};

/** Local clients go on without the engine, and no question hangs. */
async function whileAway([one]) {
  for (const number of AWAY) await one.do('emit', { rooms: ['red'], args: ['away', number] });
  await one.see('away', AWAY.at(-1));
  assert.deepEqual(numbers(one), AWAY);
  await one.do('join', { rooms: [one.id], to: ['late'] });
  assert.ok((await one.ask('rooms')).includes('late'));
  const answers = await askAll(one);
  assert.deepEqual(answers, { errors: [true, true, true], fetched: ['one'], served: [], answered: ['one'] });
  const plain = await PlainClient.open({ port: new URL(one.socket.io.uri).port }, 'plain');
  plain.close();
}
