//! What is still to be carried out.

use std::fs::File;
use std::sync::{Arc, MutexGuard, PoisonError};

use serde_json::Value;

use super::bodies::{Made, Stored};
use super::claims::Claim;
use super::columns::{
    body_from_row, failure_from_row, failure_to_json, list_from_row, list_to_json, summary_from_row,
};
use super::commit::{Ending, derive_key};
use super::db::{DbError, Param, Promise, Tx, Unmet, params};
use super::spool::Spool;
use super::{Store, StoreError, open_error};
use crate::{Action, Body, ItemState, MessageSummary, pec};

/// One thing to do, which nobody else does as long as the claim on it holds.
#[derive(Debug)]
pub(crate) struct Item {
    claim: Arc<Claim>,
    /// See [`crate::RelayItem::key`].
    pub(crate) key: String,
    /// What to do.
    pub(crate) action: Action,
    /// With which message.
    pub(crate) message: MessageSummary,
    message_row: i64,
    /// Its octets.
    pub(crate) body: Body,
    /// When the transaction that asked for it happened.
    pub(crate) at: u64,
    /// MAIL FROM.
    pub(crate) reverse_path: String,
    /// RCPT TO; one for deposits.
    pub(crate) recipients: Vec<String>,
    /// Must the plug-in hear how the deposit ended?
    pub(crate) confirm: bool,
    /// For confirm and bounce: what failed.
    pub(crate) failure: Option<pec::Failure>,
    /// How often it was tried in vain.
    pub(crate) attempts: u32,
    /// Somebody had it in hand before, in this process or another: it may be done already.
    pub(crate) repeated: bool,
    /// See [`crate::RelayItem::seq`].
    pub(crate) seq: Option<u64>,
}

/// The right to carry out the outbox in its order, until dropped. A process that dies loses it.
pub(crate) struct OutboxTurn<'a>(MutexGuard<'a, Option<File>>);

impl Drop for OutboxTurn<'_> {
    fn drop(&mut self) {
        if let Some(lock) = &*self.0 {
            // It cannot fail for a lock that is held; the next opener would wait for our end.
            let _ = lock.unlock();
        }
    }
}

impl Store {
    /// Waits until nobody else carries out the outbox in its order, in this process or another that
    /// shares the folder, and takes the turn.
    ///
    /// # Errors
    /// The lock file cannot be locked.
    pub(crate) fn take_outbox_turn(&self) -> Result<OutboxTurn<'_>, StoreError> {
        let turn = self.0.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = &*turn {
            let failed = |error| open_error(&format!("{} (outbox.lock)", self.0.place), error);
            lock.lock().map_err(failed)?;
        }
        Ok(OutboxTurn(turn))
    }

    /// When the first of the items that still wait is due; none: none waits.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn next_due(&self) -> Result<Option<u64>, StoreError> {
        self.look("reading the outbox", |tx| {
            tx.value(
                "SELECT min(next_at) FROM outbox WHERE state = 'pending'",
                &[],
            )
        })
    }

    /// Ends an item without a transaction of the plug-in. False: the claim on it ran out, and
    /// somebody else has taken it over; or it was ended, and the answer to that got lost.
    ///
    /// # Errors
    /// The store cannot be written; the item is as it was, unless it is [`StoreError::Uncertain`].
    pub(crate) fn end_item(
        &self,
        item: &Item,
        now: u64,
        ending: &Ending,
    ) -> Result<bool, StoreError> {
        let db = &self.0.db;
        let ended = if ending.is_one_statement() {
            item.with_end(now, ending, |sql, values| db.write_alone(sql, values))
                .map(|changed| changed > 0)
        } else {
            match db.write(Promise::Durable, &mut |tx| item.end(tx, now, ending)) {
                Err(DbError::Unmet(_)) => Ok(false),
                written => written.map(|()| true),
            }
        };
        let ended = ended.map_err(|error| self.failed("marking an outbox item", error))?;
        if ended && ending.bounces() {
            self.announce();
        }
        Ok(ended)
    }

    /// Notes how a deposit that is to be confirmed has ended: from now on the plug-in must hear
    /// of it, and the deposit is not tried again. False: the claim on the item ran out, and nothing
    /// was written.
    ///
    /// # Errors
    /// The store cannot be written. The item knows all the same, and whatever is written of it next
    /// says so: that it is postponed, or given back.
    pub(crate) fn note_verdict(
        &self,
        item: &mut Item,
        failure: Option<pec::Failure>,
    ) -> Result<bool, StoreError> {
        item.action = Action::Confirm;
        item.failure = failure;
        item.attempts = 0;
        let noted = self.0.db.write_alone(
            "UPDATE outbox SET action = ?3, failure = ?4, attempts = 0
             WHERE key = ?1 AND claimed_by = ?2",
            params![
                &item.key,
                item.claim.name(),
                item.action.name(),
                &item.failure_json()
            ],
        );
        let noted = noted.map_err(|error| self.failed("noting how a deposit ended", error))?;
        Ok(noted > 0)
    }
}

