// The Extism face in Node: answers each call of a folder. Usage: TOOLS MODULE CALLS
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { read, write } from "../../../examples/node-extism/frame.mjs";
import { bounded } from "./bounded.mjs";
import { time, watchMemory } from "./replay.mjs";

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
  begin: async ({ function: name, frame }) => {
    const { tag, val } = read((await plugin.call(name, frame)).bytes());
    if (tag === "err") throw new Error(`${val.code}: ${val.text}`);
    return val.transaction;
  },
  advance: ({ function: name, frame }, transaction) =>
    instance.begin({ function: name, frame: write({ ...read(frame), transaction }) }),
};

let plugin = await load();
for (const call of (await readdir(calls)).sort()) {
  const [number, name] = call.split(".");
  const input = await readFile(join(calls, call));
  let answer;
  if (name === "renew") {
    await plugin.close();
    plugin = await load(read(input).pages);
    answer = write({ tag: "ok" });
  } else if (name === "time") {
    const asked = read(input);
    // With memories of their own: Extism reads all that lies behind an array.
    for (const call of asked.calls) call.frame = new Uint8Array(call.frame);
    answer = write({ tag: "ok", val: await time(asked, instance) });
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
