// What is the same for the npm package in every runtime. An instance is the package's functions and its
// `glue`, what wasm-bindgen made.

export const instance = {
  fresh: ({ glue }) => glue.__wbg_reset_state(),
  // What is initialised already is only given.
  memory: ({ glue }) => glue.initSync({}).memory.buffer.byteLength,
};

/** What the frame says of what a call threw. */
export function fault(thrown) {
  if (typeof thrown.code !== "string") throw thrown;
  const { code, message, cause } = thrown;
  // The trap itself is the cause; those that it takes along have none.
  if (code === "broken" && cause && !(cause instanceof WebAssembly.RuntimeError)) throw thrown;
  return { code: cause ? "trap" : code, text: message };
}
