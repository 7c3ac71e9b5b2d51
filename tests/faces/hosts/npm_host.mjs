// The npm package in Node: answers each call of a folder. Usage: TOOLS PACKAGE CALLS
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { replay } from "./replay.mjs";

const [, folder, calls] = process.argv.slice(2);
const plugin = await import(pathToFileURL(join(folder, "node.js")));
await replay(calls, plugin, (thrown) => {
  if (!(thrown instanceof plugin.PecError)) throw thrown;
  return { code: thrown.code, text: thrown.message };
});
