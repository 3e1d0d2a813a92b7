// Connection state recovery: what a client missed comes before the answer to its join.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TRANSPORTS, open, prefixOf } from '../channel.js';
import { Engine } from '../engine.js';
import { reference, startWith } from '../fixture.js';

let server, engine;
before(async () => {
  server = await startWith({ CSR: '1' }, 'wire');
  engine = new Engine(server, '/socket.io/');
});
after(() => server.stop());

const P0 = '{"_placeholder":true,"num":0}';

/** Reads an event and checks it but for its offset, which is returned. */
async function event(channel, head, namespace = '/') {
  const packet = await channel.next();
  const start = `2${prefixOf(namespace)}${head}`;
  assert.equal(packet.slice(0, start.length), start);
  const offset = /^,("[^"\\]+")\]$/.exec(packet.slice(start.length))?.[1];
  assert.ok(offset, `no offset at the end of ${packet}`);
  return JSON.parse(offset);
}

/** A socket that has joined a namespace and knows what it needs to come back. */
async function fresh(transport, namespace = '/') {
  const channel = await open(server, transport);
  const { sid, pid } = await channel.join(namespace);
  assert.ok(sid && typeof pid === 'string' && pid !== sid, `${sid} ${pid}`);
  const offset = await event(channel, '["auth",{}', namespace);
  return Object.assign(channel, { namespace, id: sid, pid, offset });
}

/** Has an event handled, and returns its offset. */
async function message(channel, word) {
  await channel.emit(channel.namespace, ['message', word]);
  return event(channel, `["message-back","${word}"`, channel.namespace);
}

async function enter(channel, room) {
  await channel.emit(channel.namespace, ['join', room]);
  channel.offset = await message(channel, 'entered');
}

/** Breaks the connection and waits until the server knows. */
async function drop(channel) {
  if (channel.client) channel.client.socket.terminate();
  else await channel.close();
  await engine.forgets(channel.open.sid);
}

/** Comes back over a new session, as a client does. */
async function back(lost, { transport = 'websocket', pid = lost.pid, offset = lost.offset } = {}) {
  const channel = await open(server, transport);
  await channel.send(`0${prefixOf(lost.namespace)}${JSON.stringify({ pid, offset })}`);
  return Object.assign(channel, { namespace: lost.namespace });
}

/** The answer to a join, which must be the next packet. */
async function answer(channel) {
  const packet = await channel.next();
  const prefix = `0${prefixOf(channel.namespace)}`;
  assert.ok(packet.startsWith(`${prefix}{`), packet);
  return Object.assign(channel, { id: undefined }, JSON.parse(packet.slice(prefix.length)));
}

async function assertRecovered(channel, lost) {
  const { sid, pid } = await answer(channel);
  assert.deepEqual({ sid, pid }, { sid: lost.id, pid: lost.pid });
}

async function assertFresh(channel, lost) {
  const { sid, pid } = await answer(channel);
  assert.ok(sid && pid);
  assert.notEqual(sid, lost.id);
  assert.notEqual(pid, lost.pid);
}

