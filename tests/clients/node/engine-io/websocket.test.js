// Packets over WebSocket: frames, limits, violations, and what ends a session.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Engine, assertError, closeCode, packet } from '../engine.js';
import { reference, startPatient, within } from '../fixture.js';

let server, engine;
before(async () => {
  server = await startPatient('engine-io');
  engine = new Engine(server);
});
after(() => server.stop());

/** Runs a test with a WebSocket session that still echoes at its end. */
function withClient(name, run, options) {
  test(name, options, async () => {
    const client = await engine.webSocket();
    await run(client);
    await echoes(client);
    await client.close();
  });
}

async function echoes(client, message = 'alive') {
  client.socket.send(`4${message}`);
  assert.equal(await packet(client), `4${message}`);
}

/** The next binary message. */
async function bytes(client) {
  for (;;) {
    const { data, isBinary } = await client.nextMessage();
    if (isBinary) return data;
    assert.equal(data.toString(), '2');
    client.socket.send('3');
  }
}

withClient('texts come back as they were', async (client) => {
  for (const text of ['', 'a', 'пойду спать всем спокойной ночи', '€', '👩‍👩‍👧', '\u001e', '\u0000', 'bAQI=']) await echoes(client, text);
});

withClient('bytes come back as bytes', async (client) => {
  for (const length of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
    const sent = randomBytes(length);
    client.socket.send(sent);
    assert.ok(sent.equals(await bytes(client)), `${length} bytes`);
  }
});

withClient('bytes in base64 are accepted in a text frame', async (client) => {
  client.socket.send('bAQIDBA==');
  assert.deepEqual([...await bytes(client)], [1, 2, 3, 4]);
});

withClient('many messages come back in their order', async (client) => {
  for (let number = 0; number < 1000; number += 1) client.socket.send(`4${number}`);
  for (let number = 0; number < 1000; number += 1) assert.equal(await packet(client), `4${number}`);
});

withClient('fragments are put together', async (client) => {
  client.socket.send('4one ', { fin: false });
  client.socket.ping();
  client.socket.send('two ', { fin: false });
  client.socket.send('three', { fin: true });
  assert.equal(await packet(client), '4one two three');
});

withClient('a ping of the WebSocket is answered with its payload', async (client) => {
  const answered = once(client.socket, 'pong');
  client.socket.ping('are you there');
  assert.equal((await within('a pong', answered))[0].toString(), 'are you there');
});

for (const ignored of ['0', '0{}', '3', '3probe', '5', '6']) {
  withClient(`the packet ${ignored} that nobody waits for is passed over`, (client) => client.socket.send(ignored));
}

for (const wrong of ['', '7', '8', '9', 'x', 'é', '{"event":"a"}', ' 4']) {
  test(`the frame ${JSON.stringify(wrong)} ends the session`, async () => {
    const client = await engine.webSocket();
    client.socket.send(wrong);
    assert.equal(await closeCode(client), 1005);
    await engine.forgets(client.open.sid);
  });
}

test('a ping from the client ends the session', async () => {
  for (const ping of ['2', '2probe']) {
    const client = await engine.webSocket();
    client.socket.send(ping);
    assert.equal(await closeCode(client), 1005);
  }
});

test('when the WebSocket closes the session is gone', async () => {
  const client = await engine.webSocket();
  client.socket.close(1000);
  await within('the close', client.closed);
  await engine.forgets(client.open.sid);
});

test('when the connection breaks the session is gone', async () => {
  const client = await engine.webSocket();
  client.socket.terminate();
  await engine.forgets(client.open.sid);
});

withClient('a session on WebSocket is not polled', async (client) => {
  const { sid } = client.open;
  assertError(await engine.get({ sid }), 3);
  assertError(await engine.post({ sid }, '4hello'), 3);
});

withClient('a second WebSocket for the session does not disturb the first', async (client) => {
  const second = await engine.upgrade({ sid: client.open.sid });
  await echoes(client, 'while the second is open');
  second.socket.terminate();
  await second.closed;
});

test('a message of the greatest size passes', async () => {
  const client = await engine.webSocket();
  await echoes(client, 'x'.repeat(999_999));
  await client.close();
});

for (const [what, message] of [['text', `4${'x'.repeat(1_000_000)}`], ['bytes', Buffer.alloc(1_000_001)]]) {
  test(`a message of ${what} that is too large closes with 1009`, async () => {
    const client = await engine.webSocket();
    client.socket.on('error', () => {});
    client.socket.send(message);
    assert.equal(await closeCode(client), 1009);
  });
}

test('fragments that become too large close with 1009', async () => {
  const client = await engine.webSocket();
  client.socket.on('error', () => {});
  for (let sent = 0; sent <= 1_000_000; sent += 100_000) client.socket.send('4'.repeat(100_000), { fin: false });
  assert.equal(await closeCode(client), 1009);
});

/** Sends bytes of the test's own below the WebSocket. */
const raw = (client, ...bytes) => client.socket._socket.write(Buffer.from(bytes.flat()));
const MASK = [0, 0, 0, 0];

for (const [what, code, ...frame] of [
  ['an unmasked frame', 1002, [0x81, 0x02, 0x34, 0x61]],
  ['a reserved bit', 1002, [0xc1, 0x82], MASK, [0x34, 0x61]],
  ['a reserved opcode', 1002, [0x83, 0x80], MASK],
  ['a fragmented ping', 1002, [0x09, 0x80], MASK],
  ['a ping of 126 bytes', 1002, [0x89, 0xfe, 0, 126], MASK, Array(126).fill(0)],
  ['a continuation of nothing', 1002, [0x80, 0x80], MASK],
  ['text that is no UTF-8', 1007, [0x81, 0x83], MASK, [0x34, 0xc3, 0x28]],
  ['a close code that nobody may send', 1002, [0x88, 0x82], MASK, [0x03, 0xed]],
]) {
  test(`${what} closes with ${code}`, async () => {
    const client = await engine.webSocket();
    client.socket.on('error', () => {});
    raw(client, ...frame);
    assert.equal(await closeCode(client), code);
  });
}

test('a hundred thousand empty fragments do not keep a connection', async () => {
  const client = await engine.webSocket();
  client.socket.on('error', () => {});
  client.socket.send('4', { fin: false });
  const empty = Buffer.from([0x00, 0x80, ...MASK]);
  client.socket._socket.write(Buffer.concat(Array(100_000).fill(empty)));
  const code = await closeCode(client);
  assert.ok(reference ? code === 1008 : [1002, 1005, 1008, 1009].includes(code), `${code}`);
});
