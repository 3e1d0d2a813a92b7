#!/usr/bin/env bash
# socket.io and socket.io-client 4.8.3, connection state recovery on: a volatile event whose last argument is a text makes
# the next recovery fail.
#
# The server appends an offset as last argument to every event without an ack that is not volatile. The client takes the last
# argument of *every* event for the offset where that is a text, also where the server appended none. One volatile
# "typing", "ann" so replaces the client's offset by "ann", which the server does not know when the client comes back: it is a
# new socket and what it missed is lost. A volatile event that ends in a number or in nothing does no harm.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund socket.io@4.8.3 socket.io-client@4.8.3
cat >try.js <<'JS'
const { createServer } = require("node:http");
const { once } = require("node:events");
const { Server } = require("socket.io");
const { io } = require("socket.io-client");

async function isRecovered(volatile) {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const sockets = new Server(server, { connectionStateRecovery: {} });
    sockets.on("connection", (socket) => {
        // This event has an offset of its own: only what is sent after it can spoil it.
        if (!socket.recovered) socket.emit("told");
        socket.on("ready", (done) => {
            if (volatile) socket.volatile.emit(...volatile);
            done();
        });
    });
    const client = io(`http://127.0.0.1:${server.address().port}`, { transports: ["websocket"], reconnectionDelay: 10 });
    await new Promise((resolve) => client.once("told", resolve));
    await client.emitWithAck("ready");
    const back = new Promise((resolve) => client.once("connect", resolve));
    client.io.engine.close();
    await back;
    const { recovered } = client;
    client.close();
    await sockets.close();
    return recovered;
}

(async () => {
    const seen = {
        "no volatile event": await isRecovered(),
        "volatile, ends in a number": await isRecovered(["typing", 1]),
        "volatile, ends in a text": await isRecovered(["typing", "ann"]),
    };
    console.log("recovered after a loss:", seen);
    require("node:assert").deepStrictEqual(Object.values(seen), [true, true, false]);
})();
JS
timeout 60 node try.js
