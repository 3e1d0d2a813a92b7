// The gateways of the `socket-io-client` fixture: what the npm client's own specifications ask for.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start } from '../fixture.js';
import { Peer, setups } from '../peer.js';

let server;
before(async () => { server = await start('socket-io-client'); });
after(() => server.stop());

const DOGE = Buffer.from('asdfasdf');
const UTF8 = ['てすと', 'Я Б Г Д Ж Й', 'Ä ä Ü ü ß', 'utf8 — string', 'utf8 — string'];

for (const [name, setup] of setups) {
  /** Runs a test with a connected peer that is alive at the end. */
  const withPeer = (what, run, options) => test(`${name}: ${what}`, async () => {
    const peer = await Peer.connect(server, setup, { offsets: true, ...options });
    await run(peer);
    assert.deepEqual(await peer.ask('echo', 'alive'), ['alive']);
    peer.close();
  });

  /** Emits one event and expects others. */
  const exchange = (sent, ...expected) => withPeer(`${sent[0]} is answered`, async (peer) => {
    peer.socket.emit(...sent);
    await peer.expect(...expected);
  });

  exchange(['hi'], ['hi']);
  exchange(['false'], ['false', false]);
  exchange(['getUtf8'], ...UTF8.map((text) => ['takeUtf8', text]));
  exchange(['doge'], ['doge', DOGE]);
  exchange(['getbin'], ['takebin', DOGE]);
  exchange(['buffa', Buffer.from('hello')], ['buffack']);
  exchange(['buffa', new Uint8Array([1, 2]).buffer], ['buffack']);
  exchange(['jsonbuff', { hello: 'lol', message: Buffer.from('x'), goodbye: 'gotcha' }], ['jsonbuff-ack']);
  exchange(['jsonblob', { hello: 'lol', message: Buffer.from('x'), goodbye: 'gotcha' }], ['jsonblob-ack']);
  exchange(['blob', Buffer.from('x')], ['back']);

  withPeer('binary messages keep their order', async (peer) => {
    peer.socket.emit('abuff1', Buffer.from('first'));
    peer.socket.emit('abuff2', 'please arrive second');
    await peer.expect(['abuff2-ack']);
    peer.socket.emit('blob1', Buffer.from('first'));
    peer.socket.emit('blob2', 'second');
    peer.socket.emit('blob3', Buffer.from('third'));
    await peer.expect(['blob3-ack']);
  });

  withPeer('values of every type come back in an ack', async (peer) => {
    for (const value of [null, true, 0, -1.5, '', 'ü', [], {}, { a: [{ b: null }] }, DOGE, { a: DOGE }]) {
      assert.deepEqual(await peer.ask('echo', value), [value]);
    }
  });

  withPeer('the server reads what the client acks', async (peer) => {
    peer.socket.once('ack', (answer) => answer(5, { test: true }));
    peer.socket.emit('ack');
    assert.equal((await peer.next())[0], 'ack');
    await peer.expect(['got it']);
  });

  withPeer('dates are texts', async (peer) => {
    const isDate = (text) => assert.ok(typeof text === 'string' && new Date(text).toISOString() === text, text);
    isDate((await peer.ask('getAckDate', { test: true }))[0]);
    peer.socket.emit('getDate');
    const [take, date] = await peer.next();
    assert.equal(take, 'takeDate');
    isDate(date);
    peer.socket.emit('getDateObj');
    const [takeObject, object] = await peer.next();
    assert.equal(takeObject, 'takeDateObj');
    isDate(object.date);
  });

  withPeer('the id is the one the server knows', async (peer) => {
    assert.deepEqual(await peer.ask('getId'), [peer.socket.id]);
    const foo = await peer.beside('/foo');
    assert.deepEqual(await foo.ask('getId'), [foo.socket.id]);
    assert.notEqual(foo.socket.id, peer.socket.id);
  });

  withPeer('the handshake is readable', async (peer) => {
    const [handshake] = await peer.ask('getHandshake');
    assert.deepEqual(handshake.auth, { token: 't' });
    assert.deepEqual([handshake.query.a, handshake.query.b], ['1', 'ü &=']);
    assert.deepEqual([handshake.query.EIO, typeof handshake.query.transport], ['4', 'string']);
  }, { auth: { token: 't' }, query: { a: '1', b: 'ü &=' } });

  test(`${name}: a namespace has the query of the connection and an auth of its own`, async () => {
    const peer = await Peer.connect(server, setup, { offsets: true, path: '/abc', query: { a: '1' }, auth: { b: 2 } });
    const [event, handshake] = await peer.next();
    assert.equal(event, 'handshake');
    assert.deepEqual([handshake.query.a, handshake.auth], ['1', { b: 2 }]);
    peer.close();
  });

  withPeer('quiet namespaces are joined', async (peer) => {
    for (const namespace of ['/timeout_socket', '/valid', '/asd']) assert.ok((await peer.beside(namespace)).socket.connected);
  });

  test(`${name}: a guard refuses`, async () => {
    const main = await Peer.refused(server, setup, { query: { fail: true } });
    assert.equal(main.message, 'Auth failed (main namespace)');
    const no = await Peer.refused(server, setup, { path: '/no' });
    assert.equal(no.message, 'Auth failed (custom namespace)');
    const missing = await Peer.refused(server, setup, { path: '/nowhere' });
    assert.equal(missing.message, 'Invalid namespace');
  });
}
