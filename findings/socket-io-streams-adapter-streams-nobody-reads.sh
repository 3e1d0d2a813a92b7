#!/usr/bin/env bash
# @socket.io/redis-streams-adapter 0.3.1 with `streamCount: 4`: events of some namespaces go to a stream that no node reads.
#
# The stream of a namespace is its hash modulo the number of streams, and the hash is a signed number of 32 bits: for `/chat` the
# remainder is 3, for `/notifications` it is -3. Readers read 0 to 3. So `io.of("/notifications").emit(…)` of one node is written to
# `socket.io--3` and reaches no client of another node, without an error, while `fetchSockets()`, which does not use the streams,
# counts the other node's client and looks healthy.
set -euo pipefail
command -v redis-server >/dev/null || apt-get install -y -q redis-server >/dev/null
work=$(mktemp -d)
redis=
trap '[ -z "$redis" ] || kill "$redis"; rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-streams-adapter@0.3.1 redis@5.10.0
redis-server --port 0 --unixsocket "$work/redis.sock" --save "" >/dev/null &
redis=$!
cat >streams.mjs <<'JS'
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io as connect } from "socket.io-client";

const NAMESPACES = ["/chat", "/notifications"];

async function node() {
  const client = createClient({ socket: { path: process.argv[2], reconnectStrategy: 100 } });
  client.on("error", () => {});
  await client.connect();
  const http = createServer();
  const io = new Server(http, { adapter: createAdapter(client, { streamCount: 4 }) });
  NAMESPACES.forEach((name) => io.of(name));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return { io, client, port: http.address().port };
}

const [here, there] = [await node(), await node()];
const heard = { "/chat": 0, "/notifications": 0 };
for (const name of NAMESPACES) {
  const client = connect(`http://127.0.0.1:${there.port}${name}`, { transports: ["websocket"], forceNew: true });
  client.on("hello", () => (heard[name] += 1));
  await once(client, "connect");
}
// A node reads from the moment of its first read: events are sent until one of `/chat` has arrived, and five more.
let sent = 0;
for (let more = 5; more > 0 && sent < 200; sent += 1) {
  for (const name of NAMESPACES) here.io.of(name).emit("hello");
  await new Promise((done) => setTimeout(done, 100));
  more -= Number(heard["/chat"] > 0);
}
const counted = (await here.io.of("/notifications").fetchSockets()).length;
const streams = (await here.client.keys("socket.io*")).sort();
console.log({ sent, heard, counted, streams });
assert(heard["/chat"] >= 5, "events of /chat arrive");
assert.equal(heard["/notifications"], 0, "no event of /notifications arrives");
assert.equal(counted, 1, "and its client is counted from the other node");
assert.deepEqual(streams, ["socket.io--3", "socket.io-3"]);
process.exit(0);
JS
timeout 120 node streams.mjs "$work/redis.sock"
