//! A provider as its operators write it down: settings in TOML, keys and certificates in files.
//!
//! What every host of one provider needs, whatever mail server it stands beside: the settings
//! ([`Settings`]), the files they name ([`Folder`]), and both as the plug-in and a [`crate::Host`]
//! want them. Whatever is wrong is an [`Error`]: one sentence that names file, field and remedy.

mod error;
mod identity;
mod names;
mod parts;
mod plug_in;
pub mod settings;
mod toml_file;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::Error;
pub use identity::{Identity, KeyMismatch};
pub use names::{Address, BadName, Domain};
pub use parts::{PATIENCE, certificates, mailboxes, pec_settings, revocation, startup};
pub use plug_in::{find as find_plug_in, load as load_plug_in};
pub use settings::Settings;
pub use toml_file::{Fields, parse as parse_toml};

/// Where the files of a provider are. Names in [`settings::Files`] are relative to it.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at `root`, whether it exists or not.
    pub fn at(root: &Path) -> Folder {
        Folder {
            root: root.to_owned(),
        }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file in it. An absolute name stays what it is.
    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// Reads a text file of it; `remedy` completes the error's sentence.
    ///
    /// # Errors
    /// It cannot be read, or is no UTF-8.
    pub fn read(&self, name: impl AsRef<Path>, remedy: &str) -> Result<String, Error> {
        let path = self.file(name);
        fs::read_to_string(&path).map_err(|error| Error::file(&path, error, remedy))
    }
}

/// Name of the settings file.
pub const SETTINGS: &str = "provider.toml";
/// Name of the private key.
pub const KEY: &str = "key.pem";
/// Name of the certificates that travel in signatures.
pub const CERTIFICATE: &str = "certificate.pem";
/// Name of the trust anchors.
pub const ROOTS: &str = "roots.pem";
/// Name of the provider directory.
pub const DIRECTORY: &str = "directory.ldif";
/// Name of the folder with fetched revocation lists.
pub const CRL_CACHE: &str = "crl-cache";
