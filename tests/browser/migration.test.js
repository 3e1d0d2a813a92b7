/** One page over socket.io-client, unmodified, against a NestJS application and against the example it was ported to. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, start, startNode } from "./support.js";

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const files = {
  "/": ["text/html", read("nest/client.html")],
  "/socket.io.min.js": ["text/javascript", read("node_modules/socket.io-client/dist/socket.io.min.js")],
};

let browser, pages;
const servers = {};
before(async () => {
  browser = await launch();
  // The front end has a host of its own.
  pages = createServer((request, response) => {
    const [type, body] = files[new URL(request.url, "http://host").pathname] ?? ["text/plain", ""];
    response.writeHead(body ? 200 : 404, { "content-type": type }).end(body);
  });
  await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
  servers.nest = await startNode(fileURLToPath(new URL("nest/run.mjs", import.meta.url)), [], { PORT: "0" });
  servers.ours = await start("nestjs");
});
after(async () => {
  await browser?.close();
  pages?.close();
  for (const server of Object.values(servers)) await server.stop();
});

/** A difference that docs/from-nestjs.md explains under this name: what NestJS's client sees, and what ours. */
const differs = (why, { nest, ours }) => ({ why, nest, ours });

const exception = (message, pattern, data) => ["exception", { status: "error", message, cause: { pattern, data } }];
const invalid = (...fields) => ["exception", { status: "error", message: "Validation failed", fields }];

/** What each of the people sees, in order. */
const seen = {
  nobody: [
    ["connect_error", "Unauthorized", undefined],
  ],
  ann: [
    ["welcome", { name: "ann" }],
    ["ack of join", { people: 1, pattern: "join" }],
    ["joined", { room: "tea", name: "mod" }],
    ["said", { room: "tea", name: "ann", text: "milk?" }],
    ["ack of say", { number: 1, pattern: "say" }],
    ["said", { room: "tea", name: "mod", text: "sugar, too" }],
    ["history", "milk?"],
    ["history", "sugar, too"],
    ["ack of export", "milk?\nsugar, too"],
    ["exception", { status: "error", message: "you are not in coffee", room: "coffee" }],
    invalid("text"),
    invalid("text"),
    invalid("room", "text"),
    differs("Only the first fault of the shape", { nest: [invalid("room", "text")], ours: [invalid("text", "room")] }),
    invalid("room"),
    exception("Forbidden resource", "clear", { room: "tea" }),
    exception("Internal server error", "backup", { full: true }),
    ["you", "ann"],
    differs("An ack is always called", { nest: [], ours: [["ack of whoami", "ann"], ["ack of leave", null]] }),
    ["ack of export", "milk?\nsugar, too"],
    ["disconnect", "io server disconnect"],
  ],
  mod: [
    ["welcome", { name: "mod" }],
    ["ack of join", { people: 2, pattern: "join" }],
    ["said", { room: "tea", name: "ann", text: "milk?" }],
    ["said", { room: "tea", name: "mod", text: "sugar, too" }],
    ["ack of say", { number: 2, pattern: "say" }],
    ["ack of clear", 2],
    ["left", { name: "ann" }],
    ["disconnect", "io client disconnect"],
  ],
};

const lines = (who, side) => seen[who].flatMap((line) => (line.why ? line[side] : [line]));

/** What the people on the page saw, by person. */
async function visit(server, transports) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  const query = new URLSearchParams({ server: new URL(server.url).origin, transports });
  await page.goto(`http://127.0.0.1:${pages.address().port}/?${query}`);
  const all = await page.waitForFunction(() => window.visited).then((visited) => visited.jsonValue(), async (error) => {
    throw new Error(`the page came no further than\n${await page.locator("pre").textContent()}`, { cause: error });
  });
  await context.close();
  assert.deepEqual(complaints, []);
  return Object.fromEntries(Object.keys(seen).map((name) => [name, all.filter(([who]) => who === name).map(([, ...line]) => line)]));
}

for (const transports of ["websocket", "polling", "polling,websocket"]) {
  for (const side of ["nest", "ours"]) {
    test(`${side} by ${transports}: the page sees what it is meant to`, async () => {
      const people = await visit(servers[side], transports);
      for (const who of Object.keys(seen)) assert.deepEqual(people[who], lines(who, side), who);
    });
  }
}

test("every difference is explained on the page of the migration", () => {
  const page = read("../../docs/from-nestjs.md");
  const unexplained = Object.values(seen).flat().filter(({ why }) => why && !page.includes(`| ${why} |`));
  assert.deepEqual(unexplained, []);
});
