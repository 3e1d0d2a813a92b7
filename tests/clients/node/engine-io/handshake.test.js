// How a session of Engine.IO begins, on either transport, and how it is refused.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Engine, assertError, handshake, isTurnedAway, text } from '../engine.js';
import { start } from '../fixture.js';

let server, engine;
before(async () => {
  server = await start('engine-io');
  engine = new Engine(server);
});
after(() => server.stop());

const MEMBERS = ['sid', 'upgrades', 'pingInterval', 'pingTimeout', 'maxPayload'];

test('over polling the first answer is the open packet', async () => {
  const { status, headers, text } = await engine.get();
  assert.equal(status, 200);
  assert.match(headers.get('content-type'), /^text\/plain; charset=utf-8$/i);
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(headers.get('set-cookie'), null);
  assert.equal(text[0], '0');
  const { sid, ...rest } = JSON.parse(text.slice(1));
  assert.match(sid, /^[\w-]{20,}$/);
  assert.deepEqual(rest, { upgrades: ['websocket'], pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 });
  assert.deepEqual(Object.keys(JSON.parse(text.slice(1))), MEMBERS);
});

test('over WebSocket the first frame is the open packet, without upgrades', async () => {
  const client = await engine.upgrade();
  const open = await text(client);
  assert.equal(open[0], '0');
  const { sid, ...rest } = JSON.parse(open.slice(1));
  assert.match(sid, /^[\w-]{20,}$/);
  assert.deepEqual(rest, { upgrades: [], pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 });
  assert.deepEqual(Object.keys(JSON.parse(open.slice(1))), MEMBERS);
  await client.close();
});

test('no two sessions have the same id', async () => {
  const sessions = await Promise.all(Array.from({ length: 50 }, () => engine.poll()));
  assert.equal(new Set(sessions.map(({ sid }) => sid)).size, 50);
  const starts = new Set(sessions.map(({ sid }) => sid.slice(0, 10)));
  assert.equal(starts.size, 50, 'an id is no counter');
});

const WRONG = [
  // parameters, code
  [{ EIO: undefined }, 5],
  [{ EIO: '' }, 5],
  [{ EIO: '3' }, 5],
  [{ EIO: '5' }, 5],
  [{ EIO: '04' }, 5],
  [{ EIO: '4.0' }, 5],
  [{ EIO: ' 4' }, 5],
  [{ EIO: 'abc' }, 5],
  [{ transport: undefined }, 0],
  [{ transport: '' }, 0],
  [{ transport: 'abc' }, 0],
  [{ transport: 'Polling' }, 0],
  [{ transport: '__proto__' }, 0],
  [{ transport: 'constructor' }, 0],
  [{ transport: 'toString' }, 0],
  [{ transport: 'webtransport' }, 0],
  [{ transport: 'websocket' }, 3],
  [{ sid: 'abc' }, 1],
  [{ sid: '__proto__' }, 1],
  [{ sid: 'x'.repeat(5000) }, 1],
];

for (const [parameters, code] of WRONG) {
  test(`GET with ${JSON.stringify(parameters).slice(0, 60)} is refused with code ${code}`, async () => {
    const answer = await engine.get(parameters);
    assertError(answer, code);
    assert.match(answer.headers.get('content-type'), /^application\/json/);
  });
}

for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
  test(`a session does not begin with ${method}`, async () => {
    assertError(await engine.request(engine.target(), { method, body: '4hello' }), 2);
  });
}

test('of several mistakes the first in the order of the checks is told', async () => {
  const posted = { method: 'POST', body: '4hello' };
  assertError(await engine.request(engine.target({ EIO: '3', sid: 'abc', transport: 'abc' }), posted), 0);
  assertError(await engine.request(engine.target({ EIO: '3', sid: 'abc' }), posted), 1);
  assertError(await engine.request(engine.target({ EIO: '3' }), posted), 2);
  assertError(await engine.request(engine.target({ EIO: '3' })), 5);
});

test('the query is decoded', async () => {
  for (const query of ['EIO=%34&transport=poll%69ng', '%45IO=4&transport=polling', 'EIO=4&transport=polling&']) {
    assert.equal((await engine.request(`${engine.path}?${query}`)).status, 200, query);
  }
});

test('of a repeated parameter the last counts', async () => {
  assert.equal((await engine.request(`${engine.path}?EIO=3&transport=abc&EIO=4&transport=polling`)).status, 200);
  assertError(await engine.request(`${engine.path}?EIO=4&transport=polling&transport=abc`), 0);
});

