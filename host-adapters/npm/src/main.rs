//! `ceralacca-npm`: makes the plug-in's npm package out of its core module with the feature `js`.
//!
//! Three things come together: what `wasm-bindgen` makes of the module, TypeScript's types made of
//! `wit/` (so that they, and what they say, cannot drift from it), and the files of `package/`.
//!
//! Exit codes: 0 done; 1 something cannot be read, made or written; 2 wrong use.

mod types;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let args: Vec<PathBuf> = env::args_os().skip(1).map(Into::into).collect();
    let [core, wit, files, out] = args.as_slice() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match package(core, wit, files, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("ceralacca-npm: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the package in `out`, which is replaced.
fn package(core: &Path, wit: &Path, files: &Path, out: &Path) -> Result<(), String> {
    if out.exists() {
        fs::remove_dir_all(out).map_err(about(out))?;
    }
    let wasm = out.join("wasm");
    fs::create_dir_all(&wasm).map_err(about(&wasm))?;
    bind(core, &wasm).map_err(|error| format!("{}: {error:#}", core.display()))?;
    let types = types::of(wit).map_err(about(wit))?;
    fs::write(out.join("types.d.ts"), types).map_err(about(out))?;
    for file in fs::read_dir(files).map_err(about(files))? {
        let file = file.map_err(about(files))?;
        fs::copy(file.path(), out.join(file.file_name())).map_err(about(&file.path()))?;
    }
    Ok(())
}

/// One module and one glue for all runtimes: who has the module says how it is found.
fn bind(core: &Path, out: &Path) -> Result<(), impl std::fmt::Display> {
    Bindgen::new()
        .input_path(core)
        .out_name("ceralacca")
        .web(true)?
        // After a trap the package goes on with a fresh instance.
        .reset_state_function(true)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(out)
}

fn about<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> String {
    move |error| format!("{}: {error:#}", path.display())
}

const USAGE: &str = "\
usage: ceralacca-npm CORE.wasm WIT-FOLDER PACKAGE-FOLDER OUT-FOLDER

Makes the npm package of the plug-in's core module (feature js) in OUT-FOLDER.
";
