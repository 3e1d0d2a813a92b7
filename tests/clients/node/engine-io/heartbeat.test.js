// Pings of the server, the client's pongs, and the end of a client that sends none.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Engine, assertError, closeCode, text } from '../engine.js';
import { startPinging } from '../fixture.js';

const INTERVAL = 300;
/** How long `strict` waits for a pong: longer than a busy machine takes for a request. */
const TIMEOUT = 1000;

/** `engine` waits for pongs as long as a test does, so that a late one is no fault of the test's. */
let servers, engine, strict;
before(async () => {
  servers = await Promise.all([startPinging('engine-io'), startPinging('engine-io', TIMEOUT)]);
  [engine, strict] = servers.map((server) => new Engine(server));
});
after(() => Promise.all(servers.map((server) => server.stop())));

/** Timers of this process and of the server are not one clock. */
const GRACE = 5;

/** Milliseconds since `since`, which lies before what is measured has begun. */
function assertElapsed(since, least) {
  const elapsed = performance.now() - since;
  assert.ok(elapsed >= least - GRACE, `after ${elapsed} ms`);
}

test('over polling the first ping comes after the interval, not at once', async () => {
  const since = performance.now();
  const session = await engine.poll();
  assert.deepEqual(await session.receive(), ['2']);
  assertElapsed(since, INTERVAL);
});

test('over polling a client that answers stays', async () => {
  const session = await engine.poll();
  for (let cycle = 0; cycle < 4; cycle += 1) {
    assert.deepEqual(await session.receive(), ['2']);
    await session.send('3');
  }
  await session.echoes();
});

test('over polling the interval begins with the pong', async () => {
  const session = await engine.poll();
  assert.deepEqual(await session.receive(), ['2']);
  const since = performance.now();
  await session.send('3');
  assert.deepEqual(await session.receive(), ['2']);
  assertElapsed(since, INTERVAL);
});

test('over polling a client that does not answer is let go, its GET too', async () => {
  const since = performance.now();
  const session = await strict.poll();
  assert.deepEqual(await session.receive(), ['2']);
  const { status, text } = await session.get();
  assert.ok(status === 400 || text === '1', `${status} ${text}`);
  assertElapsed(since, INTERVAL + TIMEOUT);
  await session.gone();
});

test('over polling a client that never comes back is let go', async () => {
  const session = await strict.poll();
  // Posts are no pongs, and no GET takes the ping.
  for (;;) {
    const { status, text } = await session.post('6');
    if (status === 200) continue;
    assertError({ status, text }, 1);
    break;
  }
});

test('over WebSocket the first ping comes after the interval, not at once', async () => {
  const since = performance.now();
  const client = await engine.webSocket();
  assert.equal(await text(client), '2');
  assertElapsed(since, INTERVAL);
  await client.close();
});

test('over WebSocket a client that answers stays', async () => {
  const client = await engine.webSocket();
  for (let cycle = 0; cycle < 4; cycle += 1) {
    assert.equal(await text(client), '2');
    client.socket.send('3');
  }
  client.socket.send('4alive');
  assert.equal(await text(client), '4alive');
  await client.close();
});

test('over WebSocket a client that does not answer is closed without a code', async () => {
  const since = performance.now();
  const client = await strict.webSocket();
  assert.equal(await text(client), '2');
  assert.equal(await closeCode(client), 1005);
  assertElapsed(since, INTERVAL + TIMEOUT);
  await strict.forgets(client.open.sid);
});

test('over WebSocket a pong of the WebSocket itself is no pong', async () => {
  const client = await strict.webSocket();
  client.socket.pong('here');
  assert.equal(await text(client), '2');
  client.socket.pong('here');
  assert.equal(await closeCode(client), 1005);
});

test('over WebSocket a close packet ends the session, at once or for want of a pong', async () => {
  const client = await strict.webSocket();
  client.socket.send('1');
  assert.equal(await closeCode(client), 1005);
});

test('after an upgrade the pings come over WebSocket', async () => {
  const session = await engine.poll();
  const client = await engine.upgrade({ sid: session.sid });
  client.socket.send('2probe');
  assert.equal(await text(client), '3probe');
  client.socket.send('5');
  for (let cycle = 0; cycle < 3; cycle += 1) {
    assert.equal(await text(client), '2');
    client.socket.send('3');
  }
  await client.close();
  await engine.forgets(session.sid);
});
