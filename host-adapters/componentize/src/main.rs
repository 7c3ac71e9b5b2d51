//! `ceralacca-componentize`: wraps the plug-in's core module into a component and
//! refuses one that imports anything. See the library of this package for the rules.
//!
//! Exit codes: 0 done; 1 the binary is not the plug-in, or a file cannot be read or
//! written; 2 wrong use.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use ceralacca_componentize::{Surface, componentize, inspect};

fn main() -> ExitCode {
    let Some(task) = Task::from_args(env::args_os().skip(1)) else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match task.run() {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("ceralacca-componentize: {message}");
            ExitCode::FAILURE
        }
    }
}

enum Task {
    Wrap { core: PathBuf, out: PathBuf },
    Check { component: PathBuf },
    Help,
}

impl Task {
    fn from_args(args: impl Iterator<Item = OsString>) -> Option<Self> {
        let args: Vec<_> = args.collect();
        match args.as_slice() {
            [help] if help == "--help" || help == "-h" => Some(Self::Help),
            [check, component] if check == "--check" => Some(Self::Check {
                component: component.into(),
            }),
            [core, o, out] if o == "-o" => Some(Self::Wrap {
                core: core.into(),
                out: out.into(),
            }),
            _ => None,
        }
    }

    fn run(&self) -> Result<String, String> {
        match self {
            Self::Wrap { core, out } => {
                let component = componentize(&read(core)?).map_err(about(core))?;
                let surface = accept(core, &component)?;
                // Only an accepted component is ever written.
                fs::write(out, &component).map_err(about(out))?;
                Ok(describe(out, component.len(), &surface))
            }
            Self::Check { component } => {
                let binary = read(component)?;
                let surface = accept(component, &binary)?;
                Ok(describe(component, binary.len(), &surface))
            }
            Self::Help => Ok(USAGE.to_owned()),
        }
    }
}

fn accept(file: &Path, component: &[u8]) -> Result<Surface, String> {
    let surface = inspect(component).map_err(about(file))?;
    surface.sealed().map_err(about(file))?;
    Ok(surface)
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(about(file))
}

fn about<E: std::fmt::Display>(file: &Path) -> impl Fn(E) -> String {
    move |error| format!("{}: {error}", file.display())
}

fn describe(file: &Path, size: usize, surface: &Surface) -> String {
    let mut text = format!("{}: {size} bytes, imports nothing\n", file.display());
    for export in &surface.exports {
        text.push_str(&format!("  export {export}\n"));
    }
    text
}

const USAGE: &str = "\
usage: ceralacca-componentize CORE.wasm -o OUT.wasm
       ceralacca-componentize --check COMPONENT.wasm

Wraps the plug-in's core module into a component, or checks a finished one.
Either way a component that imports anything is refused, each import by name.
";
