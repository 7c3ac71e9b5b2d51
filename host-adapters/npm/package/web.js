// Browsers and bundlers: the module is fetched from beside the glue.
import { fetched } from "./instance.js";

// Written so that bundlers see which file is meant.
await fetched(new URL("./wasm/ceralacca_bg.wasm", import.meta.url));

export * from "./plugin.js";
