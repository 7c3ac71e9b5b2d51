/** The module, compiled, as edge runtimes and some bundlers give it for an import; for `init`. */
declare const module: WebAssembly.Module;
export default module;
