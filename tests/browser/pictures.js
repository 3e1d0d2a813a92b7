/**
 * Takes the pictures of the README, docs/images: `node pictures.js` in this folder, after `cargo build --example chat` and `npm ci`.
 * The page of one person is served over Socket.IO, so that the picture shows both kinds of client in a room.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { launch } from "./support.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const images = `${root}docs/images/`;
const address = "127.0.0.1:3000";
const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

const server = spawn(`${process.env.CARGO_TARGET_DIR ?? `${root}target`}/debug/examples/chat`, ["--addr", address], {
  cwd: root,
  env: { ...process.env, SOCKET_IO_CLIENT: fileURLToPath(new URL("node_modules/socket.io-client/dist", import.meta.url)) },
});
let printed = "";
server.stdout.on("data", (text) => { printed += text; });
await once(server.stdout, "data");
await pause(500);
const browser = await launch();

async function person(nickname, path) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 660 }, colorScheme: "light" });
  const page = await context.newPage();
  await page.goto(`http://${address}/${path}`);
  await page.getByLabel("What should we call you?").fill(nickname);
  await page.getByLabel("What should we call you?").press("Enter");
  await page.getByLabel("Message", { exact: true }).waitFor();
  return page;
}

async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByLabel("Message", { exact: true }).press("Enter");
  await pause(700);
}

/** The banner as a terminal shows it. */
async function drawBanner(banner) {
  const page = await browser.newPage({ viewport: { width: 1060, height: 400 } });
  const escaped = banner.replace(/[&<>]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[letter]);
  const coloured = escaped
    .replace(/^(gateway \S+)/m, "<b>$1</b>")
    .replace(/((?:ws|http):\/\/\S+)/g, "<i>$1</i>")
    .replace(/(\([^()\s]+\.rs:\d+\))/g, "<s>$1</s>");
  await page.setContent(`<style>
    body { margin: 0; background: #16181d }
    pre { margin: 0; padding: 20px 24px; width: max-content; font: 13.5px/1.5 "DejaVu Sans Mono", monospace; color: #d8dce4 }
    b { color: #8fd694 } i { font-style: normal; color: #7fb4ff } s { text-decoration: none; color: #8b93a3 }
  </style><pre>$ cargo run --example chat\n${coloured}</pre>`);
  await page.locator("pre").screenshot({ path: `${images}banner.png` });
}

const ann = await person("ann", "");
const bob = await person("bob", "socket-io.html");
const cid = await person("cid", "");
await say(ann, "Hi! I am here over a plain WebSocket.");
await say(bob, "And I over socket.io-client. Same room, same gateway.");
await say(cid, "The server did not need a line of code for that.");
await say(ann, "Each of us received the messages in our own format, encoded once.");
await cid.getByLabel("Open a room").fill("games");
await cid.getByLabel("Open a room").press("Enter");
await pause(700);
await bob.getByLabel("Message", { exact: true }).pressSequentially("Wait");
await pause(500);
await ann.screenshot({ path: `${images}chat.png` });
// The lines behind the banner are the example's own.
await drawBanner(printed.slice(0, printed.lastIndexOf("\n", printed.trimEnd().length - 1)).trimEnd());

await browser.close();
const gone = once(server, "exit");
server.kill("SIGTERM");
await gone;
