/** nginx less careful than docs/deploy.md has it: a server that failed once is out for ten seconds, bodies are handed on as they come. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { plain, proxied } from "./parts.js";
import { HANDSHAKE, refuseAll } from "./refusals.js";

/** By default nginx takes a server for broken that failed once. */
const defaults = (text) => text.replaceAll(/ max_fails=\w+/g, "");
const unbuffered = (text) => defaults(text).replace("proxy_buffering off;", "proxy_buffering off; proxy_request_buffering off;");

/** Lines of its log about a server behind it that failed. */
const failures = ({ folder }) => readFileSync(join(folder, "log"), "utf8").split("\n").filter((line) => line.includes("upstream"));

for (const [name, edit] of [["with its own max_fails", defaults], ["without buffers for requests", unbuffered]]) {
  test(`nginx ${name}: a dozen refused requests of one client take no server from the others`, async () => {
    const proxy = await proxied("nginx", edit);
    try {
      await refuseAll(proxy.port, 12, { more: [HANDSHAKE] });
      assert.deepEqual(failures(proxy), []);
      const client = await plain(proxy);
      assert.equal(await client.request("work", 1), 1);
      client.end();
    } finally {
      await proxy.end();
    }
  });
}
