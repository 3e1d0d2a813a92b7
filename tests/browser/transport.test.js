/** What a browser negotiates by itself: compression, and TLS with a certificate that it was told to take. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { launch, startFixture } from "./support.js";

let browser;
const open = [];

before(async () => { browser = await launch(); });
after(() => browser?.close());
afterEach(async () => { for (const end of open.splice(0).reverse()) await end(); });

/** The echo fixture, and what a page of its own origin hears of it. */
async function echoed(scheme, ...options) {
  const server = await startFixture("echo", {}, 0, options);
  open.push(() => server.stop());
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  open.push(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(`${scheme}://${server.address}/`);     // an answer of the very server, so of its own origin
  return page.evaluate(() => new Promise((resolve, reject) => {
    const socket = new WebSocket(location.href.replace(/^http/, "ws"));
    socket.binaryType = "arraybuffer";
    const text = "again and ünagain ".repeat(5000);
    const heard = { lengths: [] };
    socket.onopen = () => { heard.extensions = socket.extensions; socket.send(text); socket.send(new Uint8Array(100_000)); };
    socket.onmessage = ({ data }) => {
      heard.lengths.push(data.length ?? data.byteLength);
      heard.isSame ??= data === text;
      if (heard.lengths.length === 2) socket.close(1000);
    };
    socket.onclose = ({ code }) => (heard.lengths.length === 2 ? resolve({ ...heard, code }) : reject(new Error(`closed with ${code}`)));
  }));
}

test("compression is negotiated and used", async () => {
  const heard = await echoed("http", "--deflate");
  assert.match(heard.extensions, /^permessage-deflate/);
  assert.deepEqual([heard.lengths, heard.isSame, heard.code], [[90_000, 100_000], true, 1000]);
});

test("without the option nothing is negotiated", async () => {
  assert.equal((await echoed("http")).extensions, "");
});

test("an encrypted connection is taken, compressed too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gateway-tls-"));
  open.push(() => rmSync(folder, { recursive: true }));
  const heard = await echoed("https", "--tls", folder, "--deflate");
  assert.match(heard.extensions, /^permessage-deflate/);
  assert.deepEqual([heard.lengths, heard.isSame, heard.code], [[90_000, 100_000], true, 1000]);
});
