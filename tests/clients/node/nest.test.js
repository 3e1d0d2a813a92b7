// The gateways of NestJS's own specifications, seen from outside.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, refusal, start, within } from './fixture.js';

let server;
before(async () => { server = await start('nest'); });
after(() => server.stop());

/** Sends one event without an id and checks all that comes back; the connection must live on. */
async function exchange(path, event, data, ...expected) {
  const client = await Client.open(server.url(path));
  client.emit(event, data);
  for (const frame of expected) assert.deepEqual(await client.next(), frame, `${path} ${event}`);
  await client.close();
}

for (const path of ['/', '/example', '/ws-path']) {
  test(`${path} answers push by pop`, () =>
    exchange(path, 'push', { test: 'test' }, { event: 'pop', data: { test: 'test' } }));
}

test('the query is no part of the path', () =>
  exchange('/ws-path?a=b', 'push', 1, { event: 'pop', data: 1 }));

test('a subprotocol that nobody knows is selected, where it is the first', async () => {
  const client = await Client.open(server.url('/'), ['chat', 'json']);
  assert.equal(client.socket.protocol, 'chat');
  client.emit('push', 1);
  assert.deepEqual(await client.next(), { event: 'pop', data: 1 });
  await client.close();
});

test('values of any type pass', () =>
  exchange('/', 'push', { stringProp: 123 }, { event: 'pop', data: { stringProp: 123 } }));

test('two paths serve their own clients', async () => {
  const example = await Client.open(server.url('/example'));
  const wsPath = await Client.open(server.url('/ws-path'));
  example.emit('push', 'example');
  wsPath.emit('push', 'ws-path');
  assert.deepEqual(await example.next(), { event: 'pop', data: 'example' });
  assert.deepEqual(await wsPath.next(), { event: 'pop', data: 'ws-path' });
  await Promise.all([example.close(), wsPath.close()]);
});

test('a failing stream sends exactly what NestJS sends', () =>
  exchange('/error', 'push', { test: 'test' }, failure('push', 'test', { test: 'test' })));

test('an interceptor sees the name of the event', async () => {
  await exchange('/', 'getClient', { test: 'test' }, { event: 'popClient', data: { test: 'test', path: 'getClient' } });
  await exchange('/', 'getClient', undefined, { event: 'popClient', data: { path: 'getClient' } });
});

test('a filter says what is told of a stream that fails', () =>
  exchange('/', 'getClientWithError', { test: 'test' },
    { event: 'exception', data: { pattern: 'getClientWithError', message: 'This is an error' } }));

test('data that breaks a rule names the field, and the handler does not run', async () => {
  await exchange('/validated', 'push', { stringProp: 'a', more: 1 }, { event: 'push', data: { stringProp: 'a', more: 1 } });
  await exchange('/a', 'valid', { name: 'ann' }, { event: 'ok', data: { name: 'ann' } });
  for (const [path, event, data, field] of [
    ['/validated', 'push', { stringProp: 123 }, '$.stringProp'],
    ['/validated', 'push', {}, '$.stringProp'],
    ['/validated', 'push', { stringProp: 'a'.repeat(1001) }, '$.stringProp'],
    ['/a', 'valid', { name: null }, '$.name'],
    ['/a', 'valid', undefined, '$'],
  ]) {
    const client = await Client.open(server.url(path));
    client.emit(event, data);
    const answer = await client.next();
    assert.deepEqual([answer.event, answer.data.status, answer.data.details.map((fault) => fault.path)], ['exception', 'error', [field]]);
    assert.deepEqual(answer.data.cause, data === undefined ? { pattern: event } : { pattern: event, data });
    assert.match(answer.data.message, new RegExp(field.replace('$', '\\$')));
    await client.close();
  }
});

test('a failed connect hook tells the client before anything else', async () => {
  const client = await Client.open(server.url('/hook'));
  client.emit('push', 1);
  const data = { status: 'error', message: 'Unauthorized', cause: { pattern: 'handleConnection' } };
  assert.deepEqual(await client.next(), { event: 'exception', data });
  assert.equal((await within('the close', client.closed)).code, 4500);
});

