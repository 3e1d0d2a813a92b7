// Socket.IO packets as text, over either transport of Engine.IO, right or wrong.

import assert from 'node:assert/strict';
import { Engine, SEPARATOR } from './engine.js';
import { within } from './fixture.js';

export const TRANSPORTS = ['websocket', 'polling'];

/** Opens a session; no namespace is joined. */
export async function open(server, transport = 'websocket', parameters = {}) {
  const engine = new Engine(server, '/socket.io/');
  return transport === 'websocket'
    ? new WebSocketChannel(await engine.webSocket(parameters))
    : new PollingChannel(await engine.poll(parameters));
}

/** Opens a session and joins a namespace; what the server said first is left to read. */
export async function joined(server, transport, namespace = '/', parameters = {}) {
  const channel = await open(server, transport, parameters);
  channel.id = (await channel.join(namespace)).sid;
  return channel;
}

/** The prefix of a packet's namespace. */
export const prefixOf = (namespace) => (namespace === '/' ? '' : `${namespace},`);

/** What both transports have in common. */
class Channel {
  /** Joins a namespace and resolves to the answer's object. */
  async join(namespace = '/', auth = '') {
    const prefix = prefixOf(namespace);
    await this.send(`0${prefix}${typeof auth === 'string' ? auth : JSON.stringify(auth)}`);
    const answer = await this.next();
    assert.ok(answer.startsWith(`0${prefix}{`), answer);
    return JSON.parse(answer.slice(1 + prefix.length));
  }

  /** Leaves a namespace, and waits until that is done: packets are handled in their order. */
  async leave(namespace = '/') {
    await this.send(`1${prefixOf(namespace)}`, '0/nowhere,');
    await this.expect('4/nowhere,{"message":"Invalid namespace"}');
  }

  /** Sends an event, with an ack id where one is given. */
  emit(namespace, args, id = '') {
    return this.send(`2${prefixOf(namespace)}${id}${JSON.stringify(args)}`);
  }

  /** Reads packets, which must be these: texts, or bytes. */
  async expect(...packets) {
    for (const packet of packets) assert.deepEqual(await this.next(), packet);
  }

  /** Whether a joined namespace still answers, with nothing before the answer. */
  async echoes(namespace = '/') {
    const prefix = prefixOf(namespace);
    await this.emit(namespace, ['message', 'alive']);
    await this.expect(`2${prefix}["message-back","alive"]`);
  }

  /** Reads to the end, which the server makes; nothing may be said before. */
  async closes(why = 'the server ends the session') {
    assert.deepEqual(await within(why, this.rest()), [], why);
  }
}

class WebSocketChannel extends Channel {
  constructor(client) {
    super();
    this.client = client;
    this.open = client.open;
    client.socket.on('error', () => {});
    client.socket.on('message', (data, isBinary) => { if (!isBinary && data.toString() === '2') this.raw('3'); });
  }

  async send(...packets) {
    for (const packet of packets) this.raw(typeof packet === 'string' ? `4${packet}` : packet);
  }

  raw(frame) {
    this.client.socket.send(frame);
  }

  async next() {
    for (;;) {
      const packet = decode(await this.client.nextMessage());
      if (packet !== '2') return message(packet);
    }
  }

  /** All packets until the server ends the session. */
  async rest() {
    await this.client.closed;
    return this.client.left().map(decode).filter((packet) => packet !== '2').map(message);
  }

  close() {
    return this.client.close();
  }
}

class PollingChannel extends Channel {
  constructor(session) {
    super();
    this.session = session;
    this.open = session.open;
  }

  /** All packets as one payload. A malformed one may be told by the status, so it is not looked at. */
  async send(...packets) {
    const encoded = packets.map((packet) => (typeof packet === 'string' ? `4${packet}` : `b${packet.toString('base64')}`));
    await this.session.post(...encoded);
  }

  raw(packet) {
    return this.session.post(packet);
  }

  async next() {
    for (;;) {
      const packet = binary(await this.session.next());
      if (packet === '1') throw new Error('the session was closed');
      if (packet !== '6') return message(packet);
    }
  }

  async rest() {
    const packets = [];
    for (;;) {
      const { status, text } = await this.session.get();
      if (status === 400) return packets;
      for (const packet of text.split(SEPARATOR)) {
        if (packet === '2') await this.session.post('3');
        else if (packet !== '1' && packet !== '6') packets.push(message(binary(packet)));
      }
    }
  }

  async close() {
    await this.session.post('1');
  }
}

const decode = ({ data, isBinary }) => (isBinary ? data : data.toString());

const binary = (packet) => (packet[0] === 'b' ? Buffer.from(packet.slice(1), 'base64') : packet);

/** The Socket.IO packet of an Engine.IO message. */
function message(packet) {
  if (typeof packet !== 'string') return packet;
  assert.equal(packet[0], '4', `not a message: ${packet}`);
  return packet.slice(1);
}
