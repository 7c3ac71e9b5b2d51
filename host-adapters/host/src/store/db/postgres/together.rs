//! Statements that are sent without waiting for each other.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio_postgres::{Client, Error, Statement};

use crate::store::db::value::Kept;
use crate::store::db::{DbError, Param, Unmet};

/// A statement whose result nobody waits for.
pub(super) struct Pending {
    pub(super) sql: &'static str,
    pub(super) params: Vec<Kept>,
    /// What it means if it changes nothing; none: it may.
    pub(super) unmet: Option<Unmet>,
}

impl Pending {
    /// # Errors
    /// A value that no column can have.
    pub(super) fn new(
        sql: &'static str,
        params: &[Param<'_>],
        unmet: Option<Unmet>,
    ) -> Result<Self, DbError> {
        let params: Result<_, _> = params.iter().map(Param::keep).collect();
        let params = params?;
        Ok(Self { sql, params, unmet })
    }

    async fn send(&self, client: &Client, statement: &Statement) -> Result<u64, Error> {
        let params: Vec<Param<'_>> = self.params.iter().map(Kept::as_param).collect();
        let params = super::session::as_dyn(&params);
        client.execute(statement, &params).await
    }
}

/// What became of a row of statements.
pub(super) struct Done<T> {
    /// How many rows each of those changed that nobody waited for, in their order.
    pub(super) earlier: Vec<Result<u64, Error>>,
    /// None: one of those could not be sent, so the last was not sent either.
    pub(super) last: Option<Result<T, Error>>,
}

/// Sends statements in their order, each as it was prepared, then `last`, and waits for all of them. A
/// client of PostgreSQL sends a statement when its future is first polled, and then has nothing in it
/// that could not be sent: that a value does not fit is known before `last`, which may be COMMIT, goes
/// out.
pub(super) async fn together<T>(
    client: &Client,
    pending: &[(Pending, Statement)],
    last: impl Future<Output = Result<T, Error>>,
) -> Done<T> {
    type Sending<'a> = Pin<Box<dyn Future<Output = Result<u64, Error>> + 'a>>;
    let mut sending: Vec<Option<Sending<'_>>> = pending
        .iter()
        .map(|(pending, prepared)| Some(Box::pin(pending.send(client, prepared)) as Sending<'_>))
        .collect();
    let mut results: Vec<Result<u64, Error>> = pending.iter().map(|_| Ok(0)).collect();
    let mut last = pin!(last);
    let mut outcome = None;
    let mut is_sent = false;
    poll_fn(|context| {
        for (place, result) in sending.iter_mut().zip(&mut results) {
            if let Some(future) = place
                && let Poll::Ready(ended) = future.as_mut().poll(context)
            {
                *result = ended;
                *place = None;
            }
        }
        let failed = results.iter().any(Result::is_err);
        if outcome.is_none() && (is_sent || !failed) {
            is_sent = true;
            if let Poll::Ready(result) = last.as_mut().poll(context) {
                outcome = Some(result);
            }
        }
        let waits = sending.iter().any(Option::is_some) || (is_sent && outcome.is_none());
        if waits {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    Done {
        earlier: results,
        last: outcome,
    }
}
