/**
 * For hosts that have the module themselves, `ceralacca/ceralacca.wasm`: edge runtimes import it
 * compiled, others read its octets. Nothing is fetched, read or compiled by the package.
 */
export * from "./index.js";

/**
 * Gives the plug-in its module, compiled, or its octets where the runtime may compile. Before this all
 * else throws a `TypeError`; once it has one, another is ignored.
 */
export declare function init(module: WebAssembly.Module | Uint8Array | ArrayBuffer): void;
