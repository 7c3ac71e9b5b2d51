//! The plug-in's modules as they were built reach for nothing but what binds them to their hosts.

use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_componentize::{CoreImport, imports, inspect};

#[test]
fn the_component_imports_nothing() {
    let Some(component) = built("ceralacca.component.wasm", "make component") else {
        return;
    };
    assert_eq!(inspect(&component).unwrap().sealed(), Ok(()));
}

/// Memory, input, output: no variable, no configuration, no log, no HTTP.
#[test]
fn the_extism_module_imports_its_kernel() {
    let Some(module) = built("ceralacca.extism.wasm", "make extism") else {
        return;
    };
    let allowed = [
        "alloc",
        "error_set",
        "input_length",
        "input_load_u64",
        "input_load_u8",
        "output_set",
        "store_u64",
        "store_u8",
    ];
    for CoreImport { module, name } in imports(&module).unwrap() {
        assert_eq!(module, "extism:host/env", "{name}");
        assert!(allowed.contains(&name.as_str()), "{name}");
    }
}

/// What builds and reads JavaScript's values, and what throws: no clock, no randomness, no network.
/// What is called there is `Uint8Array.prototype.set`.
#[test]
fn the_javascript_module_imports_its_glue() {
    let Some(module) = built("npm/wasm/ceralacca_bg.wasm", "make npm") else {
        return;
    };
    let allowed = [
        "call",
        "get",
        "get_unchecked",
        "isArray",
        "keys",
        "length",
        "new",
        "new_from_slice",
        "push",
        "set",
        "static_accessor_OCTETS",
        "toStringTag",
    ];
    for CoreImport { module, name } in imports(&module).unwrap() {
        assert_eq!(module, "./ceralacca_bg.js", "{name}");
        // `__wbg_NAME_HASH` is JavaScript's NAME; `__wbindgen_…` is the glue's own, whose parts
        // handle values and errors.
        let own = name.strip_prefix("__wbg_").unwrap_or(&name);
        let known = own.starts_with("__wbindgen_")
            || own
                .rsplit_once('_')
                .is_some_and(|(name, _)| allowed.contains(&name));
        assert!(known, "{name}");
    }
    // What NAME belongs to, the glue says.
    let Some(glue) = built("npm/wasm/ceralacca.js", "make npm") else {
        return;
    };
    let glue = String::from_utf8(glue).unwrap();
    assert!(glue.contains("Uint8Array.prototype.set.call"));
    for reach in [
        "Date",
        "performance",
        "crypto",
        "random",
        "setTimeout",
        "XMLHttpRequest",
    ] {
        assert!(!glue.contains(reach), "{reach}");
    }
}

/// A module in the target folder, or where `CERALACCA_MODULES` says.
fn built(name: &str, made_by: &str) -> Option<Vec<u8>> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
    let modules = std::env::var_os("CERALACCA_MODULES").map_or(target, PathBuf::from);
    let file = modules.join(name);
    if file.exists() {
        return Some(fs::read(file).unwrap());
    }
    assert!(
        std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
        "{name} is not there ({made_by})"
    );
    println!("skipped: {name} is not there ({made_by})");
    None
}
