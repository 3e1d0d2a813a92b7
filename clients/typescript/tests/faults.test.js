/** Connections that end in the middle of a burst, again and again: nothing is lost, nothing comes twice, all is in order. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { connect } from "../dist/index.js";
import { reaches, start, until, within } from "./fixture.js";
import { faultProxy, random } from "./proxy.js";

const SEEDS = Number(process.env.SEEDS ?? 12), FIRST_SEED = Number(process.env.SEED ?? 1);
const KILLS = 10, NUMBERS = 400, SAID = 60, NOTES = 120;
const DELAYS = { base: 20, cap: 60, connect: 5_000 };

let server;
before(async () => { server = await start("plain"); });
after(() => server.stop());

const range = (count) => Array.from({ length: count }, (_, number) => number);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Everything that happened to one client behind the proxy. */
async function lossy(seed) {
  const next = random(seed);
  const proxy = await faultProxy(server.port, next, KILLS);
  const bob = connect(server.url(), { WebSocket });
  const ann = connect(proxy.url(), { WebSocket, delays: DELAYS });
  const seen = { numbers: [], said: [], opened: [], replies: 0, lost: 0, certain: new Set() };
  // Notes so far, and those of them that went to connections which the client knows to be lost.
  let noted = 0, gone = 0, losses = 0, isOpen = false;
  ann.subscribe((status) => {
    if (status.name === "open") seen.opened.push({ ...status });
    else if (isOpen) [gone, losses] = [noted, losses + 1];
    isOpen = status.name === "open";
  });
  ann.on("number", (number) => seen.numbers.push(number));
  // Others speak to the room too, in other tests of this file at the same time as well.
  ann.on("said", ([speaker, number]) => { if (speaker === seed) seen.said.push(number); });
  try {
    await Promise.all([ann.ready(), bob.ready()]);
    await begun(ann, seen);
    const speaking = (async () => {
      for (const number of range(SAID)) {
        await bob.request("say", [seed, number]);
        await pause(next() * 6);
      }
    })();
    const noting = (async () => {
      for (const number of range(NOTES)) {
        ann.emit("note", number);
        noted = number + 1;
        await pause(next() * 3);
      }
    })();
    const asking = (async () => {
      for (const number of range(40)) {
        // They travel before this request, so its reply on the same connection says that they have arrived.
        const [before, asked] = [range(noted).slice(gone), losses];
        await ann.request("echo", number).then(
          (reply) => {
            seen.replies += 1;
            if (losses === asked) before.forEach((note) => seen.certain.add(note));
            assert.equal(reply, number);
          },
          (error) => { seen.lost += 1; assert.equal(error.code, "disconnected"); },
        );
        await pause(next() * 8);
      }
    })();
    await within("what was said", Promise.all([speaking, noting, asking]));
    // A planned end may be further away than all that was carried.
    for (let opened = seen.opened.length; opened < 3; opened += 1) {
      proxy.cut();
      await until(`connection ${opened + 1} of ${seed}`, () => seen.opened.length > opened);
    }
    await until(`the end of ${seed}`, () => seen.numbers.length >= NUMBERS && seen.said.length >= SAID);
    seen.notes = await retried(() => ann.request("notes"));
    // What would come twice has come by now: it is sent before this reply.
    await retried(() => ann.request("echo", "last"));
    return { ...seen, faults: proxy.faults };
  } finally {
    ann.close();
    bob.close();
    await proxy.stop();
  }
}

/** Has the burst begin: a request for it that broke with its connection may have been handled, or not. */
async function begun(ann, seen) {
  while (seen.numbers.length === 0) {
    const failed = await ann.request("burst", { from: 0, count: NUMBERS, every: 500 }).then(() => null, (error) => error);
    if (!failed) return;
    assert.equal(failed.code, "disconnected");
    // What comes first after a return is what was missed, so a burst that had begun shows before this reply.
    await retried(() => ann.request("echo", "is it there"));
  }
}

async function retried(ask) {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      assert.equal(error.code, "disconnected");
    }
  }
}

for (const seed of range(SEEDS).map((number) => FIRST_SEED + number)) {
  test(`what is sent while connections break arrives in order and once: seed ${seed}`, async () => {
    const seen = await lossy(seed);
    assert.deepEqual(seen.numbers, range(NUMBERS));
    assert.deepEqual(seen.said, range(SAID));
    const [first, ...others] = seen.opened;
    assert.equal(first.reconnected, false);
    assert.ok(others.length >= 2, `only ${others.length} connections broke`);
    for (const { id, resumed, reconnected } of others) assert.deepEqual([id, resumed, reconnected], [first.id, true, true]);
    // Of what the client sent a loss may take some, but nothing twice and nothing out of order.
    for (const [at, number] of seen.notes.entries()) assert.ok(at === 0 || number > seen.notes[at - 1], `${seen.notes}`);
    assert.ok(seen.certain.size > 0);
    for (const note of seen.certain) assert.ok(seen.notes.includes(note), `${note} is not among ${seen.notes}`);
    assert.ok(seen.replies > 0);
  });
}

test("a server that was killed and started again has new sockets, and the client finds it", async () => {
  const first = await start("plain");
  const ann = connect(first.url(), { WebSocket, delays: DELAYS });
  let again;
  try {
    await ann.ready();
    const { id } = ann.status;
    await first.stop("SIGKILL");
    await reaches(ann, "waiting");
    again = await start("plain", "--port", String(first.port));
    const status = await reaches(ann, "open");
    assert.deepEqual([status.resumed, status.reconnected, status.id === id], [false, true, false]);
    assert.equal(await ann.request("echo", 1), 1);
  } finally {
    ann.close();
    await again?.stop();
  }
});

test("a session that the server no longer has is replaced, and the client says so", async (context) => {
  const short = await start("plain", "--window", "1");
  const proxy = await faultProxy(short.port, random(1), 0);
  const ann = connect(proxy.url(), { WebSocket, delays: { base: 400, cap: 400 } });
  try {
    await ann.ready();
    const { id } = ann.status;
    // The longest wait that the jitter allows.
    context.mock.method(Math, "random", () => 0.999);
    proxy.cut();
    assert.equal((await reaches(ann, "waiting")).code, 1006);
    const status = await reaches(ann, "open");
    assert.deepEqual([status.resumed, status.reconnected, status.id === id], [false, true, false]);
  } finally {
    ann.close();
    await proxy.stop();
    await short.stop();
  }
});
