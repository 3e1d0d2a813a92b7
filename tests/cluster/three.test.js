/** Three nodes: what is counted, asked and answered when more than one other is there. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IoClient, PlainClient } from './clients.js';
import { Engine, kinds } from './matrix.js';
import { settle, startAll } from './nodes.js';
import { eventually } from './process.js';

const names = ['one', 'two', 'three'];

describe('three nodes', () => {
  for (const name of ['redis', 'sharded', 'streams', 'postgres']) {
    test(name, async () => {
      const engine = await Engine.start(name);
      const nodes = await startAll(engine, [[kinds[0], 'one'], [kinds.at(-1), 'two'], [kinds.at(-1), 'three']]);
      await settle(nodes);
      const clients = [];
      for (const node of nodes) {
        clients.push(await IoClient.open(node, `${node.name}-io`, '/chat'));
        if (node.isRust) clients.push(await PlainClient.open(node, `${node.name}-plain`, '/chat'));
      }
      const everyTag = clients.map(({ tag }) => tag).sort();

      for (const client of clients) {
        const own = client.tag.split('-')[0];
        assert.equal(await client.do('count'), 3);
        const asked = await client.do('sseAck', { args: ['ask', { from: own }] });
        assert.equal(asked.err, null);
        const answers = asked.responses.sort((one, other) => (one.node < other.node ? -1 : 1));
        assert.deepEqual(answers, names.filter((other) => other !== own).sort().map((node) => ({ node, x: { from: own } })));

        const acked = await client.do('emitAck', { args: ['question', own] });
        assert.deepEqual([acked.err, acked.responses.sort()], [null, everyTag]);
        const fetched = await client.do('fetch');
        assert.deepEqual([fetched.err, fetched.sockets.map(({ tag }) => tag).sort()], [null, everyTag]);

        await client.do('sse', { args: ['note', own] });
        for (const other of clients.filter(({ tag }) => !tag.startsWith(own))) await other.see('noted', other.tag.split('-')[0], own);
        await client.do('emit', { args: ['said', client.tag] });
        for (const other of clients) await other.see('said', client.tag);
      }
      for (const client of clients) {
        const said = client.take().filter(({ event }) => event === 'said').map((record) => record.data ?? record.args[0]);
        assert.deepEqual(said.sort(), everyTag, 'each once');
      }

      await nodes[2].stop();
      const left = clients.filter(({ tag }) => !tag.startsWith('three'));
      await eventually('two nodes', async () => (await left[0].do('count')) === 2);
      const acked = await left[0].do('emitAck', { args: ['question', 'again'] });
      assert.deepEqual([acked.err, acked.responses.sort()], [null, left.map(({ tag }) => tag).sort()]);
      for (const client of left) client.close();
      await Promise.all(nodes.slice(0, 2).map((node) => node.stop()));
      await engine.stop();
    });
  }
});
