//! PostgreSQL: any number of hosts, several connections each.
//!
//! Writes run in `READ COMMITTED`: what one rests on is held by a row lock, a unique key or an
//! advisory lock, said at each statement, so nothing is left for `SERIALIZABLE` to find, and
//! outcomes that have nothing to do with each other never wait for each other. What the server
//! still wants done again (a deadlock, a unique key that two inserted at once, `SERIALIZABLE` as
//! a distributed engine's only level) is done again.
//!
//! Nothing is sent before somebody waits for it, and what nobody waited for goes out at the end: most
//! outcomes are one message to the server, see [`compose`].

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::{DbError, Driver, Param, Promise, Tx};
use crate::StoreError;
use options::Connector;
pub use options::PostgresOptions;
use pool::{Pool, Pooled};
pub(super) use session::Session;

mod compose;
mod options;
mod pool;
mod session;
mod together;

/// A database that other hosts may use at the same time.
#[derive(Debug)]
pub(in crate::store) struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// Connects, with one connection for now.
    ///
    /// # Errors
    /// The URL or the options are wrong, or the server does not answer.
    pub(in crate::store) fn connect(
        url: &str,
        options: &PostgresOptions,
    ) -> Result<Self, StoreError> {
        let connector = Connector::new(url, options)?;
        let pool = Pool::new(connector, options.connections);
        // A server that is not there is an error now, not at the first message.
        match pool.take() {
            Ok(session) => drop(session),
            Err(error) => {
                return Err(StoreError::Connect {
                    place: pool.place(),
                    source: error.into(),
                });
            }
        }
        Ok(Self { pool })
    }

    /// Where it is, without user and password: for error messages.
    pub(in crate::store) fn place(&self) -> String {
        self.pool.place()
    }

    /// How many connections this host may have.
    pub(in crate::store) fn connections(&self) -> usize {
        self.pool.most()
    }

    /// See [`super::Db::read`].
    pub(in crate::store) fn read<T>(
        &self,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.repeat(|session| transaction(session, begin, &mut *work))
    }

    /// See [`super::Db::look`].
    pub(in crate::store) fn look<T>(
        &self,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.repeat(|session| work(&mut Tx(Driver::Postgres(session))))
    }

    /// See [`super::Db::write_alone`]. What is said outside of a transaction is one.
    pub(in crate::store) fn write_alone(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<u64, DbError> {
        let mut unheard = None;
        let written = self.repeat(|session| {
            let written = session.execute(sql, params);
            if let Err(DbError::Postgres(error)) = &written
                && Trouble::of(error) == Some(Trouble::Lost)
            {
                unheard = Some(Arc::clone(error));
            }
            written
        });
        written.map_err(|error| unheard.map_or(error, DbError::Uncertain))
    }

    /// See [`super::Db::write`].
    pub(in crate::store) fn write<T>(
        &self,
        promise: Promise,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        // A later durable commit covers what was not synced before it: there is one WAL.
        let begin = match promise {
            Promise::Durable => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Promise::Seen => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off"
            }
        };
        self.repeat(|session| transaction(session, begin, &mut *work))
    }

    /// Does something with a connection, again if the database asks for it.
    fn repeat<T>(
        &self,
        mut work: impl FnMut(&mut Session) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut session: Pooled<'_> = self.pool.take()?;
            let result = work(&mut session);
            let Some(trouble) = session.take_trouble().filter(|_| result.is_err()) else {
                return result;
            };
            drop(session);
            if trouble == Trouble::Lost {
                // The server was restarted, so the idle ones are of no use either.
                self.pool.forget_idle();
            }
            if tries == TRIES {
                return result;
            }
            tracing::debug!(?trouble, tries, "a transaction is done again");
            thread::sleep(PAUSE * tries);
        }
    }
}

/// One try. Whatever is not committed is rolled back, by the server if need be.
fn transaction<T>(
    session: &mut Session,
    begin: &'static str,
    work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
) -> Result<T, DbError> {
    session.begin(begin);
    match work(&mut Tx(Driver::Postgres(session))) {
        Ok(value) => session.finish().map(|()| value),
        Err(error) => {
            session.roll_back();
            Err(error)
        }
    }
}

/// What makes a transaction worth another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Somebody else was in the way.
    Contention,
    /// The connection is lost. What may have been committed nevertheless is [`DbError::Uncertain`]; a
    /// statement outside of a transaction may be done.
    Lost,
}

impl Trouble {
    /// None: it would be the same again.
    fn of(error: &tokio_postgres::Error) -> Option<Self> {
        let Some(code) = error.code() else {
            // Not the server's words: the connection's.
            let lost = error.is_closed() || with_io(error);
            return lost.then_some(Self::Lost);
        };
        let contention = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::UNIQUE_VIOLATION,
            SqlState::FOREIGN_KEY_VIOLATION,
        ];
        let lost = [
            SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ];
        if contention.contains(code) {
            Some(Self::Contention)
        } else if lost.contains(code) || code.code().starts_with("08") {
            Some(Self::Lost)
        } else {
            None
        }
    }
}

fn with_io(error: &tokio_postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<std::io::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Contention is over after one or two tries; what is not is an error of ours.
const TRIES: u32 = 8;

/// Times the tries so far. All together a fifth of a second: somebody waits for the reply.
const PAUSE: Duration = Duration::from_millis(6);
