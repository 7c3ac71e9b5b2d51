//! What a host remembers: SQLite and files for large messages, or PostgreSQL.
//!
//! Everything that matters is written in [`Store::commit`]: one transaction for one outcome. The
//! rest reads, or marks items of the outbox.
//!
//! **The seam.** Methods take and give the types of `wit/` and of this crate; nothing of a
//! database shows outside this folder, and nothing of one database outside `db` and `schema`:
//! every statement is there once.
//!
//! **Several processes** may have one store open: a server and a command line, say, or on
//! PostgreSQL any number of hosts. The database keeps their transactions apart, and each item of
//! the outbox is *claimed* by whoever carries it out (`claims`). With SQLite two files beside the
//! database do the rest, with locks that the system lets go of when a process dies, however it
//! dies. Whoever has the store open shares `store.lock`; who finds nobody else there clears up
//! what a crash left. `outbox.lock` belongs to whoever is carrying out the outbox in its order.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use claims::Claims;
pub(crate) use commit::{Cause, Commit, CommitError, Ending, Looped, Written, item_key};
pub use db::PostgresOptions;
use db::{Db, DbError, Postgres, Promise, Sqlite, Tx, sqlite};
use desk::Desk;
pub use error::StoreError;
pub(crate) use outbox::Item;
pub use queue::Queue;
use schema::Strange;
pub(crate) use spool::Original;
use spool::Spool;
pub(crate) use tracking::{DueBatch, Seen};

mod audit;
mod bodies;
mod claims;
mod columns;
mod commit;
mod db;
mod desk;
mod directory;
mod effects;
mod error;
mod outbox;
mod publications;
mod queue;
mod recall;
mod schema;
mod spool;
mod status;
mod sweep;
mod tracking;

/// Connections to a store's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connections {
    /// How many this host may open.
    pub ours: u64,
    /// How many the server allows to all hosts together, without those that it keeps for administrators.
    pub allowed: u64,
}

