/** With streams a client comes back to another node and has missed nothing. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { IoClient } from './clients.js';
import { Engine } from './matrix.js';
import { settle, startAll } from './nodes.js';

const missed = Array.from({ length: 30 }, (_, number) => number);

/** The nodes that keep sessions in Redis. */
const pairs = [['node', 'node']];

/** How a node ends. Socket.IO's adapter writes a session when its client leaves, which a killed node does not see. */
const ends = {
  'stops': (node) => node.stop(),
  'is killed': (node) => node.kill(),
};

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

    for (const [name, end] of Object.entries(ends)) {
      test(`its node ${name}`, { skip: name === 'is killed' && from === 'node' }, async () => {
        const client = await IoClient.open(home, 'client');
        const sender = await IoClient.open(next, 'sender');
        const { id } = client;
        await client.ask('join', 'red');
        await sender.do('emit', { rooms: ['red'], args: ['first'] });
        await client.see('first');
        client.take();

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
  });
}
