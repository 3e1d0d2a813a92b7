// docs/protocol.md, "Coming back": a plain client that lost its connection, as a browser would do it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { Client, startWith } from '../fixture.js';

let server;
before(async () => { server = await startWith({ CSR: '1' }, 'wire'); });
after(() => server.stop());

const open = (...protocols) => Client.open(server.url('/'), ['gateway.v1', ...protocols]);

/** A new socket, its greeting read. */
async function fresh(entry = 'resume') {
  const client = await open(entry);
  assert.equal(client.socket.protocol, 'gateway.v1');
  const { session } = await client.next();
  assert.equal(session.resumed, false);
  assert.match(session.resume, /^[\w-]{20}$/);
  const { event, offset } = await client.next();
  assert.equal(event, 'auth');
  return Object.assign(client, { session, offset });
}

/** Has an event handled, and returns its offset. */
async function message(client, word) {
  client.socket.send(JSON.stringify({ event: 'message', data: word }));
  const { offset, ...frame } = await client.next();
  assert.deepEqual(frame, { event: 'message-back', data: word });
  assert.ok(Number.isInteger(offset));
  return offset;
}

/** Loses the connection by a frame that breaks RFC 6455: the server has let go of it once it says so. */
async function lose(client) {
  client.socket._socket.write(Buffer.from([0xf1, 0x80, 0, 0, 0, 0]));
  assert.equal((await client.closed).code, 1002);
}

test('who comes back has missed nothing, and is in its rooms', async () => {
  const [ann, bob] = [await fresh(), await fresh()];
  ann.socket.send(JSON.stringify({ event: 'join', data: 'r' }));
  const offset = await message(ann, 'joined');
  await lose(ann);
  for (const word of ['one', 'two']) bob.socket.send(JSON.stringify({ event: 'to', data: ['r', word] }));
  await message(bob, 'said');
  const back = await open(`resume.${ann.session.resume}.${offset}`);
  const said = [await back.next(), await back.next()];
  assert.deepEqual(said.map(({ event, data }) => [event, data]), [['room-msg', 'one'], ['room-msg', 'two']]);
  assert.deepEqual(await back.next(), { session: { ...ann.session, resumed: true } });
  assert.equal((await back.next()).event, 'auth');
  bob.socket.send(JSON.stringify({ event: 'to', data: ['r', 'three'] }));
  assert.equal((await back.next()).data, 'three');
});

test('a token nobody was given makes a new socket', async () => {
  await fresh('resume.AAAAAAAAAAAAAAAAAAAA.0');
});

test('who names the token while the old connection is open has the session, and that one is told', async () => {
  const ann = await fresh();
  const back = await open(`resume.${ann.session.resume}.${ann.offset}`);
  assert.deepEqual(await back.next(), { session: { ...ann.session, resumed: true } });
  assert.deepEqual(await ann.closed, { code: 4503, reason: 'resumed elsewhere' });
  assert.equal((await back.next()).event, 'auth');
  await message(back, 'alive');
});

test('who does not ask sees nothing of it', async () => {
  const client = await Client.open(server.url('/'));
  assert.deepEqual(await client.next(), { event: 'auth', data: {} });
  assert.equal(client.socket.readyState, WebSocket.OPEN);
});
