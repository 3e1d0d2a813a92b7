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
export function start(name, ...options) {
  const port = options.includes("--port") ? [] : ["--port", "0"];
  return run(join(binaries, name), [...port, ...options]);
}

/** Starts an example of the repository. */
export const startExample = (name) => run(join(binaries, "examples", name), ["127.0.0.1:0"]);

async function run(program, args) {
  const server = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(server, "exit");
  // A suite that breaks off leaves no server behind.
  process.once("exit", () => server.kill("SIGKILL"));
  const printed = [];
  const address = new Promise((resolve) => {
    const look = (line) => {
      printed.push(line);
      const found = /listening on (?:http:\/\/)?127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (found) resolve(found);
    };
    createInterface(server.stdout).on("line", look);
    createInterface(server.stderr).on("line", (line) => { look(line); console.error(line); });
  });
  const port = await within("the line \"listening on\"", Promise.race([
    address,
    exited.then(([code]) => Promise.reject(new Error(`${program} ended with ${code}`))),
  ]));
  return {
    port: Number(port),
    /** Lines so far. */
    printed,
    url: (path = "/") => `ws://127.0.0.1:${port}${path}`,
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
