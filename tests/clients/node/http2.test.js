// Node's own client of HTTP/2, with `ws` on its streams, and curl, against the fixtures with `--http2`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { start, startPatient, within } from './fixture.js';

let echo;
let socketIo;
before(async () => {
  echo = await start('echo', '--http2');
  socketIo = await startPatient('socket-io', '--http2');
});
after(() => Promise.all([echo, socketIo].map((server) => server?.stop())));

/** A connection whose server has said that it takes extended CONNECT. */
async function dial(server) {
  const session = connect(server.http());
  if (!session.remoteSettings?.enableConnectProtocol) {
    await within('settings', once(session, 'remoteSettings'));
  }
  assert.equal(session.remoteSettings.enableConnectProtocol, true);
  return session;
}

/** A WebSocket of `ws` in a stream of this connection (RFC 8441 §5). */
async function open(session, path = '/') {
  const stream = session.request({
    ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': path, ':authority': 'localhost', 'sec-websocket-version': '13',
  });
  const [headers] = await within('an answer', once(stream, 'response'));
  assert.equal(headers[':status'], 200);
  // What `ws` asks of a socket of TCP.
  stream.setNoDelay = () => {};
  stream.setKeepAlive = () => {};
  const socket = new WebSocket(null, undefined, {});
  socket._isServer = false;
  socket.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: 10_000_000, skipUTF8Validation: false });
  return socket;
}

test('ws talks in twenty streams of one connection, and the end of one ends no other', async () => {
  const session = await dial(echo);
  const sockets = [];
  for (let index = 0; index < 20; index += 1) sockets.push(await open(session));
  for (const [index, socket] of sockets.entries()) {
    const text = `hello ${index} `.repeat(index * 1000 + 1);
    socket.send(text);
    const [data] = await within('an echo', once(socket, 'message'));
    assert.equal(data.toString(), text);
  }
  // Node 20 gives up a stream whose close frame and end arrive together, so `ws` would read 1006.
  const last = sockets.pop();
  for (const socket of sockets) socket.terminate();
  last.send('still here');
  assert.equal((await within('an echo', once(last, 'message')))[0].toString(), 'still here');
  session.destroy();
});

test('a session of Socket.IO polls, posts and moves over Node\'s client', async () => {
  const session = await dial(socketIo);
  const fetched = async (headers, body) => {
    const stream = session.request(headers);
    stream.end(body);
    const [head] = await within('an answer', once(stream, 'response'));
    stream.setEncoding('utf8');
    let text = '';
    for await (const piece of stream) text += piece;
    return [head[':status'], text];
  };
  const path = '/socket.io/?EIO=4&transport=polling';
  const [, opened] = await fetched({ ':path': path });
  const { sid } = JSON.parse(opened.slice(1));
  assert.deepEqual(await fetched({ ':method': 'POST', ':path': `${path}&sid=${sid}` }, '40'), [200, 'ok']);
  const [, connected] = await fetched({ ':path': `${path}&sid=${sid}` });
  assert.match(connected, /^40\{"sid":/);
  const socket = await open(session, `/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
  socket.send('2probe');
  assert.equal((await within('an answer', once(socket, 'message')))[0].toString(), '3probe');
  socket.send('5');
  socket.send('421["message-with-ack",1]');
  for (;;) {
    const [data] = await within('an ack', once(socket, 'message'));
    if (data.toString().startsWith('43')) {
      assert.equal(data.toString(), '431[1]');
      break;
    }
  }
  socket.close();
  session.close();
});

test('curl polls over HTTP/2 with prior knowledge', async () => {
  const curl = async (...args) => (await promisify(execFile)('curl', ['-sS', '--max-time', '20', '--http2-prior-knowledge', '-w', ' %{http_version} %{http_code}', ...args])).stdout;
  const url = socketIo.http('/socket.io/?EIO=4&transport=polling');
  const opened = await curl(url);
  assert.match(opened, / 2 200$/);
  const { sid } = JSON.parse(opened.slice(1, opened.lastIndexOf('}') + 1));
  assert.equal(await curl('-d', '40', `${url}&sid=${sid}`), 'ok 2 200');
  assert.match(await curl(`${url}&sid=${sid}`), /^40\{"sid":.* 2 200$/);
  // A body that waits for `100 Continue` is sent all the same.
  assert.match(await curl('-H', 'Expect: 100-continue', '-d', '1', `${url}&sid=${sid}`), / 2 200$/);
});
