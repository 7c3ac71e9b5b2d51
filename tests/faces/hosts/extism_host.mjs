// The Extism face in Node: answers each call of a folder. Usage: TOOLS MODULE CALLS
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const [tools, module, calls] = process.argv.slice(2);
const createPlugin = createRequire(join(tools, "/"))("@extism/extism");

const plugin = await createPlugin({ wasm: [{ data: await readFile(module) }] }, { useWasi: false });
for (const call of (await readdir(calls)).sort()) {
  const [number, name] = call.split(".");
  const answer = await plugin.call(name, await readFile(join(calls, call)));
  await writeFile(join(calls, `${number}.answer`), answer.bytes());
}
await plugin.close();
