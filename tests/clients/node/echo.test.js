import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Client, start, within } from './fixture.js';

let server;
before(async () => { server = await start('echo'); });
after(() => server.stop());

test('texts come back as texts', async () => {
  const client = await Client.open(server.url());
  for (const text of ['hello', '', 'пойду спать всем спокойной ночи', '👩‍👩‍👧', '{"no":"envelope"']) {
    client.socket.send(text);
    const { data, isBinary } = await client.nextMessage();
    assert.equal(isBinary, false);
    assert.equal(data.toString(), text);
  }
  await client.close();
});

test('bytes come back as bytes', async () => {
  const client = await Client.open(server.url());
  for (const length of [0, 1, 125, 126, 65535, 65536, 1024 * 1024]) {
    const bytes = randomBytes(length);
    client.socket.send(bytes);
    const { data, isBinary } = await client.nextMessage();
    assert.equal(isBinary, true);
    assert.ok(bytes.equals(data), `${length} bytes`);
  }
  await client.close();
});

test('messages of 16 MiB pass', async () => {
  const client = await Client.open(server.url());
  const bytes = randomBytes(16 * 1024 * 1024);
  client.socket.send(bytes);
  assert.ok(bytes.equals((await client.nextMessage()).data));
  await client.close();
});

test('fragments are put together', async () => {
  const client = await Client.open(server.url());
  client.socket.send('one ', { fin: false });
  client.socket.ping();
  client.socket.send('two ', { fin: false });
  client.socket.send('three', { fin: true });
  assert.equal((await client.nextMessage()).data.toString(), 'one two three');
  await client.close();
});

test('many messages come back in their order', async () => {
  const client = await Client.open(server.url());
  const sent = Array.from({ length: 2000 }, (_, number) => `message ${number}`);
  for (const text of sent) client.socket.send(text);
  for (const text of sent) assert.equal((await client.nextMessage()).data.toString(), text);
  await client.close();
});

test('a ping is answered with its payload', async () => {
  const client = await Client.open(server.url());
  const pong = once(client.socket, 'pong');
  client.socket.ping('are you there');
  const [payload] = await within('a pong', pong);
  assert.equal(payload.toString(), 'are you there');
  await client.close();
});

test('a close is answered with the same code', async () => {
  for (const code of [1000, 1001, 3000, 4123]) {
    const client = await Client.open(server.url());
    assert.equal((await client.close(code, 'enough')).code, code);
  }
});

test('a close without a code is answered', async () => {
  const client = await Client.open(server.url());
  client.socket.close();
  const { code } = await within('the close', client.closed);
  assert.ok([1000, 1005].includes(code), `${code}`);
});

test('of the offered subprotocols the one of the protocol is selected, credentials never', async () => {
  const credentials = `auth.${Buffer.from('{"token":"t"}').toString('base64url')}`;
  const both = await Client.open(server.url(), ['gateway.v1', credentials]);
  assert.equal(both.socket.protocol, 'gateway.v1');
  await both.close();
  const last = await Client.open(server.url(), [credentials, 'gateway.v1']);
  assert.equal(last.socket.protocol, 'gateway.v1');
  await last.close();
});
