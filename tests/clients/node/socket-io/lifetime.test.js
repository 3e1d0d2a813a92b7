// npm socket.io-client over time: pings, a server that goes and comes back, and recovery.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Engine } from '../engine.js';
import { reference, start, startPinging, startWith, within } from '../fixture.js';
import { Peer, msgpackSetups, setups } from '../peer.js';

const servers = {};
before(async () => {
  servers.pinging = await startPinging('socket-io');
  servers.recovering = await startWith({ CSR: '1' }, 'wire');
  servers.packed = await startWith({ CSR: '1', PARSER: 'msgpack' }, 'wire');
});
after(() => Promise.all(Object.values(servers).map((server) => server.stop())));

/** Breaks the connection without a word of Socket.IO, and waits until the server knows. */
async function drop(peer, server) {
  const engine = new Engine(server, '/socket.io/');
  const { id } = peer.engine;
  const gone = peer.event('disconnect');
  peer.engine.close();
  await gone;
  await engine.forgets(id);
}

/** The next event other than the greeting. */
async function nextBut(peer, name) {
  for (;;) {
    const event = await peer.next();
    if (event[0] !== name) return event;
  }
}

for (const [name, setup] of setups) {
  test(`${name}: a client stays over three pings`, async () => {
    const peer = await Peer.connect(servers.pinging, setup);
    await peer.expect(['auth', {}]);
    let pings = 0;
    await within('three pings', new Promise((resolve) => peer.engine.on('ping', () => { if ((pings += 1) === 3) resolve(); })));
    await peer.echoes();
    peer.close();
  });

  test(`${name}: a client comes back to a server that was started anew`, async () => {
    const first = await start('wire');
    const peer = await Peer.connect(first, setup, { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100, auth: { a: 1 } });
    await peer.expect(['auth', { a: 1 }]);
    const other = await peer.beside('/custom');
    await other.expect(['auth', {}]);
    const gone = Promise.all([peer.event('disconnect'), other.event('disconnect')]);
    const ids = [peer.socket.id, other.socket.id];
    await first.stop();
    for (const reason of await gone) assert.match(reason, /^(transport (close|error)|io server disconnect)$/);
    const second = await start('wire', '--port', String(first.port));
    await peer.expect(['auth', { a: 1 }]);
    await other.expect(['auth', {}]);
    assert.ok(!ids.includes(peer.socket.id) && !ids.includes(other.socket.id));
    await Promise.all([peer.echoes(), other.echoes()]);
    peer.close();
    await second.stop();
  });

  test(`${name}: a client comes back by itself when its connection breaks`, async () => {
    const peer = await Peer.connect(servers.pinging, setup, { reconnection: true, reconnectionDelay: 20 });
    await peer.expect(['auth', {}]);
    const { id } = peer.socket;
    peer.engine.close();
    await peer.expect(['auth', {}]);
    assert.notEqual(peer.socket.id, id);
    await peer.echoes();
    peer.close();
  });
}

// 4.1 knows nothing of recovery.
for (const [name, setup] of [...setups, ...msgpackSetups].filter(([name]) => name.startsWith('4.8'))) {
  const recovering = () => servers[setup.parser ? 'packed' : 'recovering'];

  test(`${name}: who comes back has what it missed, its id and its rooms`, async () => {
    const peer = await Peer.connect(recovering(), setup, { offsets: true });
    const other = await Peer.connect(recovering(), setup, { offsets: true });
    await peer.expect(['auth', {}]);
    assert.equal(peer.socket.recovered, false);
    const room = `room of ${name}`;
    peer.socket.emit('join', room);
    peer.socket.emit('message', 'an offset');
    await peer.expect(['message-back', 'an offset']);
    const { id } = peer.socket;
    await drop(peer, recovering());
    for (const number of [1, 2, 3]) other.socket.emit('to', room, number, Buffer.from([number]));
    await other.echoes();
    peer.socket.connect();
    await peer.event('connect');
    assert.deepEqual([peer.socket.recovered, peer.socket.id], [true, id]);
    for (const number of [1, 2, 3]) assert.deepEqual(await nextBut(peer, 'auth'), ['room-msg', number, Buffer.from([number])]);
    other.socket.emit('to', room, 'still there');
    assert.deepEqual(await nextBut(peer, 'auth'), ['room-msg', 'still there']);
    await peer.echoes();
    peer.close();
    other.close();
  });

  test(`${name}: a volatile text does not end what a client comes back to`, { skip: reference && 'the reference has no offset there' }, async () => {
    const peer = await Peer.connect(recovering(), setup, { offsets: true });
    await peer.expect(['auth', {}]);
    const room = `typing of ${name}`;
    peer.socket.emit('join', room);
    peer.socket.emit('message', 'an offset');
    await peer.expect(['message-back', 'an offset']);
    // By polling one that finds no poll is dropped; an ack is no event, so that a text is the last of them.
    let sent = 0;
    for (let tries = 0; sent === 0 && tries < 100; tries += 1) sent = await peer.socket.emitWithAck('typing', room);
    assert.equal((await peer.next())[0], 'typing');
    const { id } = peer.socket;
    await drop(peer, recovering());
    peer.socket.connect();
    await peer.event('connect');
    assert.deepEqual([peer.socket.recovered, peer.socket.id], [true, id]);
    peer.close();
  });

  test(`${name}: who was kicked begins anew`, async () => {
    const peer = await Peer.connect(recovering(), setup, { offsets: true });
    await peer.expect(['auth', {}]);
    const { id } = peer.socket;
    const closed = peer.closed();
    peer.socket.emit('kick');
    await closed;
    peer.socket.connect();
    await peer.event('connect');
    assert.equal(peer.socket.recovered, false);
    assert.notEqual(peer.socket.id, id);
    await peer.echoes();
    peer.close();
  });
}

test('a server that is away is reported until it is there', async () => {
  const first = await start('wire');
  const { port } = first;
  await first.stop();
  const [, setup] = setups[0];
  const error = await Peer.refused(first, setup);
  assert.equal(error.message, 'websocket error');
  const second = await start('wire', '--port', String(port));
  const peer = await Peer.connect(second, setup);
  await peer.echoes();
  peer.close();
  await second.stop();
});
