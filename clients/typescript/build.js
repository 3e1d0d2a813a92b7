/** Builds `dist`: one file of ECMAScript, and its types. With `--page` also the copy that the chat example serves. */

import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));

/** The file that the chat example serves. */
export const page = fileURLToPath(new URL("../../examples/chat/web/gateway.js", import.meta.url));

const BANNER = `/**
 * The client of the plain WebSocket protocol as one file without dependencies: docs/clients.md shows its use.
 * Built from clients/typescript by "npm run page"; do not edit.
 */`;

/** Returns the client as the text of one module. */
export async function bundle(options = {}) {
  const { outputFiles } = await build({
    absWorkingDir: here,
    entryPoints: ["src/index.ts"],
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    ...options,
  });
  return outputFiles[0].text;
}

export const pageBundle = () => bundle({ banner: { js: BANNER } });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  rmSync(`${here}dist`, { recursive: true, force: true });
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--project", "."], { cwd: here, stdio: "inherit" });
  writeFileSync(`${here}dist/index.js`, await bundle());
  if (process.argv.includes("--page")) writeFileSync(page, await pageBundle());
}
