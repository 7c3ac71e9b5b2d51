// The Extism face in Node: answers each call of a folder. Usage: TOOLS MODULE CALLS
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { read, write } from "../../../examples/node-extism/frame.mjs";
import { bounded } from "./bounded.mjs";

const [tools, module, calls] = process.argv.slice(2);
const createPlugin = createRequire(join(tools, "/"))("@extism/extism");

async function load(pages) {
  const data = await readFile(module);
  return createPlugin({ wasm: [{ data: pages ? bounded(data, pages) : data }] }, { useWasi: false });
}

let plugin = await load();
for (const call of (await readdir(calls)).sort()) {
  const [number, name] = call.split(".");
  const input = await readFile(join(calls, call));
  let answer;
  if (name === "renew") {
    await plugin.close();
    plugin = await load(read(input).pages);
    answer = write({ tag: "ok" });
  } else {
    try {
      answer = (await plugin.call(name, input)).bytes();
    } catch (error) {
      // A trap is an error of the SDK.
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      answer = write({ tag: "err", val: { code: "broken", text: error.message } });
    }
  }
  await writeFile(join(calls, `${number}.answer`), answer);
}
await plugin.close();
