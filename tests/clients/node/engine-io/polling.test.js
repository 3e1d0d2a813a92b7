// Packets over polling: payloads, bodies, requests at the same time, and what ends a session.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Engine, SEPARATOR, assertError } from '../engine.js';
import { startPatient, within } from '../fixture.js';

let server, engine;
before(async () => {
  server = await startPatient('engine-io');
  engine = new Engine(server);
});
after(() => server.stop());

test('a POST is answered by ok, and the echo waits for the next GET', async () => {
  const session = await engine.poll();
  const { status, headers, text } = await session.post('4hello');
  assert.deepEqual([status, text], [200, 'ok']);
  assert.match(headers.get('content-type'), /^text\/html/);
  assert.equal(headers.get('cache-control'), 'no-store');
  const answer = await session.get();
  assert.deepEqual([answer.status, answer.text], [200, '4hello']);
  assert.match(answer.headers.get('content-type'), /^text\/plain; charset=utf-8$/i);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.headers.get('set-cookie'), null);
});

test('a GET that waits is answered when there is something to say', async () => {
  const session = await engine.poll();
  const waiting = session.next();
  await session.send('4now');
  assert.equal(await waiting, '4now');
});

const TEXTS = ['', 'a', '4', 'пойду спать всем спокойной ночи', '€', '👩‍👩‍👧 😀', '\u0000\u0001\u007f', '{"a":"\\u001e"}', 'b', 'bAQI=', 'a\r\nb\n'];

test('texts come back as they were', async () => {
  const session = await engine.poll();
  for (const text of TEXTS) await session.echoes(text);
});

test('several packets of one payload are echoed in their order', async () => {
  const session = await engine.poll();
  await session.send('4one', '4two', '4', '4three');
  for (const packet of ['4one', '4two', '4', '4three']) assert.equal(await session.next(), packet);
});

test('what waits leaves in one payload', async () => {
  const session = await engine.poll();
  await session.send('4one', '4two');
  await session.send('4three');
  assert.deepEqual(await session.receive(), ['4one', '4two', '4three']);
});

test('hundreds of packets of one payload are echoed', async () => {
  const session = await engine.poll();
  const packets = Array.from({ length: 500 }, (_, number) => `4${number}`);
  await session.send(...packets);
  for (const packet of packets) assert.equal(await session.next(), packet);
});

test('bytes are base64 and come back as bytes', async () => {
  const session = await engine.poll();
  for (const bytes of [[], [0], [1, 2, 3, 4], [255, 254, 253, 252, 251]]) {
    const packet = `b${Buffer.from(bytes).toString('base64')}`;
    await session.send(packet);
    assert.equal(await session.next(), packet);
  }
});

test('texts and bytes mix in one payload', async () => {
  const session = await engine.poll();
  await session.send('4one', 'bAQIDBA==', '4two');
  for (const packet of ['4one', 'bAQIDBA==', '4two']) assert.equal(await session.next(), packet);
});

test('a session is not disturbed by another', async () => {
  const [ann, bob] = await Promise.all([engine.poll(), engine.poll()]);
  const waiting = ann.next();
  await bob.echoes('bob');
  await ann.send('4ann');
  assert.equal(await waiting, '4ann');
});

test('what the body is called does not matter, unless it is bytes', async () => {
  const session = await engine.poll();
  for (const type of ['text/plain', 'text/plain;charset=UTF-8', 'application/json', 'application/x-www-form-urlencoded']) {
    const { status } = await engine.post({ sid: session.sid }, '4typed', { headers: { 'content-type': type } });
    assert.equal(status, 200, type);
    assert.equal(await session.next(), '4typed');
  }
});

test('a body of bytes is refused and ends the session', async () => {
  const session = await engine.poll();
  const headers = { 'content-type': 'application/octet-stream' };
  const { status } = await engine.post({ sid: session.sid }, '4hello', { headers });
  assert.equal(status, 400);
  await session.gone();
});

