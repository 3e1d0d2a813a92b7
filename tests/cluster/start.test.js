/** The start of our nodes while their engine is away. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IoClient } from './clients.js';
import { Engine, kinds } from './matrix.js';
import { Node, settle } from './nodes.js';

describe('the engine is away at the start', { skip: !kinds.includes('rust') }, () => {
  for (const name of ['redis', 'sharded', 'streams', 'postgres']) {
    test(`${name}: the start fails`, async () => {
      const engine = await Engine.away(name);
      await assert.rejects(Node.start('rust', name, engine.services, 'one'), /ended with 1/);
      await engine.stop();
    });

    test(`${name}: the start waits`, async () => {
      const engine = await Engine.away(name);
      let hasStarted = false;
      const starting = Node.start('rust', name, engine.services, 'one', { AT_START: 'wait' }).finally(() => { hasStarted = true; });
      await engine.service.run();
      assert.equal(hasStarted, false);
      const nodes = [await starting, await Node.start('rust', name, engine.services, 'two')];
      await settle(nodes);
      for (const node of nodes) await node.stop();
      await engine.stop();
    });

    test(`${name}: the node starts alone`, async () => {
      const engine = await Engine.away(name);
      const one = await Node.start('rust', name, engine.services, 'one', { AT_START: 'alone' });
      const client = await IoClient.open(one, 'client');
      await client.do('emit', { args: ['posted', 1] });
      await client.see('posted', 1);
      assert.equal(await client.do('count'), null);
      const { err, sockets } = await client.do('fetch');
      assert.deepEqual([err !== null, sockets.map(({ tag }) => tag)], [true, ['client']]);

      await engine.service.run();
      const two = await Node.start('rust', name, engine.services, 'two');
      await settle([one, two]);
      const other = await IoClient.open(two, 'other');
      await client.do('emit', { args: ['posted', 2] });
      await other.see('posted', 2);
      for (const each of [client, other]) each.close();
      for (const node of [one, two]) await node.stop();
      await engine.stop();
    });
  }
});
