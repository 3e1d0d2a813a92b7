/** One scenario in each runtime: Node with npm's `ws` and with its own WebSocket, Bun, Deno, and Chromium. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { start } from "./fixture.js";
import { faultProxy, random } from "./proxy.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const run = promisify(execFile);

const EVERYWHERE = [
  "connect", "requests", "deadline and abort, cancelled at the server", "streams", "questions", "binary", "events", "resume",
  "final close codes", "refusals", "query",
];

let server, proxy, http, base;
before(async () => {
  server = await start("plain");
  proxy = await faultProxy(server.port, random(1), 0);
  // Serves the client to the browser, and cuts connections.
  http = createServer((request, response) => {
    const files = { "/client.js": "../dist/index.js", "/scenario.js": "scenario.js" };
    if (request.url === "/cut") proxy.cut();
    const file = files[request.url];
    response.setHeader("content-type", file ? "text/javascript" : "text/html");
    response.end(file ? readFileSync(new URL(file, import.meta.url)) : "<!doctype html><title>page</title>");
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${http.address().port}`;
});
after(async () => {
  http?.closeAllConnections();
  http?.close();
  await proxy?.stop();
  await server?.stop();
});

async function runs(program, before, ...after) {
  const { stdout } = await run(program, [...before, `${here}runtime.js`, proxy.url(), `${base}/cut`, ...after], { timeout: 60_000, cwd: here });
  assert.deepEqual(JSON.parse(stdout), [...EVERYWHERE, "cookie"]);
}

/**
 * The program of an npm package that has one for each system in a scope of its own. Its install script, which may be off, moves it
 * to `installed`.
 */
function program(scope, file, installed) {
  const modules = fileURLToPath(new URL("../node_modules/", import.meta.url));
  const folders = existsSync(modules + scope) ? readdirSync(modules + scope).sort() : [];
  const places = [...folders.map((folder) => `${modules}${scope}/${folder}/${file}`), modules + installed];
  return places.find(existsSync) ?? assert.fail(`none of ${places}`);
}

test("Node, with npm's ws", () => runs(process.execPath, [], "ws"));
test("Node, with its own WebSocket", () => runs(process.execPath, ["--experimental-websocket"]));
test("Bun", () => runs(program("@oven", "bin/bun", "bun/bin/bun.exe"), []));
test("Deno", () => runs(program("@deno", "deno", "deno/deno"), ["run", "--allow-all", "--no-config"]));

test("Chromium", async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    const page = await browser.newPage();
    await page.goto(base);
    const done = await page.evaluate(async ([url, base]) => {
      const [client, { scenario }] = [await import(`${base}/client.js`), await import(`${base}/scenario.js`)];
      return scenario(client, { url, cut: () => fetch("/cut").then((answer) => answer.text()), headers: false });
    }, [proxy.url(), base]);
    assert.deepEqual(done, EVERYWHERE);
  } finally {
    await browser.close();
  }
});
