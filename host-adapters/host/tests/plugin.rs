//! What a host says of files that are not the plug-in, and how a component that misbehaves is
//! held: each of these costs one sentence or one transaction, never the host.

use std::path::Path;

use ceralacca_host::{Limits, Plugin, PluginError};

/// Loads `octets` from a file and gives the sentence that refuses them.
fn refusal(octets: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wasm");
    std::fs::write(&path, octets).unwrap();
    let text = load_error(&path);
    assert!(text.contains("x.wasm"), "{text} names the file");
    text
}

fn load_error(path: &Path) -> String {
    let error = Plugin::load(path, None, Limits::default()).unwrap_err();
    assert!(matches!(error, PluginError::Load { .. }));
    error.to_string()
}

#[test]
fn a_missing_file_is_named_with_the_remedy() {
    let text = load_error(Path::new("/nowhere/ceralacca.component.wasm"));
    assert!(text.contains("/nowhere/ceralacca.component.wasm"), "{text}");
    assert!(text.contains("make component"), "{text}");
}

#[test]
fn a_text_file_is_no_component() {
    assert!(refusal(b"hello").contains("is not WebAssembly"));
    assert!(refusal(b"").contains("is not WebAssembly"));
}

#[test]
fn a_core_module_is_told_from_a_component() {
    let text = refusal(&wat::parse_str("(module)").unwrap());
    assert!(text.contains("is a WebAssembly module"), "{text}");
}

#[test]
fn a_truncated_component_is_refused() {
    let whole = wat::parse_str("(component (core module (func)))").unwrap();
    let text = refusal(&whole[..whole.len() - 1]);
    assert!(text.contains("not a valid component"), "{text}");
}

#[test]
fn imports_are_named_and_refused() {
    let octets = wat::parse_str(
        r#"(component
             (import "wasi:clocks/wall-clock@0.2.0" (instance))
             (import "peek" (func)))"#,
    );
    let text = refusal(&octets.unwrap());
    assert!(
        text.contains("imports wasi:clocks/wall-clock@0.2.0, peek;"),
        "{text}"
    );
}

#[test]
fn a_component_of_another_world_is_refused() {
    let text = refusal(&wat::parse_str("(component)").unwrap());
    assert!(
        text.contains("is not a ceralacca:pec/plugin@0.1.0 component"),
        "{text}"
    );
    assert!(
        text.contains("ceralacca:pec/"),
        "{text} names what is missing"
    );
}

#[test]
fn a_cache_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wasm");
    std::fs::write(&path, wat::parse_str("(component)").unwrap()).unwrap();
    let text = Plugin::load(&path, Some(&path), Limits::default())
        .unwrap_err()
        .to_string();
    assert!(text.contains("has no cache in"), "{text}");
}