test('a body of the greatest size passes', async () => {
  const session = await engine.poll();
  await session.echoes('x'.repeat(999_999));
});

test('a body that is too large is refused and ends the session', async () => {
  const session = await engine.poll();
  const waiting = session.get();
  // The GET must have arrived before: the server answers nothing that says so but this.
  await engine.get({ sid: 'abc' });
  const { status } = await session.post(`4${'x'.repeat(1_000_000)}`);
  assert.equal(status, 413);
  assert.deepEqual([(await waiting).status, (await waiting).text], [200, '1']);
  await session.gone();
});

/** Posts a chunked body that is never ended; resolves to the answer's first line. */
async function postChunks(session, chunks) {
  const socket = await engine.tcp();
  socket.setEncoding('latin1');
  const answered = once(socket, 'data');
  socket.write(`POST ${engine.target({ sid: session.sid })} HTTP/1.1\r\nHost: localhost\r\n`
    + 'Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n');
  socket.write(chunks);
  const [answer] = await within('the refusal', answered);
  socket.destroy();
  return answer.split('\r\n')[0];
}

test('a body that turns out too large is refused and ends the session', async () => {
  const session = await engine.poll();
  const chunk = `4000\r\n${'4'.repeat(0x4000)}\r\n`;
  assert.match(await postChunks(session, chunk.repeat(62)), /^HTTP\/1\.1 413 /);
  await session.gone();
});

test('a body in too many pieces is refused and ends the session', async () => {
  const session = await engine.poll();
  assert.match(await postChunks(session, '1\r\n4\r\n'.repeat(10_001)), /^HTTP\/1\.1 413 /);
  await session.gone();
});

test('a body in many small pieces is read whole', async () => {
  const session = await engine.poll();
  const socket = await engine.tcp();
  socket.setNoDelay(true);
  socket.setEncoding('latin1');
  const answered = once(socket, 'data');
  const text = 'привет 😀';
  socket.write(`POST ${engine.target({ sid: session.sid })} HTTP/1.1\r\nHost: localhost\r\n`
    + 'Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (const byte of Buffer.from(`4${text}`)) {
    socket.write('1\r\n');
    socket.write(Buffer.from([byte]));
    socket.write('\r\n');
  }
  socket.write('0\r\n\r\n');
  assert.match((await within('the answer', answered))[0], /^HTTP\/1\.1 200 /);
  socket.destroy();
  assert.equal(await session.next(), `4${text}`);
});

test('a large message comes in one answer', async () => {
  const session = await engine.poll();
  await session.send(`4${'€'.repeat(300_000)}`);
  const { text, headers } = await session.get();
  assert.equal(text, `4${'€'.repeat(300_000)}`);
  assert.equal(headers.get('content-encoding'), 'gzip', 'a client that accepts it gets it compressed');
});

test('a short answer is not compressed, nor a long one for a client that does not want it', async () => {
  const session = await engine.poll();
  await session.send('4short');
  assert.equal((await session.get()).headers.get('content-encoding'), null);
  await session.send(`4${'x'.repeat(5000)}`);
  const answer = await session.get({ headers: { 'accept-encoding': 'identity' } });
  assert.equal(answer.headers.get('content-encoding'), null);
  assert.equal(answer.text.length, 5001);
});

for (const body of ['', SEPARATOR, 'abc', '7', '9', '{', '4ok\x1e', '\x1e4ok', '4one\x1e\x1e4two', '4one\x1ex', 'é', '\ufeff4bom', '😀']) {
  test(`the malformed payload ${JSON.stringify(body)} ends the session`, async () => {
    const session = await engine.poll();
    const { status } = await session.post(body);
    assert.ok([200, 400].includes(status), `${status}`);
    await session.gone();
  });
}

test('a malformed payload ends the GET that waits', async () => {
  const session = await engine.poll();
  const waiting = session.get();
  await session.post('abc');
  const { status, text } = await waiting;
  assert.ok(status === 400 || /^(6\x1e)?1$/.test(text), `${status} ${text}`);
  await session.gone();
});