test('an empty sid begins a session', async () => {
  const [first, second] = [await engine.poll({ sid: '' }), await engine.poll({ sid: '' })];
  assert.notEqual(first.sid, second.sid);
  const client = await engine.webSocket({ sid: '' });
  assert.ok(client.open.sid);
  await client.close();
});

test('parameters of the client\'s own are no hindrance', async () => {
  const session = await engine.poll({ t: 'Pabc', b64: '1', token: 'a&b=c', empty: '' });
  await session.echoes();
});

test('the path must end with a slash; what follows it is free', async () => {
  const query = '?EIO=4&transport=polling';
  assert.equal((await engine.request(`/engine.io${query}`)).status, 404);
  assert.equal((await engine.request(`/engine.io-admin/${query}`)).status, 404);
  assert.equal((await engine.request(`/engine.io/anything${query}`)).status, 200);
});

test('an Origin that no browser would write is refused', async () => {
  const socket = await engine.tcp();
  const answer = new Promise((resolve) => {
    let all = '';
    socket.on('data', (part) => { all += part; });
    socket.on('close', () => resolve(all));
  });
  socket.write(`GET ${engine.target()} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a\x7fb\r\nConnection: close\r\n\r\n`);
  const [head, body] = (await answer).split('\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 400 /);
  // A server may find the request itself unreadable.
  if (/json/.test(head)) assert.equal(JSON.parse(/\{.*\}/.exec(body)[0]).code, 3);
});

test('any origin may read the answers', async () => {
  const headers = { origin: 'http://elsewhere.example' };
  for (const target of [engine.target(), engine.target({ transport: 'abc' })]) {
    const answer = await engine.request(target, { headers });
    assert.equal(answer.headers.get('access-control-allow-origin'), '*', target);
  }
});

test('a preflight is answered with methods and the headers that were asked for', async () => {
  const session = await engine.poll();
  for (const target of [engine.target(), engine.target({ sid: session.sid })]) {
    const { status, headers, text } = await engine.request(target, {
      method: 'OPTIONS',
      headers: {
        origin: 'http://elsewhere.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-token, content-type',
      },
    });
    assert.deepEqual([status, text], [204, '']);
    assert.equal(headers.get('access-control-allow-origin'), '*');
    assert.equal(headers.get('access-control-allow-headers'), 'x-token, content-type');
    assert.deepEqual(
      headers.get('access-control-allow-methods').split(/, ?/).sort(),
      ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT'],
    );
  }
  await session.echoes();
});

const REFUSED_UPGRADES = [
  [{ transport: 'abc' }, 'Transport unknown'],
  [{ transport: undefined }, 'Transport unknown'],
  [{ transport: '__proto__' }, 'Transport unknown'],
  [{ transport: 'constructor' }, 'Transport unknown'],
  [{ transport: 'websocket', sid: 'abc' }, 'Session ID unknown'],
  [{ transport: 'websocket', sid: '__proto__' }, 'Session ID unknown'],
];

for (const [parameters, message] of REFUSED_UPGRADES) {
  test(`an upgrade with ${JSON.stringify(parameters)} is refused with its message as text`, async () => {
    const { status, headers, body } = await handshake(engine, engine.target(parameters));
    assert.equal(status, 400);
    assert.match(headers['content-type'], /^text\/html/);
    assert.equal(body, message);
  });
}

test('an upgrade of another protocol version does not become a session', async () => {
  for (const EIO of [undefined, '', '3', '5']) {
    assert.ok(await isTurnedAway(engine, engine.target({ EIO, transport: 'websocket' })), `EIO=${EIO}`);
  }
});

test('an upgrade with the transport polling does not become a session', async () => {
  assert.ok(await isTurnedAway(engine, engine.target()));
});

for (const [what, headers] of [
  ['without a key', { 'Sec-WebSocket-Key': undefined }],
  ['with a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }],
  ['of version 12', { 'Sec-WebSocket-Version': '12' }],
  ['without a version', { 'Sec-WebSocket-Version': undefined }],
]) {
  test(`a WebSocket handshake ${what} is refused`, async () => {
    const { status } = await handshake(engine, engine.target({ transport: 'websocket' }), headers);
    assert.ok([400, 426].includes(status), `${status}`);
  });
}

test('extensions nobody knows are not negotiated, nor is compression', async () => {
  for (const offered of ['constructor', '__proto__', 'permessage-deflate', 'x-own; a=1, permessage-deflate']) {
    const { status, headers } = await handshake(
      engine, engine.target({ transport: 'websocket' }), { 'Sec-WebSocket-Extensions': offered },
    );
    assert.equal(status, 101);
    assert.equal(headers['sec-websocket-extensions'], undefined);
  }
});
