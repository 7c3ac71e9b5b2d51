//! What a store cannot do.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why the store could not do what it was asked. Nothing of it has happened, but for
/// [`StoreError::Uncertain`].
///
/// All of it is for the operators: the mail is not to blame. `place` is the database file, or
/// `postgresql`, server and database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A folder, the database file or a lock file cannot be opened or made.
    #[error("store {place}: {source}; the folder must exist, be writable and be on a local disk")]
    Open {
        /// The file or folder.
        place: String,
        /// What the system or the database says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database server cannot be used.
    #[error(
        "store {place}: {source}; the server must answer there, and the user must be allowed to \
         make tables in the database's first schema (search_path)"
    )]
    Connect {
        /// Server and database.
        place: String,
        /// What the system or the server says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database is some other program's.
    #[error(
        "store {place}: is no Ceralacca store; name another folder (or database schema), or move \
         what is there away"
    )]
    Foreign {
        /// Where.
        place: String,
    },
    /// The database was written by a later version.
    #[error(
        "store {place}: has version {version}, this program knows {known}; \
         use the newer program, or restore the copy made before the upgrade"
    )]
    Newer {
        /// Where.
        place: String,
        /// Its version.
        version: i64,
        /// The last version this program knows.
        known: usize,
    },
    /// The database failed: full disk, damaged file, locked for too long, server down.
    #[error("store {place}: {doing} failed: {source}")]
    Database {
        /// Where.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// What the database says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection was lost while the server was committing. Nothing is known: all of it may
    /// have happened, or nothing. Doing it again is harmless, as what was done is recognised.
    #[error("store {place}: {doing}: {source}")]
    Uncertain {
        /// Where.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// What the connection says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file of the spool cannot be written, read or removed.
    #[error("spool {path}: {source}")]
    Spool {
        /// The file or folder; on PostgreSQL the large message's name in the table `spool`.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
