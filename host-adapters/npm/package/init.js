// Everything else: the host has the module, and hands it over.
export { start as init } from "./instance.js";
export * from "./plugin.js";
