/** Server-sent events with clients of other people: `EventSource` in Chromium, npm `eventsource`, `curl -N`, and nginx as it is installed. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before, test } from "node:test";
import { EventSource } from "eventsource";
import { launch, startFixture } from "./support.js";

let browser;
const open = [];

before(async () => { browser = await launch(); });
after(() => browser?.close());
afterEach(async () => { for (const end of open.splice(0).reverse()) await end(); });

async function start(...options) {
  const server = await startFixture("event-stream", {}, 0, ["--retry", "50", ...options]);
  open.push(() => server.stop());
  return server;
}

/** The server behind a network whose connections `cut` breaks, all of them at once. */
async function breakable(server) {
  const sockets = new Set();
  const network = createServer((client) => {
    const behind = connect(server.port, "127.0.0.1");
    for (const [one, other] of [[client, behind], [behind, client]]) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => { sockets.delete(one); other.destroy(); });
      one.pipe(other);
    }
  }).listen(0, "127.0.0.1");
  await once(network, "listening");
  const cut = () => sockets.forEach((socket) => socket.destroy());
  open.push(() => { cut(); network.close(); });
  return { url: `http://127.0.0.1:${network.address().port}/`, cut };
}

/** Says or asks by POST, as a page or a program does. */
async function post(url, stream, message) {
  const response = await fetch(url, { method: "POST", headers: { "Gateway-Stream": stream }, body: JSON.stringify(message) });
  return { status: response.status, text: await response.text() };
}

