//! The types of `wit/`, as wasmtime's bindgen makes them, re-exported flat.
//!
//! What each of them means, and who guarantees what, is said in `wit/types.wit`: the generated
//! items carry those words as their documentation. Nothing here adds to them.

pub use bindings::exports::ceralacca::pec::types::*;

// The generated code is wasmtime's, not ours: its safety argument is wasmtime's, and the WIT
// documents what it has words for.
#[allow(missing_docs, unsafe_code, clippy::all)]
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "plugin",
        // Scripted engines and tests compare outcomes; what is said can be written down.
        additional_derives: [PartialEq, Eq, serde::Serialize, serde::Deserialize],
    });
}
