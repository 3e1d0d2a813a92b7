/**
 * Follows the Dockerfile of docs/deploy.md without Docker: `node tests/container/dockerfile.js`. Each stage is a fresh folder, the
 * context is what git has, and the program of the last stage is started as the image would start it, but on a loopback address and
 * any port. It builds a release, which takes minutes; `CARGO_PROFILE_RELEASE_LTO=off` makes it fewer.
 */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { shown } from "../proxies/page.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const place = mkdtempSync(join(tmpdir(), "gateway-container-"));
const context = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" }).trim().split("\n");

const stages = [];
let stage;

/** Where a path of the image is on this machine. */
const inside = (path, of = stage) => join(of.folder, path.startsWith("/") ? path : join(of.workdir, path));

const steps = {
  FROM(image, as, name) {
    stage = { image, name, folder: join(place, String(stages.length)), workdir: "/", environment: {} };
    mkdirSync(stage.folder);
    stages.push(stage);
    if (image.startsWith("rust:")) assert.match(execFileSync("rustc", ["--version"], { encoding: "utf8", env: { ...process.env, RUSTUP_TOOLCHAIN: image.slice(5) } }), new RegExp(`^rustc ${image.slice(5)}`));
  },
  ENV(...pairs) { for (const pair of pairs) stage.environment[pair.split("=")[0]] = pair.slice(pair.indexOf("=") + 1); },
  WORKDIR(path) { stage.workdir = path; mkdirSync(inside(path), { recursive: true }); },
  COPY(...words) {
    const from = words[0].startsWith("--from=") ? words.shift().slice(7) : null;
    const [source, target] = words;
    if (from) {
      const to = inside(target);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(inside(source, stages.find(({ name }) => name === from)), to);
    } else {
      assert.equal(`${source} ${target}`, ". .");
      for (const file of context.filter((file) => existsSync(join(root, file)))) cpSync(join(root, file), inside(file), { recursive: true });
    }
  },
  RUN(...words) { execFileSync("/bin/sh", ["-c", words.join(" ")], { cwd: inside("."), stdio: "inherit", env: { ...process.env, ...stage.environment, CARGO_TARGET_DIR: "target" } }); },
  USER() {}, EXPOSE() {}, STOPSIGNAL(signal) { stage.signal = signal; },
  ENTRYPOINT(list) { stage.entry = JSON.parse(list); },
};

try {
  for (const line of shown("In a container").trim().split("\n").filter(Boolean)) {
    const [step, ...words] = line.split(/\s+/);
    console.log(line);
    steps[step](...words);
  }
  const [program] = stage.entry;
  const path = inside(`/usr/local/bin/${basename(program)}`);
  const { ADDRESS, ...others } = stage.environment;
  assert.match(ADDRESS, /^0\.0\.0\.0:\d+$/, "reached from outside of the container");
  const { MONITORING } = others;
  assert.match(MONITORING, /^0\.0\.0\.0:\d+$/);
  // In an empty folder, with nothing of this machine's environment.
  const child = spawn(path, [], { cwd: stage.folder, env: { ADDRESS: "127.0.0.1:0", MONITORING: "127.0.0.1:0" }, stdio: ["ignore", "pipe", "inherit"] });
  let address;
  for await (const line of createInterface(child.stdout)) {
    console.log(line);
    address = line.match(/open at (http:\S+)/)?.[1];
    if (address) break;
  }
  assert.equal((await fetch(address)).status, 200);
  child.kill(stage.signal);
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  console.log("it builds, serves its page and ends");
} finally {
  rmSync(place, { recursive: true, force: true });
}
