// Answers each call of a folder with something that has the functions of wit/transactions.wit.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { read, write } from "../../../examples/node-extism/frame.mjs";

/**
 * Leads a conversation several times. `begin` and `advance` take what `frames` has decoded, and give
 * the next step; `fresh` makes a new instance, and `memory` says how large its memory has become.
 */
export async function time({ repeat, calls }, { fresh, memory, begin, advance }) {
  const measured = async (call) => {
    const start = performance.now();
    await call();
    return (performance.now() - start) / 1000;
  };
  const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
  const converse = async () => {
    const [first, ...rest] = calls;
    let transaction = await begin(first);
    for (const call of rest) transaction = await advance(call, transaction);
  };
  const instantiate = [];
  for (let i = 0; i < 5; i += 1) instantiate.push(await measured(fresh));
  const seconds = [await measured(converse)];
  const peak = memory();
  while (seconds.length < repeat) seconds.push(await measured(converse));
  return { instantiate: median(instantiate), seconds: median(seconds), memory: peak };
}

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

/**
 * `load` makes an instance, of that many pages of memory at most where it is told; `fault` makes of
 * what a call threw what the frame says.
 */
export async function replay(calls, load, fault, { fresh, memory }) {
  let plugin = await load();
  let standing = [];
  const converse = (name, asked) => {
    if (name === "advance") {
      const step = standing[asked.transaction - 1].advance(asked.answers);
      return { step, transaction: asked.transaction };
    }
    const camel = name.replace(/_(.)/, (_, letter) => letter.toUpperCase());
    const transaction = plugin[camel](asked.context, asked.event);
    const step = transaction.advance([]);
    return { step, transaction: standing.push(transaction) };
  };
  const answer = async (name, asked) => {
    if (name === "renew") {
      [plugin, standing] = [await load(asked.pages), []];
      return undefined;
    }
    if (name === "time") {
      const { repeat, calls } = asked;
      const decoded = calls.map(({ function: name, frame }) => ({ name, asked: read(frame) }));
      return time({ repeat, calls: decoded }, {
        fresh: async () => void (plugin = (await fresh(plugin)) ?? plugin),
        memory: () => memory(plugin),
        begin: ({ name, asked }) => converse(name, asked).transaction,
        advance: ({ name, asked }, transaction) => converse(name, { ...asked, transaction }).transaction,
      });
    }
    if (name === "check_settings") return plugin.checkSettings(asked.settings);
    if (name === "audit") return plugin.audit(asked.now, asked.dossier);
    return converse(name, asked);
  };
  for (const file of (await readdir(calls)).sort()) {
    const [number, name] = file.split(".");
    const said = await answer(name, read(await readFile(join(calls, file)))).then(
      (val) => ({ tag: "ok", val }),
      (thrown) => ({ tag: "err", val: fault(thrown) }),
    );
    await writeFile(join(calls, `${number}.answer`), write(said));
  }
}
