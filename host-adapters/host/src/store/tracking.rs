//! Messages we accepted, and those we took charge of.

use std::collections::HashMap;

use super::columns::state_from_row;
use super::db::{DbError, Tx, params};
use super::{Store, StoreError};
use crate::pec;

/// The versions of the tracked messages that a conversation was shown: what its outcome rests on.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    versions: HashMap<String, i64>,
}

impl Seen {
    pub(super) fn version(&self, pec_id: &str) -> Option<i64> {
        self.versions.get(pec_id).copied()
    }

    /// Keeps the first version: an outcome that rests on two is in conflict with the second.
    fn note(&mut self, pec_id: &str, version: i64) {
        self.versions.entry(pec_id.to_owned()).or_insert(version);
    }
}

/// Recipients whose deadline has come.
#[derive(Debug, Default)]
pub(crate) struct DueBatch {
    /// For the event.
    pub(crate) due: Vec<pec::DueRecipient>,
    /// For the commit.
    pub(crate) seen: Seen,
    /// Where the next batch begins; none: there is nothing more.
    pub(crate) next: Option<DueCursor>,
}

/// The deadline, PEC id and position of the last recipient of a batch.
pub(crate) type DueCursor = (u64, String, i64);

impl Store {
    /// A message that was accepted here, with the states of its recipients.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn tracked(
        &self,
        pec_id: &str,
        seen: &mut Seen,
    ) -> Result<Option<pec::TrackedMessage>, StoreError> {
        self.look("reading a tracked message", |tx| tracked(tx, pec_id, seen))
    }

    /// The recipients for which an envelope was taken in charge.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn taken_in_charge(
        &self,
        envelope: &pec::EnvelopeKey,
    ) -> Result<Vec<String>, StoreError> {
        self.look("reading what was taken in charge", |tx| {
            tx.query(
                "SELECT recipient FROM taken_in_charge
                 WHERE pec_id = ?1 AND provider IN (?2, '') ORDER BY mailbox",
                params![&envelope.pec_id, &envelope.provider],
                |row| row.get(0),
            )
        })
    }

    /// At most `count` recipients whose deadline is at or before `now`, earliest first, after
    /// those of the batch before.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn due(
        &self,
        now: u64,
        after: Option<DueCursor>,
        count: usize,
    ) -> Result<DueBatch, StoreError> {
        let after = after.unwrap_or((0, String::new(), -1));
        self.read("reading what is due", |tx| {
            let rows: Vec<(u64, String, i64, String)> = tx.query(
                "SELECT deadline, pec_id, position, address FROM tracked_recipient
                     WHERE deadline <= ?1 AND (deadline, pec_id, position) > (?2, ?3, ?4)
                     ORDER BY deadline, pec_id, position LIMIT ?5",
                params![now, after.0, &after.1, after.2, count],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )?;
            let mut batch = DueBatch::default();
            if rows.len() == count {
                batch.next = rows
                    .last()
                    .map(|(deadline, pec_id, position, _)| (*deadline, pec_id.clone(), *position));
            }
            for (_, pec_id, _, recipient) in rows {
                if let Some(message) = tracked(tx, &pec_id, &mut batch.seen)? {
                    batch.due.push(pec::DueRecipient { message, recipient });
                }
            }
            Ok(batch)
        })
    }
}

/// In one statement: whatever is tracked has recipients.
pub(super) fn tracked(
    tx: &mut Tx<'_>,
    pec_id: &str,
    seen: &mut Seen,
) -> Result<Option<pec::TrackedMessage>, DbError> {
    let mut message = None;
    let recipients = tx.query(
        "SELECT t.message_id, t.sender, t.reply_to, t.subject, t.accepted_at, t.version,
             r.address, r.certified, r.state, r.warned, r.deadline
         FROM tracked t JOIN tracked_recipient r ON r.pec_id = t.pec_id
         WHERE t.pec_id = ?1 ORDER BY r.position",
        params![pec_id],
        |row| {
            if message.is_none() {
                seen.note(pec_id, row.get(5)?);
                message = Some(pec::TrackedMessage {
                    pec_id: pec_id.to_owned(),
                    message_id: row.get(0)?,
                    sender: row.get(1)?,
                    reply_to: row.get(2)?,
                    subject: row.get(3)?,
                    accepted_at: row.get(4)?,
                    recipients: Vec::new(),
                });
            }
            Ok(pec::TrackedRecipient {
                address: row.get(6)?,
                certified: row.get(7)?,
                state: state_from_row(row, 8)?,
                warned: row.get(9)?,
                deadline: row.get(10)?,
            })
        },
    )?;
    Ok(message.map(|message| pec::TrackedMessage {
        recipients,
        ..message
    }))
}
