/** A program as a child of the suite: ready when it says so, stopped by its process id, gone when the suite is. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** Longer than anything a suite waits for: a hang becomes a failure that names its line. */
export const PATIENCE = 20_000;

/** Rejects when the promise takes too long. */
export function within(what, promise, time = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come in ${time} ms`)), time);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks again until `look` gives something true, and returns that. */
export async function eventually(what, look, time = PATIENCE) {
  const end = Date.now() + time;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not in ${time} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A port that nobody listens on, below those that the system gives away, so that it stays free while its server restarts. */
export async function freePort() {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const server = createServer();
    const isFree = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** What is undone when the suite ends, however it ends. */
const leavings = new Set();
process.once('exit', () => {
  for (const undo of leavings) undo();
});
// The test runner ends a file that takes too long.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(signal, () => process.exit(1));

/** Runs this at the end of the suite, unless the returned function was called before. */
export function atExit(undo) {
  leavings.add(undo);
  return () => leavings.delete(undo);
}

export class Process {
  #child;
  #exited;
  /** What the program printed, line by line; shown as it comes with `CLUSTER_LOG=1`. */
  printed = [];

  /** Starts the program; resolves when it has printed a line that matches `ready`. */
  static async start(program, args, { ready, ...options }) {
    const started = new Process();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    started.#child = child;
    started.#exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
    const isReady = new Promise((resolve, reject) => {
      child.once('error', reject);
      started.#exited.then((code) => reject(new Error(`${program} ended with ${code}:\n${started.printed.join('\n')}`)));
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          started.printed.push(line);
          if (process.env.CLUSTER_LOG === '1') console.error(`${program.split('/').at(-1)} ${child.pid}: ${line}`);
          if (ready.test(line)) resolve();
        });
      }
    });
    const isOver = atExit(() => child.kill('SIGKILL'));
    started.#exited.then(isOver);
    try {
      await within(`"${ready.source}" of ${program}`, isReady);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    return started;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Ends the program by this signal, and resolves to its exit code, or the signal, when it is gone. */
  async end(signal = 'SIGTERM') {
    this.#child.kill(signal);
    // A stopped program heeds no other signal. It must not go on before it is killed.
    if (signal !== 'SIGKILL') this.thaw();
    try {
      return await within(`the end of process ${this.pid} by ${signal}`, this.#exited);
    } finally {
      this.#child.kill('SIGKILL');
    }
  }

  /** Stops the program where it is; resolves when none of its threads runs. */
  async freeze() {
    this.#child.kill('SIGSTOP');
    const tasks = `/proc/${this.pid}/task`;
    const isStopped = (task) => /^\d+ \(.*\) T/.test(readFileSync(`${tasks}/${task}/stat`, 'utf8'));
    await eventually(`process ${this.pid} stopped`, () => readdirSync(tasks).every(isStopped));
  }

  thaw() {
    this.#child.kill('SIGCONT');
  }

  /** Resolves to the exit code when the program has ended by itself. */
  ended() {
    return within(`the end of process ${this.pid}`, this.#exited);
  }
}
