//! What a store cannot do.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why the store could not do what it was asked. Nothing of it has happened.
///
/// All of it is for the operators: the mail is not to blame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A folder, the database file or a lock file cannot be opened or made.
    #[error("store {path}: {source}; the folder must exist, be writable and be on a local disk")]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// What the system or the database says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database file is some other program's.
    #[error("store {path}: is no Ceralacca store; name another folder or move the file away")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The database file was written by a later version.
    #[error(
        "store {path}: has version {version}, this program knows {known}; \
         use the newer program, or restore the copy made before the upgrade"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
        /// The last version this program knows.
        known: usize,
    },
    /// The database failed: full disk, damaged file, locked for too long.
    #[error("store {path}: {doing} failed: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the database says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file of the spool cannot be written, read or removed.
    #[error("spool {path}: {source}")]
    Spool {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
