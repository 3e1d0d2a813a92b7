/** The client of the plain protocol, `examples/chat/web/gateway.js`, in a browser against the small examples. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { launch, start } from "./support.js";

const CLIENT = readFileSync(new URL("../../examples/chat/web/gateway.js", import.meta.url), "utf8");

let browser;
const open = [];

before(async () => { browser = await launch(); });
after(() => browser?.close());
afterEach(async () => { for (const end of open.splice(0).reverse()) await end(); });

/** An example, and a page on its host with `connected` at hand. `frames` holds what the page sent. */
async function visit(name) {
  const server = await start(name);
  open.push(() => server.stop());
  const page = await browser.newPage();
  open.push(() => page.close());
  page.setDefaultTimeout(10_000);
  const frames = [];
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => frames.push(JSON.parse(payload))));
  await page.goto(server.url);                        // a 404 of the very server, so of its own origin
  await page.evaluate(async (source) => {
    const client = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    globalThis.connected = (path, options) => new Promise((resolve) => {
      const gateway = client.connect(path, options);
      gateway.states = [];
      gateway.subscribe((status) => { gateway.states.push(status.name); if (status.name === "open") resolve(gateway); });
    });
    globalThis.failure = (promise) => promise.then(() => "no failure", ({ code, message }) => ({ code, message }));
  }, CLIENT);
  return { server, page, frames };
}

test("a request resolves with its reply, whatever order they end in", async () => {
  const { page } = await visit("echo");
  const replies = await page.evaluate(async () => {
    const gateway = await connected("/echo");
    return Promise.all([1, "zwei", { three: [3] }, null].map((data) => gateway.request("echo", data)));
  });
  assert.deepEqual(replies, [1, "zwei", { three: [3] }, null]);
});

test("a request that fails rejects with code and message", async () => {
  const { page } = await visit("echo");
  const failed = await page.evaluate(async () => failure((await connected("/echo")).request("no such event", 1)));
  assert.equal(failed.code, "unknown_event");
  assert.ok(failed.message);
});

test("a stream is read to its end", async () => {
  const { page, frames } = await visit("stream");
  const items = await page.evaluate(async () => {
    const items = [];
    for await (const item of (await connected("/stream")).stream("countdown", 3)) items.push(item);
    return items;
  });
  assert.deepEqual(items, [3, 2, 1]);
  assert.equal(frames.length, 1, "an ended stream is not cancelled");
});

test("leaving the loop cancels the stream", async () => {
  const { page, frames } = await visit("stream");
  const reply = await page.evaluate(async () => {
    const gateway = await connected("/stream");
    for await (const item of gateway.stream("countdown", 1000)) if (item === 999) break;
    for await (const item of gateway.stream("countdown", 1)) return item;
  });
  assert.equal(reply, 1);
  assert.deepEqual(frames[1], { cancel: frames[0].id });
});

test("a stream that fails gives its items first", async () => {
  const { page } = await visit("stream");
  const [items, code] = await page.evaluate(async () => {
    const items = [];
    try {
      for await (const item of (await connected("/stream")).stream("halve", 12)) items.push(item);
    } catch ({ code }) {
      return [items, code];
    }
    return [items, "no failure"];
  });
  assert.deepEqual([items, code], [[6, 3], "odd"]);
});

test("the server's question is answered, refused by a throw, or by having no answer", async () => {
  const { page, frames } = await visit("ask");
  const replies = await page.evaluate(async () => {
    const gateway = await connected("/ask");
    const unanswered = await gateway.request("delete", "a");
    gateway.answer("confirm", async (question) => question === "delete b for good?");
    const deleted = await gateway.request("delete", "b");
    gateway.answer("confirm", () => { throw new Error("ask me later"); });
    return [unanswered, deleted, await gateway.request("delete", "c")];
  });
  assert.deepEqual(replies, ["kept, for want of an answer", "deleted", "kept, for want of an answer"]);
  const answers = frames.filter((frame) => "answer" in frame).map(({ data, error }) => data ?? error.message);
  assert.deepEqual(answers, ["nothing here answers \"confirm\"", true, "ask me later"]);
});

test("a request that is given up is cancelled", async () => {
  const { page, frames } = await visit("ask");
  const [timeout, aborted] = await page.evaluate(async () => {
    const gateway = await connected("/ask");
    gateway.answer("confirm", () => new Promise(() => {}));
    const timeout = await failure(gateway.request("delete", "a", { timeout: 20 }));
    const stop = new AbortController();
    const waiting = failure(gateway.request("delete", "b", { signal: stop.signal }));
    stop.abort();
    return [timeout, await waiting];
  });
  assert.deepEqual([timeout.code, aborted.code], ["timeout", "aborted"]);
  assert.equal(frames.filter((frame) => "cancel" in frame).length, 2);
});

test("what waits when the connection drops is rejected, and the connection comes back", async () => {
  const { page, server } = await visit("ask");
  await page.evaluate(async () => {
    globalThis.gateway = await connected("/ask", { delays: { base: 50, cap: 200 } });
    const asked = new Promise((resolve) => gateway.answer("confirm", () => { resolve(); return new Promise(() => {}); }));
    globalThis.waiting = failure(gateway.request("delete", "a", { timeout: 60_000 }));
    await asked;
  });
  await server.stop("SIGKILL");
  assert.equal((await page.evaluate(() => waiting)).code, "disconnected");
  assert.equal((await page.evaluate(() => failure(gateway.request("delete", "b", { volatile: true })))).code, "disconnected");
  const again = await start("ask", server.address);
  open.push(() => again.stop());
  await page.waitForFunction(() => gateway.status.name === "open");
  const states = await page.evaluate(() => gateway.states);
  assert.deepEqual(states.slice(0, 4), ["connecting", "open", "waiting", "connecting"]);
});

test("events are heard until their listener is taken off", async () => {
  const { page } = await visit("server_push");
  const heard = await page.evaluate(async () => {
    const gateway = await connected("/clock");
    const heard = [];
    await new Promise((resolve) => {
      const off = gateway.on("tick", ({ n }) => { heard.push(n); off(); });
      gateway.on("tick", ({ n }) => { if (heard.length > 0 && n > heard[0]) resolve(); });
    });
    gateway.close();
    return [heard.length, gateway.status.name];
  });
  assert.deepEqual(heard, [1, "closed"]);
});

test("an axum application serves gateways beside its own routes", async () => {
  const { page, server } = await visit("axum");
  assert.equal(await (await fetch(new URL("health", server.url))).text(), "ok");
  const greeting = await page.evaluate(async () => (await connected("/greeter")).request("greet", "ann"));
  assert.equal(greeting, "good morning, ann");
});
