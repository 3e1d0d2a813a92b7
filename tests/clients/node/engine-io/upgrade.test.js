// From polling to WebSocket: the probe, what waits meanwhile, and probes that fail.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Engine, assertError, closeCode, isTurnedAway, packet, text } from '../engine.js';
import { startPatient, within } from '../fixture.js';

let server, engine;
before(async () => {
  server = await startPatient('engine-io');
  engine = new Engine(server);
});
after(() => server.stop());

/** A session over polling and a WebSocket that has not said anything. */
async function both() {
  const session = await engine.poll();
  return [session, await engine.upgrade({ sid: session.sid })];
}

/** A session whose probe was answered. */
async function probed() {
  const [session, client] = await both();
  client.socket.send('2probe');
  assert.equal(await text(client), '3probe');
  return [session, client];
}

async function echoes(client, message = 'alive') {
  client.socket.send(`4${message}`);
  assert.equal(await packet(client), `4${message}`);
}

test('a probe is answered, and what follows the upgrade comes over WebSocket', async () => {
  const [, client] = await probed();
  client.socket.send('5');
  await echoes(client);
  await client.close();
});

test('messages may follow the upgrade packet at once', async () => {
  const [, client] = await probed();
  client.socket.send('5');
  client.socket.send('4one');
  client.socket.send(Buffer.from([1, 2]));
  assert.equal(await packet(client), '4one');
  assert.deepEqual(await client.nextMessage(), { data: Buffer.from([1, 2]), isBinary: true });
  await client.close();
});

test('a GET that waits at the probe is answered by a noop', async () => {
  const [session, client] = await both();
  const waiting = session.receive();
  client.socket.send('2probe');
  assert.equal(await text(client), '3probe');
  assert.deepEqual(await waiting, ['6']);
  client.socket.send('5');
  await echoes(client);
  await client.close();
});

test('a GET that comes after the probe is answered by a noop', async () => {
  const [session, client] = await probed();
  assert.deepEqual(await session.receive(), ['6']);
  assert.deepEqual(await session.receive(), ['6']);
  client.socket.send('5');
  await echoes(client);
  await client.close();
});

test('what is posted during the probe is handled, and its echo waits for the WebSocket in order', async () => {
  const [session, client] = await probed();
  const waiting = session.receive();
  await waiting;
  await session.send('4one', '4two');
  await session.send('bAQIDBA==');
  await session.send('4three');
  client.socket.send('5');
  client.socket.send('4four');
  assert.equal(await packet(client), '4one');
  assert.equal(await packet(client), '4two');
  assert.deepEqual(await client.nextMessage(), { data: Buffer.from([1, 2, 3, 4]), isBinary: true });
  assert.equal(await packet(client), '4three');
  assert.equal(await packet(client), '4four');
  await client.close();
});

test('messages that came before the probe are still there after it', async () => {
  const session = await engine.poll();
  await session.send('4one', '4two');
  const client = await engine.upgrade({ sid: session.sid });
  client.socket.send('2probe');
  assert.equal(await text(client), '3probe');
  client.socket.send('5');
  for (const expected of ['4one', '4two']) assert.equal(await packet(client), expected);
  await client.close();
});

test('nothing is lost or doubled while a client upgrades under load', async () => {
  const [session, client] = await both();
  const sent = [];
  const received = [];
  const post = async () => {
    const packets = Array.from({ length: 20 }, (_, index) => `4m${sent.length + index}`);
    sent.push(...packets);
    await session.send(...packets);
  };
  const poll = async () => received.push(...(await session.receive()).filter((packet) => packet.startsWith('4')));
  await post();
  await poll();
  client.socket.send('2probe');
  await post();
  assert.equal(await text(client), '3probe');
  await poll();
  await post();
  client.socket.send('5');
  client.socket.send('4end');
  for (let next = await packet(client); next !== '4end'; next = await packet(client)) received.push(next);
  assert.deepEqual(received, sent);
  await client.close();
});

test('after the upgrade the session is not polled', async () => {
  const [session, client] = await probed();
  client.socket.send('5');
  await echoes(client);
  assertError(await session.get(), 3);
  assertError(await session.post('4hello'), 3);
  await echoes(client, 'untouched');
  await client.close();
});

