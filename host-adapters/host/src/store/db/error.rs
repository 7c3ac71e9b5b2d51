//! What a database may say.

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;

/// Why a transaction failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::store) enum DbError {
    /// SQLite. Shared by all whose transaction it was.
    #[error("{0}")]
    Sqlite(Arc<rusqlite::Error>),
    /// PostgreSQL, or the way to it.
    #[error("{}", with_causes(&**.0))]
    Postgres(Arc<tokio_postgres::Error>),
    /// The connection was lost between what commits and its answer.
    #[error(
        "{}; whether it was committed before the connection was lost is not known",
        with_causes(&**.0)
    )]
    Uncertain(Arc<tokio_postgres::Error>),
    /// The operating system has nothing left for a connection.
    #[error("a connection cannot be made: {0}")]
    Runtime(Arc<std::io::Error>),
    /// SQLite gave up the whole transaction because of what somebody else in it did.
    #[error("the database gave up the transaction because of an error in another part of it")]
    GivenUp,
    /// Nothing is to be committed, although the database would.
    #[error("not to be committed: {0:?}")]
    Unmet(Unmet),
    /// All connections were in use for too long.
    #[error("none of the {0} connections became free in time; allow more, or find what is slow")]
    NoConnection(usize),
    /// A number that no column can have.
    #[error("the number {0} is too large to be stored")]
    TooLarge(u64),
    /// A value does not mean anything: the store is damaged, or somebody wrote into it.
    #[error("column {column}: {problem}")]
    Damaged {
        /// Counted from 0.
        column: usize,
        /// What is wrong with it.
        problem: Arc<str>,
    },
}

/// What stands against a commit: that a statement changed nothing (see [`super::Tx::must_change`]), or
/// what was asked for. With a text for people, or with what is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Unmet {
    /// It was done before.
    Repeated,
    /// Somebody else was quicker.
    Conflict(String),
    /// The claim on this item ran out, and somebody else has taken it over.
    Lost(String),
    /// The plug-in says of something what it is not.
    Contract(String),
}

impl DbError {
    /// A value that does not mean anything.
    pub(in crate::store) fn damaged(column: usize, problem: impl ToString) -> Self {
        Self::Damaged {
            column,
            problem: problem.to_string().into(),
        }
    }
}

impl From<Unmet> for DbError {
    fn from(unmet: Unmet) -> Self {
        Self::Unmet(unmet)
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(Arc::new(error))
    }
}

/// PostgreSQL's own words are in the error's causes.
pub(in crate::store) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
