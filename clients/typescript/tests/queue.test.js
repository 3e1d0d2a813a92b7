/** Messages that wait: while there is no connection, and while the WebSocket's buffer is full. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, beforeEach, mock, test } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import { connect } from "../dist/index.js";
import { until } from "./fixture.js";

/** The runtime's side of a connection. What is sent stays in its buffer until the test lets it go. */
class Fake {
  static all = [];
  readyState = 0;
  bufferedAmount = 0;
  protocol = "gateway.v1";
  sent = [];
  constructor() { Fake.all.push(this); }
  send(text) {
    this.sent.push(JSON.parse(text));
    this.bufferedAmount += text.length;
  }
  close() { this.readyState = 3; }
  open() { this.readyState = 1; this.onopen({}); }
  hear(frame) { this.onmessage({ data: JSON.stringify(frame) }); }
  end(code, reason = "") { this.readyState = 3; this.onclose({ code, reason }); }
  accept(resumed = false) { this.open(); this.hear({ session: { id: "s1", resume: "T1", resumed } }); }
}

const latest = () => Fake.all.at(-1);
const turns = async () => { for (let turn = 0; turn < 10; turn += 1) await null; };
const events = (socket) => socket.sent.map(({ event, cancel }) => event ?? `cancel ${cancel}`);

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  Fake.all = [];
});
afterEach(() => mock.timers.reset());

async function client(bounds) {
  const gateway = connect("ws://localhost/chat", { WebSocket: Fake, bounds, delays: { base: 100, cap: 100 } });
  await turns();
  return gateway;
}

/** Lets the wait after a loss pass. */
function again() {
  mock.timers.tick(100);
  return latest();
}

test("what is sent before the server has accepted goes out then, in its order", async () => {
  const gateway = await client();
  gateway.emit("a");
  void gateway.request("b").catch(() => {});
  gateway.emit("c");
  latest().open();
  assert.deepEqual(events(latest()), []);
  latest().hear({ session: { id: "s1", resume: "T1", resumed: false } });
  assert.deepEqual(events(latest()), ["a", "b", "c"]);
});

test("what waits outlives a loss, what was sent is not sent again", async () => {
  const gateway = await client();
  latest().accept();
  gateway.emit("seen");
  const seen = gateway.request("seen too");
  latest().end(1006);
  await assert.rejects(seen, { code: "disconnected" });
  gateway.emit("later");
  const later = gateway.request("later too");
  const second = again();
  second.accept(true);
  assert.deepEqual(events(second), ["later", "later too"]);
  second.hear({ event: "later too", data: 1, id: 2 });
  assert.equal(await later, 1);
});

test("volatile messages do not wait", async () => {
  const gateway = await client();
  assert.equal(gateway.emit("a", 1, { volatile: true }), false);
  await assert.rejects(gateway.request("b", 1, { volatile: true }), { code: "disconnected" });
  latest().accept();
  assert.equal(gateway.emit("c", 1, { volatile: true }), true);
  assert.deepEqual(events(latest()), ["c"]);
});

test("a full buffer makes messages wait, and the queue is bounded", async () => {
  const gateway = await client({ buffered: 100, queue: 200 });
  latest().accept();
  const text = "x".repeat(60);
  gateway.emit("1", text);
  gateway.emit("2", text);
  assert.equal(latest().sent.length, 2, "the buffer has room until it is beyond its bound");
  gateway.emit("3", text);
  gateway.emit("4", text);
  assert.equal(latest().sent.length, 2);
  assert.equal(gateway.emit("5", text, { volatile: true }), false);
  assert.throws(() => gateway.emit("6", text), { code: "queue_full" });
  await assert.rejects(gateway.request("7", text), { code: "queue_full" });
  const length = JSON.stringify({ event: "1", data: text }).length;
  assert.equal(gateway.buffered, 4 * length);

  let drained = false;
  const waiting = gateway.drained().then(() => { drained = true; });
  mock.timers.tick(10);
  await turns();
  assert.equal(drained, false);
  latest().bufferedAmount = 0;
  mock.timers.tick(10);
  assert.deepEqual(events(latest()), ["1", "2", "3", "4"]);
  await turns();
  assert.equal(drained, false, "the buffer is full again");
  latest().bufferedAmount = 0;
  mock.timers.tick(10);
  await waiting;
  assert.equal(gateway.buffered, 0);
});

