/** CPU for requests with their replies and for events in Node, beside `socket.io-client` over WebSocket, in turns with it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { start } from "./fixture.js";

const AT_MOST = 0.6, TURNS = 3;
const script = fileURLToPath(new URL("load.js", import.meta.url));

test("a message takes at most 0.6 of the CPU that it takes socket.io-client", async (context) => {
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
  const total = (which) => least[which].requests + least[which].events;
  for (const name of ["requests", "events"]) {
    const [ours, other] = [least.ours[name], least["socket.io-client"][name]];
    context.diagnostic(`${name}: ${ours.toFixed(1)} µs of ${other.toFixed(1)} µs, ${(ours / other).toFixed(2)}`);
  }
  const ratio = total("ours") / total("socket.io-client");
  assert.ok(ratio <= AT_MOST, `${ratio}: ${JSON.stringify(least)}`);
});
