/**
 * One room by every way in: Chromium over HTTP/1.1 and over HTTP/2 (RFC 8441), an `EventSource`, an unmodified socket.io-client by
 * polling, a bare TCP connection, and netcat. Whoever says something, all of them hear it.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before, test } from "node:test";
import { io } from "socket.io-client";
import { launch, picture, startFixture } from "./support.js";

let browser;
const open = [];

before(async () => { browser = await launch(); });
after(() => browser?.close());
afterEach(async () => { for (const end of open.splice(0).reverse()) await end(); });

async function start() {
  const folder = mkdtempSync(join(tmpdir(), "gateway-every-way-"));
  open.push(() => rmSync(folder, { recursive: true }));
  const server = await startFixture("every-way", {}, 0, ["--tls", folder]);
  open.push(() => server.stop());
  const printed = (name) => server.printed.find((line) => line.startsWith(`${name}: `)).slice(name.length + 2);
  return { ...server, encrypted: printed("encrypted"), lines: printed("lines") };
}

/** Resolves when `list` has so many elements; `changed` calls what waits. */
function until(list, count, waiting) {
  return new Promise((resolve) => {
    const look = () => { if (list.length >= count) resolve(list); };
    waiting.push(look);
    look();
  });
}

/** A page of the fixture, its protocol, and the statuses of its WebSockets' handshakes: 101 is an upgrade, 200 a stream of HTTP/2. */
async function page(url) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 640, height: 420 } });
  open.push(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const devtools = await context.newCDPSession(page);
  const statuses = [];
  devtools.on("Network.webSocketHandshakeResponseReceived", ({ response }) => statuses.push(response.status));
  await devtools.send("Network.enable");
  await page.goto(url);
  await page.evaluate(() => entered.then(() => {}));
  return {
    page,
    statuses,
    protocol: await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol),
    say: (text) => page.evaluate((text) => entered.then((say) => say(text)), text),
    heard: async (count) => (await page.waitForFunction((count) => heard.length >= count && heard, count)).jsonValue(),
  };
}

/** An unmodified client of Socket.IO that never leaves polling. */
async function polling(url) {
  const socket = io(`${url}chat`, { transports: ["polling"], reconnection: false, forceNew: true });
  open.push(() => socket.disconnect());
  const heard = [], waiting = [];
  socket.on("posted", (text) => { heard.push(text); waiting.forEach((look) => look()); });
  await new Promise((resolve, reject) => { socket.once("connect", resolve); socket.once("connect_error", reject); });
  assert.equal(socket.io.engine.transport.name, "polling");
  return { say: (text) => socket.emitWithAck("say", text), heard: (count) => until(heard, count, waiting) };
}

/** A client of lines, over these streams. */
async function lines(output, input) {
  const heard = [], answers = [], sessions = [], waiting = [];
  createInterface({ input: output }).on("line", (line) => {
    const message = JSON.parse(line);
    if (message.session) sessions.push(message.session);
    else if (message.event === "posted") heard.push(message.data);
    else answers.push(message);
    waiting.forEach((look) => look());
  });
  input.write('{"connect":"/chat"}\n');
  await until(sessions, 1, waiting);
  let asked = 0;
  const say = async (text) => {
    asked += 1;
    input.write(`${JSON.stringify({ event: "say", data: text, id: asked })}\n`);
    return (await until(answers, asked, waiting))[asked - 1].data;
  };
  return { say, heard: (count) => until(heard, count, waiting) };
}

async function socket(address) {
  const [host, port] = address.split(":");
  const stream = connect(Number(port), host);
  open.push(() => stream.destroy());
  await once(stream, "connect");
  return lines(stream, stream);
}

async function netcat(address) {
  const child = spawn("nc", address.split(":"), { stdio: ["pipe", "pipe", "inherit"] });
  open.push(async () => { const gone = once(child, "exit"); child.kill(); await gone; });
  return lines(child.stdout, child.stdin);
}

test("all ways lead into one room", async () => {
  const server = await start();
  const clients = {
    "WebSocket over HTTP/1.1": await page(server.url),
    "WebSocket over HTTP/2": await page(`https://${server.encrypted}/`),
    EventSource: await page(`${server.url}?events`),
    "EventSource over HTTP/2": await page(`https://${server.encrypted}/?events`),
    "Socket.IO by polling": await polling(server.url),
    TCP: await socket(server.lines),
    netcat: await netcat(server.lines),
  };
  const { "WebSocket over HTTP/1.1": first, "WebSocket over HTTP/2": second, EventSource: third, "EventSource over HTTP/2": fourth } = clients;
  assert.deepEqual([first, second, third, fourth].map(({ protocol }) => protocol), ["http/1.1", "h2", "http/1.1", "h2"]);
  assert.deepEqual([first, second, third, fourth].map(({ statuses }) => statuses), [[101], [200], [], []]);

  const texts = [];
  for (const [name, { say }] of Object.entries(clients)) {
    texts.push(`hellö by ${name}`);
    assert.equal(await say(texts.at(-1)), Object.keys(clients).length, name);
    for (const [listener, { heard }] of Object.entries(clients)) {
      assert.deepEqual(await heard(texts.length), texts, `${listener} heard ${name}`);
    }
  }
  await picture(first.page, "every-way-http1");
  await picture(second.page, "every-way-http2");
  await picture(third.page, "every-way-events");
});
