#!/usr/bin/env bash
# socket.io 4.8.4 with @socket.io/redis-adapter 8.3.0 and two servers: `io.local.timeout(t).emit(event, ack)` always times out, although
# every client of this server has answered in time.
#
# `local` keeps the event on this server, yet the number of answers that are awaited is taken from the whole cluster: the broadcast waits
# for one word of each server, and the other server was never asked. With one server the same call succeeds, so that it fails
# only in production. Without `local` it succeeds with both servers.
set -euo pipefail
command -v redis-server >/dev/null || apt-get install -y -q redis-server >/dev/null
work=$(mktemp -d)
redis=
trap '[ -z "$redis" ] || kill "$redis"; rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-adapter@8.3.0 redis@5.10.0
redis-server --port 0 --unixsocket "$work/redis.sock" --save "" >/dev/null &
redis=$!
cat >local.mjs <<'JS'
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io as connect } from "socket.io-client";

async function redis() {
  const client = createClient({ socket: { path: process.argv[2], reconnectStrategy: 100 } });
  client.on("error", () => {});
  return await client.connect();
}

async function server() {
  const http = createServer();
  const io = new Server(http, { adapter: createAdapter(await redis(), await redis()) });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return { io, port: http.address().port };
}

const ask = (target) =>
  new Promise((done) => target.timeout(1500).emit("ask", (error, answers) => done([error?.message ?? null, answers])));

async function servers(io, count) {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await io.of("/").adapter.serverCount()) === count) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`no ${count} servers`);
}

const here = await server();
const client = connect(`http://127.0.0.1:${here.port}`, { transports: ["websocket"] });
client.on("ask", (ack) => ack("here"));
await once(client, "connect");
await servers(here.io, 1);
const alone = await ask(here.io.local);
await server();
await servers(here.io, 2);
const [local, everywhere] = [await ask(here.io.local), await ask(here.io)];
console.log(JSON.stringify({ alone, local, everywhere }));
assert.deepEqual(alone, [null, ["here"]]);
assert.deepEqual(local, ["operation has timed out", ["here"]]);
assert.deepEqual(everywhere, [null, ["here"]]);
process.exit(0);
JS
timeout 120 node local.mjs "$work/redis.sock"
