// Runs an application as it is, main.ts unless its name follows: each file is compiled when it is imported.

import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import ts from 'typescript';

const OURS = new URL('.', import.meta.url).href;
const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  useDefineForClassFields: false,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
};

export async function load(url, context, next) {
  if (!url.startsWith(OURS) || !url.endsWith('.ts')) return next(url, context);
  const source = ts.transpileModule(readFileSync(fileURLToPath(url), 'utf8'), { compilerOptions }).outputText;
  return { format: 'module', source, shortCircuit: true };
}

/** The sources import each other by the names they will have. */
export function resolve(specifier, context, next) {
  const isOurs = context.parentURL?.startsWith(OURS) && specifier.startsWith('./');
  return next(isOurs ? specifier.replace(/\.js$/, '.ts') : specifier, context);
}

if (isMainThread) {
  register(import.meta.url);
  await import(`./${process.argv[2] ?? 'main'}.ts`);
}
