//! Messages we accepted, and those we took charge of.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction};

use super::columns::state_from_row;
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
        self.read("reading a tracked message", |tx| tracked(tx, pec_id, seen))
    }

    /// The recipients for which an envelope was taken in charge.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn taken_in_charge(
        &self,
        envelope: &pec::EnvelopeKey,
    ) -> Result<Vec<String>, StoreError> {
        self.read("reading what was taken in charge", |tx| {
            tx.prepare_cached(
                "SELECT recipient FROM taken_in_charge
                 WHERE pec_id = ?1 AND provider IN (?2, '') ORDER BY mailbox",
            )?
            .query_map((&envelope.pec_id, &envelope.provider), |row| row.get(0))?
            .collect()
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
            let rows: Vec<(u64, String, i64, String)> = tx
                .prepare_cached(
                    "SELECT deadline, pec_id, position, address FROM tracked_recipient
                     WHERE deadline <= ?1 AND (deadline, pec_id, position) > (?2, ?3, ?4)
                     ORDER BY deadline, pec_id, position LIMIT ?5",
                )?
                .query_map((now, after.0, after.1, after.2, count as u64), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect::<rusqlite::Result<_>>()?;
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

pub(super) fn tracked(
    tx: &Transaction<'_>,
    pec_id: &str,
    seen: &mut Seen,
) -> rusqlite::Result<Option<pec::TrackedMessage>> {
    let message = tx
        .prepare_cached(
            "SELECT message_id, sender, reply_to, subject, accepted_at, version
             FROM tracked WHERE pec_id = ?1",
        )?
        .query_row([pec_id], |row| {
            seen.note(pec_id, row.get(5)?);
            Ok(pec::TrackedMessage {
                pec_id: pec_id.to_owned(),
                message_id: row.get(0)?,
                sender: row.get(1)?,
                reply_to: row.get(2)?,
                subject: row.get(3)?,
                accepted_at: row.get(4)?,
                recipients: Vec::new(),
            })
        })
        .optional()?;
    let Some(mut message) = message else {
        return Ok(None);
    };
    message.recipients = tx
        .prepare_cached(
            "SELECT address, certified, state, warned, deadline FROM tracked_recipient
             WHERE pec_id = ?1 ORDER BY position",
        )?
        .query_map([pec_id], |row| {
            Ok(pec::TrackedRecipient {
                address: row.get(0)?,
                certified: row.get(1)?,
                state: state_from_row(row, 2)?,
                warned: row.get(3)?,
                deadline: row.get(4)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(message))
}
