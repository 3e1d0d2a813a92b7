/**
 * CPU time of a message in Node, beside `socket.io-client` over WebSocket, in turns with it: `npm run bench`, against the fixture `plain`.
 * Both clients have the same WebSocket: npm's `ws`, then that of the runtime. Works are 500 requests in flight with their replies, 500
 * events that the server writes together, and events one by one, each of which the client asks for.
 *
 * Prints the least of each work in µs. Fails where ours takes more than BOUND, by default 0.6, of
 * socket.io-client's requests or events over `ws`. Event by event, most is what any client takes: see the stream alone.
 */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { start } from "../tests/fixture.js";
import { clients } from "./clients.js";

const TURNS = Number(process.env.TURNS ?? 3);
const BOUND = Number(process.env.BOUND ?? 0.6);
const BOUNDED = ["requests", "events"];
const script = fileURLToPath(new URL("load.js", import.meta.url));
// Node 20 has its WebSocket behind an option.
const options = process.allowedNodeEnvironmentFlags.has("--experimental-websocket") ? ["--no-warnings", "--experimental-websocket"] : [];

const measure = async (webSocket, name, url) => {
  const { stdout } = await promisify(execFile)(process.execPath, [...options, script, webSocket, name, url]);
  return JSON.parse(stdout);
};

/** Least costs by WebSocket, client and work. */
async function leastCosts() {
  const server = await start("plain");
  const least = {};
  try {
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const [webSocket, named] of Object.entries(clients)) {
        for (const name of Object.keys(named)) {
          const seen = (least[webSocket] ??= {})[name] ??= {};
          for (const [work, cost] of Object.entries(await measure(webSocket, name, server.url()))) {
            seen[work] = Math.min(cost, seen[work] ?? Infinity);
          }
        }
      }
    }
  } finally {
    await server.stop();
  }
  return least;
}

for (const [webSocket, named] of Object.entries(await leastCosts())) {
  const other = named["socket.io-client"];
  console.log(webSocket === "ws" ? "npm's ws" : "the WebSocket of the runtime");
  for (const [name, costs] of Object.entries(named)) {
    const shown = Object.entries(costs).map(([work, cost]) => `${work} ${cost.toFixed(2)} µs (${(cost / other[work]).toFixed(2)})`);
    console.log(`  ${name}: ${shown.join(", ")}`);
  }
  for (const work of webSocket === "ws" ? BOUNDED : []) {
    if (named.ours[work] <= BOUND * other[work]) continue;
    console.error(`${work}: more than ${BOUND} of socket.io-client`);
    process.exitCode = 1;
  }
}