test('requests that are sent behind the upgrade packet are refused, also at once', async () => {
  for (let round = 0; round < 50; round += 1) {
    const [session, client] = await both();
    client.socket.send('2probe');
    client.socket.send('5');
    const [polled, probed] = await Promise.all([session.get(), packet(client)]);
    assert.equal(polled.status, 400, `round ${round}: ${polled.text}`);
    assert.equal(probed, '3probe');
    await echoes(client);
    await client.close();
  }
});

test('a GET is served during the probe', async () => {
  const [session] = await probed();
  await session.send('4one');
  assert.deepEqual(await session.receive(), ['4one']);
});

test('a GET waits for up to 100 ms after the probe, so that a client that has moved is told so', async () => {
  const [session, client] = await both();
  const waiting = session.receive();
  client.socket.send('2probe');
  assert.equal(await text(client), '3probe');
  const begun = performance.now();
  assert.deepEqual(await waiting, ['6']);
  assert.ok(performance.now() - begun > 50, `${performance.now() - begun} ms`);
  await client.close();
});

test('an upgrade packet without a probe is accepted', async () => {
  const [session, client] = await both();
  client.socket.send('5');
  await echoes(client);
  assertError(await session.get(), 3);
  await client.close();
});

test('a GET that waits when an upgrade comes without a probe is answered', async () => {
  const [session, client] = await both();
  const waiting = session.get();
  await engine.get({ sid: 'abc' });
  client.socket.send('5');
  await echoes(client);
  assert.match((await within('the answer of the GET', waiting)).text, /^[16]$/);
  await client.close();
});

for (const [what, ...frames] of [
  ['a bare ping', '2'],
  ['another word', '2foo'],
  ['a message', '4probe'],
  ['an empty frame', ''],
  ['an unknown type', 'x'],
  ['a pong', '3probe'],
  ['a close', '1'],
  ['bytes', Buffer.from([2, 3])],
]) {
  test(`${what} in place of the probe closes that WebSocket only`, async () => {
    const [session, client] = await both();
    for (const frame of frames) client.socket.send(frame);
    assert.equal(await closeCode(client), 1005);
    await session.echoes();
  });
}

test('a message after the probe in place of the upgrade closes that WebSocket only', async () => {
  const [session, client] = await probed();
  client.socket.send('4early');
  assert.equal(await closeCode(client), 1005);
  await session.echoes();
});

test('after a failed probe the next one succeeds', async () => {
  const [session, failed] = await both();
  failed.socket.send('4probe');
  await closeCode(failed);
  const client = await engine.upgrade({ sid: session.sid });
  client.socket.send('2probe');
  assert.equal(await text(client), '3probe');
  client.socket.send('5');
  await echoes(client);
  await client.close();
});

for (const [what, end] of [['closes', (socket) => socket.close()], ['breaks', (socket) => socket.terminate()]]) {
  test(`when the probing WebSocket ${what} the session stays on polling`, async () => {
    const [session, client] = await probed();
    end(client.socket);
    await within('the close', client.closed);
    await session.echoes();
    await session.echoes('again');
  });
}

test('a frame that violates the protocol during the probe closes that WebSocket only', async () => {
  const [session, client] = await both();
  client.socket.on('error', () => {});
  client.socket._socket.write(Buffer.from([0xf1, 0x80, 0, 0, 0, 0]));
  await within('the close', client.closed);
  await session.echoes();
});

test('a second WebSocket during the probe is turned away, the first goes on', async () => {
  const [session, client] = await probed();
  assert.ok(await isTurnedAway(engine, engine.target({ transport: 'websocket', sid: session.sid })));
  client.socket.send('5');
  await echoes(client);
  await client.close();
});

test('a second WebSocket before the probe is turned away, the first goes on', async () => {
  const [session, client] = await both();
  assert.ok(await isTurnedAway(engine, engine.target({ transport: 'websocket', sid: session.sid })));
  client.socket.send('2probe');
  assert.equal(await text(client), '3probe');
  client.socket.send('5');
  await echoes(client);
  await client.close();
});

test('a second WebSocket after the upgrade is turned away, the first goes on', async () => {
  const [session, client] = await probed();
  client.socket.send('5');
  await echoes(client);
  assert.ok(await isTurnedAway(engine, engine.target({ transport: 'websocket', sid: session.sid })));
  await echoes(client, 'untouched');
  await client.close();
});

test('when the session ends during the probe its WebSocket is closed', async () => {
  const [session, client] = await probed();
  const waiting = session.get();
  await session.post('1');
  await within('the close', client.closed);
  await waiting;
  await session.gone();
});