/// The memory of one provider's host.
///
/// Cheap to clone: clones are the same store. All methods may be called from several threads at
/// once, but not from a task of an asynchronous runtime: they block.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The file, or server and database: for error messages.
    place: String,
    db: Db,
    spool: Spool,
    claims: Claims,
    desk: Desk,
    /// Only one thread carries out the outbox in its order, and only one process of those that
    /// share a folder: `outbox.lock`.
    turn: Mutex<Option<File>>,
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
        let place = path.display().to_string();
        let failed = |error: rusqlite::Error| open_error(&place, error);
        let db = sqlite::open(&path).map_err(failed)?;
        let spool = Spool::open(folder.join("spool"))?;
        let migrated = schema::migrate_sqlite(&db);
        accept(&place, migrated.map_err(|error| open_error(&place, error))?)?;
        let db = Sqlite::file(path, db).map_err(failed)?;
        let store = Self(Arc::new(Inner {
            turn: Mutex::new(Some(turn)),
            presence: Some(presence),
            ..Inner::new(place, Db::Sqlite(Box::new(db)), spool, LEASE)?
        }));
        if alone {
            store.remove_orphans()?;
            store.clear_claims()?;
        }
        // From exclusive to shared there is a moment without: another process may then find
        // itself alone and clear up, which is harmless as nothing has begun here yet.
        if let Some(presence) = &store.0.presence {
            presence
                .unlock()
                .and_then(|()| presence.lock_shared())
                .map_err(|error| open_error(&folder.join("store.lock").display(), error))?;
        }
        Ok(store)
    }

    /// Opens the store in a PostgreSQL database (12 or later, or what speaks its protocol):
    /// `postgresql://user:password@host/database`, or `host=/run/postgresql dbname=pec`. Any
    /// number of hosts may have it open at once. The tables are made in the first schema of the
    /// connection's `search_path`, which must be ours alone; an older store is brought up to date.
    ///
    /// Statements are prepared, so a pooler in between must give each connection a server
    /// process of its own.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing was changed.
    pub fn open_postgres(url: &str, options: &PostgresOptions) -> Result<Self, StoreError> {
        let db = Arc::new(Postgres::connect(url, options)?);
        let place = db.place();
        let failed = |error: DbError| StoreError::Connect {
            place: db.place(),
            source: error.into(),
        };
        accept(&place, schema::migrate_postgres(&db).map_err(failed)?)?;
        let spool = Spool::database(&db);
        let inner = Inner::new(place, Db::Postgres(db), spool, options.lease)?;
        Ok(Self(Arc::new(inner)))
    }

    /// A store that ends with the process, for tests and for judging single messages.
    ///
    /// # Errors
    /// SQLite cannot be started.
    pub fn in_memory() -> Result<Self, StoreError> {
        let place = ":memory:".to_owned();
        let db = sqlite::open_in_memory().map_err(|error| open_error(&place, error))?;
        let migrated = schema::migrate_sqlite(&db);
        accept(&place, migrated.map_err(|error| open_error(&place, error))?)?;
        let db = Db::Sqlite(Box::new(Sqlite::memory(db)));
        Ok(Self(Arc::new(Inner::new(
            place,
            db,
            Spool::in_memory(),
            LEASE,
        )?)))
    }

    /// Keeps a copy of an event's message for as long as its conversation lasts: small ones in
    /// memory, large ones in the spool.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub(crate) fn take_in(&self, octets: &[u8]) -> Result<Original, StoreError> {
        self.0.spool.take_in(octets)
    }

    /// The connections to the store's server. None: there is no server, or it does not say.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn connections(&self) -> Result<Option<Connections>, StoreError> {
        let Some(ours) = self.0.db.connections() else {
            return Ok(None);
        };
        let allowed: Option<u64> = self.look("asking how many connections there may be", |tx| {
            tx.value(
                "SELECT current_setting('max_connections', true)::bigint
                     - coalesce(current_setting('superuser_reserved_connections', true)::bigint, 0)
                     - coalesce(current_setting('reserved_connections', true)::bigint, 0)",
                &[],
            )
        })?;
        Ok(allowed.map(|allowed| Connections {
            ours: ours as u64,
            allowed,
        }))
    }

    /// Reads in one snapshot.
    fn read<T>(
        &self,
        doing: &'static str,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, StoreError> {
        let read = self.0.db.read(&mut work);
        read.map_err(|source| self.failed(doing, source))
    }

    /// Reads with a single statement.
    fn look<T>(
        &self,
        doing: &'static str,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, StoreError> {
        let found = self.0.db.look(&mut work);
        found.map_err(|source| self.failed(doing, source))
    }

    /// Writes in one transaction; see [`Db::write`].
    fn write<T>(
        &self,
        doing: &'static str,
        promise: Promise,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, StoreError> {
        let written = self.0.db.write(promise, &mut work);
        written.map_err(|source| self.failed(doing, source))
    }

    fn failed(&self, doing: &'static str, source: DbError) -> StoreError {
        metrics::counter!("ceralacca_store_errors_total", "doing" => doing).increment(1);
        let place = self.0.place.clone();
        match source {
            DbError::Uncertain(_) => StoreError::Uncertain {
                place,
                doing,
                source: source.into(),
            },
            source => StoreError::Database {
                place,
                doing,
                source: source.into(),
            },
        }
    }
}

impl Inner {
    fn new(place: String, db: Db, spool: Spool, lease: u32) -> Result<Self, StoreError> {
        let claims = Claims::new(lease).map_err(|error| open_error(&place, error))?;
        Ok(Self {
            place,
            db,
            spool,
            claims,
            desk: Desk::default(),
            turn: Mutex::default(),
            presence: None,
        })
    }
}

fn accept(place: &str, migrated: Result<(), Strange>) -> Result<(), StoreError> {
    let place = place.to_owned();
    migrated.map_err(|strange| match strange {
        Strange::Foreign => StoreError::Foreign { place },
        Strange::Newer { version, known } => StoreError::Newer {
            place,
            version,
            known,
        },
    })
}

fn create_lock(folder: &Path, name: &str) -> Result<File, StoreError> {
    let path = folder.join(name);
    File::create(&path).map_err(|error| open_error(&path.display(), error))
}

fn open_error(
    place: &dyn std::fmt::Display,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Open {
        place: place.to_string(),
        source: source.into(),
    }
}

/// For how many seconds a claim on an outbox item holds unless renewed: longer than a process is
/// ever kept from running, short enough to wait for.
const LEASE: u32 = 60;
