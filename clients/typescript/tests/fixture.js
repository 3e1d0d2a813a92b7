/** Fixture servers as child processes, and patience. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const binaries = process.env.FIXTURES ?? join(repository, "target", "debug");

/** Longer than anything a suite waits for: a hang becomes a failure that names its line. */
const PATIENCE = Number(process.env.PATIENCE ?? 30_000);

/** Starts a fixture, on a free port unless `--port` is among the options. */
export async function start(name, ...options) {
  const port = options.includes("--port") ? [] : ["--port", "0"];
  const server = spawn(join(binaries, name), [...port, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(server, "exit");
  // A suite that breaks off leaves no server behind.
  process.once("exit", () => server.kill("SIGKILL"));
  const [line] = await within("the line \"listening on\"", Promise.race([
    once(createInterface(server.stdout), "line"),
    exited.then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`))),
  ]));
  const port_ = /^listening on 127\.0\.0\.1:(\d+)$/.exec(line)?.[1];
  assert.ok(port_, `unexpected first line: ${line}`);
  return {
    port: Number(port_),
    url: (path = "/") => `ws://127.0.0.1:${port_}${path}`,
    /** Ends the server as a supervisor would, or at once; resolves to its exit code. */
    async stop(signal = "SIGTERM") {
      server.kill(signal);
      try {
        const [code] = await within("the exit of the fixture", exited);
        return code;
      } finally {
        server.kill("SIGKILL");
      }
    },
  };
}

/** Rejects when the promise takes too long. */
export function within(what, promise, patience = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Resolves with the status once it has this name. */
export function reaches(client, name) {
  return within(`status ${name}`, new Promise((resolve) => {
    const off = client.subscribe(look);
    function look(status) {
      if (status.name !== name) return;
      off();
      resolve(status);
    }
    look(client.status);
  }));
}

/** Resolves with the code and message of a failure. */
export const failureOf = (promise) => promise.then((value) => assert.fail(`no failure but ${JSON.stringify(value)}`), (error) => error);

/** Looks until it is so. */
export async function until(what, isSo) {
  await within(what, (async () => {
    while (!await isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
  })());
}
