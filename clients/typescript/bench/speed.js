/**
 * CPU for requests with their replies and for events in Node, beside `socket.io-client` over WebSocket, in turns with it: `npm run bench`,
 * against the fixture `plain`. Prints the least of each work in µs and their ratio; the least is what the work takes, more is what
 * else the machine did. An event alone is mostly work of npm's `ws`, which both have.
 */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { start } from "../tests/fixture.js";

const TURNS = Number(process.env.TURNS ?? 7);
const script = fileURLToPath(new URL("load.js", import.meta.url));

const server = await start("plain");
const measure = async (which) => JSON.parse((await promisify(execFile)(process.execPath, [script, which, server.url()])).stdout);
const least = { ours: {}, "socket.io-client": {} };
try {
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const [which, seen] of Object.entries(least)) {
      for (const [name, cost] of Object.entries(await measure(which))) seen[name] = Math.min(cost, seen[name] ?? Infinity);
    }
  }
} finally {
  await server.stop();
}
for (const [name, ours] of Object.entries(least.ours)) {
  const other = least["socket.io-client"][name];
  console.log(`${name}: ${ours.toFixed(1)} µs of ${other.toFixed(1)} µs, ${(ours / other).toFixed(2)}`);
}
