/** A proxy that ends connections in the middle of what they carry, as its random numbers say. */

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Each of the first `kills` connections ends after some bytes of one direction. `next` gives random numbers; without faults left,
 * connections live.
 */
export async function faultProxy(port, next, kills, most = 3_000) {
  const open = new Set();
  const faults = { left: kills, seen: {} };
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    const both = [client, upstream];
    for (const socket of both) {
      socket.setNoDelay(true);
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => open.delete(socket));
    }
    const kill = faults.left > 0 ? planned(next, most) : null;
    if (kill) faults.left -= 1;
    forward(client, upstream, kill?.direction === "up" ? kill : null, both, faults);
    forward(upstream, client, kill?.direction === "down" ? kill : null, both, faults);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: (path = "/") => `ws://127.0.0.1:${server.address().port}${path}`,
    faults,
    /** Ends every connection at once. */
    cut() {
      for (const socket of open) socket.destroy();
    },
    async stop() {
      this.cut();
      server.close();
      await once(server, "close");
    },
  };
}

function planned(next, most) {
  const way = ["end", "reset", "half"][Math.floor(next() * 3)];
  return { way, direction: next() < 0.8 ? "down" : "up", after: Math.floor(next() * most) };
}

function forward(from, to, kill, both, faults) {
  let carried = 0;
  from.on("data", (bytes) => {
    if (kill && carried + bytes.length > kill.after) {
      to.write(bytes.subarray(0, kill.after - carried));
      faults.seen[kill.way] = (faults.seen[kill.way] ?? 0) + 1;
      end(kill.way, both);
      kill = null;
      from.removeAllListeners("data");
      from.resume();
      return;
    }
    carried += bytes.length;
    to.write(bytes);
  });
  from.on("end", () => to.end());
  from.on("close", () => to.destroy());
}

/** Ends a connection. With `half` only its client notices at first: the server still takes it for open. */
function end(way, [client, upstream]) {
  if (way === "end") return void (client.end(), upstream.end(), setTimeout(() => (client.destroy(), upstream.destroy()), 50));
  if (way === "reset") return void (client.resetAndDestroy(), upstream.resetAndDestroy());
  client.removeAllListeners("close");
  client.resetAndDestroy();
  setTimeout(() => upstream.destroy(), 400);
}
