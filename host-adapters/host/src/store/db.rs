//! One way to speak to both databases.
//!
//! Everything above this folder is written once: statements with `?1`, `?2`, … that mean the same
//! to SQLite and to PostgreSQL, values of four types, and work that may be done again. What
//! differs is below: how a connection is had, how a transaction is made durable, and what
//! protects it from others.
//!
//! | | SQLite | PostgreSQL |
//! |---|---|---|
//! | writers | one at a time (`BEGIN IMMEDIATE`), see [`sqlite`] | in parallel, `READ COMMITTED` |
//! | what a write rests on | nobody else writes meanwhile | a row lock, a unique key or [`Tx::exclusively`], said at each statement |
//! | readers | a snapshot each, beside the writer | a snapshot each (`REPEATABLE READ`) |
//! | durable by | one fsync for all who commit at once | the server, which groups likewise |
//! | an outcome is said | statement by statement | in one statement, where that comes to the same |
//! | work is done again | never | after a deadlock, a serialisation failure or a lost connection |

use std::borrow::Cow;
use std::sync::Arc;

pub(super) use error::{DbError, Unmet};
pub(super) use postgres::Postgres;
pub use postgres::PostgresOptions;
pub(super) use sqlite::Sqlite;
pub(super) use value::{Column, Param, Row, params};

mod error;
mod postgres;
pub(super) mod sqlite;
mod value;

/// The database of a store.
#[derive(Debug)]
pub(super) enum Db {
    Sqlite(Box<Sqlite>),
    Postgres(Arc<Postgres>),
}

/// What a write promises once it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// It survives a power cut.
    Durable,
    /// It survives this process, but a power cut may undo it: for what dies with the machine
    /// anyway.
    Seen,
}

impl Db {
    /// How many connections there may be to the server, if there is one.
    pub(super) fn connections(&self) -> Option<usize> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(db) => Some(db.connections()),
        }
    }

    /// Reads in one snapshot.
    ///
    /// # Errors
    /// Those of `work` and of the database.
    pub(super) fn read<T>(
        &self,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        match self {
            Self::Sqlite(db) => db.read(work),
            Self::Postgres(db) => db.read(work),
        }
    }

    /// Reads with a single statement, which needs no snapshot beside its own.
    ///
    /// # Errors
    /// Those of `work` and of the database.
    pub(super) fn look<T>(
        &self,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        match self {
            Self::Sqlite(db) => db.read(work),
            Self::Postgres(db) => db.look(work),
        }
    }

    /// Writes with a single statement, durably, and returns how many rows it changed. If an answer is
    /// lost it is done again, so twice must leave the same; how many rows is what the last time says.
    ///
    /// # Errors
    /// The database's; nothing was written, unless it is [`DbError::Uncertain`].
    pub(super) fn write_alone(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<u64, DbError> {
        match self {
            Self::Sqlite(db) => db.write(Promise::Durable, &mut |tx| tx.execute(sql, params)),
            Self::Postgres(db) => db.write_alone(sql, params),
        }
    }

    /// Writes in one transaction: all that `work` does, or nothing where it fails. `work` is done
    /// again if the database asks for it, so it must not use up what it works with.
    ///
    /// # Errors
    /// Those of `work` and of the database; nothing was written, unless it is
    /// [`DbError::Uncertain`].
    pub(super) fn write<T>(
        &self,
        promise: Promise,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        match self {
            Self::Sqlite(db) => db.write(promise, work),
            Self::Postgres(db) => db.write(promise, work),
        }
    }
}

/// An open transaction.
pub(super) struct Tx<'a>(Driver<'a>);

enum Driver<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a mut postgres::Session),
}

