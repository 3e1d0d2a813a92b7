/** What others write into the channels, streams and tables of a cluster does it no harm. Socket.IO's servers do not promise that. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { IoClient } from './clients.js';
import { Engine, kinds } from './matrix.js';
import { settle, startAll } from './nodes.js';

/** Bytes that no adapter writes. */
const garbage = [
  '', '{', '{}', '[]', 'null', '1', '"text"', '{"type":99}', '{"type":"x"}', '{"type":3}', '{"type":4,"opts":null,"rooms":null}',
  '{"type":2,"opts":{"rooms":5,"except":7},"rooms":[1]}', '{"type":3,"uid":"x","nsp":"/","data":{"packet":null,"opts":{}}}',
  '{"type":3,"uid":"x","nsp":"/","data":{"packet":{"type":2,"data":[]},"opts":{"rooms":[],"except":[],"flags":{}}}}',
  '{"type":3,"uid":"x","nsp":"/","data":{"packet":{"type":2,"data":[{}]},"opts":{"rooms":[],"except":[],"flags":{}}}}',
  '{"type":5,"uid":"x","requestId":{},"opts":[]}', '{"type":6,"uid":"x","data":[]}', '{"type":6,"uid":"x","data":"text"}',
  '{"type":7,"uid":"x","nsp":"/","data":{"requestId":7}}', '{"type":8,"data":{"requestId":"none","sockets":[]},"uid":"x","nsp":"/"}',
  '{"requestId":"none","sockets":[]}', '{"requestId":"none"}', '{"uid":"x","type":3,"attachmentId":"999999"}',
  '{"uid":"x","type":3,"attachmentId":{}}', `${'['.repeat(100_000)}`, `{"type":${'9'.repeat(400)}}`,
].map((text) => Buffer.from(text));

const packed = [
  {}, [], null, 7, 'text', ['x'], ['x', {}], ['x', {}, {}], ['x', { type: 2 }, { rooms: [] }], ['x', { type: 2, data: 'text', nsp: '/' }, {}],
  ['x', { type: 2, data: [], nsp: '/' }, { rooms: [] }], [null, null, null], { type: 3 }, { type: 3, uid: 'x', nsp: '/', data: {} },
  { type: 7, uid: 'x', nsp: '/', requestId: 5 }, { type: 7, uid: 'x', requestId: 'r', packet: {}, opts: {} }, { type: 12, uid: 'x', nsp: '/', data: null },
].map((value) => Buffer.from(encode(value)));

const bytes = [...garbage, ...packed, Buffer.from([0xc1]), Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]), Buffer.from([0x93, 0xa1]), Buffer.alloc(1_000, 0x91)];

/** Names of entries in a stream, of which the adapter writes only `uid`, `nsp`, `type` and `data`. */
const entries = [
  ['a', 'b'], ['nsp', '/'], ['nsp', '/', 'type', '3'], ['nsp', '/', 'type', 'x', 'data', '{}', 'uid', 'x'], ['uid', 'x', 'nsp', '/', 'type', '3', 'data', '%%%'],
  ['uid', 'x', 'nsp', '/', 'type', '3', 'data', Buffer.from([0xc1]).toString('base64')], ['uid', 'x', 'nsp', '', 'type', '3', 'data', ''],
];

const writers = {
  async redis({ redis }) {
    for (const channel of ['socket.io#/#', 'socket.io#/#lobby#', 'socket.io#', 'socket.io-request#/#', 'socket.io-response#/#', 'socket.io#/##', 'socket.io#//#']) {
      for (const message of bytes) await redis.command('PUBLISH', channel, message);
    }
  },
  async sharded({ redis }) {
    for (const channel of ['socket.io#/#', 'socket.io#/#lobby#']) {
      for (const message of bytes) await redis.command('SPUBLISH', channel, message);
    }
  },
  async streams({ redis }) {
    for (const message of bytes) {
      await redis.command('PUBLISH', 'socket.io#/#', message);
      for (const type of ['3', '4', '6', '9', '-1']) {
        await redis.command('XADD', 'socket.io', '*', 'uid', 'x', 'nsp', '/', 'type', type, 'data', message);
      }
    }
    for (const entry of entries) await redis.command('XADD', 'socket.io', '*', ...entry);
  },
  async postgres({ postgres }) {
    for (const message of garbage.filter(({ length }) => length < 8_000)) await postgres.query('SELECT pg_notify($1, $2)', ['socket.io#/', message.toString()]);
    for (const message of bytes) {
      const { rows: [{ id }] } = await postgres.query('INSERT INTO socket_io_attachments (payload) VALUES ($1) RETURNING id', [message]);
      await postgres.query('SELECT pg_notify($1, $2)', ['socket.io#/', JSON.stringify({ uid: 'x', type: 3, attachmentId: String(id) })]);
    }
  },
};

describe('foreign messages are ignored', { skip: !kinds.includes('rust') }, () => {
  for (const [name, write] of Object.entries(writers)) {
    test(name, async () => {
      const engine = await Engine.start(name);
      const nodes = await startAll(engine, [['rust', 'one'], ['rust', 'two']]);
      await settle(nodes);
      const clients = await Promise.all(nodes.map((node) => IoClient.open(node, node.name)));
      await write(engine.services);
      await settle(nodes);
      for (const sender of clients) {
        await sender.do('emit', { args: ['posted', sender.tag] });
        for (const client of clients) await client.see('posted', sender.tag);
      }
      for (const client of clients) {
        assert.deepEqual(client.take().map(({ event }) => event), ['posted', 'posted'], 'nothing else came');
        const { err, sockets } = await client.do('fetch');
        assert.deepEqual([err, sockets.length], [null, 2]);
      }
      for (const client of clients) client.close();
      await Promise.all(nodes.map((node) => node.stop()));
      await engine.stop();
    });
  }
});
