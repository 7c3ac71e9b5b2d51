// Node, Deno, Bun: the module lies beside this file.
import { readFileSync } from "node:fs";
import { initSync } from "./wasm/ceralacca.js";

initSync({ module: readFileSync(new URL("./wasm/ceralacca_bg.wasm", import.meta.url)) });

export * from "./plugin.js";
