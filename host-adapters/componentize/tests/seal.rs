//! What the seal is for: a plug-in that could reach outward is never made, and one
//! made elsewhere is recognised.

use ceralacca_componentize::{Error, componentize, inspect};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, fs};

/// Nothing but a function: what the plug-in looks like from outside.
const SEALED: &str = r#"
    (component
      (core module $m (func (export "answer") (result i32) i32.const 42))
      (core instance $i (instantiate $m))
      (func $answer (result u32) (canon lift (core func $i "answer")))
      (export "answer" (func $answer)))"#;

/// The same with a clock: the smallest thing that the plug-in must not have.
const WITH_CLOCK: &str = r#"
    (component
      (import "wasi:clocks/wall-clock@0.2.0" (instance
        (export "now" (func (result u64)))))
      (import "entropy" (func (result u64)))
      (core module $m (func (export "answer") (result i32) i32.const 42))
      (core instance $i (instantiate $m))
      (func $answer (result u32) (canon lift (core func $i "answer")))
      (export "answer" (func $answer)))"#;

/// Imports nothing as a component, yet a module inside speaks WASI to an adapter.
const WITH_ADAPTER: &str = r#"
    (component
      (core module $adapter (func (export "random_get") (param i32 i32) (result i32) i32.const 0))
      (core module $m
        (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
        (func (export "answer") (result i32) i32.const 42))
      (core instance $a (instantiate $adapter))
      (core instance $i (instantiate $m (with "wasi_snapshot_preview1" (instance $a))))
      (func $answer (result u32) (canon lift (core func $i "answer")))
      (export "answer" (func $answer)))"#;

/// Modules of one component may share what they have.
const WITH_SHARED_MODULE: &str = r#"
    (component
      (core module $table (func (export "forty-two") (result i32) i32.const 42))
      (core module $m
        (import "shared" "forty-two" (func $f (result i32)))
        (func (export "answer") (result i32) call $f))
      (core instance $t (instantiate $table))
      (core instance $i (instantiate $m (with "shared" (instance $t))))
      (func $answer (result u32) (canon lift (core func $i "answer")))
      (export "answer" (func $answer)))"#;

/// An import of an inner component that the outer one satisfies.
const WITH_INNER_COMPONENT: &str = r#"
    (component
      (component $inner (import "entropy" (func)))
      (core module $m (func (export "f")))
      (core instance $i (instantiate $m))
      (func $f (canon lift (core func $i "f")))
      (instance (instantiate $inner (with "entropy" (func $f))))
      (export "f" (func $f)))"#;

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the test's own text is well formed")
}

#[test]
fn a_component_without_imports_is_accepted() {
    let surface = inspect(&wasm(SEALED)).unwrap();
    assert_eq!(surface.exports, ["answer"]);
    assert_eq!(surface.sealed(), Ok(()));
}

#[test]
fn every_import_is_named() {
    let refused = inspect(&wasm(WITH_CLOCK)).unwrap().sealed().unwrap_err();
    let imports = vec!["wasi:clocks/wall-clock@0.2.0".into(), "entropy".into()];
    assert_eq!(refused, Error::Reaches { imports });
}

#[test]
fn an_adapter_inside_is_no_way_around() {
    let refused = inspect(&wasm(WITH_ADAPTER)).unwrap().sealed().unwrap_err();
    let imports = vec!["wasi_snapshot_preview1::random_get".into()];
    assert_eq!(refused, Error::Reaches { imports });
}

#[test]
fn what_is_satisfied_inside_is_no_import() {
    for text in [WITH_SHARED_MODULE, WITH_INNER_COMPONENT] {
        assert_eq!(inspect(&wasm(text)).unwrap().sealed(), Ok(()));
    }
}

#[test]
fn a_core_module_is_not_mistaken_for_a_component() {
    assert_eq!(inspect(&wasm("(module)")), Err(Error::CoreModule));
    assert!(matches!(
        inspect(b"Return-Path: <>"),
        Err(Error::Invalid(_))
    ));
    let truncated = &wasm(SEALED)[..40];
    assert!(matches!(inspect(truncated), Err(Error::Invalid(_))));
}

#[test]
fn a_module_built_without_its_world_gives_an_empty_component() {
    let component = componentize(&wasm(r#"(module (func (export "answer")))"#)).unwrap();
    assert_eq!(inspect(&component).unwrap().sealed(), Err(Error::Empty));
}

#[test]
fn a_module_that_cannot_be_wrapped_shows_all_its_imports() {
    let core = wasm(
        r#"(module
          (import "__wbindgen_placeholder__" "__wbindgen_describe" (func (param i32)))
          (import "env" "now" (func (result f64))))"#,
    );
    let message = componentize(&core).unwrap_err().to_string();
    assert!(
        message.contains("import __wbindgen_placeholder__::__wbindgen_describe"),
        "{message}"
    );
    assert!(message.contains("import env::now"), "{message}");
}

/// A core module as cargo makes it: its world in a custom section.
fn core_module(world: &str, text: &str) -> Vec<u8> {
    use wit_component::{StringEncoding, embed_component_metadata};
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("test.wit", world).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut core = wasm(text);
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8, false).unwrap();
    core
}

#[test]
fn the_tool_wraps_a_sealed_module_and_its_check_agrees() {
    let folder = Folder::new("wrap");
    let core = core_module(
        "package test:test; world plugin { export answer: func() -> u32; }",
        r#"(module (func (export "answer") (result i32) i32.const 42))"#,
    );
    fs::write(folder.file("core.wasm"), core).unwrap();

    let wrapped = folder.tool(&["core.wasm", "-o", "out.wasm"]);
    assert_eq!(wrapped.status.code(), Some(0), "{wrapped:?}");
    let checked = folder.tool(&["--check", "out.wasm"]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(
        said.contains("imports nothing\n  export answer\n"),
        "{said}"
    );
}

#[test]
fn the_tool_writes_no_component_that_imports() {
    let folder = Folder::new("refuse");
    let core = core_module(
        "package test:test; world plugin { import now: func() -> u64; export f: func(); }",
        r#"(module
          (import "$root" "now" (func $now (result i64)))
          (func (export "f") call $now drop))"#,
    );
    fs::write(folder.file("core.wasm"), core).unwrap();

    let refused = folder.tool(&["core.wasm", "-o", "out.wasm"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("core.wasm: ") && said.contains("import now"),
        "{said}"
    );
    assert!(!folder.file("out.wasm").exists());
}

#[test]
fn the_tool_names_the_file_it_cannot_read() {
    let folder = Folder::new("missing");
    let failed = folder.tool(&["--check", "absent.wasm"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&failed.stderr).contains("absent.wasm: "));
    assert_eq!(folder.tool(&["--chek"]).status.code(), Some(2));
}

/// A folder of its own for each test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("componentize-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn tool(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ceralacca-componentize"))
            .args(args)
            .current_dir(&self.0)
            .output()
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
