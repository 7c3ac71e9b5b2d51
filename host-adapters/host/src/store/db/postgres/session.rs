//! One connection, and the transaction it may be in.

use std::collections::HashMap;

use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::Trouble;
use super::together::{Done, Pending, together};
use crate::store::db::{DbError, Param, Unmet};

/// A connection with the statements that were prepared on it.
pub(in crate::store::db) struct Session {
    /// Drives the connection, while somebody waits for it.
    runtime: Runtime,
    client: Client,
    statements: HashMap<&'static str, Statement>,
    /// Numbers that were drawn beforehand, by the statement that draws them.
    drawn: HashMap<&'static str, Vec<i64>>,
    /// Not sent yet: they go with the next statement that somebody waits for.
    pending: Vec<Pending>,
    /// Of the last statement that failed.
    trouble: Option<Trouble>,
    /// It may be in a transaction, or in an unknown state.
    unclean: bool,
}

impl Session {
    pub(super) fn new(runtime: Runtime, client: Client) -> Self {
        Self {
            runtime,
            client,
            statements: HashMap::new(),
            drawn: HashMap::new(),
            pending: Vec::new(),
            trouble: None,
            unclean: false,
        }
    }

    /// May another transaction use it?
    pub(super) fn is_usable(&self) -> bool {
        !self.unclean && self.pending.is_empty() && !self.client.is_closed()
    }

    pub(super) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// This one is waited for: were it refused, whatever followed would be committed by itself.
    pub(super) fn begin(&mut self, begin: &'static str) -> Result<(), DbError> {
        self.trouble = None;
        self.unclean = true;
        self.pending.clear();
        self.wait(async |client| client.batch_execute(begin).await)
    }

    /// Waits for the statements that must have changed something: COMMIT does not go out before that
    /// is known.
    ///
    /// # Errors
    /// [`DbError::Unmet`], and those of the statements.
    pub(super) fn settle(&mut self) -> Result<(), DbError> {
        if self.pending.iter().any(|pending| pending.unmet.is_some()) {
            self.wait(async |_| Ok(()))?;
        }
        Ok(())
    }

    /// After [`Self::settle`].
    ///
    /// # Errors
    /// [`DbError::Uncertain`] where the answer got lost: then there is nothing to try again, as
    /// it may have worked.
    pub(super) fn commit(&mut self) -> Result<(), DbError> {
        let Done { earlier, last } = self.send(async |client| client.batch_execute("COMMIT").await);
        let earlier: Result<(), Error> = earlier.into_iter().try_for_each(|each| each.map(drop));
        match (earlier, last) {
            (Ok(()), Some(Ok(()))) => {
                self.unclean = false;
                Ok(())
            }
            // What the server itself says of an earlier statement is that this transaction is none.
            (Err(error), last) if last.is_none() || is_servers_word(&error) => {
                if matches!(last, Some(Ok(()))) {
                    self.unclean = false;
                }
                self.noting(Err(error))
            }
            (Ok(()), Some(Err(error))) if is_servers_word(&error) => self.noting(Err(error)),
            // Whatever else happened is not.
            (Err(error), _) | (_, Some(Err(error))) => {
                self.trouble = None;
                Err(DbError::Uncertain(error.into()))
            }
            (Ok(()), None) => unreachable!("COMMIT goes with what could be sent"),
        }
    }

    /// The error of the work is of more interest than one of this.
    pub(super) fn roll_back(&mut self) {
        self.pending.clear();
        if self.trouble != Some(Trouble::Lost) {
            let Done { last, .. } =
                self.send(async |client| client.batch_execute("ROLLBACK").await);
            self.unclean = !matches!(last, Some(Ok(())));
        }
    }

    /// Takes one of the advisory locks, until the transaction ends.
    pub(in crate::store::db) fn lock(&mut self, number: i64) -> Result<(), DbError> {
        self.query(
            "SELECT pg_advisory_xact_lock(?1)",
            &[Param::Integer(number)],
        )
        .map(drop)
    }

