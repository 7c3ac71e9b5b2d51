// Browsers and bundlers: the module is fetched from beside the glue.
import init from "./wasm/ceralacca.js";

await init();

export * from "./plugin.js";
