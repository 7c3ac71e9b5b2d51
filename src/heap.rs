//! The heap of all faces. A transaction is a few thousand small allocations: this allocator makes
//! them in half the time of the standard library's.

#[global_allocator]
static HEAP: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
