//! What a host remembers: SQLite, and files for large messages.
//!
//! Everything that matters is written in [`Store::commit`]: one transaction for one outcome. The
//! rest reads, or marks an item of the outbox.
//!
//! **The seam.** Methods take and give the types of `wit/` and of this crate; nothing of SQLite
//! shows outside this folder. A second back end (PostgreSQL, with rows claimed by `FOR UPDATE SKIP
//! LOCKED`) implements the same methods; what it must keep is said at each.
//!
//! **Several processes** may have one store open: a server and a command line, say. SQLite
//! serialises their transactions; two files beside the database do the rest, with locks that the
//! system lets go of when a process dies, however it dies. Whoever has the store open shares
//! `store.lock`; who finds nobody else there clears up what a crash left. `outbox.lock` belongs
//! to whoever is carrying out the outbox.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub(crate) use commit::{Cause, Commit, CommitError, Ending, Written};
pub use error::StoreError;
pub(crate) use outbox::Item;
use schema::Strange;
pub(crate) use spool::Original;
use spool::Spool;
pub(crate) use tracking::{DueBatch, Seen};

mod bodies;
mod columns;
mod commit;
mod directory;
mod effects;
mod error;
mod outbox;
mod publications;
mod recall;
mod schema;
mod spool;
mod status;
mod sweep;
mod tracking;

/// The memory of one provider's host.
///
/// Cheap to clone: clones are the same store. All methods may be called from several threads;
/// they take turns.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// For error messages.
    path: PathBuf,
    db: Mutex<Connection>,
    spool: Spool,
    /// Only one thread carries out the outbox, and only one process: `outbox.lock`.
    outbox: Mutex<Option<File>>,
    /// Held, shared, as long as the store is open.
    presence: Option<File>,
}

impl Store {
    /// Opens the store in a folder: `store.sqlite`, `spool/` and two lock files. Makes what is
    /// missing, brings an older store up to date, and clears up what a crash left behind.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing was changed.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("store.sqlite");
        let presence = create_lock(folder, "store.lock")?;
        let alone = presence.try_lock().is_ok();
        let turn = create_lock(folder, "outbox.lock")?;
        let db = Connection::open(&path).map_err(|error| open_error(&path, error))?;
        let spool = Spool::open(folder.join("spool"))?;
        let store = Self::with(path, db, spool, Some(turn), Some(presence))?;
        if alone {
            store.remove_orphans()?;
        }
        // From exclusive to shared there is a moment without: another process may then find
        // itself alone and clear up, which is harmless as nothing has begun here yet.
        if let Some(presence) = &store.0.presence {
            presence
                .unlock()
                .and_then(|()| presence.lock_shared())
                .map_err(|error| open_error(&folder.join("store.lock"), error))?;
        }
        Ok(store)
    }

    /// A store that ends with the process, for tests and for judging single messages.
    ///
    /// # Errors
    /// SQLite cannot be started.
    pub fn in_memory() -> Result<Self, StoreError> {
        let path = PathBuf::from(":memory:");
        let db = Connection::open_in_memory().map_err(|error| open_error(&path, error))?;
        Self::with(path, db, Spool::in_memory(), None, None)
    }

    /// Keeps a copy of an event's message for as long as its conversation lasts: small ones in
    /// memory, large ones in the spool.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub(crate) fn take_in(&self, octets: &[u8]) -> Result<Original, StoreError> {
        self.0.spool.take_in(octets)
    }

    fn with(
        path: PathBuf,
        mut db: Connection,
        spool: Spool,
        turn: Option<File>,
        presence: Option<File>,
    ) -> Result<Self, StoreError> {
        match configure(&db).and_then(|()| schema::migrate(&mut db)) {
            Ok(Ok(())) => Ok(Self(Arc::new(Inner {
                path,
                db: Mutex::new(db),
                spool,
                outbox: Mutex::new(turn),
                presence,
            }))),
            Ok(Err(Strange::Foreign)) => Err(StoreError::Foreign { path }),
            Ok(Err(Strange::Newer { version, known })) => Err(StoreError::Newer {
                path,
                version,
                known,
            }),
            Err(error) => Err(open_error(&path, error)),
        }
    }

    /// Reads in one transaction.
    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut db = self.lock();
        db.transaction()
            .and_then(|tx| work(&tx))
            .map_err(|source| self.failed(doing, source))
    }

    /// Writes in one durable transaction.
    fn write<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut db = self.lock();
        // "Immediate": a transaction that reads first and writes later can find that somebody
        // else wrote in between, and would have to begin again.
        db.transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|tx| {
                let done = work(&tx)?;
                tx.commit()?;
                Ok(done)
            })
            .map_err(|source| self.failed(doing, source))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // Whoever panicked while holding it left a transaction that was rolled back.
        self.0.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, doing: &'static str, source: rusqlite::Error) -> StoreError {
        StoreError::Database {
            path: self.0.path.clone(),
            doing,
            source: source.into(),
        }
    }
}

/// How SQLite keeps its promises: see <https://sqlite.org/pragma.html>.
fn configure(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY)?;
    // Readers do not stop the writer, and a commit is one fsync.
    db.pragma_update(None, "journal_mode", "WAL")?;
    // A commit survives a power cut: with less, it only survives us.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

fn create_lock(folder: &Path, name: &str) -> Result<File, StoreError> {
    let path = folder.join(name);
    File::create(&path).map_err(|error| open_error(&path, error))
}

fn open_error(
    path: &Path,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Open {
        path: path.to_owned(),
        source: source.into(),
    }
}

/// How long to wait for another process's transaction. Ours take milliseconds; a new directory
/// of 200,000 domains takes a second or two.
const BUSY: Duration = Duration::from_secs(15);

/// More than there are statements in this folder: each is prepared once.
const STATEMENTS: usize = 64;
