//! Writing an outcome: all of it, durably, or nothing.

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior};

use super::bodies::Bodies;
use super::effects::Effects;
use super::spool::Original;
use super::tracking::Seen;
use super::{Store, StoreError};
use crate::{Refusal, crash, hex, pec};

/// What is to be committed.
pub(crate) struct Commit<'a> {
    /// The time that the transaction had.
    pub(crate) now: u64,
    /// The entropy that it had: keys of items derive from it, so they depend neither on row
    /// numbers nor on the clock, and no two items ever share one.
    pub(crate) entropy: &'a [u8; 32],
    /// What began it, and what must be marked along with its effects.
    pub(crate) cause: Cause<'a>,
    /// The message of the event.
    pub(crate) original: Original,
    /// The versions of the tracked messages that the plug-in was shown. If one has changed since,
    /// the outcome rests on what is no longer so.
    pub(crate) seen: &'a Seen,
    /// What to write.
    pub(crate) outcome: pec::Outcome,
}

/// What began a transaction.
pub(crate) enum Cause<'a> {
    /// Something that came in and may come again if the sender does not hear our reply.
    Incoming {
        /// What it is recognised by.
        fingerprint: &'a [u8; 32],
        /// Since when the same again is a repetition.
        since: u64,
        /// Whose recipients to count, if the message is accepted.
        account: Option<&'a str>,
        /// How many.
        recipients: usize,
    },
    /// An item of the outbox, which must still be pending.
    Item {
        /// Which.
        item: &'a super::Item,
        /// What becomes of it.
        ending: Ending,
    },
    /// A new provider directory.
    Directory {
        /// SHA-256 of its file, hex.
        sha256: &'a str,
        /// See [`crate::DirectorySummary::signers`].
        signers: &'a str,
    },
    /// An operator's request: harmless when it comes again.
    Request,
    /// A tick: harmless when it comes again.
    Tick,
}

/// What becomes of an item of the outbox.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// It is done.
    Done,
    /// Done, but for these recipients, who failed for good.
    Refused {
        /// Who and why.
        refusals: Vec<Refusal>,
        /// Must the plug-in hear of them? Then each becomes an item of its own.
        bounce: bool,
    },
    /// It is to be tried again for these recipients alone; the others have got it or are refused.
    Narrowed {
        /// For whom it is from now on; not empty.
        later: Vec<String>,
        /// When: seconds since 1970.
        next_at: u64,
        /// Why.
        error: String,
        /// Who failed for good, and why.
        refusals: Vec<Refusal>,
        /// Must the plug-in hear of these? Then each becomes an item of its own.
        bounce: bool,
    },
    /// It is to be tried again.
    Postponed {
        /// When: seconds since 1970.
        next_at: u64,
        /// Why.
        error: String,
    },
    /// It will not be tried again.
    Failed {
        /// Why.
        error: String,
    },
}

