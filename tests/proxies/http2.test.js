/** Proxies that speak HTTP/2 to the servers, with the words of docs/deploy.md. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { handshake, plain, proxied, socketIo } from "./parts.js";

const page = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");
const words = page.match(/\| HAProxy \| `(proto h2 [^`]+)` on each `server` line/)[1];

/** Every server line of the block, with those words. */
const spoken = (block) => block.replaceAll(/^( *server \w+ .*)$/gm, `$1 ${words}`);

test("HAProxy passes WebSockets, polls, addresses and refusals on over HTTP/2", async () => {
  const proxy = await proxied("HAProxy", spoken, ["--http2"]);
  try {
    const client = await plain(proxy, { localAddress: "127.0.0.2" });
    assert.equal(await client.request("work", 7), 7);
    assert.equal(await client.request("address"), "127.0.0.2");
    assert.equal(await handshake(proxy, "https://other.example"), 403);
    for (const transports of [["polling"], ["polling", "websocket"], ["websocket"]]) {
      const socket = await socketIo(proxy, { transports });
      assert.equal(await socket.emitWithAck("work", 1), 1);
      socket.disconnect();
    }
    // The close code of a stop arrives.
    await Promise.all(proxy.servers.map((server) => server.stop()));
    assert.equal((await client.closed).code, 1012);
  } finally {
    await proxy.end();
  }
});