/** Reads on to an event whose arguments begin like this; the fixture greets those who come back, too. */
async function until(channel, head) {
  for (;;) {
    const packet = await channel.next();
    if (packet.startsWith(`2${prefixOf(channel.namespace)}${head}`)) return packet;
    assert.match(packet, /^2.*\["auth",/);
  }
}

for (const transport of TRANSPORTS) {
  for (const namespace of ['/', '/custom', '/dynamic-9']) {
    test(`${transport}: who comes back to ${namespace} reads what it missed, then that it is who it was`, async () => {
      const [lost, other] = [await fresh(transport, namespace), await fresh('websocket', namespace)];
      await enter(lost, 'r');
      await drop(lost);
      for (const word of ['one', 'two', 'three']) await other.emit(namespace, ['to', 'r', word, 1]);
      await other.emit(namespace, ['to', 'another room', 'not for it']);
      await message(other, 'done');
      const channel = await back(lost, { transport });
      for (const word of ['one', 'two', 'three']) await event(channel, `["room-msg","${word}",1`, namespace);
      await assertRecovered(channel, lost);
      await other.emit(namespace, ['to', 'r', 'again there']);
      await until(channel, '["room-msg","again there"');
      await Promise.all([channel.close(), other.close()]);
    });
  }

  test(`${transport}: who missed nothing is recovered too`, async () => {
    const lost = await fresh(transport);
    await drop(lost);
    const channel = await back(lost, { transport });
    await assertRecovered(channel, lost);
    await channel.close();
  });
}

test('every event ends with an offset of its own', async () => {
  const channel = await fresh('websocket');
  const offsets = [channel.offset];
  for (const word of ['a', 'b', 'c']) offsets.push(await message(channel, word));
  await channel.emit('/', ['burst', 5]);
  for (let number = 0; number < 5; number += 1) offsets.push(await event(channel, `["n",${number}`));
  assert.equal(new Set(offsets).size, offsets.length);
  await channel.close();
});

test('an event without arguments has its offset, and so has one with attachments', async () => {
  const channel = await fresh('websocket');
  await channel.send('2["message"]');
  await event(channel, '["message-back"');
  await channel.send(`51-["message",${P0}]`, Buffer.from([1]));
  const packet = await channel.next();
  assert.match(packet, /^51-\["message-back",\{"_placeholder":true,"num":0\},"[^"]+"\]$/);
  await channel.expect(Buffer.from([1]));
  await channel.close();
});

test('acks and questions have no offset', async () => {
  const channel = await fresh('websocket');
  await channel.send('21["message-with-ack","x"]');
  await channel.expect('31["x"]');
  await channel.emit('/', ['ask']);
  const asked = await channel.next();
  assert.match(asked, /^2\d+\["question","q"\]$/);
  await channel.send(`3${/\d+/.exec(asked.slice(1))[0]}["a"]`);
  await event(channel, '["answer","a"');
  await channel.close();
});

test('missed attachments come back', async () => {
  const [lost, other] = [await fresh('websocket'), await fresh('websocket')];
  await enter(lost, 'bytes');
  await drop(lost);
  await other.send(`51-["to","bytes",${P0}]`, Buffer.from([5, 6]));
  await message(other, 'done');
  const channel = await back(lost);
  assert.match(await channel.next(), /^51-\["room-msg",\{"_placeholder":true,"num":0\},"[^"]+"\]$/);
  await channel.expect(Buffer.from([5, 6]));
  await assertRecovered(channel, lost);
  await Promise.all([channel.close(), other.close()]);
});

test('what came after the offset is sent again', async () => {
  const [lost, other] = [await fresh('websocket'), await fresh('websocket')];
  await enter(lost, 'old');
  const { offset } = lost;
  for (const word of ['one', 'two']) {
    await other.emit('/', ['to', 'old', word]);
    await event(lost, `["room-msg","${word}"`);
  }
  await drop(lost);
  const channel = await back(lost, { offset });
  for (const word of ['one', 'two']) await event(channel, `["room-msg","${word}"`);
  await assertRecovered(channel, lost);
  await Promise.all([channel.close(), other.close()]);
});

test('who is recovered may be lost and recovered again', async () => {
  const [first, other] = [await fresh('websocket'), await fresh('websocket')];
  await enter(first, 'again');
  await drop(first);
  const second = await back(first);
  await assertRecovered(second, first);
  await other.emit('/', ['to', 'again', 'once']);
  const packet = await until(second, '["room-msg","once"');
  const offset = /"([^"]+)"\]$/.exec(packet)[1];
  await drop(second);
  await other.emit('/', ['to', 'again', 'twice']);
  await message(other, 'done');
  const third = await back(first, { pid: second.pid, offset });
  await event(third, '["room-msg","twice"');
  await assertRecovered(third, first);
  await Promise.all([third.close(), other.close()]);
});

test('a broken client is lost by its outbox too: nothing is doubled', async () => {
  const [lost, other] = [await fresh('polling'), await fresh('websocket')];
  await enter(lost, 'parked');
  // It waits on the server when the session ends, and was never read.
  await other.emit('/', ['to', 'parked', 'unread']);
  await message(other, 'done');
  await drop(lost);
  const channel = await back(lost);
  await event(channel, '["room-msg","unread"');
  await assertRecovered(channel, lost);
  await Promise.all([channel.close(), other.close()]);
});

for (const [what, wrong] of [
  ['an unknown pid', { pid: 'unknown' }],
  ['a pid of another type', { pid: 7 }],
  ['a pid that is an object', { pid: { a: 1 } }],
  ['a pid of an object\'s own', { pid: '__proto__' }],
  ['no offset', { offset: null }],
  ['an unknown offset', { offset: 'unknown' }],
  ['an offset of another type', { offset: 7 }],
]) {
  test(`${what} begins anew`, async () => {
    const lost = await fresh('websocket');
    await drop(lost);
    const channel = await back(lost, wrong);
    await assertFresh(channel, lost);
    await channel.close();
  });
}

test('another namespace\'s pid begins anew', async () => {
  const lost = await fresh('websocket', '/custom');
  await drop(lost);
  const channel = await back({ ...lost, namespace: '/' });
  await assertFresh(channel, lost);
  await channel.close();
});

const ours = { skip: reference && 'the reference makes a new socket beside the old one' };

for (const transport of TRANSPORTS) {
  test(`${transport}: who is back before the loss was noticed has the session, and the old connection ends`, ours, async () => {
    const [live, other] = [await fresh(transport), await fresh('websocket')];
    await enter(live, 'still open');
    const channel = await back(live);
    await assertRecovered(channel, live);
    await live.closes();
    await other.emit('/', ['to', 'still open', 'once']);
    await until(channel, '["room-msg","once"');
    await message(channel, 'alive');
    await Promise.all([channel.close(), other.close()]);
  });
}

test('who is back before the loss was noticed has the session of each namespace of the connection', ours, async () => {
  const live = await fresh('websocket');
  const { sid, pid } = await live.join('/custom');
  const custom = { namespace: '/custom', id: sid, pid, offset: await event(live, '["auth",{}', '/custom') };
  const channel = await back(live);
  await assertRecovered(channel, live);
  await until(channel, '["auth",');
  await live.closes();
  // The other namespaces of the old connection are lost with it.
  await channel.send(`0/custom,${JSON.stringify({ pid, offset: custom.offset })}`);
  channel.namespace = '/custom';
  await assertRecovered(channel, custom);
  await until(channel, '["auth",');
  await message(channel, 'alive');
  await channel.close();
});

test('who left is not recovered', async () => {
  const lost = await fresh('websocket');
  await lost.leave();
  const channel = await back(lost);
  await assertFresh(channel, lost);
  await Promise.all([channel.close(), lost.close()]);
});

test('who was kicked is not recovered', async () => {
  for (const event of ['kick', 'kick-close']) {
    const lost = await fresh('websocket');
    await lost.emit('/', [event]);
    await lost.expect('1');
    const channel = await back(lost);
    await assertFresh(channel, lost);
    await channel.close();
  }
});

test('a session is of one connection at a time, and of none once its client left', ours, async () => {
  const lost = await fresh('websocket');
  await drop(lost);
  const first = await back(lost);
  await assertRecovered(first, lost);
  const second = await back(lost);
  // It missed what the first one was greeted with.
  assert.match(await second.next(), /^2\["auth",/);
  await assertRecovered(second, lost);
  await until(second, '["auth",');
  await second.leave();
  const third = await back(lost);
  await assertFresh(third, lost);
  await Promise.all([second.close(), third.close()]);
});
