/** Proxies that name their clients by the PROXY protocol, with the words of docs/deploy.md. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { plain, proxied, socketIo } from "./parts.js";

const page = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");
const words = (version) => page.match(new RegExp(`\\| HAProxy \\| \`(send-proxy${version === 2 ? "-v2" : ""})\` on each \`server\` line`))[1];

/** Every server line of the block, with these words, and without the header that would say the same. */
const told = (more) => (block) => block.replaceAll(/^( *server \w+ .*)$/gm, `$1 ${more}`).replace(/^ *option forwardfor\n/m, "");

async function namesItsClients(proxy) {
  for (const localAddress of ["127.0.0.2", "127.0.0.3"]) {
    // The second writes a header that nobody believes.
    const client = await plain(proxy, { localAddress, headers: { "x-forwarded-for": "203.0.113.9" } });
    assert.equal(await client.request("address"), localAddress);
    assert.equal(await client.request("work", 7), 7);
    client.end();
  }
}

for (const [name, more] of [
  ["send-proxy", words(1)],
  ["send-proxy-v2", words(2)],
  ["send-proxy-v2 with further values", `${words(2)} proxy-v2-options ssl,crc32c,unique-id,authority`],
]) {
  test(`HAProxy, ${name}: the client's address is its own, by WebSocket and by polling`, async () => {
    const proxy = await proxied("HAProxy", told(more), ["--proxy-protocol", "127.0.0.1"]);
    try {
      await namesItsClients(proxy);
      for (const transports of [["polling"], ["polling", "websocket"], ["websocket"]]) {
        const socket = await socketIo(proxy, { transports });
        assert.equal(await socket.emitWithAck("work", 1), 1);
        socket.disconnect();
      }
      await Promise.all(proxy.servers.map((server) => server.stop()));
    } finally {
      await proxy.end();
    }
  });
}

describe("nginx, stream", { skip: !existsSync("/usr/lib/nginx/modules/ngx_stream_module.so") && "its module stream is not installed" }, () => {
  test("the client's address is its own", async () => {
    const proxy = await proxied("nginx, streams", undefined, ["--proxy-protocol", "127.0.0.1"]);
    try {
      await namesItsClients(proxy);
    } finally {
      await proxy.end();
    }
  });
});
