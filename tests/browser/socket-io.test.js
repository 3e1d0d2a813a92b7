/** The browser bundle of socket.io-client in a real browser, against the fixtures. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { launch, startFixture } from "./support.js";

const bundle = (name) => readFileSync(new URL(`node_modules/socket.io-client/dist/${name}`, import.meta.url), "utf8");
const JSON_BUNDLE = bundle("socket.io.min.js");
const MSGPACK_BUNDLE = bundle("socket.io.msgpack.min.js");

const WAYS = {
  "over WebSocket": { transports: ["websocket"] },
  "over polling": { transports: ["polling"] },
  "with an upgrade": { transports: ["polling", "websocket"] },
};

let browser;
const servers = {}, open = [];

before(async () => {
  browser = await launch();
  servers.wire = await startFixture("wire");
  servers.msgpack = await startFixture("wire", { PARSER: "msgpack" });
  servers.recovering = await startFixture("wire", { CSR: "1" });
  servers.pinging = await startFixture("socket-io", { PING_TIMEOUT: "15000" });
  servers.specified = await startFixture("socket-io-client");
});
after(async () => {
  await browser?.close();
  for (const server of Object.values(servers)) await server.stop();
});
afterEach(async () => { for (const end of open.splice(0).reverse()) await end(); });

/** In the page: `connected(url, options)` resolves to a socket whose events are read one by one. */
function prepare() {
  const bytes = (value) => {
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return { bytes: [...new Uint8Array(value)] };   // msgpack gives views
    if (Array.isArray(value)) return value.map(bytes);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, bytes(inner)]));
    return value;
  };
  globalThis.readable = bytes;
  globalThis.reading = (socket) => {
    const received = [], waiting = [];
    socket.onAny((...event) => {
      const plain = bytes(event.filter((part) => typeof part !== "function"));
      if (waiting.length > 0) waiting.shift()(plain);
      else received.push(plain);
    });
    socket.next = () => (received.length > 0 ? Promise.resolve(received.shift()) : new Promise((resolve) => waiting.push(resolve)));
    socket.ask = (...event) => new Promise((resolve) => socket.emit(...event, (...answer) => resolve(bytes(answer))));
    socket.event = (name) => new Promise((resolve) => socket.once(name, resolve));
    return socket;
  };
  globalThis.connected = async (path, options) => {
    const socket = reading(io(path, { forceNew: true, reconnection: false, ...options }));
    await new Promise((resolve, reject) => { socket.once("connect", resolve); socket.once("connect_error", reject); });
    if (options.transports.length > 1 && socket.io.engine.transport.name === "polling") {
      await new Promise((resolve) => socket.io.engine.once("upgrade", resolve));
    }
    return socket;
  };
}

