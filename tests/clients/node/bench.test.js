// The fixture that speed is measured on does what it is measured for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, start } from './fixture.js';

for (const workers of ['1', '2']) {
  test(`with ${workers} worker(s) it echoes, answers and broadcasts`, async () => {
    const server = await start('bench', '--workers', workers);
    const [ann, bob] = await Promise.all([Client.open(server.url()), Client.open(server.url())]);
    const object = { id: 1, user: 'ann', text: 'hi', tags: ['a'], pos: { x: 1.5, y: -2 } };
    for (const data of ['text', object]) {
      assert.deepEqual(await bob.request('ask', data), { event: 'ask', data, id: bob.lastId });
      ann.emit('echo', data);
      assert.deepEqual(await ann.next(), { event: 'echo', data });
      ann.emit('broadcast', data);
      for (const client of [ann, bob]) assert.deepEqual(await client.next(), { event: 'broadcast', data });
    }
    ann.socket.send('{"event":"echo","data":{"no":json}}');
    assert.equal((await ann.next()).event, 'exception');
    await Promise.all([ann.close(), bob.close()]);
    assert.equal(await server.stop(), 0);
  });
}
