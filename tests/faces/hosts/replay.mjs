// Answers the calls of a folder, in Node, Deno or Bun.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { answering } from "./answering.mjs";

/** The memory of the instances made from now on: that of the largest. */
export function watchMemory() {
  let memories = [];
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...asked) => {
    const made = await instantiate(...asked);
    const { memory } = (made.instance ?? made).exports;
    if (memory) memories.push(memory);
    return made;
  };
  return {
    forget: () => void (memories = []),
    largest: () => Math.max(...memories.map((memory) => memory.buffer.byteLength)),
  };
}

/** The rest is as {@link answering} wants it. */
export async function replay(calls, ...rest) {
  const answer = await answering(...rest);
  for (const file of (await readdir(calls)).sort()) {
    const [number, name] = file.split(".");
    const said = await answer(name, await readFile(join(calls, file)));
    await writeFile(join(calls, `${number}.answer`), said);
  }
}
