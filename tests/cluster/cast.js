/** The clients of a matrix: on the node that acts and on the other, of each protocol that the node speaks. */

import assert from 'node:assert/strict';
import { IoClient, PlainClient } from './clients.js';
import { eventually } from './process.js';

/** Who is in which rooms, beside the `lobby`, on each of the nodes. */
const ROOMS = { 1: ['red'], 2: ['blue'], 3: ['red', 'blue'], plain: ['red'], packed: ['red'] };

export class Cast {
  #marker = 0;

  /** Connects everybody to `from`, which acts, and to `to`. */
  static async open(engine, from, to, namespace) {
    const cast = new Cast();
    Object.assign(cast, { engine, from, to, namespace });
    const opened = [];
    for (const [side, node] of [['a', from], ['b', to]]) {
      for (const name of ['1', '2', '3']) opened.push(IoClient.open(node, `${side}-${name}`, namespace));
      if (!node.isRust) continue;
      opened.push(PlainClient.open(node, `${side}-plain`, namespace));
      opened.push(PlainClient.open(node, `${side}-packed`, namespace, { protocol: 'gateway.v1.msgpack' }));
    }
    cast.clients = await Promise.all(opened);
    for (const client of cast.clients) {
      client.side = client.tag[0];
      client.node = client.side === 'a' ? from : to;
      client.rooms = ['lobby', ...ROOMS[client.tag.slice(2)]].sort();
      for (const room of client.rooms) if (room !== 'lobby') await cast.join(client, room);
    }
    const { sockets } = await cast.actor.do('fetch');
    cast.ids = new Map(sockets.map(({ tag, id }) => [tag, id]));
    return cast;
  }

  /** Who asks for operations. */
  get actor() {
    return this.clients[0];
  }

  /** Its only plain client, or nobody. */
  get plainActor() {
    return this.clients.find(({ tag }) => tag === 'a-plain');
  }

  client(tag) {
    return this.clients.find((client) => client.tag === tag);
  }

  id(tag) {
    return this.ids.get(tag);
  }

  /** A client joins by itself; the other node's messages for the room reach it from then on. */
  async join(client, room) {
    assert.equal(await client.ask('join', room), true);
    // Socket.IO's sharded adapter answers before it has subscribed.
    if (this.engine.name === 'sharded' && !client.node.isRust) await this.engine.subscribed(this.namespace, room);
  }

  /**
   * Lets an operation end everywhere: an event from the same node for everybody, which must come after whatever the operation
   * sent. What came before it is returned by tag.
   */
  async settled(clients = this.clients) {
    this.#marker += 1;
    const marker = `marker-${this.#marker}`;
    await this.mark(marker);
    await Promise.all(clients.map((client) => client.until(marker, ({ event }) => event === marker)));
    return new Map(clients.map((client) => [client.tag, client.take().filter(({ event }) => event !== marker)]));
  }

  /** Sends everybody an event without arguments, from where operations come from. */
  mark(event) {
    return this.actor.do('emit', { args: [event] });
  }

  /** Asserts that an event came once to those that `gets` is true of, to nobody else, and nothing else came. */
  async only(event, args, gets) {
    // PostgreSQL's adapter lets a small message overtake one that it keeps in its table.
    await Promise.all(this.clients.filter(gets).map((client) => client.see(event, ...args)));
    const came = await this.settled();
    for (const client of this.clients) {
      const expected = gets(client) ? [client.shape(event, args)] : [];
      assert.deepEqual(came.get(client.tag), expected, `what came to ${client.tag}`);
    }
  }

  /** Waits until exactly these clients have the room. */
  async inRoom(room, gets) {
    for (const client of this.clients.filter(gets)) {
      await eventually(`${client.tag} in ${room}`, async () => (await client.ask('rooms')).includes(room));
    }
    await this.settled();
    for (const client of this.clients) {
      assert.equal((await client.ask('rooms')).includes(room), gets(client), `${client.tag} in ${room}`);
    }
  }

  /** Waits until nobody has the room. */
  async gone(room) {
    for (const client of this.clients) {
      await eventually(`${client.tag} not in ${room}`, async () => !(await client.ask('rooms')).includes(room));
    }
    await this.settled();
  }

  /** Waits until no client of this tag is left. */
  async deserted(tag) {
    await eventually(`${tag} gone`, async () => {
      const { sockets } = await this.actor.do('fetch');
      return !sockets.some((socket) => socket.tag === tag);
    });
  }

  close() {
    for (const client of this.clients) client.close();
    return Promise.all(this.clients.map(({ left }) => left));
  }
}