impl Tx<'_> {
    /// Executes a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn execute(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<u64, DbError> {
        match &mut self.0 {
            Driver::Sqlite(db) => Ok(db
                .prepare_cached(&for_sqlite(sql))?
                .execute(rusqlite::params_from_iter(params))?
                as u64),
            Driver::Postgres(session) => session.execute(sql, params),
        }
    }

    /// Executes a statement of which only matters that it works, at the latest with the commit:
    /// on PostgreSQL nobody waits for it, and an error of it is that of a later call, or of the commit.
    ///
    /// # Errors
    /// The database's, of this statement or an earlier one.
    pub(super) fn later(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), DbError> {
        match &mut self.0 {
            Driver::Sqlite(_) => self.execute(sql, params).map(drop),
            Driver::Postgres(session) => session.later(sql, params, None),
        }
    }

    /// Executes a statement that must change a row, or nothing is committed: on PostgreSQL nobody
    /// waits for it before the commit, and its error is that of a later call, or of the commit.
    ///
    /// # Errors
    /// [`DbError::Unmet`] with `unmet` if it changed none, and those of [`Self::later`].
    pub(super) fn must_change(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        unmet: Unmet,
    ) -> Result<(), DbError> {
        match &mut self.0 {
            Driver::Sqlite(_) => match self.execute(sql, params)? {
                0 => Err(DbError::Unmet(unmet)),
                _ => Ok(()),
            },
            Driver::Postgres(session) => session.later(sql, params, Some(unmet)),
        }
    }

    /// A number that no other row has, for one to be inserted. SQLite has one writer at a time, so the
    /// next will do; of PostgreSQL's statement, which draws several, each connection keeps the rest.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn draw(
        &mut self,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Result<i64, DbError> {
        match &mut self.0 {
            Driver::Sqlite(_) => self.value(sqlite, &[]),
            Driver::Postgres(session) => session.draw(postgres),
        }
    }

    /// Executes a statement and gives each of its rows to `read`.
    ///
    /// # Errors
    /// The database's and those of `read`.
    pub(super) fn query<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        let mut found = Vec::new();
        match &mut self.0 {
            Driver::Sqlite(db) => {
                let mut statement = db.prepare_cached(&for_sqlite(sql))?;
                let mut rows = statement.query(rusqlite::params_from_iter(params))?;
                while let Some(row) = rows.next()? {
                    found.push(read(&Row::Sqlite(row))?);
                }
            }
            Driver::Postgres(session) => {
                for row in session.query(sql, params)? {
                    found.push(read(&Row::Postgres(&row))?);
                }
            }
        }
        Ok(found)
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// The database's and those of `read`.
    pub(super) fn find<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Option<T>, DbError> {
        Ok(self.query(sql, params, read)?.into_iter().next())
    }

    /// The first value of the first row, which there always is.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn value<T: Column>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<T, DbError> {
        self.find(sql, params, |row| row.get(0))?
            .ok_or_else(|| DbError::damaged(0, "no row"))
    }

    /// Executes several statements without values.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn script(&mut self, sql: &str) -> Result<(), DbError> {
        match &mut self.0 {
            Driver::Sqlite(db) => Ok(db.execute_batch(sql)?),
            Driver::Postgres(session) => session.script(sql),
        }
    }

    /// From here to the end of the transaction, nobody else is doing `what`. SQLite: nobody else
    /// is writing at all.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn exclusively(&mut self, what: Exclusive) -> Result<(), DbError> {
        match &mut self.0 {
            Driver::Sqlite(_) => Ok(()),
            Driver::Postgres(session) => session.lock(LOCKS + what as i64),
        }
    }

    /// Are large messages in the database itself?
    pub(super) fn keeps_large_messages(&self) -> bool {
        matches!(self.0, Driver::Postgres(_))
    }

    /// The statement for this database, where no statement does for both.
    pub(super) fn choose(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.0 {
            Driver::Sqlite(_) => sqlite,
            Driver::Postgres(_) => postgres,
        }
    }
}

/// What only one transaction may do at a time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exclusive {
    /// Changing the tables.
    Migrate = 1,
    /// Replacing the provider directory.
    InstallDirectory = 2,
    /// Replacing a file to publish.
    Publish = 3,
}

/// PostgreSQL's advisory locks are numbers that all programs share: "PEC " in ASCII, and ours.
const LOCKS: i64 = 0x5045_4320_0000;

/// SQLite has one writer at a time, so there are no locked rows to skip.
fn for_sqlite(sql: &'static str) -> Cow<'static, str> {
    const CLAUSE: &str = "FOR UPDATE SKIP LOCKED";
    if sql.contains(CLAUSE) {
        sql.replace(CLAUSE, "").into()
    } else {
        sql.into()
    }
}
