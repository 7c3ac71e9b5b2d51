//! What is still to be carried out.

use std::fs::File;
use std::sync::{MutexGuard, PoisonError};

use rusqlite::{OptionalExtension, Transaction};

use super::columns::{
    body_from_row, damaged, failure_from_row, failure_to_json, list_from_row, list_to_json,
    summary_from_row,
};
use super::commit::{Ending, derive_key};
use super::{Store, StoreError, open_error};
use crate::{Action, Body, ItemState, MessageSummary, pec};

/// One thing to do.
#[derive(Debug)]
pub(crate) struct Item {
    id: i64,
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
    /// See [`crate::RelayItem::seq`].
    pub(crate) seq: Option<u64>,
}

/// The right to carry out the outbox, until dropped. A process that dies loses it.
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
    /// Waits until nobody else carries out the outbox, in this process or another, and takes the
    /// turn.
    ///
    /// # Errors
    /// The lock file cannot be locked.
    pub(crate) fn take_outbox_turn(&self) -> Result<OutboxTurn<'_>, StoreError> {
        let turn = self.0.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = &*turn {
            lock.lock()
                .map_err(|error| open_error(&self.0.path.with_file_name("outbox.lock"), error))?;
        }
        Ok(OutboxTurn(turn))
    }

    /// The first item after number `after` (0: the first of all) that is due at `now`; with its
    /// number. Items that were made meanwhile have higher numbers.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn next_item(
        &self,
        _turn: &OutboxTurn<'_>,
        now: u64,
        after: i64,
    ) -> Result<Option<(i64, Item)>, StoreError> {
        self.read("reading the outbox", |tx| {
            tx.prepare_cached(
                "SELECT o.id, o.key, o.action, o.message, o.at, o.reverse_path, o.recipients,
                     o.confirm, o.failure, o.attempts, o.seq,
                     m.kind, m.pec_id, m.message_id, m.octets, s.name, m.recipe
                 FROM outbox o JOIN message m ON m.id = o.message
                     LEFT JOIN spool s ON s.id = m.spool
                 WHERE o.state = 'pending' AND o.id > ?1 AND o.next_at <= ?2
                 ORDER BY o.id LIMIT 1",
            )?
            .query_row((after, now), |row| {
                let item = Item {
                    id: row.get(0)?,
                    key: row.get(1)?,
                    action: action_from_name(&row.get::<_, String>(2)?)
                        .ok_or_else(|| damaged(2, "unknown action"))?,
                    message_row: row.get(3)?,
                    at: row.get(4)?,
                    reverse_path: row.get(5)?,
                    recipients: list_from_row(row, 6)?,
                    confirm: row.get(7)?,
                    failure: failure_from_row(row, 8)?,
                    attempts: row.get(9)?,
                    seq: row.get(10)?,
                    message: summary_from_row(row, 11)?,
                    body: body_from_row(row, 14, &self.0.spool)?,
                };
                Ok((item.id, item))
            })
            .optional()
        })
    }

    /// When the first of the items that still wait is due; none: none waits.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn next_due(&self) -> Result<Option<u64>, StoreError> {
        self.read("reading the outbox", |tx| {
            tx.prepare_cached("SELECT min(next_at) FROM outbox WHERE state = 'pending'")?
                .query_row([], |row| row.get(0))
        })
    }

    /// Ends an item without a transaction of the plug-in. False: it had been ended before.
    ///
    /// # Errors
    /// The store cannot be written; the item is as it was.
    pub(crate) fn end_item(
        &self,
        item: &Item,
        now: u64,
        ending: &Ending,
    ) -> Result<bool, StoreError> {
        self.write("marking an outbox item", |tx| item.end(tx, now, ending))
    }

    /// Notes how a deposit that is to be confirmed has ended: from now on the plug-in must hear
    /// of it, and the deposit is not tried again. The item changes accordingly.
    ///
    /// # Errors
    /// The store cannot be written; the item is as it was.
    pub(crate) fn note_verdict(
        &self,
        item: &mut Item,
        failure: Option<pec::Failure>,
    ) -> Result<(), StoreError> {
        let text = failure.as_ref().map(failure_to_json);
        self.write("noting how a deposit ended", |tx| {
            tx.prepare_cached(
                "UPDATE outbox SET action = 'confirm', failure = ?2, attempts = 0
                 WHERE id = ?1 AND state = 'pending'",
            )?
            .execute((item.id, text))
        })?;
        item.action = Action::Confirm;
        item.failure = failure;
        item.attempts = 0;
        Ok(())
    }
}

impl Item {
    /// Writes how it ended, if it is still pending.
    pub(super) fn end(
        &self,
        tx: &Transaction<'_>,
        now: u64,
        ending: &Ending,
    ) -> rusqlite::Result<bool> {
        let (state, tried, next_at, error) = match ending {
            Ending::Done => ("done", 0, now, None),
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
        let changed = tx
            .prepare_cached(
                "UPDATE outbox
                 SET state = ?2, attempts = attempts + ?3, next_at = ?4, last_error = ?5
                 WHERE id = ?1 AND state = 'pending'",
            )?
            .execute((self.id, state, tried, next_at, error))?;
        if changed == 0 {
            return Ok(false);
        }
        if let Ending::Narrowed { later, .. } = ending {
            tx.prepare_cached("UPDATE outbox SET recipients = ?2 WHERE id = ?1")?
                .execute((self.id, list_to_json(later)))?;
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
        Ok(true)
    }

    /// Asks for the plug-in to be told that a recipient failed.
    fn bounce(
        &self,
        tx: &Transaction<'_>,
        now: u64,
        recipient: &str,
        failure: &pec::Failure,
    ) -> rusqlite::Result<()> {
        let key = derive_key(self.key.as_bytes(), &format!("bounce {recipient}"));
        tx.prepare_cached(
            "INSERT INTO outbox (key, action, message, at, reverse_path, recipients, failure)
             VALUES (?1, 'bounce', ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            key,
            self.message_row,
            now,
            &self.reverse_path,
            list_to_json(&[recipient.to_owned()]),
            failure_to_json(failure),
        ))?;
        Ok(())
    }
}

impl Action {
    /// What the column `action` says.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Loop => "loop",
            Self::Deposit => "deposit",
            Self::Confirm => "confirm",
            Self::Bounce => "bounce",
        }
    }
}

pub(super) fn action_from_name(name: &str) -> Option<Action> {
    Some(match name {
        "relay" => Action::Relay,
        "loop" => Action::Loop,
        "deposit" => Action::Deposit,
        "confirm" => Action::Confirm,
        "bounce" => Action::Bounce,
        _ => return None,
    })
}

pub(super) fn item_state_from_name(name: &str) -> Option<ItemState> {
    Some(match name {
        "pending" => ItemState::Pending,
        "done" => ItemState::Done,
        "failed" => ItemState::Failed,
        _ => return None,
    })
}
