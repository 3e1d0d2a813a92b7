/** A login that is refused by an event and a disconnect, as NestJS gateways do in `handleConnection`: there and here. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { io } from "socket.io-client";
import WebSocket from "ws";
import { startFixture, startNode } from "./support.js";

const servers = { io: {}, ws: {} };
before(async () => {
  const run = fileURLToPath(new URL("nest/run.mjs", import.meta.url));
  servers.io.nest = await startNode(run, [], { PORT: "0" });
  servers.ws.nest = await startNode(run, ["answers"], { PORT: "0" });
  servers.io.ours = servers.ws.ours = await startFixture("nest");
});
after(async () => {
  for (const server of new Set(Object.values(servers).flatMap(Object.values))) await server.stop();
});

/** Of a test; what hangs fails. */
const bounded = { timeout: 60_000 };

/** All that a client of Socket.IO sees until it is disconnected. */
async function visit(server, transports, auth) {
  const socket = io(`${server.url}login`, { transports, auth, forceNew: true, reconnection: false });
  const seen = [];
  const ended = new Promise((resolve) => {
    socket.on("connect", () => seen.push("connect"));
    socket.on("connect_error", (error) => resolve(seen.push(`connect_error ${error.message}`)));
    socket.onAny((event, data) => seen.push([event, data]));
    socket.on("disconnect", (reason) => resolve(seen.push(`disconnect: ${reason}`)));
  });
  if (auth) {
    await once(socket, "connect");
    seen.push(await socket.emitWithAck("whoami"));
    socket.disconnect();
  }
  await ended;
  return seen;
}

for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
  for (const side of ["nest", "ours"]) {
    test(`${side} over Socket.IO by ${transports}: an event, then a disconnect`, bounded, async () => {
      const refused = ["connect", ["unauthorized", { message: "invalid token" }], "disconnect: io server disconnect"];
      assert.deepEqual(await visit(servers.io[side], transports), refused);
      assert.deepEqual(await visit(servers.io[side], transports, { token: "secret" }), ["connect", "ann", "disconnect: io client disconnect"]);
    });
  }
}

for (const side of ["nest", "ours"]) {
  test(`${side} over plain WebSocket: an event, then the end`, bounded, async () => {
    const socket = new WebSocket(`ws://${servers.ws[side].address}/login?token=wrong`);
    const seen = [];
    socket.on("message", (data) => seen.push(JSON.parse(data)));
    await once(socket, "close");
    assert.deepEqual(seen, [{ event: "unauthorized", data: { message: "invalid token" } }]);
    const welcome = new WebSocket(`ws://${servers.ws[side].address}/login?token=secret`);
    await once(welcome, "open");
    welcome.send(JSON.stringify({ event: "push", data: 1 }));
    const [answer] = await once(welcome, "message");
    assert.deepEqual(JSON.parse(answer), { event: "pop", data: 1 });
    welcome.close();
  });
}
