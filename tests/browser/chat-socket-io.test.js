/** The chat's page over socket.io-client, and people who came by each way in one room. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, start } from "./support.js";

process.env.SOCKET_IO_CLIENT = fileURLToPath(new URL("node_modules/socket.io-client/dist", import.meta.url));

let browser, server;
before(async () => { browser = await launch(); server = await start("chat"); });
after(async () => { await browser?.close(); await server?.stop(); });

/** Somebody in the lobby, by this page. */
async function guest(nickname, page) {
  const context = await browser.newContext();
  const tab = await context.newPage();
  tab.setDefaultTimeout(10_000);
  tab.complaints = [];
  tab.on("pageerror", (error) => tab.complaints.push(error.message));
  await tab.goto(server.url + page);
  await tab.getByLabel("What should we call you?").fill(nickname);
  await tab.getByRole("button", { name: "Come in" }).click();
  await tab.getByRole("heading", { name: "lobby" }).waitFor();
  return tab;
}

const said = (tab, words) => tab.locator(".entry", { hasText: words });

test("a native WebSocket, a Socket.IO client that polls and one on WebSocket sit in one room", async () => {
  const people = {
    Native: await guest("Native", ""),
    Polling: await guest("Polling", "socket-io.html?transports=polling"),
    Socket: await guest("Socket", "socket-io.html?transports=websocket"),
    Upgraded: await guest("Upgraded", "socket-io.html"),
  };
  for (const [nickname, tab] of Object.entries(people)) {
    const words = `it is me, ${nickname}`;
    await tab.getByLabel("Message", { exact: true }).fill(words);
    await tab.getByLabel("Message", { exact: true }).press("Enter");
    for (const other of Object.values(people)) await said(other, words).waitFor();
  }
  for (const [nickname, tab] of Object.entries(people)) {
    for (const other of Object.keys(people)) assert.equal(await said(tab, `it is me, ${other}`).count(), 1, `${other} to ${nickname}`);
    assert.deepEqual(tab.complaints, []);
  }
});

test("a name that is taken is refused with its reason", async () => {
  const first = await guest("Taken", "");
  const tab = await (await browser.newContext()).newPage();
  await tab.goto(`${server.url}socket-io.html`);
  await tab.getByLabel("What should we call you?").fill("Taken");
  await tab.getByRole("button", { name: "Come in" }).click();
  await tab.locator("#nickname-error:not(:empty)").waitFor({ timeout: 10_000 });
  assert.notEqual(await tab.locator("#nickname-error").textContent(), "");
  await first.close();
});
