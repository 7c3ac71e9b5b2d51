//! One connection, and the transaction it may be in.

use std::collections::HashMap;

use postgres::types::ToSql;
use postgres::{Client, Row, Statement};

use super::Trouble;
use crate::store::db::{DbError, Param};

/// A connection with the statements that were prepared on it.
pub(in crate::store::db) struct Session {
    client: Client,
    statements: HashMap<&'static str, Statement>,
    /// Of the last statement that failed.
    trouble: Option<Trouble>,
    /// It may be in a transaction, or in an unknown state.
    unclean: bool,
}

impl Session {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            statements: HashMap::new(),
            trouble: None,
            unclean: false,
        }
    }

    /// May another transaction use it?
    pub(super) fn is_usable(&self) -> bool {
        !self.unclean && !self.client.is_closed()
    }

    pub(super) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    pub(super) fn begin(&mut self, begin: &'static str) -> Result<(), DbError> {
        self.trouble = None;
        self.unclean = true;
        let begun = self.client.batch_execute(begin);
        self.noting(begun)
    }

    /// # Errors
    /// [`DbError::Uncertain`] where the answer got lost: then there is nothing to try again, as
    /// it may have worked.
    pub(super) fn commit(&mut self) -> Result<(), DbError> {
        let committed = self.client.batch_execute("COMMIT");
        match self.noting(committed) {
            Ok(()) => {
                self.unclean = false;
                Ok(())
            }
            // The server's own word is that it has rolled back; whatever else happened is not.
            Err(DbError::Postgres(error))
                if error.code().is_none() || self.trouble == Some(Trouble::Lost) =>
            {
                self.trouble = None;
                Err(DbError::Uncertain(error))
            }
            Err(error) => Err(error),
        }
    }

    /// The error of the work is of more interest than one of this.
    pub(super) fn roll_back(&mut self) {
        if self.trouble != Some(Trouble::Lost) {
            self.unclean = self.client.batch_execute("ROLLBACK").is_err();
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
        let done = self.client.execute(&statement, &as_dyn(params));
        self.noting(done)
    }

    pub(in crate::store::db) fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, DbError> {
        let statement = self.prepare(sql)?;
        let found = self.client.query(&statement, &as_dyn(params));
        self.noting(found)
    }

    /// Several statements without values, from a migration.
    pub(in crate::store::db) fn script(&mut self, sql: &str) -> Result<(), DbError> {
        let done = self.client.batch_execute(sql);
        self.noting(done)
    }

    /// `?1` is `$1` here, and no statement of ours has another question mark.
    fn prepare(&mut self, sql: &'static str) -> Result<Statement, DbError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let prepared = self.client.prepare(&sql.replace('?', "$"));
        let statement = self.noting(prepared)?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    fn noting<T>(&mut self, result: Result<T, postgres::Error>) -> Result<T, DbError> {
        result.map_err(|error| {
            self.trouble = Trouble::of(&error);
            DbError::from(error)
        })
    }
}

fn as_dyn<'a>(params: &'a [Param<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    let as_dyn = |param: &'a Param<'_>| param as &(dyn ToSql + Sync);
    params.iter().map(as_dyn).collect()
}
