/**
 * Clients of the fixture `cluster`, of Socket.IO and of the plain protocol, that keep what they receive until somebody asks.
 * Both answer the event `question` with their tag, and never the event `mute`.
 */

import { once } from 'node:events';
import { decode, encode } from '@msgpack/msgpack';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { within } from './process.js';

/** The id of an entry in a stream, which a server with recovery adds to an event; `0` before the first one. */
export const isOffset = (argument) => typeof argument === 'string' && /^(\d+-\d+|0)$/.test(argument);

class Client {
  /** Events in order, in the shape of the client's protocol. */
  received = [];
  #waiting = [];

  constructor(tag) {
    this.tag = tag;
  }

  /** Runs an operation of the fixture on the client's node. */
  do(name, request = {}) {
    return this.ask('do', name, request);
  }

  /** What came since the last time. */
  take() {
    return this.received.splice(0);
  }

  /** Waits until an event has come that this is true of. It is not taken. */
  until(what, matches) {
    if (this.received.some(matches)) return Promise.resolve();
    const come = within(`${what} at ${this.tag}`, new Promise((resolve) => this.#waiting.push({ matches, resolve })));
    return come.catch((error) => {
      throw new Error(`${error.message}; what came: ${JSON.stringify(this.received).slice(0, 500)}`);
    });
  }

  /** Waits until this event has come with these arguments. */
  see(event, ...args) {
    const expected = JSON.stringify(this.shape(event, args));
    return this.until(expected, (record) => JSON.stringify(record) === expected);
  }

  keep(record) {
    this.received.push(record);
    this.#waiting = this.#waiting.filter(({ matches, resolve }) => {
      if (matches(record)) return void resolve();
      return true;
    });
  }
}

export class IoClient extends Client {
  /** Offsets that came with events. */
  offsets = [];

  static async open(node, tag, namespace = '/', options = {}) {
    const client = new IoClient(tag);
    client.socket = io(`http://127.0.0.1:${node.port}${namespace}`, {
      transports: ['websocket'], forceNew: true, reconnection: false, query: { tag }, ...options,
    });
    client.left = new Promise((resolve) => client.socket.once('disconnect', resolve));
    client.socket.onAny((event, ...args) => client.#deliver(event, args));
    await within(`the connection of ${tag}`, new Promise((resolve, reject) => {
      client.socket.once('connect', resolve);
      client.socket.once('connect_error', reject);
    }));
    return client;
  }

  get id() {
    return this.socket.id;
  }

  /** The private id of its session. */
  get key() {
    return this.socket._pid;
  }

  /** Comes back to another node with what it remembers of its session; resolves to whether it was recovered. */
  async resume(node) {
    this.socket.io.uri = `http://127.0.0.1:${node.port}`;
    this.left = new Promise((resolve) => this.socket.once('disconnect', resolve));
    const connected = new Promise((resolve, reject) => {
      this.socket.once('connect', resolve);
      this.socket.once('connect_error', reject);
    });
    this.socket.connect();
    await within(`the return of ${this.tag}`, connected);
    return this.socket.recovered;
  }

  /** An event in the form that `received` has it in. */
  shape(event, args) {
    return { event, args };
  }

  ask(event, ...args) {
    return within(`the ack of ${event} ${JSON.stringify(args).slice(0, 200)}`, this.socket.emitWithAck(event, ...args));
  }

  close() {
    this.socket.disconnect();
  }

  /** Breaks the connection without a word. */
  drop() {
    this.socket.io.engine.transport.ws.terminate();
  }

  #deliver(event, args) {
    if (typeof args.at(-1) === 'function') {
      const answer = args.pop();
      if (event === 'question') answer(this.tag, 'ignored');
      if (event === 'binary-question') answer(Buffer.from(this.tag));
    } else if (this.socket._pid !== undefined && isOffset(args.at(-1))) {
      // Only a server with recovery tells of a session, and adds offsets.
      this.offsets.push(args.pop());
    }
    this.keep({ event, args });
  }
}

/** A WebSocket client of the plain protocol, by default in JSON. With `resumes` it asks for a token, by which it comes back. */
export class PlainClient extends Client {
  #asked = new Map();
  #questions = 0;
  #session;
  /** The offset of the last event. */
  offset = 0;

  static async open(node, tag, namespace = '/', { protocol = 'gateway.v1', resumes = false } = {}) {
    const client = new PlainClient(tag);
    Object.assign(client, { namespace, protocol, isPacked: protocol.endsWith('.msgpack') });
    await client.#connect(node, resumes ? ['resume'] : []);
    return client;
  }

  /** Comes back to another node with what it remembers of its session; resolves to whether it was recovered. */
  async resume(node) {
    const { resume } = this.#session;
    await this.#connect(node, [`resume.${resume}.${this.offset}`]);
    return this.#session.resumed;
  }

  async #connect(node, entries) {
    const url = `ws://127.0.0.1:${node.port}${this.namespace}?tag=${encodeURIComponent(this.tag)}`;
    this.socket = new WebSocket(url, [this.protocol, ...entries]);
    this.left = new Promise((resolve) => this.socket.once('close', (code) => resolve(code)));
    this.socket.on('message', (data, isBinary) => this.#deliver(isBinary ? decode(data) : JSON.parse(data.toString())));
    await within(`the connection of ${this.tag}`, once(this.socket, 'open'));
    // The upgrade is answered before the connect hook runs.
    await this.ask('rooms');
  }

  get id() {
    return this.#session.id;
  }

  /** The private id of its session. */
  get key() {
    return this.#session.resume;
  }

  shape(event, args) {
    const data = args.length === 1 ? args[0] : args;
    return { event, data: this.isPacked ? data : withText(data) };
  }

  ask(event, ...args) {
    const id = ++this.#questions;
    const data = args.length < 2 ? args[0] : args;
    this.#send({ event, data, id });
    return within(`the reply of ${event} ${JSON.stringify(args).slice(0, 200)}`, new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
    }));
  }

  close() {
    this.socket.close();
  }

  drop() {
    this.socket.terminate();
  }

  #send(frame) {
    this.socket.send(this.isPacked ? encode(frame, { ignoreUndefined: true }) : JSON.stringify(frame));
  }

  #deliver(frame) {
    if (frame.session !== undefined) {
      this.#session = frame.session;
      return;
    }
    if (frame.offset !== undefined) this.offset = frame.offset;
    if (frame.id !== undefined) {
      const { resolve, reject } = this.#asked.get(frame.id);
      if (frame.event === 'exception') reject(new Error(JSON.stringify(frame.data)));
      else resolve(frame.data);
      return;
    }
    if (frame.ask !== undefined && frame.event === 'question') this.#send({ answer: frame.ask, data: this.tag });
    const { event, data } = frame;
    this.keep({ event, data: this.isPacked ? withBuffers(data) : data });
  }
}

/** The value as JSON has it: bytes in base64. */
function withText(value) {
  return mapped(value, (bytes) => Buffer.from(bytes).toString('base64'));
}

function withBuffers(value) {
  return mapped(value, (bytes) => Buffer.from(bytes));
}

function mapped(value, ofBytes) {
  if (value instanceof Uint8Array) return ofBytes(value);
  if (Array.isArray(value)) return value.map((item) => mapped(item, ofBytes));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item, ofBytes)]));
}