/// What became of a commit that did not fail.
#[derive(Debug)]
pub(crate) enum Written {
    /// It is durable.
    Now,
    /// The same event was committed before, perhaps while this conversation went on; nothing was
    /// written. The reply of the first time.
    Before(pec::Reply),
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    /// Somebody else was quicker; a new transaction will see what they did.
    #[error("another transaction was quicker: {0}")]
    Conflict(String),
    /// The plug-in broke a guarantee that `wit/` gives.
    #[error("the plug-in broke its contract: {0}")]
    Contract(String),
    /// The store cannot.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// [`CommitError`] inside a transaction, where the file's name is not at hand.
pub(super) enum Rollback {
    Conflict(String),
    Contract(String),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Rollback {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Store {
    /// Writes an outcome in one durable transaction. After `Ok` the reply may be given, whatever
    /// happens to this process; after an error nothing has happened.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub(crate) fn commit(&self, commit: Commit<'_>) -> Result<Written, CommitError> {
        let Commit {
            now,
            entropy,
            cause,
            original,
            seen,
            outcome,
        } = commit;
        let mut bodies = Bodies::splice(&self.0.spool, original, outcome.messages)?;
        bodies.sync(&outcome.effects)?;
        crash::point("before-commit");
        let written = (|| {
            let mut db = self.lock();
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let Some(reply) = write_cause(&tx, now, &cause, &outcome.reply, &outcome.effects)? {
                return Ok(Written::Before(reply));
            }
            let mut effects = Effects::new(&tx, now, entropy, &bodies, seen);
            for effect in outcome.effects {
                effects.write(effect, &cause)?;
            }
            crash::point("inside-commit");
            let committed = tx.commit();
            crash::point("after-commit");
            // Also when it failed: a disk that could not say so may yet have the rows, and rows
            // without files are worse than files without rows.
            bodies.keep();
            committed?;
            Ok(Written::Now)
        })();
        written.map_err(|rollback| match rollback {
            Rollback::Conflict(text) => CommitError::Conflict(text),
            Rollback::Contract(text) => CommitError::Contract(text),
            Rollback::Database(error) => self.failed("committing an outcome", error).into(),
        })
    }
}

/// Writes what the cause asks for. A reply means that it was there before.
fn write_cause(
    tx: &Transaction<'_>,
    now: u64,
    cause: &Cause<'_>,
    reply: &pec::Reply,
    effects: &[pec::Effect],
) -> Result<Option<pec::Reply>, Rollback> {
    match cause {
        Cause::Incoming {
            fingerprint,
            since,
            account,
            recipients,
        } => {
            if let Some(reply) = known_reply(tx, fingerprint, *since)? {
                return Ok(Some(reply));
            }
            // Only what was accepted is worth recognising: after a refusal the sender may mend
            // something on our side and send the same again.
            if (200..300).contains(&reply.code) {
                write_fingerprint(tx, now, fingerprint, reply)?;
            }
            let accepted = effects
                .iter()
                .any(|effect| matches!(effect, pec::Effect::Track(_)));
            if let (Some(account), true) = (account, accepted) {
                tx.prepare_cached(
                    "INSERT INTO usage (account, at, recipients) VALUES (?1, ?2, ?3)",
                )?
                .execute((account, now, *recipients as u64))?;
            }
            Ok(None)
        }
        Cause::Item { item, ending } => {
            if item.end(tx, now, ending)? {
                Ok(None)
            } else {
                Err(Rollback::Conflict(format!("item {} was done", item.key)))
            }
        }
        Cause::Directory { .. } | Cause::Request | Cause::Tick => Ok(None),
    }
}

/// The reply to the same event since then.
pub(super) fn known_reply(
    tx: &Transaction<'_>,
    fingerprint: &[u8; 32],
    since: u64,
) -> rusqlite::Result<Option<pec::Reply>> {
    tx.prepare_cached(
        "SELECT code, status, text FROM fingerprint WHERE fingerprint = ?1 AND at >= ?2",
    )?
    .query_row((fingerprint, since), |row| {
        Ok(pec::Reply {
            code: row.get(0)?,
            status: row.get(1)?,
            text: row.get(2)?,
        })
    })
    .optional()
}

fn write_fingerprint(
    tx: &Transaction<'_>,
    now: u64,
    fingerprint: &[u8; 32],
    reply: &pec::Reply,
) -> rusqlite::Result<()> {
    // One that is there is too old to count, or we would not be here.
    tx.prepare_cached(
        "INSERT OR REPLACE INTO fingerprint (fingerprint, at, code, status, text)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute((fingerprint, now, reply.code, &reply.status, &reply.text))?;
    Ok(())
}

/// The key of the item that an effect or a refusal makes: the first half of a SHA-256.
pub(super) fn derive_key(parent: &[u8], what: &str) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(&(parent.len() as u64).to_be_bytes());
    context.update(parent);
    context.update(what.as_bytes());
    hex(&context.finish().as_ref()[..16])
}
