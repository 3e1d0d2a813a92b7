// Encrypted connections: `ws` and socket.io-client against the fixtures with `--tls`, by the certificate that these wrote.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { Client, start, startPatient, within } from './fixture.js';

let folder;
let echo;
let socketIo;
let ca;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'));
  echo = await start('echo', '--tls', folder);
  socketIo = await startPatient('socket-io', '--tls', folder, '--deflate');
  ca = readFileSync(join(folder, 'cert.pem'));
});
after(async () => {
  await Promise.all([echo, socketIo].map((server) => server?.stop()));
  rmSync(folder, { recursive: true });
});

test('ws talks to a server whose certificate it knows', async () => {
  const client = await Client.open(`wss://127.0.0.1:${echo.port}/`, [], { ca });
  for (const text of ['hello', 'ü'.repeat(200_000)]) {
    client.socket.send(text);
    assert.equal((await client.nextMessage()).data.toString(), text);
  }
  assert.equal((await client.close(1000, 'enough')).code, 1000);
});

test('ws does not talk to one that it does not know', async () => {
  const socket = new WebSocket(`wss://127.0.0.1:${echo.port}/`);
  const [error] = await within('an error', once(socket, 'error'));
  assert.match(error.code, /SELF_SIGNED|UNABLE_TO_VERIFY/);
});

for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
  test(`socket.io-client talks by ${transports}`, async () => {
    const socket = io(`https://127.0.0.1:${socketIo.port}`, { ca, transports, forceNew: true, reconnection: false });
    try {
      await within('the connection', once(socket, 'connect'));
      if (transports.length > 1) {
        const { engine } = socket.io;
        if (engine.transport.name !== 'websocket') await within('the upgrade', new Promise((resolve) => engine.once('upgrade', resolve)));
      }
      const answer = await within('an answer', socket.emitWithAck('message-with-ack', 'x'.repeat(50_000)));
      assert.equal(answer.length, 50_000);
      assert.equal(socket.io.engine.transport.name, transports.at(-1));
    } finally {
      socket.disconnect();
    }
  });
}
