//! Writing an outcome: all of it, durably, or nothing.

use std::time::Instant;

use super::bodies::Bodies;
use super::claims::Claim;
use super::db::{DbError, Promise, Tx, Unmet, params};
use super::effects::{Basis, Effects};
use super::outbox::Item;
use super::spool::{Original, Spool};
use super::tracking::Seen;
use super::{Store, StoreError};
use crate::{Body, Refusal, crash, hex, pec};

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
    /// What is decided of it already.
    pub(crate) looped: Option<Looped>,
}

/// What our own incoming point has decided about a message that an outcome relays to it. It is
/// written along with that outcome, and the relay is no item of the outbox.
pub(crate) struct Looped {
    /// Which of the outcome's effects the relay is, counted from 1.
    pub(crate) number: usize,
    /// The message.
    pub(crate) body: Body,
    /// The entropy that the incoming point had.
    pub(crate) entropy: [u8; 32],
    /// What it decided.
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
    /// An item of the outbox, which must still be ours.
    Item {
        /// Which.
        item: &'a Item,
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
    /// The claim on the item ran out, and somebody else has taken it over: theirs is what happens.
    #[error("somebody else has taken over outbox item {0}")]
    Lost(String),
    /// The plug-in broke a guarantee that `wit/` gives.
    #[error("the plug-in broke its contract: {0}")]
    Contract(String),
    /// The store cannot.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Writes an outcome in one durable transaction. After `Ok` the reply may be given, whatever
    /// happens to this process; after an error nothing has happened, unless it is
    /// [`StoreError::Uncertain`]. How long it took goes into `ceralacca_store_commit_seconds`.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub(crate) fn commit(&self, commit: Commit<'_>) -> Result<Written, CommitError> {
        let begun = Instant::now();
        let Commit {
            now,
            entropy,
            cause,
            original,
            seen,
            outcome,
            looped,
        } = commit;
        let mut bodies = Bodies::splice(&self.0.spool, original, outcome.messages)?;
        bodies.sync(&outcome.effects)?;
        let mut looped = match looped {
            Some(looped) => Some(Spliced::new(&self.0.spool, looped)?),
            None => None,
        };
        if let Some(looped) = &mut looped {
            looped.bodies.sync(&looped.effects)?;
        }
        let claim = self.0.desk.has_room().then(|| self.0.claims.make());
        crash::point("before-commit");
        let written = self.0.db.write(Promise::Durable, &mut |tx: &mut Tx<'_>| {
            write_cause(tx, now, &cause, &outcome.reply, &outcome.effects)?;
            let claim = claim.as_ref();
            let stored = match &cause {
                Cause::Item { item, .. } => Some(item.message_stored()),
                _ => None,
            };
            let basis = Basis {
                now,
                entropy,
                cause: &cause,
                bodies: &bodies,
                stored,
                seen,
                claim,
            };
            let claimed = write_effects(tx, &basis, &outcome.effects, looped.as_ref())?;
            crash::point("inside-commit");
            Ok(claimed)
        });
        let written = match written {
            Ok(claimed) => {
                crash::point("after-commit");
                bodies.keep();
                let looped = looped.map(Spliced::keep).unwrap_or_default();
                let effects = outcome.effects.iter().chain(&looped);
                if makes_unclaimed(effects, &cause, claim.as_deref()) {
                    self.announce();
                }
                self.hand_over(claimed);
                Ok(Written::Now)
            }
            Err(error) => {
                // A disk that could not say so may yet have the rows, and rows without files are
                // worse than files without rows.
                if !matches!(error, DbError::Unmet(_)) {
                    bodies.keep();
                    drop(looped.map(Spliced::keep));
                }
                Err(error)
            }
        };
        metrics::histogram!("ceralacca_store_commit_seconds").record(begun.elapsed());
        written.or_else(|error| match error {
            DbError::Unmet(Unmet::Repeated) => match self.first_reply(&cause)? {
                Some(reply) => Ok(Written::Before(reply)),
                None => Err(CommitError::Conflict("the same was forgotten".to_owned())),
            },
            DbError::Unmet(Unmet::Conflict(text)) => Err(CommitError::Conflict(text)),
            DbError::Unmet(Unmet::Lost(key)) => Err(CommitError::Lost(key)),
            DbError::Unmet(Unmet::Contract(text)) => Err(CommitError::Contract(text)),
            error => Err(self.failed("committing an outcome", error).into()),
        })
    }

    /// The reply to the same event, if it came in before.
    fn first_reply(&self, cause: &Cause<'_>) -> Result<Option<pec::Reply>, StoreError> {
        match cause {
            Cause::Incoming {
                fingerprint, since, ..
            } => self.reply_to(fingerprint, *since),
            Cause::Item { .. } | Cause::Directory { .. } | Cause::Request | Cause::Tick => Ok(None),
        }
    }
}

/// Is there something new to carry out that nobody has claimed?
fn makes_unclaimed<'e>(
    mut effects: impl Iterator<Item = &'e pec::Effect>,
    cause: &Cause<'_>,
    claim: Option<&Claim>,
) -> bool {
    let sends =
        |effect: &pec::Effect| matches!(effect, pec::Effect::Relay(_) | pec::Effect::Deposit(_));
    let bounces = matches!(cause, Cause::Item { ending, .. } if ending.bounces());
    bounces || (claim.is_none() && effects.any(sends))
}

