/** Senders without a server: those of npm, one that is not on npm, and ours. All take the requests of the fixture `cluster`. */

import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { encode } from '@msgpack/msgpack';
import { Emitter as PostgresEmitter } from '@socket.io/postgres-emitter';
import { Emitter as RedisEmitter } from '@socket.io/redis-emitter';
import pg from 'pg';
import { createClient } from 'redis';
import { binaries } from './nodes.js';
import { atExit, within } from './process.js';

async function connected(services) {
  const client = createClient({ url: services.redis.url });
  await client.connect();
  return client;
}

/** An emitter of npm, which tells nobody when Redis has got its message: what follows on its connection is later. */
class Npm {
  constructor(emitter, flushed, close) {
    Object.assign(this, { emitter, flushed, close });
  }

  async do(name, { namespace = '/', rooms = [], except = [], volatile, args = [], to, close = false }) {
    const emitter = namespace === '/' ? this.emitter : this.emitter.of(namespace);
    let target = emitter.to(rooms).except(except);
    if (volatile) target = target.volatile;
    const run = {
      emit: () => target.emit(...args),
      join: () => target.socketsJoin(to),
      leave: () => target.socketsLeave(to),
      disconnect: () => target.disconnectSockets(close),
      sse: () => emitter.serverSideEmit(...args),
    };
    run[name]();
    await this.flushed();
  }
}

/** What `@socket.io/redis-streams-emitter` of Socket.IO's repository writes. */
class Streams {
  constructor(client) {
    this.client = client;
  }

  async do(name, { namespace = '/', rooms = [], except = [], volatile, args = [], to, close = false }) {
    const opts = { rooms, flags: volatile ? { volatile } : {}, except };
    const [type, data] = {
      emit: () => ['3', { packet: { type: 2, data: args, nsp: namespace }, opts }],
      join: () => ['4', { opts, rooms: to }],
      leave: () => ['5', { opts, rooms: to }],
      disconnect: () => ['6', { opts, close }],
      sse: () => ['9', { packet: args }],
    }[name]();
    const isBinary = args.some((arg) => Buffer.isBuffer(arg));
    const text = isBinary ? Buffer.from(encode(data)).toString('base64') : JSON.stringify(data);
    const fields = { uid: 'emitter', nsp: namespace, type, data: text };
    await this.client.xAdd('socket.io', '*', fields, { TRIM: { strategy: 'MAXLEN', strategyModifier: '~', threshold: 10_000 } });
  }

  close() {
    this.client.destroy();
  }
}

/** Ours, in a process that takes a request a line, and answers each when it is published. */
class Rust {
  static async start(adapter, services) {
    const rust = new Rust();
    rust.child = spawn(join(binaries, 'cluster-emitter'), {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ADAPTER: adapter, REDIS_URL: services.redis?.url ?? '', PG_URL: services.postgres?.url ?? '' },
    });
    atExit(() => rust.child.kill('SIGKILL'));
    rust.lines = createInterface(rust.child.stdout);
    return rust;
  }

  async do(name, { args, ...request }) {
    // Bytes are named in JSON.
    const named = args?.map((arg) => (Buffer.isBuffer(arg) ? { base64: arg.toString('base64') } : arg));
    const answered = once(this.lines, 'line');
    this.child.stdin.write(`${JSON.stringify({ do: name, ...request, args: named })}\n`);
    const [line] = await within(`the answer to ${name}`, answered);
    if (line !== 'ok') throw new Error(line);
  }

  async close() {
    const ended = once(this.child, 'exit');
    this.child.stdin.end();
    await within('the end of the emitter', ended);
  }
}

const npmRedis = async (services) => {
  const client = await connected(services);
  return new Npm(new RedisEmitter(client), () => client.ping(), () => client.destroy());
};

const npmPostgres = async (services) => {
  const pool = new pg.Pool({ connectionString: services.postgres.url, max: 1 });
  return new Npm(new PostgresEmitter(pool), () => pool.query('SELECT 1'), () => pool.end());
};

/** By engine and name. `@socket.io/postgres-emitter` reaches no server of Socket.IO whose adapter is younger than 0.3. */
export const emitters = {
  redis: { 'npm': npmRedis, 'rust': (services) => Rust.start('redis', services) },
  streams: { 'as in the repository': async (services) => new Streams(await connected(services)), 'rust': (services) => Rust.start('streams', services) },
  postgres: { 'npm': npmPostgres, 'rust': (services) => Rust.start('postgres', services) },
};
