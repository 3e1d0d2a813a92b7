import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IoClient } from './clients.js';
import { Engine, kinds } from './matrix.js';
import { settle, startAll } from './nodes.js';

/** The options that set a cluster apart, as each adapter names them, for a node of Socket.IO; ours reads `PREFIX`. */
const options = {
  redis: { key: 'other' },
  sharded: { channelPrefix: 'other' },
  streams: { channelPrefix: 'other', streamName: 'other' },
  postgres: { channelPrefix: 'other' },
};

describe('two clusters on one engine do not see each other', () => {
  for (const [name, ofAdapter] of Object.entries(options)) {
    test(name, async () => {
      const engine = await Engine.start(name);
        const members = [[kinds.at(0), 'one'], [kinds.at(-1), 'two']];
      const [here, there] = await Promise.all([
        startAll(engine, members),
        startAll(engine, members, { OPTIONS: JSON.stringify(ofAdapter), PREFIX: 'other' }),
      ]);
      await Promise.all([settle(here), settle(there)]);
      const clients = await Promise.all([...here, ...there].map((node, index) => IoClient.open(node, String(index))));
      await clients[0].do('emit', { args: ['posted', 'here'] });
      await clients[0].do('sse', { args: ['note', 'here'] });
      await clients[2].do('emit', { args: ['posted', 'there'] });
      await clients[2].do('sse', { args: ['note', 'there'] });
      for (const [index, place] of ['here', 'here', 'there', 'there'].entries()) {
        await clients[index].see('posted', place);
        if (index % 2 === 1) await clients[index].see('noted', 'two', place);
      }
      for (const [index, place] of ['here', 'here', 'there', 'there'].entries()) {
        await clients[index].ask('rooms');
        assert.ok(clients[index].take().every(({ args }) => args.at(-1) === place));
        assert.equal(await clients[index].do('count'), 2);
        const { err, sockets } = await clients[index].do('fetch');
        assert.deepEqual([err, sockets.map(({ tag }) => tag).sort()], [null, index < 2 ? ['0', '1'] : ['2', '3']]);
      }
      for (const client of clients) client.close();
      await Promise.all([...here, ...there].map((node) => node.stop()));
      await engine.stop();
    });
  }
});
