/** Pages over HTTP/2: their WebSockets and polls are streams of the page's own connection (RFC 8441). */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { launch, startFixture } from "./support.js";

const BUNDLE = readFileSync(new URL("node_modules/socket.io-client/dist/socket.io.min.js", import.meta.url), "utf8");

let browser;
const open = [];

before(async () => { browser = await launch(); });
after(() => browser?.close());
afterEach(async () => { for (const end of open.splice(0).reverse()) await end(); });

/** A page of the fixture's own origin, and the status of each of its WebSockets' handshakes: 200 is a stream, 101 an upgrade. */
async function visited(name, ...options) {
  const folder = mkdtempSync(join(tmpdir(), "gateway-http2-"));
  open.push(() => rmSync(folder, { recursive: true }));
  const server = await startFixture(name, { PATIENT: "1" }, 0, ["--tls", folder, "--http2", ...options]);
  open.push(() => server.stop());
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  open.push(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const devtools = await context.newCDPSession(page);
  const statuses = [];
  devtools.on("Network.webSocketHandshakeResponseReceived", ({ response }) => statuses.push(response.status));
  await devtools.send("Network.enable");
  await page.goto(`https://${server.address}/`);
  assert.equal(await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), "h2");
  return { page, server, statuses };
}

/** What the page hears of echoes and of its own close. */
const echoed = () => new Promise((resolve, reject) => {
  const socket = new WebSocket(location.href.replace(/^http/, "ws"));
  socket.binaryType = "arraybuffer";
  const text = "again and ünagain ".repeat(5000);
  const heard = { lengths: [] };
  socket.onopen = () => { heard.extensions = socket.extensions; socket.send(text); socket.send(new Uint8Array(100_000)); };
  socket.onmessage = ({ data }) => {
    heard.lengths.push(data.length ?? data.byteLength);
    heard.isSame ??= data === text;
    if (heard.lengths.length === 2) socket.close(4001, "bye");
  };
  socket.onclose = ({ code, wasClean }) => (heard.lengths.length === 2 ? resolve({ ...heard, code, wasClean }) : reject(new Error(`closed with ${code}`)));
});

test("WebSockets of a page are streams, compressed too, and close cleanly each time", async () => {
  const { page, statuses } = await visited("echo", "--deflate");
  for (let round = 0; round < 20; round += 1) {
    const heard = await page.evaluate(echoed);
    assert.match(heard.extensions, /^permessage-deflate/);
    assert.deepEqual([heard.lengths, heard.isSame, heard.code, heard.wasClean], [[90_000, 100_000], true, 4001, true], `round ${round}`);
  }
  assert.deepEqual(statuses, Array(20).fill(200));
});

test("each of many sockets of a page reads the close code of a stop", async () => {
  const { page, server, statuses } = await visited("echo");
  await page.evaluate(async () => {
    globalThis.sockets = Array.from({ length: 20 }, () => new WebSocket(location.href.replace(/^http/, "ws")));
    globalThis.closes = sockets.map((socket) => new Promise((resolve) => { socket.onclose = ({ code, wasClean }) => resolve([code, wasClean]); }));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => { socket.onopen = resolve; })));
  });
  const stopped = server.stop();
  assert.deepEqual(await page.evaluate(() => Promise.all(closes)), Array(20).fill([1001, true]));
  await stopped;
  assert.deepEqual(statuses, Array(20).fill(200));
});

for (const [way, transports, expected] of [["polling alone", ["polling"], []], ["an upgrade", ["polling", "websocket"], [200]], ["WebSocket alone", ["websocket"], [200]]]) {
  test(`an unmodified socket.io-client talks by ${way}`, async () => {
    const { page, statuses } = await visited("socket-io");
    await page.addScriptTag({ content: BUNDLE });
    const heard = await page.evaluate(async (transports) => {
      const socket = io({ transports, reconnection: false, auth: { token: "t" } });
      const credentials = new Promise((resolve) => socket.once("auth", resolve));
      await new Promise((resolve, reject) => { socket.once("connect", resolve); socket.once("connect_error", reject); });
      if (transports.length > 1) await new Promise((resolve) => socket.io.engine.once("upgrade", resolve));
      const answers = [];
      for (let round = 0; round < 5; round += 1) answers.push(await socket.emitWithAck("message-with-ack", round));
      return { credentials: await credentials, answers, transport: socket.io.engine.transport.name };
    }, transports);
    assert.deepEqual(heard, { credentials: { token: "t" }, answers: [0, 1, 2, 3, 4], transport: transports.at(-1) });
    assert.deepEqual(statuses, expected);
  });
}
