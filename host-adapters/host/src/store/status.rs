//! What became of messages, for people.

use super::columns::{list_from_row, summary_from_row};
use super::db::{DbError, Tx, params};
use super::outbox::{action_from_name, item_state_from_name};
use super::tracking::{Seen, tracked};
use super::{Store, StoreError};
use crate::{ItemStatus, MessageStatus, RecipientStatus, pec};

impl Store {
    /// One message, or all of them, oldest first. A PEC id that was never met gives nothing.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn status(&self, pec_id: Option<&str>) -> Result<Vec<MessageStatus>, StoreError> {
        self.read("reading what became of messages", |tx| {
            let ids: Vec<String> = match pec_id {
                Some(pec_id) => vec![pec_id.to_owned()],
                None => tx.query(
                    "SELECT pec_id FROM log WHERE pec_id IS NOT NULL
                     UNION SELECT pec_id FROM tracked
                     UNION SELECT pec_id FROM taken_in_charge",
                    &[],
                    |row| row.get(0),
                )?,
            };
            let mut found = Vec::new();
            for id in ids {
                found.extend(message_status(tx, id)?);
            }
            found.sort_by(|a, b| (a.at, &a.pec_id).cmp(&(b.at, &b.pec_id)));
            Ok(found)
        })
    }
}

/// None: nothing is known of this PEC id.
fn message_status(tx: &mut Tx<'_>, pec_id: String) -> Result<Option<MessageStatus>, DbError> {
    let tracked = tracked(tx, &pec_id, &mut Seen::default())?;
    let log = log(tx, &pec_id)?;
    let taken_in_charge = taken_in_charge(tx, &pec_id)?;
    let items = items(tx, &pec_id)?;
    // Where we accepted the message we know it best; else the log's first row is about it.
    let (sender, subject, message_id, at) = match (&tracked, log.first()) {
        (Some(message), _) => (
            message.sender.clone(),
            message.subject.clone(),
            message.message_id.clone(),
            message.accepted_at,
        ),
        (None, Some(row)) => (
            row.sender.clone(),
            row.subject.clone(),
            row.message_id.clone(),
            row.at,
        ),
        (None, None) => match taken_in_charge.first() {
            Some((_, at)) => (String::new(), String::new(), None, *at),
            None => return Ok(None),
        },
    };
    let mut recipients = Vec::new();
    for (position, recipient) in tracked.into_iter().flat_map(|m| m.recipients).enumerate() {
        recipients.push(RecipientStatus {
            recipient,
            changed_at: changed_at(tx, &pec_id, position)?,
        });
    }
    Ok(Some(MessageStatus {
        pec_id,
        sender,
        subject,
        at,
        message_id,
        recipients,
        taken_in_charge,
        log,
        items,
    }))
}

/// Not part of [`pec::TrackedRecipient`]: the plug-in has no use for it.
fn changed_at(tx: &mut Tx<'_>, pec_id: &str, position: usize) -> Result<u64, DbError> {
    let found = tx.find(
        "SELECT changed_at FROM tracked_recipient WHERE pec_id = ?1 AND position = ?2",
        params![pec_id, position as u64],
        |row| row.get(0),
    )?;
    Ok(found.unwrap_or_default())
}

fn taken_in_charge(tx: &mut Tx<'_>, pec_id: &str) -> Result<Vec<(String, u64)>, DbError> {
    tx.query(
        "SELECT recipient, at FROM taken_in_charge WHERE pec_id = ?1 ORDER BY at, mailbox",
        params![pec_id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

pub(super) fn log(tx: &mut Tx<'_>, pec_id: &str) -> Result<Vec<pec::LogEntry>, DbError> {
    tx.query(
        "SELECT event, pec_id, message_id, at, sender, recipients, subject, generated, provider,
             error
         FROM log WHERE pec_id = ?1 ORDER BY id",
        params![pec_id],
        |row| {
            Ok(pec::LogEntry {
                event: row.get(0)?,
                pec_id: row.get(1)?,
                message_id: row.get(2)?,
                at: row.get(3)?,
                sender: row.get(4)?,
                recipients: list_from_row(row, 5)?,
                subject: row.get(6)?,
                generated: list_from_row(row, 7)?,
                provider: row.get(8)?,
                error: row.get(9)?,
            })
        },
    )
}

/// Found by the message's PEC id: items have none of their own.
fn items(tx: &mut Tx<'_>, pec_id: &str) -> Result<Vec<ItemStatus>, DbError> {
    tx.query(
        "SELECT o.key, o.action, o.recipients, o.state, o.attempts, o.next_at, o.last_error, o.seq,
             m.kind, m.pec_id, m.message_id
         FROM message m JOIN outbox o ON o.message = m.id
         WHERE m.pec_id = ?1 ORDER BY o.id",
        params![pec_id],
        |row| {
            Ok(ItemStatus {
                key: row.get(0)?,
                action: action_from_name(&row.get::<String>(1)?)
                    .ok_or_else(|| DbError::damaged(1, "unknown action"))?,
                recipients: list_from_row(row, 2)?,
                state: item_state_from_name(&row.get::<String>(3)?)
                    .ok_or_else(|| DbError::damaged(3, "unknown state"))?,
                attempts: row.get(4)?,
                next_at: row.get(5)?,
                last_error: row.get(6)?,
                seq: row.get(7)?,
                message: summary_from_row(row, 8)?,
            })
        },
    )
}