/** A page of the server's origin with an `EventSource` and its events. */
async function listen(server, path = "/chat") {
  const page = await browser.newPage();
  open.push(() => page.close());
  page.setDefaultTimeout(20_000);
  await page.goto(server.url);
  await page.evaluate((path) => {
    globalThis.events = [];
    globalThis.errors = [];
    globalThis.source = new EventSource(path);
    for (const name of ["gateway:stream", "gateway:session", "gateway:ask", "gateway:close", "posted", "exception"]) {
      source.addEventListener(name, ({ data, lastEventId }) => events.push({ name, data: JSON.parse(data), id: lastEventId }));
    }
    source.onerror = () => errors.push(source.readyState);
    globalThis.heard = async (name, count = 1) => {
      for (;;) {
        const found = events.filter((event) => event.name === name);
        if (found.length >= count) return found;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    globalThis.say = async (message) => {
      const { stream } = (await heard("gateway:stream")).at(-1).data;
      const response = await fetch("/chat", { method: "POST", headers: { "Gateway-Stream": stream }, body: JSON.stringify(message) });
      return { status: response.status, kind: response.headers.get("content-type"), text: await response.text() };
    };
  }, path);
  return page;
}

test("a browser listens, says, asks, and is asked", async () => {
  const server = await start();
  const ann = await listen(server);
  const bob = await listen(server);
  await bob.evaluate(() => heard("gateway:session"));
  assert.deepEqual(await ann.evaluate(() => say({ event: "say", data: "hällo", id: 1 })),
    { status: 200, kind: "application/json", text: '{"event":"say","data":1,"id":1}' });
  assert.equal((await bob.evaluate(() => heard("posted")))[0].data, "hällo");
  assert.equal((await ann.evaluate(() => say({ event: "say", data: "twice" }))).status, 202);
  assert.equal((await bob.evaluate(() => heard("posted", 2)))[1].data, "twice");

  const failed = await ann.evaluate(() => say({ event: "fail", id: 2 }));
  assert.deepEqual([failed.status, JSON.parse(failed.text).data.code], [400, "muted"]);
  const counted = await ann.evaluate(() => say({ event: "count", data: 3, id: 3 }));
  assert.equal(counted.kind, "application/x-ndjson");
  assert.deepEqual(counted.text.trim().split("\n").map((line) => JSON.parse(line).data ?? "end"), [1, 2, 3, "end"]);

  const named = ann.evaluate(() => say({ event: "who", id: 4 }));
  const [{ data: { ask } }] = await ann.evaluate(() => heard("gateway:ask"));
  assert.equal((await ann.evaluate((answer) => say({ answer, data: "Ann" }), ask)).status, 202);
  assert.equal(JSON.parse((await named).text).data, "Ann");
});

test("a browser that comes back has missed nothing", async () => {
  const server = await start();
  const network = await breakable(server);
  const ann = await listen(server);
  const bob = await listen(network);
  const first = (await bob.evaluate(() => heard("gateway:session")))[0].data;
  await ann.evaluate(() => say({ event: "say", data: "one", id: 1 }));
  await bob.evaluate(() => heard("posted"));
  network.cut();
  await ann.evaluate(() => say({ event: "say", data: "two", id: 2 }));
  await ann.evaluate(() => say({ event: "say", data: "three", id: 3 }));
  const posted = await bob.evaluate(() => heard("posted", 3));
  assert.deepEqual(posted.map(({ data }) => data), ["one", "two", "three"]);
  assert.equal(new Set(posted.map(({ id }) => id)).size, 3);
  const again = (await bob.evaluate(() => heard("gateway:session", 2)))[1].data;
  assert.deepEqual(again, { id: first.id, resumed: true });
});

test("a browser that is refused stays away, one that is sent away for a while too", async () => {
  const server = await start();
  const refused = await listen(server, "/chat?refuse");
  await refused.waitForFunction(() => errors.length > 0);
  assert.deepEqual(await refused.evaluate(() => [errors, source.readyState]), [[2], 2]);

  const left = await listen(server);
  await left.evaluate(() => say({ event: "leave" }));
  const [{ data }] = await left.evaluate(() => heard("gateway:close"));
  assert.deepEqual(data, { code: 4600, reason: "bye", reconnect: false });
  await left.waitForFunction(() => errors.length > 0);
  // Twenty times the pause of this server.
  await left.waitForTimeout(1000);
  assert.deepEqual(await left.evaluate(() => [errors, events.filter(({ name }) => name === "gateway:stream").length]), [[0], 1]);
});

/** npm `eventsource`, with what it has heard. */
function program(url) {
  const source = new EventSource(url);
  open.push(() => source.close());
  const events = [];
  const waiting = [];
  const heard = (name, count = 1) => new Promise((resolve) => {
    const look = () => { const found = events.filter((event) => event.name === name); if (found.length >= count) resolve(found); };
    waiting.push(look);
    look();
  });
  for (const name of ["gateway:stream", "gateway:session", "gateway:close", "posted"]) {
    source.addEventListener(name, ({ data, lastEventId }) => { events.push({ name, data: JSON.parse(data), id: lastEventId }); waiting.forEach((look) => look()); });
  }
  return { source, heard };
}

test("npm eventsource listens, and resumes by itself", async () => {
  const server = await start();
  const network = await breakable(server);
  const chat = `${server.url}chat`;
  const [ann, bob] = [program(chat), program(`${network.url}chat`)];
  const [{ data: { stream } }] = await ann.heard("gateway:stream");
  await bob.heard("gateway:session");
  assert.equal((await post(chat, stream, { event: "say", data: 1, id: 1 })).status, 422);
  assert.equal((await post(chat, stream, { event: "say", data: "one", id: 1 })).text, '{"event":"say","data":1,"id":1}');
  assert.equal((await bob.heard("posted"))[0].data, "one");
  network.cut();
  await post(chat, stream, { event: "say", data: "two", id: 2 });
  assert.deepEqual((await bob.heard("posted", 2)).map(({ data }) => data), ["one", "two"]);
  assert.equal((await bob.heard("gateway:session", 2))[1].data.resumed, true);
});

test("who is sent away for a moment comes back as a new client", async () => {
  const server = await start();
  const chat = `${server.url}chat`;
  const ann = program(chat);
  const [{ data: { stream } }] = await ann.heard("gateway:stream");
  assert.equal((await post(chat, stream, { event: "restart" })).status, 202);
  assert.deepEqual((await ann.heard("gateway:close"))[0].data, { code: 4100, reason: "again", reconnect: true });
  const again = (await ann.heard("gateway:stream", 2))[1].data.stream;
  assert.equal((await post(chat, stream, { event: "say", data: "lost", id: 2 })).status, 404);
  assert.equal((await post(chat, again, { event: "say", data: "two", id: 2 })).status, 200);
});

/** Starts a program that is ended with the test. */
function run(command, args) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const gone = once(child, "exit");
  // The master of nginx ends its workers.
  open.push(async () => { child.kill("SIGTERM"); await gone; });
  return child;
}

test("curl -N prints events as they come, and posts", async () => {
  const server = await start("--single");
  const lines = [];
  const child = run("curl", ["-sN", "-H", "Accept: text/event-stream", `${server.url}chat`]);
  const waiting = [];
  createInterface(child.stdout).on("line", (line) => { lines.push(line); waiting.forEach((look) => look()); });
  const until = (wanted) => new Promise((resolve) => {
    const look = () => { const line = lines.find((line) => line.startsWith(wanted)); if (line) resolve(line); };
    waiting.push(look);
    look();
  });
  assert.equal(lines.length === 0 || lines[0] === ":", true);
  const { stream } = JSON.parse((await until("data: {\"stream\"")).slice("data: ".length));
  assert.ok(stream);
  await until("event: gateway:session");
  const posted = run("curl", ["-s", "--json", '{"event":"say","data":"by curl","id":1}', `${server.url}chat`]);
  const [answer] = await once(posted.stdout, "data");
  assert.equal(answer.toString(), '{"event":"say","data":1,"id":1}');
  assert.equal(await until('data: "by curl"'), 'data: "by curl"');
});

test("behind nginx as it is installed, events come at once", async () => {
  const server = await start();
  const folder = mkdtempSync(join(tmpdir(), "gateway-nginx-"));
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  const paths = ["client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path", "uwsgi_temp_path", "scgi_temp_path"].map((name) => `${name} ${folder}/${name};`).join(" ");
  writeFileSync(join(folder, "conf"), `daemon off; pid ${folder}/pid; error_log ${folder}/log; events {}
    http { access_log off; ${paths} server { listen 127.0.0.1:${port}; location / { proxy_pass http://${server.address}; } } }`);
  run("nginx", ["-e", `${folder}/log`, "-p", folder, "-c", join(folder, "conf")]);
  open.push(() => rmSync(folder, { recursive: true, force: true }));
  const url = `http://127.0.0.1:${port}/chat`;
  for (;;) {
    const up = await fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status === 200, () => false);
    if (up) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const listener = program(url);
  const [{ data: { stream } }] = await listener.heard("gateway:stream");
  await listener.heard("gateway:session");
  const direct = program(`${server.url}chat`);
  await direct.heard("gateway:session");
  for (let number = 1; number <= 5; number += 1) {
    const answer = await post(url, stream, { event: "say", data: String(number), id: number });
    assert.deepEqual(answer, { status: 200, text: `{"event":"say","data":1,"id":${number}}` });
    assert.equal((await direct.heard("posted", number)).at(-1).data, String(number));
  }
  const other = (await direct.heard("gateway:stream"))[0].data.stream;
  await post(`${server.url}chat`, other, { event: "say", data: "through nginx", id: 1 });
  assert.equal((await listener.heard("posted"))[0].data, "through nginx");
});
