/** The package: its size, its types, and the copy of it that the chat example serves. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bundle, page, pageBundle } from "../build.js";
import { compiles } from "./compiler.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
const KIB = 1024;

test("minified and compressed it has at most 8 KiB", async (context) => {
  const text = await bundle({ minify: true });
  const size = gzipSync(text, { level: 9 }).length;
  context.diagnostic(`${text.length} bytes minified, ${size} compressed`);
  assert.ok(size <= 8 * KIB, `${size} bytes`);
});

test("it depends on nothing", () => {
  const manifest = JSON.parse(readFileSync(`${folder}package.json`, "utf8"));
  assert.deepEqual([manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies], [undefined, undefined, undefined]);
  assert.doesNotMatch(readFileSync(`${folder}dist/index.js`, "utf8"), /^import |\brequire\(|import\(/m);
});

test("the chat example serves what is built from these sources", async () => {
  assert.equal(readFileSync(page, "utf8"), await pageBundle(), "run \"npm run page\" in clients/typescript");
});

test("no address of a registry is written down", () => {
  assert.doesNotMatch(readFileSync(`${folder}package-lock.json`, "utf8"), /"resolved"/);
});

test("right programs compile, and wrong ones do not", () => compiles("tests/types"));

test("what is generated from a contract compiles, and wrong programs over it do not", () => compiles("tests/generated"));
