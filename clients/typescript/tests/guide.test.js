/** Every TypeScript block of docs/clients.md compiles. The first one is the contract that the others use. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const folder = fileURLToPath(new URL("..", import.meta.url));
const page = new URL("../../../docs/clients.md", import.meta.url);

const OPTIONS = {
  target: "ES2022", module: "NodeNext", lib: ["ES2022", "DOM"], types: [], strict: true, noEmit: true, exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
};

/** Packages of others that the page names, as far as it uses them. */
const OTHERS = `
declare module "react" { export function useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, snapshot: () => T): T; }
declare module "ws" { export default class extends WebSocket { constructor(url: string, protocols?: string | string[], options?: object); } }
`;

const GIVEN = `import { connect as connectOfThePage } from "@gateway-core/client";
import type { Chat as ChatOfThePage } from "./chat.js";
const chat = connectOfThePage<ChatOfThePage>("/chat");
`;

test("every TypeScript block of the guide compiles", async () => {
  const blocks = readFileSync(page, "utf8").split("\n```ts\n").slice(1).map((rest) => rest.split("\n```")[0]);
  assert.ok(blocks.length >= 12, "the blocks were not found");
  // Inside of the package, so that its name leads to itself.
  const place = mkdtempSync(`${folder}tests/guide-`);
  try {
    writeFileSync(`${place}/others.d.ts`, OTHERS);
    writeFileSync(`${place}/tsconfig.json`, JSON.stringify({ compilerOptions: OPTIONS, include: ["."] }));
    for (const [number, block] of blocks.entries()) {
      const text = number === 0 || /\bconst chat = /.test(block) ? block : GIVEN + block;
      writeFileSync(`${place}/${number === 0 ? "chat" : `block-${number}`}.ts`, text);
    }
    const tsc = `${folder}node_modules/typescript/bin/tsc`;
    await promisify(execFile)(process.execPath, [tsc, "--project", place], { cwd: folder }).catch(({ stdout }) => assert.fail(stdout));
  } finally {
    rmSync(place, { recursive: true });
  }
});
