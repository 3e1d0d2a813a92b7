// Engine.IO as a client may speak it, also wrongly: single requests, and a session over polling.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import WebSocket from 'ws';
import { Client, PATIENCE, within } from './fixture.js';

export const SEPARATOR = '\x1e';

/** The requests of one fixture. */
export class Engine {
  constructor(server, path = '/engine.io/') {
    this.server = server;
    this.path = path;
  }

  /** Path and query; a parameter that is `undefined` is left out. */
  target(parameters) {
    const all = Object.entries({ EIO: '4', transport: 'polling', ...parameters });
    return `${this.path}?${new URLSearchParams(all.filter(([, value]) => value !== undefined))}`;
  }

  /** One HTTP request; resolves to status, headers and body. */
  async request(target, { headers = {}, ...options } = {}) {
    const response = await within(`the answer to ${options.method ?? 'GET'} ${target}`,
      fetch(this.server.http(target), { ...options, headers: { 'content-type': 'text/plain;charset=UTF-8', ...headers } }));
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  get(parameters, options) {
    return this.request(this.target(parameters), options);
  }

  post(parameters, body, options) {
    return this.request(this.target(parameters), { method: 'POST', body, ...options });
  }

  /** A handshake over polling. */
  async poll(parameters = {}) {
    const { status, text } = await this.get(parameters);
    assert.equal(status, 200, text);
    return new Polling(this, JSON.parse(text.slice(1)));
  }

  /** A WebSocket, of a new session unless a `sid` is among the parameters. */
  upgrade(parameters, options) {
    return Client.open(this.server.url(this.target({ transport: 'websocket', ...parameters })), [], options);
  }

  /** A handshake over WebSocket; the client's `open` is what the server said of the session. */
  async webSocket(parameters, options) {
    const client = await this.upgrade(parameters, options);
    const open = await text(client);
    assert.equal(open[0], '0', open);
    client.open = JSON.parse(open.slice(1));
    return client;
  }

  /** Waits until the server has forgotten a session whose connection has ended. */
  async forgets(sid) {
    for (const begun = performance.now(); performance.now() - begun < PATIENCE;) {
      const answer = await this.get({ sid });
      // Until then it belongs to a WebSocket, or a GET takes the news of its end.
      if (answer.status !== 200 && JSON.parse(answer.text).code !== 3) return assertError(answer, 1);
    }
    return assert.fail(`the session ${sid} is still there`);
  }

  /** A TCP connection for requests that no library would write. */
  async tcp() {
    const socket = connect(this.server.port, '127.0.0.1');
    socket.on('error', () => {});
    await within('a connection', once(socket, 'connect'));
    return socket;
  }
}

/** A session over polling. Nothing is asked for unless the test does. */
export class Polling {
  #packets = [];

  constructor(engine, open) {
    this.engine = engine;
    this.open = open;
    this.sid = open.sid;
  }

  get(options) {
    return this.engine.get({ sid: this.sid }, options);
  }

  /** Posts the packets as one payload. */
  post(...packets) {
    return this.engine.post({ sid: this.sid }, packets.join(SEPARATOR));
  }

  /** Posts packets that are well received. */
  async send(...packets) {
    const { status, text } = await this.post(...packets);
    assert.deepEqual([status, text], [200, 'ok']);
  }

  /** The packets of the next answer. */
  async receive() {
    const { status, text } = await this.get();
    assert.equal(status, 200, text);
    return text.split(SEPARATOR);
  }

  /** The next packet that is no ping; pings are answered. */
  async next() {
    for (;;) {
      while (this.#packets.length === 0) this.#packets = await this.receive();
      const packet = this.#packets.shift();
      if (packet !== '2') return packet;
      await this.send('3');
    }
  }

  /** Whether the session still echoes. */
  async echoes(message = 'alive') {
    await this.send(`4${message}`);
    assert.equal(await this.next(), `4${message}`);
  }

  /** Polls until the session is gone, and checks how the server says so; pings are answered. */
  async gone() {
    for (;;) {
      const { status, text } = await this.get();
      if (status !== 200) return assertError({ status, text }, 1);
      if (text === '2') await this.post('3');
    }
  }
}

const MESSAGES = [
  'Transport unknown', 'Session ID unknown', 'Bad handshake method', 'Bad request', 'Forbidden',
  'Unsupported protocol version',
];

/** Checks an answer that refuses a request. */
export function assertError({ status, text }, code, message = MESSAGES[code]) {
  assert.equal(status, code === 4 ? 403 : 400, text);
  assert.deepEqual(JSON.parse(text), { code, message });
}

/** The next message of a WebSocket, which must be text. */
export async function text(client) {
  const { data, isBinary } = await client.nextMessage();
  assert.equal(isBinary, false, 'a text frame');
  return data.toString();
}

/** The next packet that is no ping; pings are answered. */
export async function packet(client) {
  for (;;) {
    const received = await text(client);
    if (received !== '2') return received;
    client.socket.send('3');
  }
}

/** How a WebSocket ended; it must end by itself. */
export async function closeCode(client) {
  return (await within('the close', client.closed)).code;
}

const HANDSHAKE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** The answer to a WebSocket handshake with some headers of its own, left out where they are `undefined`. */
export async function handshake(engine, target, replaced = {}) {
  const headers = Object.entries({ ...HANDSHAKE, ...replaced }).filter(([, value]) => value !== undefined);
  const request = get(engine.server.http(target), { agent: false, headers: Object.fromEntries(headers) });
  request.on('upgrade', (response, socket) => { socket.destroy(); request.emit('response', response); });
  const [response] = await within(`the answer to the upgrade ${target}`, once(request, 'response'));
  const body = response.statusCode === 101 ? null : await within('the body', readText(response));
  return { status: response.statusCode, headers: response.headers, body };
}

/** Whether a WebSocket is refused, or closed before it said anything. */
export async function isTurnedAway(engine, target) {
  const socket = new WebSocket(engine.server.url(target));
  let spoke = false;
  socket.on('message', () => { spoke = true; });
  socket.on('error', () => {});
  await within('the end of the WebSocket', new Promise((resolve) => socket.once('close', resolve)));
  return !spoke;
}
