// The gateways of NestJS's own specifications, seen by socket.io-client on the same port.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, start } from './fixture.js';
import { Peer, setups } from './peer.js';

let server;
before(async () => { server = await start('nest'); });
after(() => server.stop());

/** What NestJS sends when a handler throws a text. */
const failure = (pattern, message, data) => ['exception', { status: 'error', message, cause: { pattern, data } }];

/** What each event is answered with: by events, by its ack, or by both. `acked: undefined` is an ack without a value. */
const exchanges = [
  { path: '/', event: 'push', data: { test: 'test' }, events: [['pop', { test: 'test' }]], acked: { test: 'test' } },
  { path: '/example', event: 'push', data: 'a', events: [['pop', 'a']], acked: 'a' },
  { path: '/ws-path', event: 'push', data: [1], events: [['pop', [1]]], acked: [1] },
  { path: '/', event: 'getClient', data: { test: 'test' }, events: [['popClient', { test: 'test', path: 'getClient' }]], acked: { test: 'test', path: 'getClient' } },
  { path: '/', event: 'getClientWithError', data: { test: 1 }, events: [['exception', { pattern: 'getClientWithError', message: 'This is an error' }]] },
  { path: '/error', event: 'push', data: { test: 'test' }, events: [failure('push', 'test', { test: 'test' })] },
  { path: '/validated', event: 'push', data: { stringProp: 'a' }, events: [], acked: { stringProp: 'a' } },
  { path: '/samples', event: 'events', data: {}, events: [['events', 1], ['events', 2], ['events', 3]], acked: undefined },
  { path: '/samples', event: 'identity', data: 0, events: [], acked: 0 },
  { path: '/a', event: 'echo', data: { x: 1 }, events: [['echoed', { x: 1 }]], acked: { x: 1 } },
  { path: '/a', event: 'plain', data: { x: 1 }, events: [], acked: { x: 1 } },
  { path: '/a', event: 'undef', data: 1, events: [], acked: null },
  { path: '/a', event: 'nul', data: 1, events: [], acked: null },
  { path: '/a', event: 'fals', data: 1, events: [], acked: false },
  { path: '/a', event: 'zero', data: 1, events: [], acked: 0 },
  { path: '/a', event: 'empty', data: 1, events: [], acked: '' },
  { path: '/a', event: 'args', data: 1, events: [['args', [1]]], acked: [1] },
  { path: '/a', event: 'id', data: { id: '7' }, events: [['id', { id: '7', t: 'string' }]], acked: { id: '7', t: 'string' } },
  { path: '/a', event: 'pid', data: { id: 7 }, events: [['id', { id: 7, t: 'number' }]], acked: { id: 7, t: 'number' } },
  { path: '/a', event: 'bcast', data: 'hi', events: [['b', 'hi']], acked: null },
  { path: '/a', event: 'slowfast', data: { ms: 1 }, events: [['sf', 1]], acked: 1 },
  { path: '/a', event: 'ic', data: 2, events: [['wrapped', { v: 2, pattern: 'ic' }]], acked: { v: 2, pattern: 'ic' } },
  { path: '/a', event: 'valid', data: { name: 'ann' }, events: [['ok', { name: 'ann' }]], acked: { name: 'ann' } },
  { path: '/a', event: 'stream', data: 1, events: [['s', 1], ['s', 2], ['s', 3]], acked: undefined },
  { path: '/a', event: 'streamerr', data: 1, events: [['s', 1], failure('streamerr', 'mid', 1)] },
  { path: '/a', event: 'wsstr', data: { x: 1 }, events: [failure('wsstr', 'str', { x: 1 })] },
  { path: '/a', event: 'wsobj', data: 1, events: [['exception', { code: 42, message: 'm' }]] },
  { path: '/a', event: 'wsarr', data: 1, events: [['exception', [1, 2]]] },
  { path: '/a', event: 'err', data: 1, events: [failure('err', 'Internal server error', 1)] },
  { path: '/a', event: 'circ', data: 1, events: [failure('circ', 'Internal server error', 1)] },
  { path: '/a', event: 'panic', data: 1, events: [failure('panic', 'Internal server error', 1)] },
  { path: '/a', event: 'guarded', data: { x: 1 }, events: [failure('guarded', 'Forbidden resource', { x: 1 })] },
  { path: '/a', event: 'nocause', data: 1, events: [['exception', { status: 'error', message: 'r' }]] },
  { path: '/a', event: 'cf', data: 1, events: [['exception', { status: 'error', message: 'r', cause: { ev: 'cf' } }]] },
];