test("one message may be larger than the queue", async () => {
  const gateway = await client({ queue: 10 });
  gateway.emit("large", "x".repeat(100));
  assert.throws(() => gateway.emit("b"), { code: "queue_full" });
  latest().accept();
  assert.deepEqual(events(latest()), ["large"]);
});

test("a request that is given up while it waits is never sent, and needs no cancel", async () => {
  const gateway = await client();
  const stop = new AbortController();
  const aborted = gateway.request("a", null, { signal: stop.signal });
  const late = gateway.request("b", null, { timeout: 50 });
  stop.abort(new Error("why"));
  await assert.rejects(aborted, (error) => error.code === "aborted" && error.cause.message === "why");
  mock.timers.tick(50);
  await assert.rejects(late, { code: "timeout" });
  await assert.rejects(gateway.request("c", null, { signal: AbortSignal.abort() }), { code: "aborted" });
  latest().accept();
  assert.deepEqual(latest().sent, []);
  assert.equal(gateway.buffered, 0);
});

test("a request that is given up after it was sent is cancelled, and its late reply is ignored", async () => {
  const gateway = await client();
  latest().accept();
  const late = gateway.request("a", null, { timeout: 50 });
  mock.timers.tick(50);
  await assert.rejects(late, { code: "timeout" });
  assert.deepEqual(latest().sent, [{ event: "a", data: null, id: 1 }, { cancel: 1 }]);
  latest().hear({ event: "a", data: 1, id: 1 });
  latest().hear({ event: "exception", data: { code: "cancelled", message: "" }, id: 1 });
});

test("a close rejects everything that waits", async () => {
  const gateway = await client();
  const request = gateway.request("a");
  const drained = gateway.drained();
  const items = gateway.stream("b")[Symbol.asyncIterator]().next();
  gateway.close();
  for (const waiting of [request, drained, items, gateway.ready(), gateway.drained(), gateway.request("c")]) {
    await assert.rejects(waiting, { code: "closed" });
  }
});

test("an answer goes to the connection that asked", async () => {
  const gateway = await client();
  let answer;
  gateway.answer("confirm", () => new Promise((resolve) => { answer = resolve; }));
  latest().accept();
  latest().hear({ event: "confirm", data: 1, ask: 7 });
  latest().end(1006);
  const second = again();
  second.accept(true);
  answer(true);
  await turns();
  assert.deepEqual(second.sent, [], "question 7 of this connection is another");
  second.hear({ event: "confirm", data: 1, ask: 7 });
  answer(true);
  await turns();
  assert.deepEqual(second.sent, [{ answer: 7, data: true }]);
});

test("a listener that throws is reported, and harms no other", async () => {
  const reported = [], heard = [];
  const gateway = connect("ws://localhost/chat", { WebSocket: Fake, onerror: (error) => reported.push(error.message) });
  await turns();
  gateway.on("n", () => { throw new Error("mine"); });
  gateway.on("n", (data) => heard.push(data));
  gateway.subscribe(() => { throw new Error("shown"); });
  latest().accept();
  latest().hear({ event: "n", data: 1 });
  latest().onmessage({ data: "no JSON" });
  latest().onmessage({ data: "1" });
  assert.deepEqual(heard, [1]);
  assert.deepEqual(reported, ["shown", "mine", ...Array(2).fill("a message of the server cannot be read")]);
});

test("the items of a stream that nobody reads are bounded", async () => {
  const gateway = await client({ stream: 3 });
  latest().accept();
  const stream = gateway.stream("numbers");
  assert.deepEqual(latest().sent, [], "nothing is sent before the first item is asked for");
  const first = stream.next();
  for (let item = 0; item < 6; item += 1) latest().hear({ event: "numbers", data: item, id: 1, more: true });
  assert.deepEqual(await first, { value: 0, done: false });
  const read = [];
  await assert.rejects((async () => { for await (const item of stream) read.push(item); })(), { code: "overflow" });
  assert.deepEqual(read, [1, 2, 3]);
  assert.deepEqual(events(latest()), ["numbers", "cancel 1"]);
});

