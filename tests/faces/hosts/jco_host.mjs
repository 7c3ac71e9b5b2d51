// The component, transpiled by jco, in Node: answers each call of a folder.
// Usage: TOOLS MODULE CALLS
import { mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { bounded } from "./bounded.mjs";
import { replay, watchMemory } from "./replay.mjs";

const [tools, module, calls] = process.argv.slice(2);
const { transpile } = await import(
  pathToFileURL(createRequire(join(tools, "/")).resolve("@bytecodealliance/jco"))
);

const folder = await mkdtemp(join(tmpdir(), "ceralacca-jco-"));
try {
  const { files } = await transpile(await readFile(module), {
    name: "plugin", noTypescript: true, instantiation: "async",
  });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  await writeFile(join(folder, "package.json"), '{"type": "module"}');
  const watch = watchMemory();
  const { instantiate } = await import(pathToFileURL(join(folder, "plugin.js")));
  const compiled = {};
  for (const name of Object.keys(files).filter((name) => name.endsWith(".wasm"))) {
    compiled[name] = await WebAssembly.compile(files[name]);
  }
  const load = async (pages) => {
    const limited = async (name) => {
      // The first is the plug-in's, and has the memory; others bind it.
      const own = pages && name === "plugin.core.wasm";
      return own ? WebAssembly.compile(bounded(files[name], pages)) : compiled[name];
    };
    return withBigints((await instantiate(limited, {})).transactions);
  };
  await replay(calls, load, (thrown) => {
    if (thrown instanceof WebAssembly.RuntimeError) {
      // What has trapped is not entered again.
      const dead = thrown.message === "wasm trap: cannot enter component instance";
      return { tag: dead ? "broken" : "trap", val: thrown.message };
    }
    if (thrown.payload === undefined) throw thrown;
    return thrown.payload;
  }, { fresh: () => (watch.forget(), load()), memory: () => watch.largest() });
} finally {
  await rm(folder, { recursive: true });
}

/** jco shows WIT's 64-bit numbers as bigints. */
function withBigints(transactions) {
  const begin = (name) => (context, event) => {
    const transaction = transactions[name](wide(context), wide(event));
    return { advance: (answers) => transaction.advance(answers.map(wide)) };
  };
  const others = {
    // Imported modules may not look like promises.
    then: undefined,
    checkSettings: (settings) => transactions.checkSettings(wide(settings)),
    audit: (now, dossier) => transactions.audit(BigInt(now), wide(dossier)),
  };
  return new Proxy(others, { get: (_, name) => (name in others ? others[name] : begin(name)) });
}

function wide(value, name) {
  const WIDE = ["now", "at", "maxSize", "hardSize", "maxProduct", "acceptedAt", "deadline", "largest"];
  if (typeof value === "number") return WIDE.includes(name) ? BigInt(value) : value;
  if (value?.tag === "usage") return { tag: "usage", val: BigInt(value.val) };
  if (Array.isArray(value)) return value.map((item) => wide(item));
  if (typeof value !== "object" || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([name, v]) => [name, wide(v, name)]));
}
