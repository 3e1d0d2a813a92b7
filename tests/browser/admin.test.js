/** The page of Socket.IO's Admin UI, unmodified from npm, at a server whose clients are of every kind. */

import assert from "node:assert/strict";
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { EventSource } from "eventsource";
import { io } from "socket.io-client";
import WebSocket from "ws";
import { launch, picture, startFixture } from "./support.js";

const files = fileURLToPath(new URL("node_modules/@socket.io/admin-ui/ui/dist", import.meta.url));
const kinds = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png" };

let browser;
let site;
const open = [];

before(async () => {
  browser = await launch();
  site = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://here");
    const file = join(files, normalize(pathname === "/" ? "/index.html" : pathname));
    const stream = createReadStream(file);
    stream.once("open", () => { response.writeHead(200, { "content-type": kinds[extname(file)] ?? "application/octet-stream" }); stream.pipe(response); });
    stream.once("error", () => { response.writeHead(404).end(); });
  }).listen(0, "127.0.0.1");
  await once(site, "listening");
});
after(async () => { await browser?.close(); site?.close(); });
afterEach(async () => { for (const end of open.splice(0).reverse()) await end(); });

async function start(...options) {
  const folder = mkdtempSync(join(tmpdir(), "admin-"));
  open.push(() => rmSync(folder, { recursive: true }));
  const lines = join(folder, "lines.sock");
  const origin = `http://127.0.0.1:${site.address().port}`;
  const server = await startFixture("admin", {}, 0, ["--origin", origin, "--lines", `unix:${lines}`, ...options]);
  open.push(() => server.stop());
  return { ...server, lines, origin };
}

/** A page that has let its reader in. */
async function watch(server, password = "secret") {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  open.push(() => page.close());
  page.setDefaultTimeout(20_000);
  await page.goto(server.origin);
  await page.getByLabel("Server URL").fill(server.url.replace(/\/$/, ""));
  await page.getByLabel("Username").fill("operator");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  return page;
}

/** Clients of every kind in one namespace, each with the id that the page shows. */
async function clients(server) {
  const over = async (transport) => {
    const socket = io(`${server.url}chat`, { transports: [transport], forceNew: true, reconnection: false });
    open.push(() => socket.disconnect());
    await new Promise((resolve, reject) => { socket.once("connect", resolve); socket.once("connect_error", reject); });
    return socket;
  };
  const plain = new WebSocket(`ws://${server.address}/chat`);
  open.push(() => plain.terminate());
  await once(plain, "open");
  const events = new EventSource(`${server.url}chat`);
  open.push(() => events.close());
  await new Promise((resolve) => events.addEventListener("gateway:stream", resolve));
  const lines = connect(server.lines);
  open.push(() => lines.destroy());
  lines.write('{"connect":"/chat"}\n');
  await once(lines, "data");
  return { socketIo: await over("websocket"), polling: await over("polling"), plain, events, lines };
}

const rows = (page) => page.locator(".v-data-table tbody tr");
const see = (page, path) => page.evaluate((hash) => { location.hash = hash; }, `#${path}`);

test("the page lists sockets of every kind, their rooms and their events", async () => {
  const server = await start();
  const { socketIo, polling, plain } = await clients(server);
  const page = await watch(server);

  await see(page, "/sockets/");
  await rows(page).nth(4).waitFor();
  const transports = await rows(page).locator("td:nth-child(3)").allInnerTexts();
  assert.deepEqual(transports.map((text) => text.trim()).sort(), ["HTTP long-polling", "WebSocket", "WebSocket", "lines", "server-sent events"]);
  await page.getByText(socketIo.id, { exact: true }).waitFor();
  await page.getByText(polling.id, { exact: true }).waitFor();
  await picture(page, "admin-sockets");

  await see(page, "/rooms/");
  const room = rows(page).filter({ hasText: "general" });
  await room.waitFor();
  assert.equal((await room.locator("td:nth-child(3)").innerText()).trim(), "5");

  await see(page, "/events/");
  plain.send(JSON.stringify({ event: "say", data: "hello from a plain client" }));
  await rows(page).filter({ hasText: "say" }).first().waitFor();
  await rows(page).filter({ hasText: "posted" }).nth(3).waitFor();
  await picture(page, "admin-events");

  await see(page, "/servers/");
  await rows(page).filter({ hasText: "fixture" }).waitFor();
  await see(page, "/");
  await page.getByText("Clients", { exact: true }).first().waitFor();
  await picture(page, "admin-dashboard");
});

test("the page disconnects one socket, and all of a room", async () => {
  const server = await start();
  const { socketIo, plain, lines } = await clients(server);
  const page = await watch(server);
  // A click on the button of a row is one on the row too, which shows the row alone.
  const back = (path, count, without) => page.evaluate((hash) => { location.hash = hash; }, `#${path}`).then(() => page.waitForFunction(([count, without]) => {
    const texts = [...document.querySelectorAll(".v-data-table tbody tr")].map((row) => row.innerText);
    return texts.length === count && !texts.some((text) => text.includes(without));
  }, [count, without]));

  await see(page, "/sockets/");
  await rows(page).nth(4).waitFor();
  const gone = new Promise((resolve) => socketIo.once("disconnect", resolve));
  await rows(page).filter({ hasText: socketIo.id }).getByRole("button").click();
  assert.equal(await gone, "io server disconnect");
  await back("/sockets/", 4, socketIo.id);

  await see(page, "/rooms/");
  const ends = [once(plain, "close"), once(lines, "close")];
  await rows(page).filter({ hasText: "general" }).getByRole("button").last().click();
  const [[code]] = await Promise.all(ends);
  assert.equal(code, 4501);
  // The stream of events comes back by itself, as an `EventSource` does; the others do not.
  await see(page, "/sockets/");
  await page.waitForFunction(() => {
    const texts = [...document.querySelectorAll(".v-data-table tbody tr")].map((row) => row.innerText);
    return texts.length <= 1 && texts.every((text) => text.includes("server-sent events") || text.includes("No data"));
  });
});

test("a wrong password is told, and a reader has no buttons that work", async () => {
  const server = await start("--read-only");
  const { socketIo } = await clients(server);
  const refused = await watch(server, "wrong");
  await refused.getByText("Invalid credentials").waitFor();
  const page = await watch(server);
  await see(page, "/sockets/");
  await rows(page).filter({ hasText: socketIo.id }).waitFor();
  assert.equal(await rows(page).filter({ hasText: socketIo.id }).getByRole("button").count(), 0);
});

test("a page that is loaded again needs no password", async () => {
  const server = await start();
  const page = await watch(server);
  await see(page, "/servers/");
  await rows(page).filter({ hasText: "fixture" }).waitFor();
  await page.reload();
  await rows(page).filter({ hasText: "fixture" }).waitFor();
});
