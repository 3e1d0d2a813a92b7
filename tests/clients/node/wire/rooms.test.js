// Rooms: who hears what, across transports and namespaces.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { joined, prefixOf } from '../channel.js';
import { start } from '../fixture.js';

let server;
before(async () => { server = await start('wire'); });
after(() => server.stop());

const P0 = '{"_placeholder":true,"num":0}';

/** A socket on this transport that has been greeted. */
async function greeted(transport, namespace = '/') {
  const channel = await joined(server, transport, namespace);
  await channel.expect(`2${prefixOf(namespace)}["auth",{}]`);
  return channel;
}

/** Joins a room; an event of the same socket that is answered says that it is done. */
async function enter(channel, room, namespace = '/') {
  await channel.emit(namespace, ['join', room]);
  await channel.echoes(namespace);
}

/** Runs a test with four sockets, two on each transport. */
function withFour(name, run, namespace = '/') {
  test(name, async () => {
    const transports = ['websocket', 'polling', 'websocket', 'polling'];
    const channels = await Promise.all(transports.map((transport) => greeted(transport, namespace)));
    await run(...channels);
    // Nothing was left over, and everybody is still there.
    for (const channel of channels) await channel.echoes(namespace);
    await Promise.all(channels.map((channel) => channel.close()));
  });
}

for (const namespace of ['/', '/custom', '/dynamic-7']) {
  const prefix = prefixOf(namespace);
  withFour(`a room of ${namespace} hears what is sent to it, without the sender`, async (ann, bob, cid, dan) => {
    for (const channel of [ann, bob, cid]) await enter(channel, 'r', namespace);
    await ann.emit(namespace, ['to', 'r', 'hi', { n: 1 }]);
    for (const channel of [bob, cid]) await channel.expect(`2${prefix}["room-msg","hi",{"n":1}]`);
    await dan.emit(namespace, ['to', 'r', 'from outside']);
    for (const channel of [ann, bob, cid]) await channel.expect(`2${prefix}["room-msg","from outside"]`);
  }, namespace);

  withFour(`a room of ${namespace} hears what is sent to all of it`, async (ann, bob, cid) => {
    for (const channel of [ann, bob]) await enter(channel, 'r', namespace);
    await ann.emit(namespace, ['all', 'r', 1, 2]);
    for (const channel of [ann, bob]) await channel.expect(`2${prefix}["room-msg",1,2]`);
    await cid.emit(namespace, ['all', 'r']);
    for (const channel of [ann, bob]) await channel.expect(`2${prefix}["room-msg"]`);
  }, namespace);
}

withFour('attachments reach the whole room', async (ann, bob, cid) => {
  for (const channel of [ann, bob, cid]) await enter(channel, 'bytes');
  const bytes = Buffer.from([0, 255, 7]);
  await ann.send(`51-["all","bytes",{"a":${P0}},1]`, bytes);
  for (const channel of [ann, bob, cid]) await channel.expect(`51-["room-msg",{"a":${P0}},1]`, bytes);
});

withFour('who joins twice hears once', async (ann, bob) => {
  await enter(ann, 'twice');
  await enter(ann, 'twice');
  await bob.emit('/', ['to', 'twice', 'once']);
  await ann.expect('2["room-msg","once"]');
});

withFour('a room nobody is in is no failure', async (ann) => {
  await ann.emit('/', ['to', 'nobody', 1]);
  await ann.emit('/', ['all', 'nobody', 1]);
});

withFour('every socket is in a room of its own id', async (ann, bob, cid) => {
  await ann.emit('/', ['to', bob.id, 'for bob']);
  await bob.expect('2["room-msg","for bob"]');
  await cid.emit('/', ['all', cid.id, 'for myself']);
  await cid.expect('2["room-msg","for myself"]');
});

withFour('messages to a room keep their order', async (ann, bob, cid) => {
  for (const channel of [bob, cid]) await enter(channel, 'order');
  const numbers = Array.from({ length: 100 }, (_, number) => number);
  await ann.send(...numbers.map((number) => `2["to","order",${number}]`));
  for (const channel of [bob, cid]) await channel.expect(...numbers.map((number) => `2["room-msg",${number}]`));
});

test('a room of one namespace is not that of another', async () => {
  const namespaces = ['/', '/custom', '/dynamic-1', '/dynamic-2'];
  const channels = await Promise.all(namespaces.map((namespace) => greeted('websocket', namespace)));
  for (const [index, channel] of channels.entries()) await enter(channel, 'shared', namespaces[index]);
  for (const [index, channel] of channels.entries()) {
    await channel.emit(namespaces[index], ['all', 'shared', index]);
    await channel.expect(`2${prefixOf(namespaces[index])}["room-msg",${index}]`);
    await channel.echoes(namespaces[index]);
  }
  await Promise.all(channels.map((channel) => channel.close()));
});

test('who leaves a namespace leaves its rooms', async () => {
  const [ann, bob] = await Promise.all([greeted('websocket'), greeted('polling')]);
  await enter(ann, 'left');
  await ann.leave();
  await ann.join('/');
  await ann.expect('2["auth",{}]');
  await bob.emit('/', ['to', 'left', 'gone']);
  await bob.echoes();
  await ann.echoes();
  await Promise.all([ann.close(), bob.close()]);
});

test('a socket that upgraded stays in its rooms', async () => {
  const [ann, bob] = await Promise.all([greeted('polling'), greeted('websocket')]);
  await enter(ann, 'moved');
  const client = await ann.session.engine.upgrade({ sid: ann.session.sid });
  client.socket.send('2probe');
  assert.equal((await client.nextMessage()).data.toString(), '3probe');
  await bob.emit('/', ['to', 'moved', 'during']);
  await bob.echoes();
  client.socket.send('5');
  await bob.emit('/', ['to', 'moved', 'after']);
  for (const word of ['during', 'after']) {
    assert.equal((await client.nextMessage()).data.toString(), `42["room-msg","${word}"]`);
  }
  await Promise.all([client.close(), bob.close()]);
});
