//! Finds and loads the plug-in.
//!
//! It is a file of its own and not part of this program: a provider can check it, replace it, and
//! run the very component that others have examined.

use std::env;
use std::path::{Path, PathBuf};

use super::Error;
use crate::{Limits, Plugin};

/// Loads the plug-in, compiled code cached for the next program that does.
///
/// # Errors
/// It is not where it should be, or cannot be used.
pub fn load(asked: Option<&Path>) -> Result<Plugin, Error> {
    let path = find(asked)?;
    let cache = cache_folder();
    Plugin::load(&path, cache.as_deref(), Limits::default())
        .map_err(|error| Error::file(&path, error, "build it again with `make component`"))
}

/// Where the plug-in is: what was asked for, or the first place that has it: `$CERALACCA_COMPONENT`,
/// beside this program, above it, or where a package puts it.
///
/// # Errors
/// It is in none of them.
pub fn find(asked: Option<&Path>) -> Result<PathBuf, Error> {
    let asked = asked
        .map(Path::to_owned)
        .or_else(|| env::var_os(VARIABLE).map(PathBuf::from));
    if let Some(path) = asked {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(missing(&path))
        };
    }
    let program = env::current_exe().unwrap_or_default();
    let beside = program.with_file_name(FILE);
    let above = program
        .parent()
        .and_then(Path::parent)
        .map(|folder| folder.join(FILE));
    // Test programs lie one folder deeper than the program itself (target/PROFILE/deps).
    let higher = above
        .as_ref()
        .and_then(|path| Some(path.parent()?.parent()?.join(FILE)));
    // PREFIX/bin/program, PREFIX/lib/ceralacca/FILE.
    let packaged = program
        .parent()
        .and_then(Path::parent)
        .map(|prefix| prefix.join("lib/ceralacca").join(FILE));
    [Some(beside.clone()), above, higher, packaged]
        .into_iter()
        .flatten()
        .find(|path| path.is_file())
        .ok_or_else(|| missing(&beside))
}

fn missing(path: &Path) -> Error {
    let remedy =
        format!("build it with `make component`, or name it with --component or ${VARIABLE}");
    Error::file(path, "the plug-in is not there", remedy)
}

/// Compiling takes seconds, running milliseconds: what was compiled is kept for the next time, where
/// systemd says (`CacheDirectory=`), or where programs of this user keep such things.
fn cache_folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("CACHE_DIRECTORY").map(PathBuf::from)
        && folder.is_absolute()
    {
        return Some(folder);
    }
    let base = match env::var_os("XDG_CACHE_HOME") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => PathBuf::from(env::var_os("HOME")?).join(".cache"),
    };
    // wasmtime refuses relative ones.
    base.is_absolute().then(|| base.join("ceralacca"))
}

const FILE: &str = "ceralacca.component.wasm";
const VARIABLE: &str = "CERALACCA_COMPONENT";
