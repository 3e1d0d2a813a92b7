/** The fixture `cluster` written with Socket.IO and its own adapters: the reference, and the peer of our nodes. */

import { createServer } from 'node:http';
import { createAdapter as postgresAdapter } from '@socket.io/postgres-adapter';
import { createAdapter as redisAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createAdapter as streamsAdapter } from '@socket.io/redis-streams-adapter';
import pg from 'pg';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const { ADAPTER, NAME, PORT, REDIS_URL, PG_URL } = process.env;
/** Options of the adapter other than its defaults. */
const options = JSON.parse(process.env.OPTIONS ?? '{}');
const NAMESPACES = ['/', '/chat'];

const adapters = {
  redis: async () => redisAdapter(await redis(), await redis(), options),
  sharded: async () => createShardedAdapter(await redis(), await redis(), options),
  streams: async () => streamsAdapter(await redis(), options),
  postgres: () => {
    // One connection listens, one publishes: with more the order of messages is lost.
    const pool = new pg.Pool({ connectionString: PG_URL, max: 2 });
    pool.on('error', () => {});
    return postgresAdapter(pool, options);
  },
};

async function redis() {
  const client = createClient({ url: REDIS_URL });
  client.on('error', () => {});
  await client.connect();
  return client;
}

const http = createServer((_, response) => response.writeHead(404).end('not found'));
const io = new Server(http, {
  maxHttpBufferSize: 4_000_000,
  adapter: await adapters[ADAPTER](),
  ...(ADAPTER === 'streams' && { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } }),
});
for (const name of NAMESPACES) serve(io.of(name));
http.listen(Number(PORT ?? 0), '127.0.0.1', () => console.log(`listening on 127.0.0.1:${http.address().port}`));
process.once('SIGTERM', async () => {
  await io.close();
  process.exit(0);
});

function serve(namespace) {
  namespace.on('connection', (socket) => {
    if (!socket.recovered) {
      socket.join('lobby');
      socket.data = { node: NAME, n: 1 };
    }
    socket.on('join', async (room, ack) => {
      await socket.join(room);
      ack(true);
    });
    socket.on('leave', async (room, ack) => {
      await socket.leave(room);
      ack(true);
    });
    socket.on('rooms', (ack) => ack(roomsOf(socket)));
    socket.on('do', async (name, request, ack) => {
      const result = await operations[name](namespace, request);
      ack(result ?? 'ok');
    });
  });
  namespace.on('note', (x) => namespace.local.emit('noted', NAME, x));
  namespace.on('ask', (x, answer) => answer({ node: NAME, x }));
  namespace.on('silent', () => {});
}

const roomsOf = ({ id, rooms }) => [...rooms].filter((room) => room !== id).sort();

function target(namespace, { rooms = [], except = [], local, volatile, compress, timeout }) {
  let found = namespace.to(rooms).except(except);
  if (local) found = found.local;
  if (volatile) found = found.volatile;
  if (compress !== undefined) found = found.compress(compress);
  if (timeout !== undefined) found = found.timeout(timeout);
  return found;
}

/** Runs what takes a callback of an error and responses. */
const collected = (run) => new Promise((resolve) => {
  run((error, responses) => resolve({ err: error?.message ?? null, responses: responses ?? [] }));
});

const operations = {
  emit: (namespace, a) => void target(namespace, a).emit(...(a.args ?? [])),
  emitAck: (namespace, a) => collected((done) => target(namespace, { timeout: 1500, ...a }).emit(...a.args, done)),
  async fetch(namespace, a) {
    try {
      const sockets = await target(namespace, a).fetchSockets();
      const plain = sockets.map((socket) => ({
        id: socket.id, rooms: roomsOf(socket), data: socket.data, tag: socket.handshake.query.tag,
      }));
      return { err: null, sockets: plain };
    } catch (error) {
      return { err: error.message, sockets: [] };
    }
  },
  join: (namespace, a) => void target(namespace, a).socketsJoin(a.to),
  leave: (namespace, a) => void target(namespace, a).socketsLeave(a.to),
  disconnect: (namespace, a) => void target(namespace, a).disconnectSockets(a.close ?? false),
  sse: (namespace, a) => void namespace.serverSideEmit(...a.args),
  sseAck: (namespace, a) => collected((done) => namespace.serverSideEmit(...a.args, done)),
  handshakes: async (namespace) => (await namespace.fetchSockets()).map(({ handshake }) => ({ ...handshake, headers: undefined })),
  count: (namespace) => namespace.adapter.serverCount(),
};
