// npm socket.io-client against the gateways of the `wire` fixture: what applications do all day.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start, startWith } from '../fixture.js';
import { Peer, msgpackSetups, setups } from '../peer.js';

const servers = {};
before(async () => {
  servers.json = await start('wire');
  servers.msgpack = await startWith({ PARSER: 'msgpack' }, 'wire');
});
after(() => Promise.all(Object.values(servers).map((server) => server.stop())));

const A = Buffer.from([1, 2, 3]);
const B = Buffer.from([4, 5, 6, 7]);

for (const [name, setup] of [...setups, ...msgpackSetups]) {
  const server = () => servers[setup.parser ? 'msgpack' : 'json'];

  /** Runs a test with a peer that was greeted and is alive at the end. */
  const withPeer = (what, run) => test(`${name}: ${what}`, async () => {
    const peer = await Peer.connect(server(), setup);
    await peer.expect(['auth', {}]);
    await run(peer);
    await peer.echoes();
    peer.close();
  });

  withPeer('it connects over its transport, with an id that is not the session\'s', async (peer) => {
    assert.equal(peer.engine.transport.name, setup.transports.at(-1) === 'websocket' ? 'websocket' : 'polling');
    assert.ok(peer.socket.connected);
    assert.match(peer.socket.id, /^[\w-]{15,}$/);
    assert.notEqual(peer.socket.id, peer.engine.id);
  });

  test(`${name}: credentials reach the gateway`, async () => {
    const auth = { token: '123', deep: { list: [1, 'ä', null] } };
    for (const given of [auth, (done) => done(auth)]) {
      const peer = await Peer.connect(server(), setup, { auth: given });
      await peer.expect(['auth', auth]);
      peer.close();
    }
  });

  withPeer('namespaces share the connection', async (peer) => {
    for (const namespace of ['/custom', '/dynamic-42']) {
      const other = await peer.beside(namespace, { auth: { namespace } });
      await other.expect(['auth', { namespace }]);
      assert.notEqual(other.socket.id, peer.socket.id);
      other.socket.emit('message', 'there');
      await other.expect(['message-back', 'there']);
      await other.echoes();
      other.socket.disconnect();
    }
  });

  withPeer('several arguments come back', async (peer) => {
    for (const args of [[], [1], [1, '2', { 3: [true] }], [null, null], [[]], [[1, 2]], ['ü€😀', ''], [{ a: { b: { c: {} } } }]]) {
      peer.socket.emit('message', ...args);
      await peer.expect(['message-back', ...args]);
      assert.deepEqual(await peer.ask('message-with-ack', ...args), args);
    }
  });

  withPeer('two binaries come back, and those deep inside', async (peer) => {
    for (const args of [[A, B], [{ a: A, list: [B, { deep: A }] }, 'text', B], [Buffer.alloc(0)], [Buffer.alloc(50_000, 7)]]) {
      peer.socket.emit('message', ...args);
      await peer.expect(['message-back', ...args]);
      assert.deepEqual(await peer.ask('message-with-ack', ...args), args);
    }
  });

  withPeer('it answers the server, with binaries too', async (peer) => {
    let args = ['yes', 1, { a: [2] }];
    peer.socket.on('question', (question, answer) => { if (question === 'q') answer(...args); });
    const ask = async () => {
      peer.socket.emit('ask');
      assert.equal((await peer.next())[0], 'question');
      await peer.expect(['answer', ...args]);
    };
    await ask();
    args = [];
    await ask();
    args = [A, { b: B }];
    await ask();
  });

  withPeer('the server stops waiting for an answer', async (peer) => {
    peer.socket.emit('ask-timeout');
    assert.equal((await peer.next())[0], 'question');
    await peer.expect(['answer', 'operation has timed out']);
  });

  withPeer('a burst comes in order, and so do its own events', async (peer) => {
    peer.socket.emit('burst', 300);
    for (let number = 0; number < 300; number += 1) await peer.expect(['n', number]);
    for (let number = 0; number < 300; number += 1) peer.socket.emit('message', number);
    for (let number = 0; number < 300; number += 1) await peer.expect(['message-back', number]);
    const acks = await Promise.all(Array.from({ length: 100 }, (_, number) => peer.ask('message-with-ack', number)));
    assert.deepEqual(acks.flat(), Array.from({ length: 100 }, (_, number) => number));
  });

  withPeer('a large message comes whole', async (peer) => {
    peer.socket.emit('big', 500_000);
    await peer.expect(['big', 'x'.repeat(500_000)]);
  });

  withPeer('a room is heard', async (peer) => {
    const other = await Peer.connect(server(), setup);
    await other.expect(['auth', {}]);
    other.socket.emit('join', 'r');
    await other.echoes();
    peer.socket.emit('to', 'r', 'hi', A);
    await other.expect(['room-msg', 'hi', A]);
    other.close();
  });

  test(`${name}: a refusal has its message and data`, async () => {
    for (const [path, message, data] of [
      ['/auth-fail', 'not authorized', { content: 'Please retry later' }],
      ['/auth-fail-plain', 'nope', undefined],
      ['/random', 'Invalid namespace', undefined],
    ]) {
      const error = await Peer.refused(server(), setup, { path });
      assert.deepEqual([error.message, error.data], [message, data]);
    }
  });

  test(`${name}: who is not allowed hears of it`, async () => {
    const error = await Peer.refused(server(), setup, { query: { deny: 1 } });
    assert.match(error.message, /xhr poll error|fetch read error|websocket error/);
  });

  withPeer('a namespace is left and joined again', async (peer) => {
    const { id } = peer.socket;
    const closed = peer.closed();
    peer.socket.disconnect();
    await closed;
    peer.socket.connect();
    await peer.event('connect');
    await peer.expect(['auth', {}]);
    assert.notEqual(peer.socket.id, id);
  });

  if (!setup.transports.includes('websocket')) {
    test(`${name}: what is volatile is heard where a poll waits, and dropped where none does`, async () => {
      const peer = await Peer.connect(server(), setup);
      await peer.expect(['auth', {}]);
      for (let round = 0; round < 20; round += 1) {
        peer.socket.emit('blink', 3);
        // The first takes the poll, where it was back in time.
        const first = await peer.next();
        if (first[0] === 'moved') assert.deepEqual([first, await peer.next()], [['moved', 0], ['stopped', 3]]);
        else assert.deepEqual(first, ['stopped', 3]);
      }
      peer.socket.emit('follow');
      for (let heard = 0, last = -1; heard < 3; heard += 1) {
        const [event, number] = await peer.next();
        assert.ok(event === 'moved' && number > last, `${event} ${number}`);
        last = number;
      }
      peer.close();
    });
  }

  withPeer('who is kicked hears why and may come back', async (peer) => {
    for (const event of ['kick', 'kick-close']) {
      const [reason, closed] = [peer.event('disconnect'), peer.closed()];
      peer.socket.emit(event);
      assert.equal(await reason, 'io server disconnect');
      await closed;
      peer.socket.connect();
      await peer.event('connect');
      await peer.expect(['auth', {}]);
    }
  });
}