/// A [`Looped`] that can be written.
struct Spliced {
    number: usize,
    entropy: [u8; 32],
    bodies: Bodies,
    effects: Vec<pec::Effect>,
}

impl Spliced {
    fn new(spool: &Spool, looped: Looped) -> Result<Self, CommitError> {
        let original = Original::stored(looped.body);
        let bodies = Bodies::splice(spool, original, looped.outcome.messages)?;
        Ok(Self {
            number: looped.number,
            entropy: looped.entropy,
            bodies,
            effects: looped.outcome.effects,
        })
    }

    /// Rows refer to its files from now on.
    fn keep(self) -> Vec<pec::Effect> {
        self.bodies.keep();
        self.effects
    }
}

/// Writes the effects of an outcome in their order, and after them those of what is decided of it
/// already. Gives the items that were made with the claim.
fn write_effects(
    tx: &mut Tx<'_>,
    basis: &Basis<'_>,
    effects: &[pec::Effect],
    looped: Option<&Spliced>,
) -> Result<Vec<Item>, DbError> {
    let mut writing = Effects::new(tx, basis);
    let mut relayed = None;
    for (number, effect) in (1..).zip(effects) {
        match (effect, looped) {
            (pec::Effect::Relay(relay), Some(looped)) if looped.number == number => {
                relayed = Some(writing.pass_over(relay)?);
            }
            _ => writing.write(effect)?,
        }
    }
    let mut claimed = writing.into_claimed();
    if let Some(looped) = looped {
        let basis = Basis {
            entropy: &looped.entropy,
            bodies: &looped.bodies,
            stored: relayed,
            ..*basis
        };
        let mut writing = Effects::new(tx, &basis);
        for effect in &looped.effects {
            writing.write(effect)?;
        }
        claimed.extend(writing.into_claimed());
    }
    Ok(claimed)
}

impl Ending {
    /// Is there nothing to write but how the item ended?
    pub(super) fn is_one_statement(&self) -> bool {
        !self.bounces() && !matches!(self, Self::Narrowed { .. })
    }

    /// Must the plug-in hear of recipients that failed?
    pub(super) fn bounces(&self) -> bool {
        matches!(
            self,
            Self::Refused { bounce: true, .. } | Self::Narrowed { bounce: true, .. }
        )
    }
}

/// Writes what the cause asks for.
///
/// # Errors
/// [`Unmet::Repeated`]: the same came in before, and was accepted.
fn write_cause(
    tx: &mut Tx<'_>,
    now: u64,
    cause: &Cause<'_>,
    reply: &pec::Reply,
    effects: &[pec::Effect],
) -> Result<(), DbError> {
    match cause {
        Cause::Incoming {
            fingerprint,
            since,
            account,
            recipients,
        } => {
            // Only what was accepted is worth recognising: after a refusal the sender may mend
            // something on our side and send the same again.
            if matches!(reply.code, 200..=299) {
                write_fingerprint(tx, now, fingerprint, *since, reply)?;
            } else if known_reply(tx, fingerprint, *since)?.is_some() {
                return Err(Unmet::Repeated.into());
            }
            let accepted = effects
                .iter()
                .any(|effect| matches!(effect, pec::Effect::Track(_)));
            if let (Some(account), true) = (account, accepted) {
                tx.later(
                    "INSERT INTO usage (account, at, recipients) VALUES (?1, ?2, ?3)",
                    params![*account, now, *recipients],
                )?;
            }
            Ok(())
        }
        Cause::Item { item, ending } => item.end(tx, now, ending),
        Cause::Directory { .. } | Cause::Request | Cause::Tick => Ok(()),
    }
}

/// The reply to the same event since then.
pub(super) fn known_reply(
    tx: &mut Tx<'_>,
    fingerprint: &[u8; 32],
    since: u64,
) -> Result<Option<pec::Reply>, DbError> {
    tx.find(
        "SELECT code, status, text FROM fingerprint WHERE fingerprint = ?1 AND at >= ?2",
        params![fingerprint, since],
        |row| {
            Ok(pec::Reply {
                code: row.get(0)?,
                status: row.get(1)?,
                text: row.get(2)?,
            })
        },
    )
}

/// One that is not too old to count stays. Two sessions of one client may write the same at once, on
/// two hosts: the key makes the second wait for the first, and then see it.
fn write_fingerprint(
    tx: &mut Tx<'_>,
    now: u64,
    fingerprint: &[u8; 32],
    since: u64,
    reply: &pec::Reply,
) -> Result<(), DbError> {
    tx.must_change(
        "INSERT INTO fingerprint (fingerprint, at, code, status, text)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (fingerprint) DO UPDATE
         SET at = excluded.at, code = excluded.code, status = excluded.status,
             text = excluded.text
         WHERE fingerprint.at < ?6",
        params![
            fingerprint,
            now,
            reply.code,
            &reply.status,
            &reply.text,
            since
        ],
        Unmet::Repeated,
    )
}

/// The key of the item that an effect makes.
///
/// `number` counts the effects of the outcome from 1.
pub(crate) fn item_key(entropy: &[u8; 32], number: usize) -> String {
    derive_key(entropy, &number.to_string())
}

/// The key of the item that an effect or a refusal makes: the first half of a SHA-256.
pub(super) fn derive_key(parent: &[u8], what: &str) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(&(parent.len() as u64).to_be_bytes());
    context.update(parent);
    context.update(what.as_bytes());
    hex(&context.finish().as_ref()[..16])
}
