/**
 * Servers behind real proxies that are configured by the very blocks of docs/deploy.md. `PROXIES` names those to run, or `all`; the
 * default are those that Debian has and most people use.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { handshake, plain, proxied, socketIo, within } from "./parts.js";
import { programs } from "./programs.js";
import { refuseAll } from "./refusals.js";

const usual = ["nginx", "HAProxy", "Caddy", "Apache", "Apache, several servers"];
const chosen = process.env.PROXIES === "all" ? Object.keys(programs).filter((name) => name !== "nginx, streams") : process.env.PROXIES?.split(/,(?! )/) ?? usual;

for (const name of chosen) {
  describe(name, () => {
    let proxy;
    before(async () => { proxy = await proxied(name); });
    after(() => proxy?.end());

    test("a page of the same host and port connects, another is refused", async () => {
      assert.equal(await handshake(proxy), 101);
      assert.equal(await handshake(proxy, "http://127.0.0.1:1"), 403);
      const client = await plain(proxy);
      assert.equal(await client.request("work", 7), 7);
      client.end();
    });

    for (const [way, options] of Object.entries({
      "long polling": { transports: ["polling"] },
      WebSocket: { transports: ["websocket"] },
      "polling, then WebSocket": {},
    })) {
      test(`Socket.IO by ${way}`, async () => {
        const socket = await socketIo(proxy, options);
        const { engine } = socket.io;
        if (way === "polling, then WebSocket" && engine.transport.name === "polling") await within("the upgrade", new Promise((resolve) => engine.once("upgrade", resolve)));
        for (let n = 0; n < 20; n += 1) assert.equal(await socket.timeout(10_000).emitWithAck("work", n), n);
        const long = "x".repeat(100_000);
        await assert.rejects(socket.timeout(10_000).emitWithAck("work", long).then((answer) => { if (answer.status === "error") throw new Error(answer.code); }), /unreadable|invalid/);
        assert.equal(engine.transport.name, way === "long polling" ? "polling" : "websocket");
        socket.disconnect();
      });
    }

    test("the client's address is its own, whatever it writes into the header", async () => {
      for (const headers of [{}, { "x-forwarded-for": "203.0.113.9" }, { "x-forwarded-for": "203.0.113.9, 203.0.113.8" }]) {
        const client = await plain(proxy, { localAddress: "127.0.0.3", headers });
        const address = await client.request("address");
        if (proxy.ownAddress) assert.doesNotMatch(address, /^203/); else assert.equal(address, "127.0.0.3");
        client.end();
      }
    });

    test("a request that is refused is answered, whatever its body is", () => refuseAll(proxy.port, 3, proxy));

    test("a server that stops says so through it, and nobody new is turned away where another is there", async () => {
      const clients = await Promise.all(Array.from({ length: 8 }, () => plain(proxy)));
      const pids = await Promise.all(clients.map((client) => client.request("who")));
      const index = proxy.servers.findIndex(({ pid }) => pids.includes(pid));
      const leaving = proxy.servers[index];
      let isGone = false;
      const gone = leaving.stop().then(() => { isGone = true; });
      const statuses = [];
      // One after the other, from the signal on until some while after the end.
      while (!isGone || statuses.length < 40) statuses.push(await handshake(proxy));
      await gone;
      const later = [];
      while (later.length < 20) later.push(await handshake(proxy));
      for (const [n, client] of clients.entries()) {
        if (pids[n] === leaving.pid) assert.equal((await within("the close", client.closed)).code, 1012);
        client.end();
      }
      const failed = (all) => all.filter((status) => status !== 101);
      if (proxy.servers.length > 1) {
        assert.deepEqual(failed(later), []);
        const most = proxy.asksNobody ? 4 : 0;
        assert.ok(failed(statuses).length <= most, `${failed(statuses)}`);
      } else assert.ok(statuses.includes(proxy.away), `${new Set(statuses)}`);
      await proxy.replace(index);
    });

    test("when all were away and are back, it passes on again", async () => {
      const count = proxy.servers.length;
      await Promise.all(proxy.servers.map((server) => server.stop()));
      const away = await handshake(proxy);
      assert.notEqual(away, 101);
      for (let index = 0; index < count; index += 1) await proxy.replace(index);
      const begun = Date.now();
      while (await handshake(proxy) !== 101) await new Promise((resolve) => setTimeout(resolve, 20));
      // nginx without `max_fails=0` takes 10 s.
      assert.ok(Date.now() - begun < 5_000, `${Date.now() - begun} ms`);
      const client = await plain(proxy);
      assert.equal(await client.request("work", 1), 1);
      client.end();
    });
  });
}
