//! A provider folder: everything one PEC provider needs, in files a person can read.
//!
//! | file | holds |
//! |---|---|
//! | `provider.toml` | [`settings`]: who the provider is and what it has decided |
//! | `key.pem` | the signing key; mode 0600 |
//! | `certificate.pem` | the certificates that travel in signatures: leaf, then intermediate |
//! | `roots.pem` | what certification paths may end in |
//! | `directory.ldif` | the provider directory |
//! | `test-ca/` | the test authority that issued the certificate ([`pki`]) |
//! | `store.sqlite`, `spool/`, `*.lock` | the host's state, infected messages included |
//! | `outbox/` | mail that left for the network: `NNNNNN-kind.eml`, and its envelope as `.json` |
//! | `published/` | our own directory record, plain and signed |
//! | `mail/USER@DOMAIN/` | mailboxes (Maildir) |

pub mod init;
pub mod ldif;
pub mod pki;
mod profiles;
pub mod record;
pub mod settings;
mod shared;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Where the files of a provider folder are. Names in [`settings::Files`] are relative to it.
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
/// Name of the test authority's folder.
pub const TEST_CA: &str = "test-ca";
/// Name of the folder with fetched revocation lists.
pub const CRL_CACHE: &str = "crl-cache";
/// Name of the folder with mail for the network.
pub const OUTBOX: &str = "outbox";
/// Name of the folder with files for others to fetch.
pub const PUBLISHED: &str = "published";
/// Name of the folder with the mailboxes.
pub const MAIL: &str = "mail";
