// npm's socket.io-client in two versions and every way it may be set up, with events read one by one.

import assert from 'node:assert/strict';
import { afterEach } from 'node:test';
import * as msgpack from 'socket.io-msgpack-parser';
import { Fetch, io as io48 } from 'socket.io-client';
import { io as io41 } from 'socket.io-client-4.1';
import { within } from './fixture.js';

const SETUPS = {
  '4.8 over WebSocket': { io: io48, transports: ['websocket'] },
  '4.8 over polling': { io: io48, transports: ['polling'] },
  '4.8 over polling with fetch': { io: io48, transports: [Fetch] },
  '4.8 with an upgrade': { io: io48, transports: ['polling', 'websocket'] },
  '4.1 over WebSocket': { io: io41, transports: ['websocket'] },
  '4.1 over polling': { io: io41, transports: ['polling'] },
  '4.1 with an upgrade': { io: io41, transports: ['polling', 'websocket'] },
};

/** Every setup with the parser of JSON, by its name. */
export const setups = Object.entries(SETUPS);

/** Setups with the msgpack parser. */
export const msgpackSetups = setups.filter(([name]) => !/fetch/.test(name))
  .map(([name, setup]) => [`${name} and msgpack`, { ...setup, parser: msgpack }]);

const peers = new Set();

// A client that comes back by itself would keep a process alive whose test has failed.
afterEach(() => { for (const peer of peers) peer.close(); });

/** A socket that keeps its events until the test asks for them. */
export class Peer {
  #received = [];
  #waiting = [];

  /** Connects; each peer has a connection of its own. Where a server recovers, `offsets` are taken off its events. */
  static async connect(server, { io, transports, ...setup }, { path = '/', offsets = false, ...options } = {}) {
    const peer = new Peer(io(server.http(path), { transports, reconnection: false, forceNew: true, ...setup, ...options }), offsets);
    await peer.event('connect');
    if (transports.length > 1) await peer.upgraded();
    return peer;
  }

  /** The error of a connection that is refused. */
  static async refused(server, { io, transports, ...setup }, { path = '/', ...options } = {}) {
    const socket = io(server.http(path), { transports, reconnection: false, forceNew: true, ...setup, ...options });
    const error = await within('a refusal', new Promise((resolve) => socket.once('connect_error', resolve)));
    socket.close();
    return error;
  }

  constructor(socket, offsets) {
    this.socket = socket;
    this.offsets = offsets;
    peers.add(this);
    socket.onAny((...event) => {
      // An event that wants an answer ends with a function, and has no offset.
      if (offsets && typeof event.at(-1) !== 'function') assert.equal(typeof event.pop(), 'string', 'the offset');
      const waiting = this.#waiting.shift();
      if (waiting) waiting(event);
      else this.#received.push(event);
    });
  }

  /** The socket of another namespace on the same connection. */
  async beside(namespace, options) {
    const peer = new Peer(this.socket.io.socket(namespace, options), this.offsets);
    await peer.event('connect');
    return peer;
  }

  /** The next event with its arguments. */
  next() {
    if (this.#received.length > 0) return Promise.resolve(this.#received.shift());
    return within('an event', new Promise((resolve) => this.#waiting.push(resolve)));
  }

  async expect(...events) {
    for (const event of events) assert.deepEqual(await this.next(), event);
  }

  /** Emits, and resolves to the arguments of the ack. */
  ask(...event) {
    return within(`the ack of ${event[0]}`, new Promise((resolve) => this.socket.emit(...event, (...args) => resolve(args))));
  }

  /** The first argument of an event of the client itself. */
  event(name) {
    return within(`the event ${name}`, new Promise((resolve, reject) => {
      this.socket.once(name, resolve);
      if (name === 'connect') this.socket.once('connect_error', reject);
    }));
  }

  get engine() {
    return this.socket.io.engine;
  }

  /** The end of the connection, which follows the end of its last namespace. */
  closed() {
    return within('the end of the connection', new Promise((resolve) => this.engine.once('close', resolve)));
  }

  async upgraded() {
    const { engine } = this;
    if (engine.transport.name === 'websocket') return;
    await within('the upgrade', new Promise((resolve) => engine.once('upgrade', resolve)));
  }

  /** Whether the server still answers. */
  async echoes(value = 'alive') {
    assert.deepEqual(await this.ask('message-with-ack', value), [value]);
  }

  close() {
    peers.delete(this);
    this.socket.io.engine?.close();
    this.socket.close();
  }
}