test('a path has one parameter', async () => {
  const rooms = {
    'test-room-123': 'test-room-123',
    'room-with-dashes-and-numbers-456': 'room-with-dashes-and-numbers-456',
    'room%20with%20spaces': 'room with spaces',
    12345: '12345',
    '%E2%9C%93': '✓',
    'a%2Fb': 'a/b',
  };
  for (const [segment, roomId] of Object.entries(rooms)) {
    const client = await Client.open(server.url(`/chat/${segment}/socket`));
    client.emit('join', { message: 'Hello World' });
    const joined = await client.next();
    assert.equal(typeof joined.data.timestamp, 'string');
    delete joined.data.timestamp;
    assert.deepEqual(joined, { event: 'joined', data: { roomId, message: 'Hello World' } });
    client.emit('getAllParams', { test: true });
    assert.deepEqual(await client.next(), {
      event: 'allParams',
      data: { params: { roomId }, receivedData: { test: true } },
    });
    await client.close();
  }
});

test('a path has several parameters', async () => {
  const client = await Client.open(server.url('/game/chess/room/7/player/ann/socket'));
  const seat = { gameId: 'chess', roomId: '7', playerId: 'ann' };
  const move = { x: 10, y: 20, action: 'attack' };
  client.emit('move', move);
  const { event, data } = await client.next();
  assert.equal(typeof data.timestamp, 'string');
  delete data.timestamp;
  assert.deepEqual({ event, data }, { event: 'moveProcessed', data: { ...seat, move } });
  client.emit('status', {});
  assert.deepEqual(await client.next(), { event: 'statusUpdate', data: { ...seat, status: 'active' } });
  await client.close();
});

test('a path that is no namespace is refused', async () => {
  for (const path of ['/invalid-path', '/chat/socket', '/chat//socket', '/ws-path/', '/Example', '/a/']) {
    assert.equal(await refusal(server.url(path)), 404, path);
  }
});

test('the sample streams three events', () =>
  exchange('/samples', 'events', {}, ...[1, 2, 3].map((data) => ({ event: 'events', data }))));

test('falsy values are values', async () => {
  const client = await Client.open(server.url('/samples'));
  for (const data of [0, false, '', [], {}]) {
    assert.deepEqual((await client.request('identity', data)).data, data);
  }
  await client.close();
});

const answers = {
  echo: { event: 'echoed', data: { some: 'data' } },
  plain: { event: 'plain', data: { some: 'data' } },
  fals: { event: 'fals', data: false },
  zero: { event: 'zero', data: 0 },
  empty: { event: 'empty', data: '' },
  args: { event: 'args', data: [{ some: 'data' }] },
  bcast: { event: 'b', data: { some: 'data' } },
  ic: { event: 'wrapped', data: { v: { some: 'data' }, pattern: 'ic' } },
};
for (const [event, frame] of Object.entries(answers)) {
  test(`/a ${event}`, () => exchange('/a', event, { some: 'data' }, frame));
}

test('nothing to say is silence without an id and null with one', async () => {
  const client = await Client.open(server.url('/a'));
  for (const event of ['undef', 'nul']) {
    client.emit(event, 1);
    assert.equal((await client.request(event, 1)).data, null);
  }
  await client.close();
});

test('the type of a value is kept', async () => {
  const client = await Client.open(server.url('/a'));
  for (const [id, t] of [[7, 'number'], ['7', 'string'], [true, 'boolean'], [null, 'null'], [[7], 'array']]) {
    client.emit('id', { id });
    assert.deepEqual(await client.next(), { event: 'id', data: { id, t } });
  }
  client.emit('pid', { id: 7 });
  assert.deepEqual(await client.next(), { event: 'id', data: { id: 7, t: 'number' } });
  client.emit('pid', { id: 'seven' });
  const { event, data } = await client.next();
  assert.equal(event, 'exception');
  assert.equal(data.status, 'error');
  assert.deepEqual(data.cause, { pattern: 'pid', data: { id: 'seven' } });
  await client.close();
});

