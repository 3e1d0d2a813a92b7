#!/usr/bin/env bash
# @socket.io/redis-adapter 8.3.0, `createAdapter` beside `createShardedAdapter`, socket.io 4.8.4. Two changes for clients when a server
# moves from the first to the second, without a line of its own changed:
#
# 1. `io.emit("a"); socket.emit("b"); io.emit("c")` reaches this client as a, b, c with the classic adapter, and as b, a, c with the
#    sharded one, which sends to its own clients only after Redis has answered.
# 2. With `connectionStateRecovery` on, which neither adapter supports, the classic adapter sends events as they are. With the
#    sharded one every listener gets one argument more: "" from the node itself, and null from another node.
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
cat >order.mjs <<'JS'
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io as connect } from "socket.io-client";

async function redis() {
  const client = createClient({ socket: { path: process.argv[2], reconnectStrategy: 100 } });
  client.on("error", () => {});
  return await client.connect();
}

async function node(adapter, options) {
  const http = createServer();
  const io = new Server(http, { adapter: adapter(await redis(), await redis()), ...options });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return { io, port: http.address().port };
}

async function client({ port }) {
  const heard = [];
  const socket = connect(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true });
  const last = new Promise((done) => socket.onAny((...all) => all[0] !== "hello" && heard.push(all) && all[0] === "c" && done()));
  const hello = once(socket, "hello");
  await once(socket, "connect");
  return { heard, hello, last };
}

async function run(adapter, options) {
  const [here, there] = [await node(adapter, options), await node(adapter, options)];
  const connected = once(here.io, "connection");
  const [own, other] = [await client(here), await client(there)];
  const [socket] = await connected;
  // Subscriptions are not awaited by the adapters: a word is sent until it is heard on the other node.
  const greeting = setInterval(() => here.io.emit("hello"), 50);
  await Promise.all([own.hello, other.hello]);
  clearInterval(greeting);
  await new Promise((done) => setTimeout(done, 200));
  here.io.emit("a", 1);
  socket.emit("b", 2);
  here.io.emit("c", 3);
  await Promise.all([own.last, other.last]);
  return { own: own.heard.slice(-3), other: other.heard.slice(-2) };
}

const recovery = { connectionStateRecovery: {} };
const [classic, sharded] = [await run(createAdapter, {}), await run(createShardedAdapter, {})];
const [classicRecovery, shardedRecovery] = [await run(createAdapter, recovery), await run(createShardedAdapter, recovery)];
console.log(JSON.stringify({ classic, sharded, classicRecovery, shardedRecovery }, null, 1));
assert.deepEqual(classic.own, [["a", 1], ["b", 2], ["c", 3]]);
assert.deepEqual(sharded.own.map(([event]) => event).sort(), ["a", "b", "c"]);
assert.equal(sharded.own[0][0], "b", "the direct event overtakes the broadcast before it");
assert.deepEqual(classicRecovery, classic);
assert.deepEqual(shardedRecovery.own.find(([event]) => event === "a"), ["a", 1, ""]);
assert.deepEqual(shardedRecovery.other, [["a", 1, null], ["c", 3, null]]);
process.exit(0);
JS
timeout 120 node order.mjs "$work/redis.sock"
