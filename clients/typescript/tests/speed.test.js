/** CPU for requests with their replies and for events in Node, beside `socket.io-client` over WebSocket, in turns with it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { start } from "./fixture.js";

/** An event alone is mostly work of npm's `ws`, which both have. */
const AT_MOST = { requests: 0.6, events: 1 };
const TURNS = 5;
const script = fileURLToPath(new URL("load.js", import.meta.url));

test("a request and its reply take at most 0.6 of the CPU that they take socket.io-client, an event no more", async (context) => {
  const server = await start("plain");
  const measure = async (which) => JSON.parse((await promisify(execFile)(process.execPath, [script, which, server.url()])).stdout);
  const least = { ours: {}, "socket.io-client": {} };
  try {
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const [which, seen] of Object.entries(least)) {
        // The least is what the work takes; more is what else the machine did.
        for (const [name, cost] of Object.entries(await measure(which))) seen[name] = Math.min(cost, seen[name] ?? Infinity);
      }
    }
  } finally {
    await server.stop();
  }
  for (const [name, most] of Object.entries(AT_MOST)) {
    const [ours, other] = [least.ours[name], least["socket.io-client"][name]];
    context.diagnostic(`${name}: ${ours.toFixed(1)} µs of ${other.toFixed(1)} µs, ${(ours / other).toFixed(2)}`);
    assert.ok(ours <= most * other, `${name}: ${ours} of ${other}`);
  }
});