/// An item to be made.
pub(super) struct NewItem<'a> {
    pub(super) key: String,
    pub(super) action: Action,
    pub(super) message_row: i64,
    pub(super) message: &'a Made,
    pub(super) at: u64,
    pub(super) reverse_path: &'a str,
    pub(super) recipients: &'a [String],
    pub(super) confirm: bool,
    pub(super) seq: Option<u64>,
}

impl NewItem<'_> {
    /// With a claim it is in hand from its beginning: the item that a worker would find.
    pub(super) fn insert(
        self,
        tx: &mut Tx<'_>,
        claim: Option<&Arc<Claim>>,
    ) -> Result<Option<Item>, DbError> {
        tx.later(
            "INSERT INTO outbox
                 (key, action, message, at, next_at, reverse_path, recipients, confirm, seq,
                  claimed_by, claimed_until, claims)
             VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9, coalesce(unixepoch() + ?10, 0), ?11)",
            params![
                &self.key,
                self.action.name(),
                self.message_row,
                self.at,
                self.reverse_path,
                &list_to_json(self.recipients),
                self.confirm,
                self.seq,
                claim.map(|claim| claim.name()),
                claim.map(|claim| claim.lease()),
                u32::from(claim.is_some()),
            ],
        )?;
        Ok(claim.map(|claim| Item {
            claim: Arc::clone(claim),
            key: self.key,
            action: self.action,
            message: self.message.summary.clone(),
            message_row: self.message_row,
            body: self.message.body.clone(),
            at: self.at,
            reverse_path: self.reverse_path.to_owned(),
            recipients: self.recipients.to_vec(),
            confirm: self.confirm,
            failure: None,
            attempts: 0,
            repeated: false,
            seq: self.seq,
        }))
    }
}

/// Reads items of the given numbers, which JSON lists.
macro_rules! items_listed {
    ($listed:literal) => {
        concat!(
            "SELECT o.id, o.key, o.action, o.message, o.at, o.reverse_path, o.recipients, o.confirm,
                 o.failure, o.attempts, o.seq, m.kind, m.pec_id, m.message_id, m.octets, s.name,
                 m.recipe, o.claims
             FROM outbox o JOIN message m ON m.id = o.message LEFT JOIN spool s ON s.id = m.spool
             WHERE o.id ",
            $listed,
            " ORDER BY o.next_at, o.id"
        )
    };
}

/// The items that were claimed together, with their numbers, in the order in which they are to be
/// carried out.
pub(super) fn items_of(
    tx: &mut Tx<'_>,
    claim: &Arc<Claim>,
    ids: &[i64],
    spool: &Spool,
) -> Result<Vec<(i64, Item)>, DbError> {
    let read = tx.choose(
        items_listed!("IN (SELECT value FROM json_each(?1))"),
        items_listed!(
            "= ANY (ARRAY (
                 SELECT CAST(json_array_elements_text(CAST(CAST(?1 AS TEXT) AS JSON)) AS BIGINT)))"
        ),
    );
    tx.query(read, params![&Value::from(ids).to_string()], |row| {
        let item = Item {
            claim: Arc::clone(claim),
            key: row.get(1)?,
            action: action_from_name(&row.get::<String>(2)?)
                .ok_or_else(|| DbError::damaged(2, "unknown action"))?,
            message_row: row.get(3)?,
            at: row.get(4)?,
            reverse_path: row.get(5)?,
            recipients: list_from_row(row, 6)?,
            confirm: row.get(7)?,
            failure: failure_from_row(row, 8)?,
            attempts: row.get(9)?,
            seq: row.get(10)?,
            message: summary_from_row(row, 11)?,
            body: body_from_row(row, 14, spool)?,
            repeated: row.get::<u32>(17)? > 1,
        };
        Ok((row.get(0)?, item))
    })
}

