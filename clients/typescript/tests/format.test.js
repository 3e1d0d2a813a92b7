/** Other formats: MessagePack with a public package, against the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import WebSocket from "ws";
import { connect } from "../dist/index.js";
import { reaches, start, within } from "./fixture.js";
import { faultProxy, random } from "./proxy.js";

const msgpack = { protocol: "gateway.v1.msgpack", encode, decode: (message) => decode(new Uint8Array(message)) };

let server, proxy;
before(async () => {
  server = await start("plain");
  proxy = await faultProxy(server.port, random(1), 0);
});
after(async () => {
  await proxy?.stop();
  await server?.stop();
});

test("MessagePack carries bytes as they are", async () => {
  const client = connect(server.url(), { WebSocket, format: msgpack });
  assert.deepEqual([...await client.request("reverse", new Uint8Array([1, 2, 3]))], [3, 2, 1]);
  assert.deepEqual(await client.request("echo", { list: [1, null, "ü"] }), { list: [1, null, "ü"] });
  const items = [];
  for await (const item of client.stream("countdown", { from: 2, every: 1 })) items.push(item);
  assert.deepEqual(items, [2, 1]);
  client.answer("question", () => "yes");
  assert.deepEqual(await client.request("ask", 1), { answer: "yes" });
  client.close();
});

test("a client that speaks MessagePack resumes, and misses nothing", async () => {
  const client = connect(proxy.url(), { WebSocket, format: msgpack, delays: { base: 10, cap: 10 } });
  const numbers = [];
  const last = new Promise((resolve) => client.on("number", (number) => numbers.push(number) === 400 && resolve()));
  await client.ready();
  const { id } = client.status;
  assert.equal(typeof id, "string");
  await client.request("burst", { from: 0, count: 400, every: 500 });
  proxy.cut();
  await reaches(client, "waiting");
  assert.deepEqual(await reaches(client, "open"), { name: "open", id, resumed: true, reconnected: true });
  await within("the last number", last);
  assert.deepEqual(numbers, [...numbers.keys()]);
  client.close();
});
