/** An engine that is slow, and a subscriber that the engine gives up: what our nodes do then. Socket.IO's promise nothing. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IoClient } from './clients.js';
import { Engine, kinds } from './matrix.js';
import { settle, startAll } from './nodes.js';
import { eventually } from './process.js';

const EVENTS = 200;
/** Milliseconds for which the engine executes nothing. */
const PAUSE = 2_000;
/** Bytes of an event; so many of them are more than the engine keeps for a subscriber that does not read. */
const LARGE = 100_000;

const numbers = (client, event) => client.take().filter((record) => record.event === event).map(({ args: [number] }) => number);
const upTo = (count) => Array.from({ length: count }, (_, number) => number);

async function inCluster(name, run) {
  const engine = await Engine.start(name);
  const nodes = await startAll(engine, [['rust', 'one'], ['rust', 'two']]);
  await settle(nodes);
  const clients = await Promise.all(nodes.map((node) => IoClient.open(node, node.name)));
  await run({ engine, nodes, clients });
  for (const client of clients) client.close();
  await Promise.all(nodes.map((node) => node.stop()));
  await engine.stop();
}

describe('a slow engine', { skip: !kinds.includes('rust') }, () => {
  for (const name of ['redis', 'sharded', 'streams']) {
    test(`${name}: local clients go on, the others get everything in order`, () => inCluster(name, async ({ engine, clients }) => {
      const [one, two] = clients;
      await engine.services.redis.command('CLIENT', 'PAUSE', PAUSE, 'ALL');
      const begun = Date.now();
      await Promise.all(upTo(EVENTS).map((number) => one.do('emit', { args: ['posted', number] })));
      await one.see('posted', EVENTS - 1);
      const isBefore = Date.now() - begun < PAUSE;
      assert.deepEqual(numbers(one, 'posted'), upTo(EVENTS));
      // On a machine that takes so long for them nothing is said about the engine.
      if (isBefore) assert.deepEqual(numbers(two, 'posted'), []);
      await two.see('posted', EVENTS - 1);
      if (isBefore) assert.deepEqual(numbers(two, 'posted'), upTo(EVENTS));
    }));
  }
});

describe('a subscriber that the engine gives up', { skip: !kinds.includes('rust') }, () => {
  for (const name of ['redis', 'sharded']) {
    test(`${name}: it misses events, gets none twice, and is in the cluster again`, () => inCluster(name, async ({ engine, nodes, clients }) => {
      const [one, two] = clients;
      const { redis } = engine.services;
      await redis.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1mb 1mb 1');
      const subscribers = async () => (await redis.command('CLIENT', 'LIST', 'TYPE', 'PUBSUB')).toString().trim().split('\n').length;
      const before = await subscribers();
      await nodes[1].process.freeze();
      let sent = 0;
      await eventually('the engine cuts the subscriber off', async () => {
        await one.do('emit', { args: ['large', sent, 'x'.repeat(LARGE)] });
        sent += 1;
        return (await subscribers()) < before;
      });
      nodes[1].process.thaw();
      await settle(nodes);
      await one.do('emit', { args: ['large', sent, ''] });
      await two.see('large', sent, '');
      const came = numbers(two, 'large');
      assert.ok(came.length < sent + 1, `it missed some of ${sent + 1}`);
      assert.deepEqual(came, [...new Set(came)].sort((a, b) => a - b), 'each at most once, in order');
    }));
  }
});
