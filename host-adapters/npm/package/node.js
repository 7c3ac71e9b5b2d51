// Node, Deno, Bun: the module lies beside this file.
import { readFileSync } from "node:fs";
import { start } from "./instance.js";

start(readFileSync(new URL("./wasm/ceralacca_bg.wasm", import.meta.url)));

export * from "./plugin.js";
