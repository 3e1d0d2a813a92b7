// A fixture server as a child process, and a client that keeps what it received until somebody asks.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const binaries = process.env.FIXTURES ?? join(repository, 'target', 'debug');

/** Longer than anything a suite waits for: a hang becomes a failure that names its line. */
export const PATIENCE = 15_000;

/** Whether the suites run against npm's servers, to prove the suites, in place of our own. */
export const reference = process.env.REFERENCE === '1';

/** Starts a fixture, on a free port unless `--port` is among the options. */
export function start(name, ...options) {
  return startWith({}, name, ...options);
}

/** Starts `engine-io` or `socket-io` with pings so rare that a busy machine does not miss one. */
export const startPatient = (name, ...options) => startWith({ PATIENT: '1' }, name, ...options);

/** Starts `engine-io` or `socket-io` with frequent pings, whose pongs may take this long. */
export const startPinging = (name, timeout = PATIENCE) => startWith({ PING_TIMEOUT: String(timeout) }, name);

/** Starts a fixture that reads these variables of its environment too. */
export async function startWith(environment, name, ...options) {
  const [program, ...before] = reference
    ? [process.execPath, fileURLToPath(new URL(`reference/${name}.mjs`, import.meta.url))]
    : [join(binaries, name)];
  const port = options.includes('--port') ? [] : ['--port', '0'];
  const server = spawn(program, [...before, ...port, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const exited = once(server, 'exit');
  // A suite that breaks off leaves no server behind.
  process.once('exit', () => server.kill('SIGKILL'));
  const [line] = await within('the line "listening on"', Promise.race([
    once(createInterface(server.stdout), 'line'),
    exited.then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`))),
  ]));
  const address = /^listening on (127\.0\.0\.1:\d+)$/.exec(line)?.[1];
  assert.ok(address, `unexpected first line: ${line}`);
  return {
    url: (path = '/') => `ws://${address}${path}`,
    http: (path = '/') => `http://${address}${path}`,
    port: Number(address.split(':')[1]),
    /** Ends the server as a supervisor would; resolves to its exit code. */
    async stop() {
      server.kill('SIGTERM');
      try {
        const [code] = await within('the exit of the fixture', exited);
        return code;
      } finally {
        server.kill('SIGKILL');
      }
    },
  };
}

/** A connected client. */
export class Client {
  #received = [];
  #waiting = [];
  #ended;
  /** The id of the latest request. */
  lastId = 0;

  static async open(url, protocols = [], options = {}) {
    const client = new Client(new WebSocket(url, protocols, options));
    await within('the connection', once(client.socket, 'open'));
    return client;
  }

  constructor(socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#ended = new Error(`closed with ${code}`);
        for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
      });
    });
    socket.on('message', (data, isBinary) => this.#deliver({ data, isBinary }));
  }

  /** The next message as it came. */
  nextMessage() {
    if (this.#received.length > 0) return Promise.resolve(this.#received.shift());
    if (this.#ended) return Promise.reject(this.#ended);
    return within('a message', new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })));
  }

  /** What came and nobody asked for. */
  left() {
    return this.#received.splice(0);
  }

  /** The next envelope. */
  async next() {
    const { data, isBinary } = await this.nextMessage();
    assert.equal(isBinary, false, 'an envelope is a text message');
    return JSON.parse(data.toString());
  }

  emit(event, data) {
    this.socket.send(JSON.stringify({ event, data }));
  }

  /** Sends a request and returns its id. */
  ask(event, data) {
    this.lastId += 1;
    this.socket.send(JSON.stringify({ event, data, id: this.lastId }));
    return this.lastId;
  }

  /** Sends a request and returns the next envelope, which must be its answer. */
  async request(event, data) {
    const id = this.ask(event, data);
    const answer = await this.next();
    assert.equal(answer.id, id, `not the answer of "${event}": ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Closes and resolves to the code and reason of the end. */
  async close(code = 1000, reason = '') {
    this.socket.close(code, reason);
    return within('the close', this.closed);
  }

  #deliver(message) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve(message);
    else this.#received.push(message);
  }
}

/** The answer of a server that refuses to upgrade. */
export async function refusal(url, options = {}) {
  const socket = new WebSocket(url, [], options);
  const [, response] = await within('a refusal', once(socket, 'unexpected-response'));
  response.resume();
  return response.statusCode;
}

/** Rejects when the promise takes too long. */
export function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