impl Item {
    pub(super) fn claim(&self) -> &Arc<Claim> {
        &self.claim
    }

    /// The message that it is about.
    pub(super) fn message_stored(&self) -> Stored<'_> {
        Stored {
            summary: &self.message,
            body: &self.body,
            row: self.message_row,
        }
    }

    /// Gives the statement that says how it ended, if it is still ours, with its values: the row's
    /// lock makes two who think so take turns, and the second finds that it is not.
    fn with_end<T>(
        &self,
        now: u64,
        ending: &Ending,
        run: impl FnOnce(&'static str, &[Param<'_>]) -> T,
    ) -> T {
        let (state, tried, next_at, error) = match ending {
            Ending::Done => ("done", 0_u32, now, None),
            Ending::Refused { refusals, .. } => {
                let all = refusals.len() >= self.recipients.len();
                let texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                let state = if all { "failed" } else { "done" };
                (state, 1, now, Some(texts.join("; ")))
            }
            Ending::Narrowed { next_at, error, .. } | Ending::Postponed { next_at, error } => {
                ("pending", 1, *next_at, Some(error.clone()))
            }
            Ending::Failed { error } => ("failed", 1, now, Some(error.clone())),
        };
        run(
            "UPDATE outbox
             SET state = ?3, attempts = ?4, next_at = ?5, last_error = ?6, action = ?7, failure = ?8,
                 claimed_by = NULL, claimed_until = 0
             WHERE key = ?1 AND claimed_by = ?2",
            params![
                &self.key,
                self.claim.name(),
                state,
                self.attempts + tried,
                next_at,
                &error,
                self.action.name(),
                &self.failure_json()
            ],
        )
    }

    /// Writes how it ended, and what follows.
    ///
    /// # Errors
    /// [`Unmet::Lost`]: it is not ours any more.
    pub(super) fn end(&self, tx: &mut Tx<'_>, now: u64, ending: &Ending) -> Result<(), DbError> {
        self.with_end(now, ending, |sql, values| {
            tx.must_change(sql, values, Unmet::Lost(self.key.clone()))
        })?;
        if let Ending::Narrowed { later, .. } = ending {
            tx.later(
                "UPDATE outbox SET recipients = ?2 WHERE key = ?1",
                params![&self.key, &list_to_json(later)],
            )?;
        }
        if let Ending::Refused {
            refusals,
            bounce: true,
        }
        | Ending::Narrowed {
            refusals,
            bounce: true,
            ..
        } = ending
        {
            for refusal in refusals {
                self.bounce(tx, now, &refusal.recipient, &refusal.failure)?;
            }
        }
        Ok(())
    }

    /// Asks for the plug-in to be told that a recipient failed.
    fn bounce(
        &self,
        tx: &mut Tx<'_>,
        now: u64,
        recipient: &str,
        failure: &pec::Failure,
    ) -> Result<(), DbError> {
        let key = derive_key(self.key.as_bytes(), &format!("bounce {recipient}"));
        tx.later(
            "INSERT INTO outbox
                 (key, action, message, at, next_at, reverse_path, recipients, failure)
             VALUES (?1, 'bounce', ?2, ?3, ?3, ?4, ?5, ?6)",
            params![
                &key,
                self.message_row,
                now,
                &self.reverse_path,
                &list_to_json(&[recipient.to_owned()]),
                &failure_to_json(failure),
            ],
        )
    }

    fn failure_json(&self) -> Option<String> {
        self.failure.as_ref().map(failure_to_json)
    }

    /// Gives it back with what is known of it, if it is still ours.
    pub(super) fn release(&self, tx: &mut Tx<'_>) -> Result<(), DbError> {
        tx.execute(
            "UPDATE outbox
             SET action = ?3, failure = ?4, claimed_by = NULL, claimed_until = 0
             WHERE key = ?1 AND claimed_by = ?2",
            params![
                &self.key,
                self.claim.name(),
                self.action.name(),
                &self.failure_json()
            ],
        )
        .map(drop)
    }
}

pub(super) fn action_from_name(name: &str) -> Option<Action> {
    Action::ALL.into_iter().find(|action| action.name() == name)
}

pub(super) fn item_state_from_name(name: &str) -> Option<ItemState> {
    Some(match name {
        "pending" => ItemState::Pending,
        "done" => ItemState::Done,
        "failed" => ItemState::Failed,
        _ => return None,
    })
}
