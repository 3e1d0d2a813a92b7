// Compressed messages: `ws` and socket.io-client against the fixtures with `--deflate`.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { io } from 'socket.io-client';
import { Client, start, startPatient, within } from './fixture.js';

let echo;
let socketIo;
before(async () => {
  echo = await start('echo', '--deflate');
  socketIo = await startPatient('socket-io', '--deflate');
});
after(() => Promise.all([echo, socketIo].map((server) => server?.stop())));

const AGREED = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

/** The answer to an offer that `ws` makes of these options; `received` counts the bytes that came. */
async function connected(perMessageDeflate) {
  const client = new Client(new (await import('ws')).WebSocket(echo.url(), { perMessageDeflate }));
  const [response] = await within('the upgrade', once(client.socket, 'upgrade'));
  if (client.socket.readyState !== 1) await within('the connection', once(client.socket, 'open'));
  return { client, agreed: response.headers['sec-websocket-extensions'] };
}

for (const [what, options, agreed] of [
  ['its defaults', true, AGREED],
  ['a small window of the server', { serverMaxWindowBits: 9 }, `${AGREED}; server_max_window_bits=9`],
  ['a small window of its own', { clientMaxWindowBits: 10 }, `${AGREED}; client_max_window_bits=10`],
  ['no window kept', { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 }, AGREED],
]) {
  test(`ws with ${what} negotiates and talks`, async () => {
    const { client, agreed: found } = await connected(options);
    assert.equal(found, agreed);
    const text = JSON.stringify(Array.from({ length: 3000 }, (_, id) => ({ id, name: 'ünïcode', on: id % 2 === 0 })));
    for (const sent of ['', 'a', 'short', text, text.slice(0, 1024), text.slice(0, 40_000)]) {
      const before = client.socket._socket.bytesRead;
      client.socket.send(sent);
      assert.equal((await client.nextMessage()).data.toString(), sent);
      const came = client.socket._socket.bytesRead - before;
      if (sent.length >= 1024) assert.ok(came < sent.length / 2, `${came} of ${sent.length} bytes`);
    }
    for (const sent of [randomBytes(5000), Buffer.alloc(1024 * 1024)]) {
      client.socket.send(sent);
      assert.ok(sent.equals((await client.nextMessage()).data));
    }
    client.socket.send(text.slice(0, 20_000), { fin: false });
    client.socket.ping();
    client.socket.send(text.slice(20_000), { fin: true });
    assert.equal((await client.nextMessage()).data.toString(), text);
    assert.equal((await client.close()).code, 1000);
  });
}

test('a client that offers nothing is served without', async () => {
  const { client, agreed } = await connected(false);
  assert.equal(agreed, undefined);
  client.socket.send('a'.repeat(2000));
  assert.equal((await client.nextMessage()).data.toString(), 'a'.repeat(2000));
  await client.close();
});

for (const transports of [['websocket'], ['polling', 'websocket']]) {
  test(`socket.io-client by ${transports} compresses`, async () => {
    const socket = io(socketIo.http(), { transports, forceNew: true, reconnection: false });
    try {
      await within('the connection', once(socket, 'connect'));
      if (socket.io.engine.transport.name !== 'websocket') {
        await within('the upgrade', new Promise((resolve) => socket.io.engine.once('upgrade', resolve)));
      }
      const { ws } = socket.io.engine.transport;
      assert.equal(ws.extensions, 'permessage-deflate');
      const large = { list: Array.from({ length: 2000 }, (_, id) => ({ id, name: 'again and again' })) };
      const parts = Buffer.alloc(100_000, 7);
      await within('an answer', socket.emitWithAck('message-with-ack', 'first'));
      const before = ws._socket.bytesRead;
      const answer = await within('an answer', socket.emitWithAck('message-with-ack', large, parts));
      assert.deepEqual(answer, large);
      const whole = JSON.stringify(large).length + parts.length;
      assert.ok(ws._socket.bytesRead - before < whole / 4, `${ws._socket.bytesRead - before} of ${whole} bytes`);
    } finally {
      socket.disconnect();
    }
  });
}
