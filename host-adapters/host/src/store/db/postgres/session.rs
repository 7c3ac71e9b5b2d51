//! One connection, and the transaction it may be in.

use std::collections::HashMap;

use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::Trouble;
use super::compose::{Shape, numbered};
use super::together::{Done, Pending, together};
use crate::store::db::{DbError, Param, Unmet};

mod end;

/// A connection with the statements that were prepared on it.
pub(in crate::store::db) struct Session {
    /// Drives the connection, while somebody waits for it.
    runtime: Runtime,
    client: Client,
    statements: HashMap<&'static str, Statement>,
    /// Those that do what several do; none: the server does not take such a one.
    composed: HashMap<Shape, Option<Statement>>,
    /// Numbers that were drawn beforehand, by the statement that draws them.
    drawn: HashMap<&'static str, Vec<i64>>,
    /// How the transaction begins, as long as the server need not know of it.
    unopened: Option<&'static str>,
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
            composed: HashMap::new(),
            drawn: HashMap::new(),
            unopened: None,
            pending: Vec::new(),
            trouble: None,
            unclean: false,
        }
    }

    /// May another transaction use it?
    pub(super) fn is_usable(&self) -> bool {
        let is_between = self.unopened.is_none() && self.pending.is_empty();
        is_between && !self.unclean && !self.client.is_closed()
    }

    pub(super) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Has the server closed it while nobody used it? Nothing is sent; what has come is read.
    pub(super) fn has_ended(&self) -> bool {
        self.runtime.block_on(async {
            // Once to see that something has come, once for the connection to read it.
            for _ in 0..2 {
                tokio::task::yield_now().await;
            }
        });
        self.client.is_closed()
    }

    pub(super) fn begin(&mut self, begin: &'static str) {
        self.trouble = None;
        self.pending.clear();
        self.unopened = Some(begin);
    }

    /// Has the transaction begin, if it has not yet. This is waited for: were it refused, whatever
    /// followed would be committed by itself.
    fn open(&mut self) -> Result<(), DbError> {
        let Some(begin) = self.unopened.take() else {
            return Ok(());
        };
        self.unclean = true;
        self.ask(async |client| client.batch_execute(begin).await)
    }

    /// The error of the work is of more interest than one of this.
    pub(super) fn roll_back(&mut self) {
        self.pending.clear();
        if self.unopened.take().is_none() && self.trouble != Some(Trouble::Lost) {
            let rollback = self.client.batch_execute("ROLLBACK");
            self.unclean = self.runtime.block_on(rollback).is_err();
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
        self.pending.push(Pending::new(sql, params, unmet)?);
        if self.pending.len() >= MOST_PENDING {
            self.wait(async |_| Ok(()))?;
        }
        Ok(())
    }

    /// One of the numbers that a statement draws, several at a time. No two calls get the same, on
    /// whatever connection and in whatever transaction; one that is not used is lost.
    pub(in crate::store::db) fn draw(&mut self, sql: &'static str) -> Result<i64, DbError> {
        if let Some(number) = self.drawn.get_mut(sql).and_then(Vec::pop) {
            return Ok(number);
        }
        let statement = self.prepare(sql)?;
        let rows = self.ask(async |client| client.query(&statement, &[]).await)?;
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

    fn prepare(&mut self, sql: &'static str) -> Result<Statement, DbError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let text = numbered(sql, 0);
        let statement = self.ask(async |client| client.prepare(&text).await)?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    /// Asks the server for what no transaction has a part in.
    fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, DbError> {
        let answer = self.runtime.block_on(question(&self.client));
        self.noting(answer)
    }

    /// Sends a statement after those that are pending, and waits for its result.
    fn wait<T>(
        &mut self,
        last: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, DbError> {
        self.open()?;
        let pending = self.take_pending()?;
        let Done { earlier, last } = self.send_after(&pending, last);
        // What changed nothing may be why a later one was refused.
        for ((pending, _), changed) in pending.into_iter().zip(earlier) {
            if let (0, Some(unmet)) = (self.noting(changed)?, pending.unmet) {
                return Err(DbError::Unmet(unmet));
            }
        }
        let last = last.expect("it goes with what could be sent");
        self.noting(last)
    }

    /// What is to be sent, ready for it.
    fn take_pending(&mut self) -> Result<Vec<(Pending, Statement)>, DbError> {
        let pending = std::mem::take(&mut self.pending);
        let prepare = |pending: Pending| {
            let prepared = self.prepare(pending.sql)?;
            Ok((pending, prepared))
        };
        pending.into_iter().map(prepare).collect()
    }

    fn send_after<T>(
        &self,
        pending: &[(Pending, Statement)],
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
