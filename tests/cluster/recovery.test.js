/** With streams a client comes back to another node and has missed nothing. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { decode } from '@msgpack/msgpack';
import { IoClient, PlainClient } from './clients.js';
import { Engine, pairs } from './matrix.js';
import { settle, startAll } from './nodes.js';
import { eventually } from './process.js';

const missed = Array.from({ length: 30 }, (_, number) => number);

/** How a node ends. Socket.IO's adapter writes a session when its client leaves, which a killed node does not see. */
const ends = {
  'stops': (node) => node.stop(),
  'is killed': (node) => node.kill(),
};

const clients = {
  'socket.io-client': (node) => IoClient.open(node, 'client'),
  'a plain WebSocket': (node) => PlainClient.open(node, 'client', '/', { resumes: true }),
};

/** Waits until the record of a client's session has this room: a node of ours writes it when a session changes. */
function written(engine, client, room) {
  return eventually(`${room} in the record of ${client.tag}`, async () => {
    const record = await engine.services.redis.command('GET', `sio:session:${client.key}`);
    return record !== null && decode(Buffer.from(record, 'base64')).rooms.includes(room);
  });
}

// The node that a client is on at first, and the one to which it comes back.
for (const [from, to] of pairs) {
  describe(`recovery: ${from} → ${to}`, () => {
    let engine, home, next;
    before(async () => {
      engine = await Engine.start('streams');
      [home, next] = await startAll(engine, [[from, 'home'], [to, 'next']]);
      await settle([home, next]);
    });
    after(async () => {
      await Promise.all([home, next].map((node) => node.stop()));
      await engine.stop();
    });

    for (const [kind, open] of Object.entries(clients)) {
      // Nodes of Socket.IO have no plain clients.
      if (kind !== 'socket.io-client' && [from, to].includes('node')) continue;
      for (const [name, end] of Object.entries(ends)) {
        if (name === 'is killed' && from === 'node') continue;
        test(`its node ${name}, ${kind}`, async () => {
          const client = await open(home);
          const sender = await IoClient.open(next, 'sender');
          const { id } = client;
          await client.ask('join', 'red');
          await sender.do('emit', { rooms: ['red'], args: ['first'] });
          await client.see('first');
          client.take();
          if (from === 'rust') await written(engine, client, 'red');

          await end(home);
          await client.left;
          const requests = [{}, { rooms: ['red'] }, { rooms: [id] }, { rooms: ['red', 'void'] }];
          for (const number of missed) {
            await sender.do('emit', { ...requests[number % requests.length], args: ['missed', number] });
            await sender.do('emit', { rooms: ['void'], args: ['not-mine', number] });
            await sender.do('emit', { except: ['red'], args: ['not-mine', number] });
          }
          await sender.see('missed', 28);
          assert.equal(await client.resume(next), true);
          assert.equal(client.id, id);
          await sender.do('emit', { rooms: ['red'], args: ['last'] });
          await client.see('last');
          const came = client.take();
          assert.deepEqual(came, [...missed.map((number) => client.shape('missed', [number])), client.shape('last', [])]);
          assert.deepEqual(await client.ask('rooms'), ['lobby', 'red']);
          client.close();
          sender.close();
          await home.run();
          await settle([home, next]);
        });
      }
    }
  });
}
