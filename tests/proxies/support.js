/** Starts proxies in front of the fixtures, configured as docs/deploy.md shows them, and ends exactly those. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { PATIENCE, within } from '../clients/node/fixture.js';

const fromClients = createRequire(new URL('../clients/node/package.json', import.meta.url));
export const { io } = fromClients('socket.io-client');

/** A port that nobody listens on: proxies cannot be told to take any. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** The first block of this language in docs/deploy.md, with other words in the place of some. Each must be there. */
export function documented(language, replacements) {
  const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8');
  const block = page.split(`\`\`\`${language}\n`)[1]?.split('\n```')[0];
  assert.ok(block, `docs/deploy.md has no block of ${language}`);
  return Object.entries(replacements).reduce((text, [from, to]) => {
    assert.ok(text.includes(from), `the block of ${language} has no "${from}"`);
    return text.replaceAll(from, to);
  }, block);
}

/**
 * Runs a proxy until `stop`. `configure` is given a folder of its own and writes its configuration there; it returns the
 * arguments of the program. Ready when somebody listens at the port.
 */
export async function startProxy(program, port, configure) {
  const folder = mkdtempSync(join(tmpdir(), `gateway-${program}-`));
  const printed = [];
  const child = spawn(program, configure(folder), { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code) => resolve(`it ended with ${code}`));
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => printed.push(text));
  process.once('exit', () => child.kill('SIGKILL'));
  const ended = await Promise.race([exited, listens(port)]);
  assert.equal(ended, undefined, `${program}: ${ended}\n${printed.join('')}`);
  return {
    port,
    folder,
    url: (path = '/') => `ws://127.0.0.1:${port}${path}`,
    http: (path = '/') => `http://127.0.0.1:${port}${path}`,
    signal: (name) => child.kill(name),
    async stop() {
      child.kill('SIGTERM');
      try {
        await within(`the exit of ${program}`, exited);
      } finally {
        child.kill('SIGKILL');
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

async function listens(port) {
  const until = Date.now() + PATIENCE;
  while (Date.now() < until) {
    const socket = connect(port, '127.0.0.1');
    const connected = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (connected) return undefined;
    await pause(20);
  }
  return 'nobody listens';
}

/** nginx as documented, in front of these ports. `edit` may change the text of its configuration. */
export async function startNginx(backends, edit = (text) => text) {
  const port = await freePort();
  const [first, second] = backends.map((backend) => `127.0.0.1:${backend}`);
  const server = edit(documented('nginx', {
    '10.0.0.11:3000': first,
    '10.0.0.12:3000': second,
    'listen 443 ssl': `listen 127.0.0.1:${port}`,
  }));
  return startProxy('nginx', port, (folder) => {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`).join('\n');
    // Its workers would be somebody else, who may not write here.
    const user = process.getuid() === 0 ? 'user root;\n' : '';
    writeFileSync(join(folder, 'nginx.conf'), `${user}daemon off;\nmaster_process on;\nworker_processes 1;\n`
      + `pid ${folder}/nginx.pid;\nerror_log ${folder}/error.log warn;\nevents { worker_connections 512; }\n`
      + `http {\naccess_log ${folder}/access.log;\n${temporary}\n${server}\n}\n`);
    return ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')];
  });
}

/** Lines of nginx's log about a server behind it that failed. */
export function upstreamFailures(nginx) {
  return readFileSync(join(nginx.folder, 'error.log'), 'utf8').split('\n').filter((line) => line.includes('upstream')
    && !line.includes('a client request body is buffered'));
}

const KEY = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
  + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** Requests that are refused, with their status. */
export const REFUSED = [
  [404, 'POST /none', ''],
  [426, 'POST /', ''],
  [400, 'POST /socket.io/?EIO=4&transport=polling&sid=gone', ''],
  [403, 'POST /socket.io/?EIO=4&transport=polling&sid=gone', 'Origin: http://evil.example\r\n'],
  [403, 'GET /', `${KEY}Origin: http://evil.example\r\n`],
];

/** The status of a request whose body is written whole before the answer is looked at. */
export async function post(port, line, headers, { length, chunked, expect }) {
  const socket = connect(port, '127.0.0.1');
  const answered = new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (more) => {
      text += more;
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
      const last = statuses.find((status) => status !== 100);
      if (last) resolve(last);
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`it ended after "${text}"`)));
  });
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  const waits = expect ? 'Expect: 100-continue\r\n' : '';
  socket.write(`${line} HTTP/1.1\r\nHost: localhost\r\n${headers}${waits}${framing}\r\n\r\n`);
  const body = '4'.repeat(length);
  socket.write(chunked ? `${length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body);
  try {
    return await within(`the answer to ${line}`, answered);
  } finally {
    socket.destroy();
  }
}
