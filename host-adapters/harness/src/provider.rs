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
mod shared;

pub use ceralacca_host::provider::{
    CERTIFICATE, CRL_CACHE, DIRECTORY, Folder, KEY, ROOTS, SETTINGS, settings,
};

/// Name of the test authority's folder.
pub const TEST_CA: &str = "test-ca";
/// Name of the folder with mail for the network.
pub const OUTBOX: &str = "outbox";
/// Name of the folder with files for others to fetch.
pub const PUBLISHED: &str = "published";
/// Name of the folder with the mailboxes.
pub const MAIL: &str = "mail";