/** A page of the server's own origin, with the client in it. */
async function visit(server, source = JSON_BUNDLE) {
  const context = await browser.newContext();
  open.push(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(server.url);                        // a 404 of the very server
  await page.addScriptTag({ content: source });
  await page.evaluate(prepare);
  return page;
}

for (const [way, options] of Object.entries(WAYS)) {
  for (const [parser, server, source] of [["JSON", "wire", JSON_BUNDLE], ["msgpack", "msgpack", MSGPACK_BUNDLE]]) {
    test(`${way}, ${parser}: events, binaries and acks in both directions`, async () => {
      const page = await visit(servers[server], source);
      const seen = await page.evaluate(async (options) => {
        const socket = await connected("/", { ...options, auth: { token: "t", list: [1, null] } });
        const seen = { transport: socket.io.engine.transport.name, auth: await socket.next() };
        socket.emit("message", 1, "zwei", { three: ["€😀"] }, null);
        seen.several = await socket.next();
        socket.emit("message", new Uint8Array([1, 2]).buffer, { deep: [new Uint8Array([3]).buffer] }, "text");
        seen.binaries = await socket.next();
        seen.ack = await socket.ask("message-with-ack", "a", [1]);
        seen.binaryAck = await socket.ask("message-with-ack", { a: new Uint8Array([9, 8]).buffer }, new Uint8Array([7]).buffer);
        socket.on("question", (question, answer) => answer(question, new Uint8Array([5]).buffer));
        socket.emit("ask");
        seen.question = await socket.next();
        seen.answer = await socket.next();
        socket.emit("burst", 100);
        seen.burst = [];
        for (let number = 0; number < 100; number += 1) seen.burst.push((await socket.next())[1]);
        socket.emit("big", 300_000);
        seen.big = (await socket.next())[1].length;
        socket.disconnect();
        return seen;
      }, options);
      assert.deepEqual(seen, {
        transport: options.transports.at(-1),
        auth: ["auth", { token: "t", list: [1, null] }],
        several: ["message-back", 1, "zwei", { three: ["€😀"] }, null],
        binaries: ["message-back", { bytes: [1, 2] }, { deep: [{ bytes: [3] }] }, "text"],
        ack: ["a", [1]],
        binaryAck: [{ a: { bytes: [9, 8] } }, { bytes: [7] }],
        question: ["question", "q"],
        answer: ["answer", "q", { bytes: [5] }],
        burst: Array.from({ length: 100 }, (_, number) => number),
        big: 300_000,
      });
    });
  }

  test(`${way}: namespaces are joined and refused over one connection`, async () => {
    const page = await visit(servers.wire);
    const seen = await page.evaluate(async (options) => {
      const main = await connected("/", options);
      const custom = reading(main.io.socket("/custom", { auth: { where: "custom" } }));
      await custom.event("connect");
      const seen = { auth: await custom.next(), answer: await custom.ask("message-with-ack", "there"), own: custom.id !== main.id };
      const refused = main.io.socket("/auth-fail");
      const error = await new Promise((resolve) => refused.once("connect_error", resolve));
      seen.refusal = [error.message, error.data];
      const missing = main.io.socket("/nowhere");
      seen.missing = (await new Promise((resolve) => missing.once("connect_error", resolve))).message;
      custom.disconnect();
      seen.main = await main.ask("message-with-ack", "here");
      main.disconnect();
      return seen;
    }, options);
    assert.deepEqual(seen, {
      auth: ["auth", { where: "custom" }], answer: ["there"], own: true,
      refusal: ["not authorized", { content: "Please retry later" }], missing: "Invalid namespace", main: ["here"],
    });
  });

  test(`${way}: blobs and buffers arrive as the npm client's specifications ask`, async () => {
    const page = await visit(servers.specified);
    const events = await page.evaluate(async (options) => {
      const socket = await connected("/", options);
      const blob = () => new Blob(["hello ", "lol"], { type: "text/plain" });
      const events = [];
      for (const [emits, answers] of [
        [[["doge"]], 1], [[["getbin"]], 1], [[["getUtf8"]], 5], [[["buffa", new Uint8Array([1]).buffer]], 1],
        [[["blob", blob()]], 1], [[["jsonblob", { hello: "lol", message: blob(), goodbye: "gotcha" }]], 1],
        [[["blob1", blob()], ["blob2", "second"], ["blob3", blob()]], 1],
      ]) {
        for (const emit of emits) socket.emit(...emit);
        for (let answer = 0; answer < answers; answer += 1) events.push((await socket.next()).slice(0, -1));   // without its offset
      }
      socket.disconnect();
      return events;
    }, options);
    const doge = { bytes: [...Buffer.from("asdfasdf")] };
    assert.deepEqual(events, [
      ["doge", doge], ["takebin", doge],
      ...["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"].map((text) => ["takeUtf8", text]),
      ["buffack"], ["back"], ["jsonblob-ack"], ["blob3-ack"],
    ]);
  });

  test(`${way}: a page of another origin is served`, async () => {
    const page = await visit(servers.pinging);
    const echoed = await page.evaluate(async ([url, options]) => {
      const socket = await connected(url, options);
      await socket.next();
      const echoed = await socket.ask("message-with-ack", "from elsewhere", new Uint8Array([1]));
      socket.disconnect();
      return echoed;
    }, [servers.wire.url, options]);
    assert.deepEqual(echoed, ["from elsewhere", { bytes: [1] }]);
  });

  test(`${way}: a page stays over three pings`, async () => {
    const page = await visit(servers.pinging);
    const alive = await page.evaluate(async (options) => {
      const socket = await connected("/", options);
      let pings = 0;
      await new Promise((resolve) => socket.io.engine.on("ping", () => { if ((pings += 1) === 3) resolve(); }));
      const alive = await socket.ask("message-with-ack", "alive");
      socket.disconnect();
      return alive;
    }, options);
    assert.deepEqual(alive, ["alive"]);
  });

  test(`${way}: a page comes back to a server that was started anew`, async () => {
    const first = await startFixture("wire");
    open.push(() => first.stop());
    const page = await visit(first);
    await page.evaluate(async (options) => {
      globalThis.socket = await connected("/", { ...options, reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100 });
      globalThis.gone = socket.event("disconnect");
    }, options);
    await first.stop();
    assert.match(await page.evaluate(() => gone), /^(transport (close|error)|io server disconnect)$/);
    const second = await startFixture("wire", {}, first.port);
    open.push(() => second.stop());
    await page.waitForFunction(() => socket.connected);
    assert.deepEqual(await page.evaluate(() => socket.ask("message-with-ack", "back")), ["back"]);
    await page.evaluate(() => socket.disconnect());
  });

  test(`${way}: a page that lost its connection has what it missed`, async () => {
    const page = await visit(servers.recovering), other = await visit(servers.recovering);
    const room = `room ${way}`;
    await page.evaluate(async ([options, room]) => {
      globalThis.socket = await connected("/", options);
      await socket.next();
      socket.emit("join", room);
      socket.emit("message", "an offset");
      await socket.next();
      globalThis.before = [socket.id, socket.io.engine.id];
      const gone = socket.event("disconnect");
      socket.io.engine.close();
      await gone;
    }, [options, room]);
    await forgotten(page);
    await other.evaluate(async ([options, room]) => {
      const socket = await connected("/", options);
      for (const number of [1, 2, 3]) socket.emit("to", room, number);
      await socket.ask("message-with-ack", "done");
      socket.disconnect();
    }, [options, room]);
    const seen = await page.evaluate(async () => {
      socket.connect();
      await socket.event("connect");
      const missed = [];
      while (missed.length < 3) {
        const [event, number] = await socket.next();
        if (event === "room-msg") missed.push(number);
      }
      return { recovered: socket.recovered, same: socket.id === before[0], missed };
    });
    assert.deepEqual(seen, { recovered: true, same: true, missed: [1, 2, 3] });
  });
}

/** Waits until the server knows that the page's connection has ended. */
function forgotten(page) {
  return page.evaluate(async () => {
    for (;;) {
      const answer = await fetch(`/socket.io/?EIO=4&transport=polling&sid=${before[1]}`);
      if (answer.status !== 200 && (await answer.json()).code === 1) return;
    }
  });
}