test('a ping from the client ends the session', async () => {
  const session = await engine.poll();
  await session.post('2');
  await session.gone();
});

for (const packet of ['0', '3', '3probe', '5', '6']) {
  test(`the packet ${packet} that nobody waits for is passed over`, async () => {
    const session = await engine.poll();
    await session.send(packet);
    await session.echoes();
  });
}

test('a close packet ends the session and the GET that waits', async () => {
  const session = await engine.poll();
  const waiting = session.receive();
  await session.send('1');
  assert.deepEqual(await waiting, ['6']);
  await session.gone();
});

test('after a close packet the session is unknown', async () => {
  const session = await engine.poll();
  await session.send('1');
  await session.gone();
  assertError(await session.post('4late'), 1);
});

test('messages before a close packet are handled', async () => {
  const session = await engine.poll();
  const waiting = session.receive();
  await session.send('4last', '1');
  assert.equal((await waiting)[0], '4last');
  await session.gone();
});

test('a second GET at the same time ends both and the session', async () => {
  const session = await engine.poll();
  const first = session.get();
  // The first must have arrived when the second comes: the server answers nothing that says so but this.
  await engine.get({ sid: 'abc' });
  const second = await session.get();
  assert.equal(second.status, 400);
  const { status, text } = await first;
  assert.deepEqual([status, text], [200, '1']);
  await session.gone();
});

test('a second POST at the same time ends both and the session', async () => {
  const session = await engine.poll();
  const first = await engine.tcp();
  const ended = new Promise((resolve) => first.once('close', resolve));
  first.write(`POST ${engine.target({ sid: session.sid })} HTTP/1.1\r\nHost: localhost\r\n`
    + 'Content-Type: text/plain\r\nContent-Length: 100\r\n\r\n4begun');
  first.resume();
  await engine.get({ sid: 'abc' });
  assert.equal((await session.post('4second')).status, 400);
  await within('the end of the first connection', ended);
  await session.gone();
});

test('a GET that the client gives up ends the session', async () => {
  const session = await engine.poll();
  const socket = await engine.tcp();
  socket.write(`GET ${engine.target({ sid: session.sid })} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await engine.get({ sid: 'abc' });
  socket.destroy();
  // Another GET at the same time would end the session too: a POST does not.
  for (;;) {
    const { status, text } = await session.post('3');
    if (status === 200) continue;
    assertError({ status, text }, 1);
    break;
  }
});

for (const method of ['PUT', 'DELETE', 'PATCH']) {
  test(`${method} fails and the session goes on`, async () => {
    const session = await engine.poll();
    const { status } = await engine.request(engine.target({ sid: session.sid }), { method, body: '4hello' });
    assert.equal(status, 500);
    await session.echoes();
  });
}

test('a session is not polled as another transport or version', async () => {
  const session = await engine.poll();
  assertError(await engine.get({ sid: session.sid, transport: 'websocket' }), 3);
  assertError(await engine.get({ sid: session.sid, transport: 'abc' }), 0);
  assertError(await engine.get({ sid: session.sid, EIO: '3' }), 3);
  assertError(await engine.get({ sid: session.sid, EIO: undefined }), 3);
  assertError(await engine.post({ sid: session.sid, EIO: '3' }, '4hello'), 3);
  await session.echoes();
});

test('requests one after the other share a connection', async () => {
  const socket = await engine.tcp();
  socket.setEncoding('latin1');
  const request = async (method, target, body = '') => {
    const answered = once(socket, 'data');
    socket.write(`${method} ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n`
      + `Content-Length: ${body.length}\r\n\r\n${body}`);
    const [answer] = await within('the answer', answered);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    return answer;
  };
  const open = await request('GET', engine.target());
  const { sid } = JSON.parse(/0(\{.*\})/.exec(open)[1]);
  await request('POST', engine.target({ sid }), '4one');
  assert.match(await request('GET', engine.target({ sid })), /4one$/);
  socket.destroy();
});
