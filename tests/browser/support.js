/** Starts the servers and the browser of the suite, and ends exactly those. */

import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { once } from "node:events";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = new URL("../../", import.meta.url);
const artifacts = new URL("tests/artifacts/", root);

/** Where the built examples are: beside `CHAT_BIN`, else where cargo leaves a debug build. */
const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("target", root));
const folder = process.env.CHAT_BIN ? dirname(process.env.CHAT_BIN) : `${target}/debug/examples`;
const binary = (name) => (name === "chat" && process.env.CHAT_BIN) || `${folder}/${name}`;

/** Starts an example; ready when it has printed its address. `stop` ends it and waits until it is gone. */
export function start(name, address = "127.0.0.1:0") {
  return run(binary(name), name === "chat" ? ["--addr", address] : [address]);
}

/** Whether npm's servers, which prove the suites, are to stand for the fixtures. */
export const reference = process.env.REFERENCE === "1";

/** Starts a fixture of the clients' suites, with these variables in its environment. */
export function startFixture(name, environment = {}, port = 0, options = []) {
  const [program, ...before] = reference
    ? [process.execPath, fileURLToPath(new URL(`../clients/node/reference/${name}.mjs`, import.meta.url))]
    : [`${dirname(folder)}/${name}`];
  return run(program, [...before, "--port", String(port), ...options], environment);
}

/** Starts a server that is written in JavaScript. */
export const startNode = (file, args = [], environment = {}) => run(process.execPath, [file, ...args], environment);

async function run(program, args, environment) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
  const printed = [];
  const url = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code}:\n${printed.join("\n")}`)));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        printed.push(line);
        const found = line.match(/listening on (?:http:\/\/)?([\d.]+:[1-9]\d*)/);
        if (found) resolve(`http://${found[1]}/`);
      });
    }
  });
  const stop = async (signal = "SIGTERM") => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  };
  return { url, address: new URL(url).host, port: new URL(url).port, printed, stop };
}

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

export async function picture(page, name) {
  mkdirSync(artifacts, { recursive: true });
  await page.screenshot({ path: fileURLToPath(new URL(`${name}.png`, artifacts)), animations: "disabled" });
}