for (const [name, setup] of setups.filter(([name]) => /^4\.8/.test(name))) {
  test(`${name}: every event has the answer it has on plain WebSocket`, async () => {
    for (const { path, event, data, events, ...rest } of exchanges) {
      const peer = await Peer.connect(server, setup, { path });
      peer.socket.emit(event, data);
      await peer.expect(...events);
      const about = `${path} ${event}`;
      if ('acked' in rest) {
        assert.deepEqual(await peer.ask(event, data), rest.acked === undefined ? [] : [rest.acked], about);
      } else {
        peer.socket.emit(event, data, () => assert.fail(`${about}: NestJS leaves the ack of a failure out`));
      }
      await peer.expect(...events);
      peer.close();
    }
  });

  test(`${name}: data that breaks a rule names the field`, async () => {
    for (const [path, event, data, field] of [['/validated', 'push', { stringProp: 1 }, '$.stringProp'], ['/a', 'valid', {}, '$.name'], ['/a', 'pid', { id: 'x' }, '$.id']]) {
      const peer = await Peer.connect(server, setup, { path });
      peer.socket.emit(event, data);
      const [told, { status, details, cause }] = await peer.next();
      assert.deepEqual([told, status, details.map((fault) => fault.path), cause], ['exception', 'error', [field], { pattern: event, data }]);
      peer.close();
    }
  });

  test(`${name}: a namespace with parameters`, async () => {
    const peer = await Peer.connect(server, setup, { path: '/chat/test-room-123/socket' });
    peer.socket.emit('join', { message: 'Hello World' });
    const [event, { timestamp, ...joined }] = await peer.next();
    assert.deepEqual([event, joined, typeof timestamp], ['joined', { roomId: 'test-room-123', message: 'Hello World' }, 'string']);
    const game = await peer.beside('/game/chess/room/7/player/ann/socket');
    game.socket.emit('status', {});
    await game.expect(['statusUpdate', { gameId: 'chess', roomId: '7', playerId: 'ann', status: 'active' }]);
    peer.close();
  });

  test(`${name}: a failed connect hook is told as NestJS tells it, and then the socket is out`, async () => {
    const { io, ...options } = setup;
    const peer = new Peer(io(server.http('/hook'), { reconnection: false, forceNew: true, ...options }));
    const over = peer.event('disconnect');
    await peer.event('connect');
    peer.socket.emit('on its way');
    await peer.expect(['exception', { status: 'error', message: 'Unauthorized', cause: { pattern: 'handleConnection' } }]);
    assert.equal(await over, 'io server disconnect');
    peer.close();
  });

  test(`${name}: an unknown namespace is told`, async () => {
    assert.equal((await Peer.refused(server, setup, { path: '/chat/socket' })).message, 'Invalid namespace');
  });

  test(`${name}: two that run at once, and a stream its client leaves`, async () => {
    const peer = await Peer.connect(server, setup, { path: '/a' });
    peer.socket.emit('slowfast', { ms: 300 });
    peer.socket.emit('slowfast', { ms: 1 });
    await peer.expect(['sf', 1], ['sf', 300]);
    peer.socket.emit('longstream');
    await peer.expect(['s', 0]);
    peer.close();
    const next = await Peer.connect(server, setup, { path: '/a' });
    assert.deepEqual(await next.ask('plain', 'alive'), ['alive']);
  });
}

test('a broadcast reaches sockets of both kinds', async () => {
  const peer = await Peer.connect(server, setups[0][1], { path: '/a' });
  const plain = await Client.open(server.url('/a'));
  await plain.request('undef');
  peer.socket.emit('bcast', 'to both');
  await peer.expect(['b', 'to both']);
  assert.deepEqual(await plain.next(), { event: 'b', data: 'to both' });
  await plain.close();
});
