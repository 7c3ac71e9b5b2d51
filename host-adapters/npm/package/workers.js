// Workers on workerd: modules are imported compiled.
import module from "./wasm/ceralacca_bg.wasm";
import { initSync } from "./wasm/ceralacca.js";

initSync({ module });

export * from "./plugin.js";
