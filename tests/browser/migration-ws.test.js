/** The frames of NestJS over `WsAdapter`, and those of the fixture `nest`, for the same frames of a client. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { startFixture, startNode } from "./support.js";

const servers = {};
before(async () => {
  servers.nest = await startNode(fileURLToPath(new URL("nest/run.mjs", import.meta.url)), ["answers"], { PORT: "0" });
  servers.ours = await startFixture("nest");
});
after(async () => { for (const server of Object.values(servers)) await server.stop(); });

/** Of a test; what hangs fails. */
const bounded = { timeout: 60_000 };

/** An event that is answered by both. */
const ask = (path) => (path === "/a" ? "echo" : "push");

/** All that comes back for a text, frame by frame. */
async function answers(server, path, text) {
  const socket = new WebSocket(`ws://${server.address}${path}`);
  const received = [], waiting = [];
  const ended = new Promise((_, reject) => {
    socket.on("message", (data) => (data.toString().includes('"there and back"') ? waiting.shift()() : received.push(data.toString())));
    socket.on("close", (code) => reject(new Error(`closed with ${code} after ${received}`)));
    socket.on("error", reject);
  });
  await Promise.race([once(socket, "open"), ended]);
  socket.send(text);
  // NestJS handles events side by side, so the first of these may overtake what was sent before it; the second cannot.
  for (let time = 1; time <= 2; time += 1) {
    const back = new Promise((resolve) => waiting.push(resolve));
    socket.send(JSON.stringify({ event: ask(path), data: "there and back" }));
    await Promise.race([back, ended]);
  }
  socket.removeAllListeners("close").close();
  await once(socket, "close");
  return received;
}

const same = [
  ["/", "push", { test: "test" }], ["/example", "push", [1, { a: null }]], ["/", "push", "ü€😀"], ["/", "push", null],
  ["/", "getClient", { test: "test" }], ["/", "getClientWithError", { test: "test" }],
  ["/a", "echo", { a: [1.5, true, ""] }], ["/a", "undef", 1], ["/a", "nul", 1], ["/a", "stream", 1], ["/a", "streamerr", { x: 1 }],
  ["/a", "wsstr", { x: 1 }], ["/a", "wsobj", 1], ["/a", "wsarr", 1], ["/a", "err", { x: [1] }], ["/a", "nocause", 1], ["/a", "cf", 1],
  ["/a", "guarded", { x: 1 }], ["/a", "ic", { x: 1 }], ["/a", "nothing", 1],
];
for (const [path, event, data] of same) {
  test(`${path} ${event} ${JSON.stringify(data)}: the same`, bounded, async () => {
    const text = JSON.stringify({ event, data });
    const nest = await answers(servers.nest, path, text);
    const ours = await answers(servers.ours, path, text);
    assert.deepEqual(ours.map((frame) => JSON.parse(frame)), nest.map((frame) => JSON.parse(frame)));
    assert.equal(nest.length > 0, !["undef", "nul", "nothing"].includes(event), `${nest}`);
  });
}

/** Differences, by the name that docs/from-nestjs.md explains them under. */
const different = [
  ["A plain value on plain WebSocket", "plain", { x: 1 }, ['{"x":1}'], ['{"event":"plain","data":{"x":1}}']],
  ["A plain value on plain WebSocket", "fals", 1, ["false"], ['{"event":"fals","data":false}']],
  ["A plain value on plain WebSocket", "zero", 1, ["0"], ['{"event":"zero","data":0}']],
  ["A plain value on plain WebSocket", "empty", 1, ['""'], ['{"event":"empty","data":""}']],
];
for (const [why, event, data, nest, ours] of different) {
  test(`/a ${event}: ${why}`, bounded, async () => {
    const text = JSON.stringify({ event, data });
    assert.deepEqual(await answers(servers.nest, "/a", text), nest);
    assert.deepEqual(await answers(servers.ours, "/a", text), ours);
  });
}

test("Malformed messages are answered", bounded, async () => {
  for (const text of ["no JSON", "", "[1]", "7", "{}"]) {
    assert.deepEqual(await answers(servers.nest, "/a", text), []);
    const [answer, ...more] = await answers(servers.ours, "/a", text);
    assert.deepEqual([JSON.parse(answer).event, more], ["exception", []], text);
  }
});

test("every difference is explained on the page of the migration", () => {
  const page = readFileSync(new URL("../../docs/from-nestjs.md", import.meta.url), "utf8");
  for (const why of [...different.map(([why]) => why), "Malformed messages are answered"]) assert.ok(page.includes(`| ${why} |`), why);
});
