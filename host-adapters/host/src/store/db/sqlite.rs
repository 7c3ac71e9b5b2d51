//! SQLite: one writer, whose fsync many share, and readers beside it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::{DbError, Driver, Promise, Tx};
use group::Writer;

mod group;

/// A database file, or one in memory.
#[derive(Debug)]
pub(in crate::store) struct Sqlite {
    /// None: it is in memory, and there is one connection only.
    path: Option<PathBuf>,
    writer: Writer,
    /// Readers that nobody uses at the moment.
    readers: Mutex<Vec<Connection>>,
}

impl Sqlite {
    /// Takes over a file that `migrated` has been opened on and that is up to date.
    ///
    /// # Errors
    /// The file cannot be opened again.
    pub(in crate::store) fn file(path: PathBuf, migrated: Connection) -> rusqlite::Result<Self> {
        let seen = open(&path)?;
        seen.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self {
            path: Some(path),
            writer: Writer::new(migrated, Some(seen)),
            readers: Mutex::default(),
        })
    }

    /// Takes over a database in memory.
    pub(in crate::store) fn memory(migrated: Connection) -> Self {
        Self {
            path: None,
            writer: Writer::new(migrated, None),
            readers: Mutex::default(),
        }
    }

    /// In WAL mode a reader sees what was committed when it began, and waits for nobody.
    pub(super) fn read<T>(
        &self,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let Some(path) = &self.path else {
            return self.writer.read(work);
        };
        let idle = || self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let db = match kept {
            Some(db) => db,
            None => open(path)?,
        };
        let result = read(&db, work);
        let mut idle = idle();
        if idle.len() < READERS_KEPT {
            idle.push(db);
        }
        result
    }

    pub(super) fn write<T>(
        &self,
        promise: Promise,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.writer.write(promise, work)
    }
}

/// Opens the file so that it keeps its promises: see <https://sqlite.org/pragma.html>.
pub(in crate::store) fn open(path: &std::path::Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    configure(&db)?;
    Ok(db)
}

/// As for a file, where it applies.
pub(in crate::store) fn open_in_memory() -> rusqlite::Result<Connection> {
    let db = Connection::open_in_memory()?;
    configure(&db)?;
    Ok(db)
}

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

fn read<T>(
    db: &Connection,
    work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
) -> Result<T, DbError> {
    // Rolled back at its end, which for a reader is as good as any.
    let tx = rusqlite::Transaction::new_unchecked(db, TransactionBehavior::Deferred)?;
    work(&mut Tx(Driver::Sqlite(&tx)))
}

/// Writes in a transaction of its own.
///
/// # Errors
/// Those of `work` and of the database; nothing was written.
pub(in crate::store) fn transaction<T>(
    db: &Connection,
    work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let tx = rusqlite::Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let value = work(&mut Tx(Driver::Sqlite(&tx)))?;
    tx.commit()?;
    Ok(value)
}

/// How long to wait for another process's transaction. Ours take milliseconds; a new directory
/// of 200,000 domains takes a second or two.
const BUSY: Duration = Duration::from_secs(15);

/// More than there are statements in this folder: each is prepared once.
const STATEMENTS: usize = 64;

/// Each is a few file handles and some memory. Opening one takes a tenth of a millisecond.
const READERS_KEPT: usize = 8;
