/** The chat's page over socket.io-client, and people who came by each way in one room. */

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { shows } from "./chat-page.js";
import { launch, start } from "./support.js";

process.env.SOCKET_IO_CLIENT = fileURLToPath(new URL("node_modules/socket.io-client/dist", import.meta.url));

let browser, server;
before(async () => { browser = await launch(); });
after(() => browser?.close());
// A polling client whose tab was closed is here until its heartbeat fails: each test has a server of its own.
beforeEach(async () => { server = await start("chat"); });
afterEach(() => server.stop());

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

test("numbers and names are the same by each way in, also when somebody leaves", async () => {
  const pages = { Ann: await guest("Ann", ""), Bob: await guest("Bob", "socket-io.html?transports=polling"), Eve: await guest("Eve", "socket-io.html?transports=websocket") };
  const names = Object.keys(pages);
  const all = async (who, rooms) => {
    for (const [name, page] of Object.entries(pages)) {
      const people = (here) => here.map((one) => (one === name ? `${one} (you)` : one));
      if (who.includes(name)) await shows(page, { room: "attic", mine: { attic: rooms, lobby: "3 people" }, people: people(who) });
      else await shows(page, { room: "lobby", mine: { lobby: "3 people" }, others: rooms ? { attic: rooms } : {}, people: people(names) });
    }
  };
  await all([], null);
  await pages.Bob.getByLabel("Open a room").fill("attic");
  await pages.Bob.getByRole("button", { name: "Open", exact: true }).click();
  await all(["Bob"], "1 person");
  await pages.Ann.getByRole("button", { name: /^attic/ }).click();
  await all(["Ann", "Bob"], "2 people");
  await pages.Bob.getByRole("button", { name: "Leave" }).click();
  await all(["Ann"], "1 person");
  await pages.Eve.getByRole("button", { name: /^attic/ }).click();
  await all(["Ann", "Eve"], "2 people");
  await pages.Ann.getByRole("button", { name: "Leave" }).click();
  await pages.Eve.getByRole("button", { name: "Leave" }).click();
  await all([], null);
  for (const page of Object.values(pages)) await page.close();
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
