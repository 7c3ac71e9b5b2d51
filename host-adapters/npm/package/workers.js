// Workers on workerd: modules are imported compiled.
import module from "./wasm/ceralacca_bg.wasm";
import { start } from "./instance.js";

start(module);

export * from "./plugin.js";
