//! How a transaction ends: with one statement that says all of it, or with COMMIT.

use tokio_postgres::{Client, Error, Statement};

use super::super::compose::{Composed, Shape, UNMET};
use super::super::together::{Done, Pending};
use super::{Session, as_dyn, is_servers_word};
use crate::store::db::value::Kept;
use crate::store::db::{DbError, Param};

impl Session {
    /// Commits what was said since [`Self::begin`]. Where nobody has waited for any of it, one message
    /// to the server may do for all. After an error nothing has happened.
    ///
    /// # Errors
    /// [`DbError::Unmet`], and those of the statements. [`DbError::Uncertain`] where the answer got
    /// lost: then there is nothing to try again, as it may have worked.
    pub(in crate::store::db::postgres) fn finish(&mut self) -> Result<(), DbError> {
        match self.prepare_end() {
            Ok(End::Nothing) => Ok(()),
            Ok(End::One(one)) => self.commit_alone(&one),
            Ok(End::Commit(pending)) => self.commit(&pending),
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// Whatever must be known before the last words of a transaction go out.
    fn prepare_end(&mut self) -> Result<End, DbError> {
        if self.unopened.is_some() {
            let one = match &*self.pending {
                [] => Some(End::Nothing),
                _ => self.as_one()?.map(End::One),
            };
            if let Some(end) = one {
                self.unopened = None;
                return Ok(end);
            }
        }
        self.open()?;
        if self.pending.iter().any(|pending| pending.unmet.is_some()) {
            self.wait(async |_| Ok(()))?;
        }
        Ok(End::Commit(self.take_pending()?))
    }

    /// One statement for all that is pending, where there is such.
    fn as_one(&mut self) -> Result<Option<One>, DbError> {
        if let [alone] = &*self.pending {
            let prepared = self.prepare(alone.sql)?;
            let parts = None;
            return Ok(Some(One { prepared, parts }));
        }
        let Some(parts) = Composed::of(&self.pending) else {
            return Ok(None);
        };
        let prepared = match self.composed.get(&parts.shape) {
            Some(prepared) => prepared.clone(),
            None => self.compose(&parts.shape)?,
        };
        let parts = Some(parts);
        Ok(prepared.map(|prepared| One { prepared, parts }))
    }

    /// Teaches the server a statement. None: it will not have it, so its parts are said one by one.
    fn compose(&mut self, shape: &Shape) -> Result<Option<Statement>, DbError> {
        let text = shape.text();
        let prepared = match self.ask(async |client| client.prepare(&text).await) {
            Ok(prepared) => Some(prepared),
            Err(DbError::Postgres(error)) if is_servers_word(&error) => {
                tracing::warn!(%error, text, "the database wants several statements for this one");
                None
            }
            Err(error) => return Err(error),
        };
        if self.composed.len() >= MOST_COMPOSED {
            self.composed.clear();
        }
        self.composed.insert(shape.clone(), prepared.clone());
        Ok(prepared)
    }

    /// What is said outside of a transaction is one, and durable, whatever was to begin.
    fn commit_alone(&mut self, one: &One) -> Result<(), DbError> {
        let mut pending = std::mem::take(&mut self.pending);
        let in_order: Vec<&Pending> = match &one.parts {
            Some(parts) => parts.in_order().map(|place| &pending[place]).collect(),
            None => pending.iter().collect(),
        };
        let params = in_order.iter().flat_map(|pending| &pending.params);
        let params: Vec<Param<'_>> = params.map(Kept::as_param).collect();
        self.unclean = true;
        let said = self
            .runtime
            .block_on(self.client.execute(&one.prepared, &as_dyn(&params)));
        let unmet = match &said {
            Ok(0) if one.parts.is_none() => Some(0),
            Ok(_) => None,
            Err(error) => one.unmet(error),
        };
        match said {
            Err(error) if !is_servers_word(&error) => {
                self.trouble = None;
                return Err(DbError::Uncertain(error.into()));
            }
            _ => self.unclean = false,
        }
        match unmet.and_then(|place| pending.swap_remove(place).unmet) {
            Some(unmet) => Err(DbError::Unmet(unmet)),
            None => self.noting(said).map(drop),
        }
    }

    /// After [`Self::prepare_end`].
    fn commit(&mut self, pending: &[(Pending, Statement)]) -> Result<(), DbError> {
        let commit = async |client: &Client| client.batch_execute("COMMIT").await;
        let Done { earlier, last } = self.send_after(pending, commit);
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
}

/// How a transaction ends that was worked through.
enum End {
    /// Nothing was said.
    Nothing,
    /// Nothing was sent, and this says all.
    One(One),
    /// With COMMIT, after these.
    Commit(Vec<(Pending, Statement)>),
}

/// What says all that is pending.
struct One {
    prepared: Statement,
    /// None: it is the only one that is pending.
    parts: Option<Composed>,
}

impl One {
    /// Which of those that are pending changed nothing and must have, if the server says so.
    fn unmet(&self, error: &Error) -> Option<usize> {
        let error = error.as_db_error()?;
        if error.code().code() != UNMET {
            return None;
        }
        self.parts.as_ref()?.place_of(error.detail()?.parse().ok()?)
    }
}

/// There are about a dozen that come again and again. The server keeps a plan of each for each
/// connection, so not of all that there may be.
const MOST_COMPOSED: usize = 48;
