/** The compiler of TypeScript, by its projects. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const folder = fileURLToPath(new URL("..", import.meta.url));
const tsc = `${folder}node_modules/typescript/bin/tsc`;

/** What the compiler says of a project: nothing where it compiles. */
export const said = (project) => promisify(execFile)(process.execPath, [tsc, "--project", project], { cwd: folder }).then(() => "", ({ stdout }) => stdout);

/** Fails with what the compiler says, unless the project compiles. */
export const compiles = async (project) => assert.equal(await said(project), "");