    pub(in crate::store::db) fn execute(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<u64, DbError> {
        let statement = self.prepare(sql)?;
        self.wait(async |client| client.execute(&statement, &as_dyn(params)).await)
    }

    pub(in crate::store::db) fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, DbError> {
        let statement = self.prepare(sql)?;
        self.wait(async |client| client.query(&statement, &as_dyn(params)).await)
    }

    /// See [`crate::store::db::Tx::later`] and, with what it means if nothing is changed,
    /// [`crate::store::db::Tx::must_change`].
    pub(in crate::store::db) fn later(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        unmet: Option<Unmet>,
    ) -> Result<(), DbError> {
        let statement = self.prepare(sql)?;
        self.pending.push(Pending::new(statement, params, unmet));
        if self.pending.len() >= MOST_PENDING {
            self.wait(async |_| Ok(()))?;
        }
        Ok(())
    }

    /// One of the numbers that a statement draws, several at a time. No two calls get the same, on
    /// whatever connection; one that is not used is lost.
    pub(in crate::store::db) fn draw(&mut self, sql: &'static str) -> Result<i64, DbError> {
        if let Some(number) = self.drawn.get_mut(sql).and_then(Vec::pop) {
            return Ok(number);
        }
        let rows = self.query(sql, &[])?;
        // The last is taken first.
        let numbers = rows.iter().rev().map(|row| row.try_get(0));
        let mut numbers: Vec<i64> = numbers.collect::<Result<_, _>>()?;
        let number = numbers.pop();
        self.drawn.insert(sql, numbers);
        number.ok_or_else(|| DbError::damaged(0, "no row"))
    }

    /// Several statements without values, from a migration.
    pub(in crate::store::db) fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.wait(async |client| client.batch_execute(sql).await)
    }

    /// `?1` is `$1` here, and no statement of ours has another question mark.
    fn prepare(&mut self, sql: &'static str) -> Result<Statement, DbError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        // What it needs may be what is still to be sent.
        let text = sql.replace('?', "$");
        let statement = self.wait(async |client| client.prepare(&text).await)?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    /// Sends a statement after those that are pending, and waits for its result.
    fn wait<T>(
        &mut self,
        last: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, DbError> {
        let pending = std::mem::take(&mut self.pending);
        let Done { earlier, last } = self.send_after(&pending, last);
        // What changed nothing may be why a later one was refused.
        for (pending, changed) in pending.into_iter().zip(earlier) {
            if let (0, Some(unmet)) = (self.noting(changed)?, pending.unmet) {
                return Err(DbError::Unmet(unmet));
            }
        }
        let last = last.expect("it goes with what could be sent");
        self.noting(last)
    }

    fn send<T>(&mut self, last: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Done<T> {
        let pending = std::mem::take(&mut self.pending);
        self.send_after(&pending, last)
    }

    fn send_after<T>(
        &mut self,
        pending: &[Pending],
        last: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Done<T> {
        let last = last(&self.client);
        self.runtime.block_on(together(&self.client, pending, last))
    }

    fn noting<T>(&mut self, result: Result<T, Error>) -> Result<T, DbError> {
        result.map_err(|error| {
            self.trouble = Trouble::of(&error);
            DbError::from(error)
        })
    }
}

/// Is it an answer, by which the transaction has ended without effect?
fn is_servers_word(error: &Error) -> bool {
    error.code().is_some() && Trouble::of(error) != Some(Trouble::Lost)
}

pub(super) fn as_dyn<'a>(params: &'a [Param<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    let as_dyn = |param: &'a Param<'_>| param as &(dyn ToSql + Sync);
    params.iter().map(as_dyn).collect()
}

/// So many are sent without waiting for one: the server's answers have to lie somewhere.
const MOST_PENDING: usize = 32;
