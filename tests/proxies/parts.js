/** Servers, proxies and clients of the suite, each ended by who started it. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { shown } from "./page.js";
import { prepared, programs } from "./programs.js";

// The packages of the clients' suites.
const packages = createRequire(new URL("../clients/node/package.json", import.meta.url));
export const WebSocket = packages("ws");
export const { io } = packages("socket.io-client");

const binaries = process.env.FIXTURES ?? fileURLToPath(new URL("../../target/debug", import.meta.url));

// Each child is ended with the suite.
process.setMaxListeners(0);

/** Longer than anything here takes. */
const PATIENCE = 30_000;

export function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`${what} did not come`)), PATIENCE); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A port that nobody has on this address. */
export async function freePort(host) {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

function started(command, options) {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  process.once("exit", () => child.kill("SIGKILL"));
  child.gone = new Promise((resolve) => { child.once("exit", resolve); child.once("error", resolve); });
  return child;
}

/** The fixture `operated` at an address of its own. */
export async function server(host, port, monitoring, delay = 0, more = []) {
  const child = started([join(binaries, "operated"), "--host", host, "--port", String(port), "--monitoring", String(monitoring), "--delay", String(delay), "--trust", "127.0.0.1", ...more]);
  child.stderr.resume();
  const [line] = await within("a server", once(createInterface(child.stdout), "line"));
  if (line !== `listening on ${host}:${port}`) throw new Error(line);
  return { host, pid: child.pid, gone: child.gone, stop() { child.kill("SIGTERM"); return within("the end of a server", child.gone); }, kill: () => child.kill("SIGKILL") };
}

/** The proxy of this name before its servers, as docs/deploy.md shows it; `edit` may change the block, `more` are options of the servers. */
export async function proxied(name, edit = (text) => text, more = []) {
  const program = programs[name];
  // Programs that give up being root read it too.
  const folder = mkdtempSync(join(tmpdir(), "gateway-proxy-"));
  chmodSync(folder, 0o777);
  const ports = { port: await freePort("127.0.0.1"), servers: await freePort("127.0.0.11"), monitoring: await freePort("127.0.0.11") };
  const open = (index) => server(`127.0.0.1${index + 1}`, ports.servers, ports.monitoring, program.delay, more);
  const servers = [];
  for (let index = 0; index < program.servers; index += 1) servers.push(await open(index));
  const child = started(prepared(program, edit(shown(program.heading ?? name, program.block)), folder, ports), { cwd: folder, env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder } });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on("line", (line) => said.push(line));
  const proxy = {
    ...program, name, folder, servers, port: ports.port, url: `ws://127.0.0.1:${ports.port}/`, origin: `http://127.0.0.1:${ports.port}`,
    async replace(index) { servers[index] = await open(index); },
    async end() {
      child.kill("SIGTERM");
      for (const one of servers) one.kill();
      const forced = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await child.gone;
      clearTimeout(forced);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  const ended = child.gone.then((why) => { proxy.isGone = true; throw new Error(`${name} ended: ${why}\n${said.join("\n")}`); });
  ended.catch(() => {});
  try {
    await within(`${name} that passes on a handshake (${said.join("; ")})`, Promise.race([ended, ready(proxy)]));
  } catch (error) {
    await proxy.end();
    throw error;
  }
  return proxy;
}

/** Nothing says when a proxy has found its servers: it is asked until it has. */
async function ready(proxy) {
  while (!proxy.isGone && await handshake(proxy) !== 101) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** The status of a handshake with this page's origin; 0 where the connection failed. */
export async function handshake({ port, origin }, from = origin) {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: ${from}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const line = await new Promise((resolve) => { socket.once("data", (bytes) => resolve(bytes.toString("latin1"))); socket.once("close", () => resolve("")); });
  socket.destroy();
  return Number(line.split(" ")[1] ?? 0);
}

/** A client of the plain protocol. */
export async function plain({ url, origin }, options = {}) {
  const socket = new WebSocket(url, { origin, ...options });
  let next = 0;
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() })));
  await within("a connection", Promise.race([once(socket, "open"), closed.then(({ code }) => { throw new Error(`closed with ${code}`); })]));
  return {
    closed,
    async request(event, data) {
      const id = next += 1;
      socket.send(JSON.stringify({ event, data, id }));
      for (;;) {
        const [text] = await within("an answer", once(socket, "message"));
        const frame = JSON.parse(text);
        if (frame.id === id) return frame.data;
      }
    },
    end: () => socket.terminate(),
  };
}

/** A Socket.IO client, once it has connected. */
export async function socketIo({ origin, sticky }, options = {}) {
  const socket = io(origin, { extraHeaders: { origin }, withCredentials: Boolean(sticky), reconnection: false, forceNew: true, ...options });
  await within("a connection", new Promise((resolve, reject) => { socket.once("connect", resolve); socket.once("connect_error", reject); }));
  return socket;
}
