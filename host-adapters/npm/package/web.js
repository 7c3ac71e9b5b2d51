// Browsers and bundlers: the module is fetched from beside the glue.
import init from "./wasm/ceralacca.js";

// Written so that bundlers see which file is meant.
await init({ module_or_path: new URL("./wasm/ceralacca_bg.wasm", import.meta.url) });

export * from "./plugin.js";
