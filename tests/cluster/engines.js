/** The servers between the nodes, redis-server and PostgreSQL: each in a folder and on a port of its own. */

import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createClient } from 'redis';
import { atExit, eventually, freePort, Process } from './process.js';

/** A service that may be restarted on its port. `run` begins it, `stop` ends it and takes its folder away. */
class Service {
  folder = mkdtempSync(join(tmpdir(), 'gateway-cluster-'));
  process;
  #isGone = atExit(() => this.#remove());

  async run() {
    this.process = await this.begin();
  }

  /** Ends it as a crash would, and keeps its port. */
  async kill() {
    await this.process?.end(this.crash);
    this.process = undefined;
  }

  async stop() {
    await this.forget?.();
    await this.kill();
    this.#remove();
    this.#isGone();
  }

  #remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class Redis extends Service {
  crash = 'SIGKILL';
  #commands;

  /** A server that is not there yet. */
  static async away() {
    const redis = new Redis();
    redis.port = await freePort();
    return redis;
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  begin() {
    const fixed = ['--bind', '127.0.0.1', '--port', this.port, '--dir', this.folder, '--save', '', '--appendonly', 'no'];
    return Process.start('redis-server', fixed.map(String), { ready: /Ready to accept connections/ });
  }

  /** Runs a command on a connection of the suite's own. */
  async command(...words) {
    if (!this.#commands) {
      this.#commands = createClient({ url: this.url, RESP: 2 });
      // It connects again after a restart by itself.
      this.#commands.on('error', () => {});
      await this.#commands.connect();
    }
    return this.#commands.sendCommand(words.map((word) => (Buffer.isBuffer(word) ? word : String(word))));
  }

  /** Waits until so many nodes have subscribed the channel. */
  subscribed(channel, count, kind = 'NUMSUB') {
    return eventually(`${count} subscribers of ${channel}`, async () => {
      const [, subscribers] = await this.command('PUBSUB', kind, channel);
      return Number(subscribers) >= count;
    });
  }

  forget() {
    this.#commands?.destroy();
  }
}

/** Where Debian puts the programs of PostgreSQL: not among those a shell finds. */
function postgresProgram(name) {
  const root = '/usr/lib/postgresql';
  const [newest] = readdirSync(root).sort((one, other) => other - one);
  return join(root, newest, 'bin', name);
}

/** PostgreSQL refuses to be run by root. */
function otherUser() {
  if (process.getuid() !== 0) return {};
  const id = (option) => Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export class Postgres extends Service {
  crash = 'SIGQUIT';
  #pool;

  static async away() {
    const postgres = new Postgres();
    postgres.port = await freePort();
    postgres.user = otherUser();
    const { folder, user } = postgres;
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
    execFileSync(postgresProgram('initdb'), ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
      ...user, cwd: folder, stdio: 'ignore',
    });
    return postgres;
  }

  async run() {
    await super.run();
    // The adapters want it to be there.
    await this.query('CREATE TABLE IF NOT EXISTS socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)');
  }

  get url() {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  begin() {
    const settings = {
      listen_addresses: '127.0.0.1', fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '16MB',
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return Process.start(postgresProgram('postgres'), ['-D', join(this.folder, 'data'), '-p', String(this.port), '-k', this.folder, ...options], {
      ...this.user, cwd: this.folder, ready: /database system is ready to accept connections/,
    });
  }

  query(text, values) {
    if (!this.#pool) {
      this.#pool = new pg.Pool({ connectionString: this.url, max: 1 });
      this.#pool.on('error', () => {});
    }
    return this.#pool.query(text, values);
  }

  forget() {
    return this.#pool?.end();
  }
}
