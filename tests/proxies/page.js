/** The configurations that docs/deploy.md shows, as they stand there. */

import { readFileSync } from "node:fs";

const page = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");

/** The first block under the heading of this name, or one behind it. */
export function shown(heading, index = 0) {
  const section = page.split(`\n### ${heading}\n`)[1] ?? page.split(`\n## ${heading}\n`)[1];
  const block = [...(section ?? "").split(/\n##+ /)[0].matchAll(/```\w+\n([^]*?)```/g)][index]?.[1];
  if (!block) throw new Error(`docs/deploy.md shows nothing under "${heading}"`);
  return block;
}
