// The npm package in Node, Deno or Bun: answers each call of a folder. Usage: TOOLS PACKAGE CALLS
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bounded } from "./bounded.mjs";
import { fault, instance } from "./npm.mjs";
import { replay } from "./replay.mjs";

const [, folder, calls] = process.argv.slice(2);
const copies = await mkdtemp(join(tmpdir(), "ceralacca-npm-"));
let made = 0;

/** Each instance is a copy of the package: a module is imported only once. */
async function load(pages) {
  const copy = join(copies, String((made += 1)));
  await cp(folder, copy, { recursive: true });
  const wasm = join(copy, "wasm/ceralacca_bg.wasm");
  if (pages) await writeFile(wasm, bounded(await readFile(wasm), pages));
  return { ...(await import(pathToFileURL(join(copy, "node.js")))), glue: await import(pathToFileURL(join(copy, "wasm/ceralacca.js"))) };
}

try {
  await replay(calls, load, fault, instance);
} finally {
  await rm(copies, { recursive: true });
}