test('a stream sends its items', () =>
  exchange('/a', 'stream', {}, ...[1, 2, 3].map((data) => ({ event: 's', data }))));

test('a stream that fails sends its items first', () =>
  exchange('/a', 'streamerr', 1, { event: 's', data: 1 }, failure('streamerr', 'mid', 1)));

const failures = {
  wsstr: failure('wsstr', 'str', { x: 1 }),
  wsobj: { event: 'exception', data: { code: 42, message: 'm' } },
  wsarr: { event: 'exception', data: [1, 2] },
  guarded: failure('guarded', 'Forbidden resource', { x: 1 }),
};
for (const [event, frame] of Object.entries(failures)) {
  test(`/a ${event} fails`, () => exchange('/a', event, { x: 1 }, frame));
}

test('a failure keeps its secrets, and everything else goes on', async () => {
  const client = await Client.open(server.url('/a'));
  for (const event of ['err', 'circ', 'panic']) {
    client.emit(event, { x: 1 });
    const frame = await client.next();
    assert.deepEqual(frame, failure(event, 'Internal server error', { x: 1 }));
  }
  assert.equal((await client.request('plain', 'alive')).data, 'alive');
  await client.close();
});

test('a cause can be left out or replaced', async () => {
  const client = await Client.open(server.url('/a'));
  client.emit('nocause', 1);
  assert.deepEqual((await client.next()).data, { status: 'error', message: 'r' });
  client.emit('cf', 1);
  assert.deepEqual((await client.next()).data, { status: 'error', message: 'r', cause: { ev: 'cf' } });
  await client.close();
});

test('a handler that allows it runs several times at once', async () => {
  const client = await Client.open(server.url('/a'));
  client.emit('slowfast', { ms: 150 });
  client.emit('slowfast', { ms: 10 });
  assert.deepEqual(await client.next(), { event: 'sf', data: 10 });
  assert.deepEqual(await client.next(), { event: 'sf', data: 150 });
  await client.close();
});

test('a broadcast reaches everyone in the namespace and nobody else', async () => {
  const [ann, bob, eve] = await Promise.all(
    ['/a', '/a', '/samples'].map((path) => Client.open(server.url(path))),
  );
  await Promise.all([ann.request('undef'), bob.request('undef'), eve.request('identity')]);
  ann.emit('bcast', 'hi');
  for (const client of [ann, bob]) assert.deepEqual(await client.next(), { event: 'b', data: 'hi' });
  assert.equal((await eve.request('identity', 'nothing came')).data, 'nothing came');
  await Promise.all([ann, bob, eve].map((client) => client.close()));
});

test('an unknown event is passed over as NestJS does, and a text that is no envelope is answered', async () => {
  const client = await Client.open(server.url('/'));
  client.emit('nothing', { x: 1 });
  client.socket.send('no JSON');
  assert.equal((await client.next()).event, 'exception');
  assert.deepEqual((await client.request('push', 'alive')).data, 'alive');
  await client.close();
});

test('a binary frame that holds an envelope is read as a text', async () => {
  const client = await Client.open(server.url('/'));
  client.socket.send(Buffer.from('{"event":"push","data":[1]}'));
  assert.deepEqual(await client.next(), { event: 'pop', data: [1] });
  await client.close();
});

test('a client may leave in the middle of a stream', async () => {
  const client = await Client.open(server.url('/a'));
  client.emit('longstream', {});
  await client.next();
  assert.equal((await client.close()).code, 1000);
  await exchange('/a', 'echo', 1, { event: 'echoed', data: 1 });
});

/** What NestJS sends when a handler throws a text. */
function failure(pattern, message, data) {
  return { event: 'exception', data: { status: 'error', message, cause: { pattern, data } } };
}
