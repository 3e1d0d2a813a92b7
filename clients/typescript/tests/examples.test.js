/** The examples of the repository: their generated clients, the programs over them, and the calls of the chat's page. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import WebSocket from "ws";
import { connect } from "../dist/index.js";
import { compiles, said } from "./compiler.js";
import { reaches, startExample } from "./fixture.js";

const folder = fileURLToPath(new URL(".", import.meta.url));
const examples = fileURLToPath(new URL("../../../examples", import.meta.url));

test("programs over the clients of the example compile, and wrong ones do not", () => compiles("tests/examples"));

test("the programs of the example run against its server, by both protocols", async () => {
  // Inside of the package, so that the names of packages lead somewhere.
  const place = mkdtempSync(`${folder}example-`);
  const server = await startExample("contract");
  try {
    await build({
      entryPoints: ["plain.ts", "socket_io.ts"].map((name) => `${examples}/contract/client/${name}`),
      outdir: place,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      format: "esm",
      platform: "node",
      alias: { "@gateway-core/client": fileURLToPath(new URL("../dist/index.js", import.meta.url)) },
      external: ["socket.io-client"],
    });
    const expected = { titles: ["Oven: done"], code: "no_such_ticket" };
    const plain = await import(pathToFileURL(`${place}/plain.mjs`));
    assert.deepEqual(await plain.run(server.url(""), { WebSocket }), expected);
    const socketIo = await import(pathToFileURL(`${place}/socket_io.mjs`));
    assert.deepEqual(await socketIo.run(`http://127.0.0.1:${server.port}`), expected);
  } finally {
    await server.stop();
    rmSync(place, { recursive: true });
  }
});

test("new credentials are exchanged on the open connection, and refused ones end it", async () => {
  const server = await startExample("auth");
  try {
    const token = (name) => server.printed.find((line) => line.startsWith(`${name}: `)).slice(name.length + 2);
    const board = connect(server.url("/board"), { WebSocket, auth: token("ann") });
    assert.equal(await board.request("whoami"), "ann");
    await assert.rejects(board.request("note", ["ann", "look"]), { code: "forbidden" });
    assert.equal(await board.renew(token("eve")), undefined);
    assert.equal(await board.request("whoami"), "eve");
    assert.equal(await board.request("note", ["eve", "look"]), 1);
    const ended = reaches(board, "closed");
    await assert.rejects(board.renew("no token"), { code: "unauthorized" });
    assert.equal((await ended).code, 4500);
    await assert.rejects(board.renew(token("eve")), { code: "closed" });
  } finally {
    await server.stop();
  }
});

test("the page of the chat keeps to the contract of its server", () => compiles("tests/page"));

test("a page that does not keep to the contract does not compile", async () => {
  const page = readFileSync(`${examples}/chat/web/chat.js`, "utf8");
  const place = mkdtempSync(`${folder}page-`);
  try {
    for (const [right, wrong, expected] of [
      ['chat.on("posted"', 'chat.on("post"', /"post"' is not assignable/],
      ['ask("message", { room: room.name, text, tag })', 'ask("message", { room: room.name, body: text, tag })', /'body' does not exist/],
      ['ask("join", { room: room.name })', 'ask("join")', /Expected 2-3 arguments, but got 1/],
      ["({ room, nickname }) => seen(room, nickname, true)", "({ room, name }) => seen(room, name, true)", /'name' does not exist/],
    ]) {
      assert.ok(page.includes(right), right);
      const text = page.replace(right, wrong).replaceAll('"./', `"${examples}/chat/web/`).replaceAll('"../', `"${examples}/chat/`);
      writeFileSync(`${place}/chat.js`, text);
      writeFileSync(`${place}/tsconfig.json`, JSON.stringify({ extends: "../page/tsconfig.json", files: ["chat.js"] }));
      assert.match(await said(place), expected, wrong);
    }
  } finally {
    rmSync(place, { recursive: true });
  }
});