test("a stream ends once: by its end, a return, a signal or a loss", async () => {
  const gateway = await client();
  latest().accept();
  const ended = gateway.stream("a");
  const [one, two, three] = [ended.next(), ended.next(), ended.next()];
  latest().hear({ event: "a", data: 1, id: 1, more: true });
  latest().hear({ event: "a", id: 1, end: true });
  assert.deepEqual(await Promise.all([one, two, three]), [{ value: 1, done: false }, ...Array(2).fill({ value: undefined, done: true })]);
  assert.deepEqual(await ended.next(), { value: undefined, done: true });

  const returned = gateway.stream("b");
  const waiting = returned.next();
  assert.deepEqual(await returned.return(), { value: undefined, done: true });
  assert.deepEqual(await waiting, { value: undefined, done: true });
  assert.deepEqual(latest().sent.at(-1), { cancel: 2 });
  const unused = gateway.stream("never");
  await unused.return();
  assert.deepEqual(await unused.next(), { value: undefined, done: true });

  const stop = new AbortController();
  const aborted = gateway.stream("c", null, { signal: stop.signal });
  const item = aborted.next();
  stop.abort();
  await assert.rejects(item, { code: "aborted" });
  assert.deepEqual(latest().sent.at(-1), { cancel: 3 });

  const lost = gateway.stream("d").next();
  latest().end(1006);
  await assert.rejects(lost, { code: "disconnected" });
  assert.ok(!events(latest()).includes("never"));
});

test("bytes at any depth go as base64, and others stay as they are", async () => {
  const gateway = await client();
  latest().accept();
  const bytes = new Uint8Array([1, 2, 250]);
  gateway.emit("a", bytes);
  gateway.emit("b", { deep: [{ buffer: bytes.buffer, view: new DataView(bytes.buffer, 1) }], node: Buffer.from(bytes) });
  gateway.emit("c", { text: "AQL6", none: null, list: [1, [2]] });
  assert.deepEqual(latest().sent.map(({ data }) => data), [
    "AQL6",
    { deep: [{ buffer: "AQL6", view: "Avo=" }], node: "AQL6" },
    { text: "AQL6", none: null, list: [1, [2]] },
  ]);
});

test("a status stays the same object until it changes", async () => {
  const gateway = await client();
  const { getStatus, subscribe } = gateway;
  const before = getStatus();
  assert.equal(getStatus(), before);
  let changes = 0;
  const off = subscribe(() => { changes += 1; });
  latest().accept();
  assert.notEqual(getStatus(), before);
  assert.equal(getStatus(), gateway.status);
  off();
  latest().end(1006);
  assert.equal(changes, 1);
});

test("a server that does not read makes the client hold no more than its bounds", async () => {
  mock.timers.reset();
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  const heard = [];
  let reader;
  server.on("connection", (socket) => {
    reader = socket;
    socket.pause();
    socket.on("message", (text) => heard.push(JSON.parse(text).data.number));
    socket.send(JSON.stringify({ session: { id: "s1", resumed: false } }));
  });
  await once(server, "listening");
  const MEBIBYTE = 1024 * 1024;
  const gateway = connect(`ws://127.0.0.1:${server.address().port}`, { WebSocket, bounds: { buffered: MEBIBYTE, queue: MEBIBYTE } });
  try {
    await gateway.ready();
    const text = "x".repeat(10_000);
    let sent = 0, most = 0, refusals = 0;
    // Until the system's own buffers are full too.
    while (refusals < 3) {
      try {
        gateway.emit("part", { number: sent, text });
        sent += 1;
      } catch (error) {
        assert.equal(error.code, "queue_full");
        refusals += 1;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      most = Math.max(most, gateway.buffered);
    }
    assert.ok(most > 1.5 * MEBIBYTE && most <= 2 * MEBIBYTE + 20_000, `${most}`);
    let isDrained = false;
    const drained = gateway.drained().then(() => { isDrained = true; });
    assert.equal(isDrained, false);
    reader.resume();
    await drained;
    gateway.emit("part", { number: sent, text });
    await until("the last part", () => heard.length > sent);
    assert.deepEqual(heard, Array.from({ length: sent + 1 }, (_, number) => number));
  } finally {
    gateway.close();
    for (const client of server.clients) client.terminate();
    server.close();
  }
});
