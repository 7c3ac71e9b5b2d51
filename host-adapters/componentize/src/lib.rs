//! Makes the plug-in's component, and proves that it can only compute.
//!
//! Cargo builds the plug-in as a *core module* that carries a description of its
//! world in a custom section. [`componentize`] wraps it into a *component*.
//! [`inspect`] reads a finished component and [`Surface::sealed`] tells whether
//! anything in it reaches outward: the plug-in's first promise is that nothing
//! does (no WASI, no clock, no randomness, no storage, no key), and the import
//! list of the binary is where that can be seen by someone who trusts nobody.

use std::fmt;

use wasmparser::{BinaryReaderError, Encoding, Parser, Payload, Validator};
use wit_component::ComponentEncoder;

/// Wraps the core module `core` into a validated component.
///
/// Whether the component may be used as the plug-in is another question, which
/// [`inspect`] and [`Surface::sealed`] answer.
///
/// # Errors
/// [`Error::Unwrappable`] when `core` is no core module, lacks the description of
/// its world, or imports what its world does not name.
pub fn componentize(core: &[u8]) -> Result<Vec<u8>, Error> {
    ComponentEncoder::default()
        .module(core)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|cause| Error::Unwrappable {
            cause: format!("{cause:#}"),
            imports: core_imports(core),
        })
}

/// Reads what the component `binary` takes from its host and gives to it.
///
/// # Errors
/// [`Error::Invalid`] when `binary` is no valid WebAssembly, [`Error::CoreModule`]
/// when it is valid but no component.
pub fn inspect(binary: &[u8]) -> Result<Surface, Error> {
    Validator::new().validate_all(binary)?;

    let mut surface = Surface::default();
    // Only the outermost component faces the host: what a nested one imports is
    // provided inside, or else it shows up as an import of the outermost.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(binary) {
        match payload? {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding == Encoding::Module {
                    return Err(Error::CoreModule);
                }
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    surface.imports.push(import?.name.full_name().into_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    surface.exports.push(export?.name.full_name().into_owned());
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    surface
                        .nested
                        .push(CoreImport::new(import.module, import.name));
                }
            }
            _ => {}
        }
    }
    Ok(surface)
}

/// Reads what the core module `binary` imports: the plug-in's other faces are core modules.
///
/// # Errors
/// [`Error::Invalid`] when `binary` is no valid WebAssembly.
pub fn imports(binary: &[u8]) -> Result<Vec<CoreImport>, Error> {
    Validator::new().validate_all(binary)?;
    Ok(core_imports(binary))
}

/// What a component takes and gives.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Surface {
    /// What the component wants from its host, in the order of the binary.
    pub imports: Vec<String>,
    /// What it offers, in the order of the binary.
    pub exports: Vec<String>,
    /// What the core modules inside it import. They may do so from each other.
    pub nested: Vec<CoreImport>,
}

impl Surface {
    /// Checks that the component reaches for nothing and offers something.
    ///
    /// Core modules inside may import from each other, but not under the names of
    /// a system: behind such a name stands an adapter that only imitates one.
    ///
    /// # Errors
    /// [`Error::Reaches`] names every offender, [`Error::Empty`] is a component
    /// without exports.
    pub fn sealed(&self) -> Result<(), Error> {
        let components = self.imports.iter().cloned();
        let modules = self.nested.iter().filter(|import| import.is_system());
        let offenders: Vec<_> = components.chain(modules.map(ToString::to_string)).collect();
        if !offenders.is_empty() {
            return Err(Error::Reaches { imports: offenders });
        }
        if self.exports.is_empty() {
            return Err(Error::Empty);
        }
        Ok(())
    }
}

/// One import of a core module; displayed as `module::name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreImport {
    /// The module it is to come from.
    pub module: String,
    /// Its name there.
    pub name: String,
}

impl CoreImport {
    fn new(module: &str, name: &str) -> Self {
        Self {
            module: module.to_owned(),
            name: name.to_owned(),
        }
    }

    fn is_system(&self) -> bool {
        self.module == "env" || self.module.starts_with("wasi")
    }
}

impl fmt::Display for CoreImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.module, self.name)
    }
}

/// Why a binary is not the plug-in. Each is the fault of whoever built it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Not valid WebAssembly.
    Invalid(String),
    /// Valid, but a core module where a component was expected.
    CoreModule,
    /// The core module cannot be wrapped.
    Unwrappable {
        /// What the encoder says; it stops at the first import it cannot place.
        cause: String,
        /// All imports of the core module, to find the rest of them.
        imports: Vec<CoreImport>,
    },
    /// The component imports something.
    Reaches {
        /// Each import.
        imports: Vec<String>,
    },
    /// The component exports nothing.
    Empty,
}

impl From<BinaryReaderError> for Error {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(cause) => write!(f, "not valid WebAssembly: {cause}"),
            Self::CoreModule => f.write_str("a core module, not a component"),
            Self::Unwrappable { cause, imports } => {
                write!(f, "cannot be made a component: {cause}")?;
                list(f, imports)
            }
            Self::Reaches { imports } => {
                f.write_str("the plug-in must import nothing, but this component imports")?;
                list(f, imports)
            }
            Self::Empty => f.write_str(
                "exports nothing (was the core module built with the feature `component`?)",
            ),
        }
    }
}

impl std::error::Error for Error {}

fn list(f: &mut fmt::Formatter<'_>, imports: &[impl fmt::Display]) -> fmt::Result {
    imports
        .iter()
        .try_for_each(|import| write!(f, "\n  import {import}"))
}

/// The imports of a core module, as far as it can be read.
fn core_imports(core: &[u8]) -> Vec<CoreImport> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(core) {
        if let Ok(Payload::ImportSection(section)) = payload {
            let readable = section.into_imports().flatten();
            found.extend(readable.map(|import| CoreImport::new(import.module, import.name)));
        }
    }
    found
}
