// The Extism face in Node: answers each call of a folder. Usage: TOOLS MODULE CALLS
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { read, write } from "../../../examples/node-extism/frame.mjs";
import { time } from "./answering.mjs";
import { bounded } from "./bounded.mjs";
import { watchMemory } from "./replay.mjs";

const [tools, module, calls] = process.argv.slice(2);
const createPlugin = createRequire(join(tools, "/"))("@extism/extism");

async function load(pages) {
  const data = await readFile(module);
  return createPlugin({ wasm: [{ data: pages ? bounded(data, pages) : data }] }, { useWasi: false });
}

const watch = watchMemory();
const compiled = await WebAssembly.compile(await readFile(module));
const instance = {
  fresh: async () => {
    watch.forget();
    await plugin.close();
    plugin = await createPlugin({ wasm: [{ module: compiled }] }, { useWasi: false });
  },
  memory: () => watch.largest(),
  // With a memory of its own: Extism reads all that lies behind an array.
  ready: ({ function: name, frame }, transaction) =>
    [name, name === "advance" ? write({ ...read(frame), transaction }) : new Uint8Array(frame)],
  call: async ([name, frame]) => {
    const { tag, val } = read((await plugin.call(name, frame)).bytes());
    if (tag === "err") throw new Error(`${val.code}: ${val.text}`);
  },
};

let plugin = await load();
for (const call of (await readdir(calls)).sort()) {
  const [number, name] = call.split(".");
  const input = await readFile(join(calls, call));
  let answer;
  if (name === "renew") {
    await plugin.close();
    plugin = await load(read(input).extism);
    answer = write({ tag: "ok" });
  } else if (name === "time") {
    answer = write({ tag: "ok", val: await time(read(input), instance) });
  } else {
    try {
      answer = (await plugin.call(name, input)).bytes();
    } catch (error) {
      // A trap is no answer; what is said of it later is one, of the module's.
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      answer = write({ tag: "err", val: { code: "trap", text: error.message } });
    }
  }
  await writeFile(join(calls, `${number}.answer`), answer);
}
await plugin.close();
