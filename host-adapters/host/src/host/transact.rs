//! One transaction, from event to commit.

use std::time::Instant;

use tracing::Span;

use super::answers::{Answers, Seeing};
use super::at_once::Arrived;
use super::{Committed, Host, HostError, MessageSummary};
use crate::engine::{Engine, Event, EventKind};
use crate::pec;
use crate::store::{Cause, Commit, CommitError, Original, Seen, Written};

/// What a transaction begins with.
pub(super) struct Begin<'a> {
    /// See [`crate::Entropy::entropy`].
    pub(super) purpose: &'a str,
    pub(super) now: u64,
    pub(super) event: Event,
    /// The event's message, kept for splicing and scanning.
    pub(super) original: Original,
    /// What the event itself shows of tracked messages.
    pub(super) seen: Seen,
}

impl Host {
    /// Holds the conversation and commits its outcome. `cause` may depend on the outcome: a 4xx
    /// reply to an item of the outbox means that the item stays.
    ///
    /// # Errors
    /// Whatever prevented it. Nothing has happened.
    pub(super) fn transact<'c>(
        &self,
        begin: Begin<'_>,
        cause: impl Fn(&pec::Reply) -> Cause<'c>,
    ) -> Result<Committed, HostError> {
        let kind = begin.event.kind();
        let event = kind.name();
        // Which PEC id it is about shows once the plug-in has decided; what is logged before, by
        // the parts that answer it, is about this transaction all the same.
        let span = tracing::info_span!("transaction", event, pec_id = tracing::field::Empty);
        let _inside = span.enter();
        let begun = Instant::now();
        let result = self.decide_and_commit(begin, cause);
        let reply = match &result {
            Ok(committed) => class(&committed.reply),
            Err(_) => "failed",
        };
        count(kind, reply, begun);
        result
    }

    fn decide_and_commit<'c>(
        &self,
        begin: Begin<'_>,
        cause: impl Fn(&pec::Reply) -> Cause<'c>,
    ) -> Result<Committed, HostError> {
        let Begin {
            purpose,
            now,
            event,
            original,
            mut seen,
        } = begin;
        let entropy = self.parts.entropy.entropy(purpose)?;
        let seeing = Seeing::only(&mut seen);
        let mut outcome = self.converse(now, &entropy, event, &original, seeing)?;
        check_reply(&outcome.reply)?;
        if let Some(pec_id) = outcome.messages.iter().find_map(|m| m.pec_id.as_deref()) {
            Span::current().record("pec_id", pec_id);
        }
        let mut committed = Committed {
            reply: outcome.reply.clone(),
            messages: outcome.messages.iter().map(MessageSummary::of).collect(),
            finding: outcome.finding.take(),
            notices: notices(&outcome),
            at_once: Vec::new(),
            repeated: false,
        };
        let at_once = self.decide_at_once(now, &entropy, &original, &outcome, &mut seen);
        let at_once = at_once.unwrap_or_else(|error| {
            tracing::info!(%error, "left to the outbox");
            None
        });
        let commit = |original, outcome: pec::Outcome, looped| {
            self.parts.store.commit(Commit {
                now,
                entropy: &entropy,
                cause: cause(&outcome.reply),
                original,
                seen: &seen,
                outcome,
                looped,
            })
        };
        let mut arrived = None;
        let written = match at_once {
            None => commit(original, outcome, None)?,
            Some(at_once) => {
                let same = Original::stored(original.body().clone());
                match commit(same, at_once.outcome, Some(at_once.looped)) {
                    // What is not our incoming point's may hold all the same.
                    Err(error @ (CommitError::Conflict(_) | CommitError::Contract(_))) => {
                        tracing::info!(%error, "left to the outbox");
                        commit(original, outcome, None)?
                    }
                    written => {
                        arrived = Some(at_once.arrived);
                        written?
                    }
                }
            }
        };
        if let Written::Before(reply) = written {
            return Ok(Committed::repeated(reply));
        }
        let messages = committed.messages.len();
        log(&committed.reply, messages, &committed.notices);
        committed.at_once = arrived.map(Arrived::tell).unwrap_or_default();
        Ok(committed)
    }

    /// Holds the conversation; writes nothing.
    ///
    /// # Errors
    /// The plug-in failed or broke its contract.
    pub(super) fn converse(
        &self,
        now: u64,
        entropy: &[u8; 32],
        event: Event,
        original: &Original,
        seeing: Seeing<'_>,
    ) -> Result<pec::Outcome, HostError> {
        let context = pec::Context {
            now,
            entropy: entropy.to_vec(),
            settings: self.parts.settings.clone(),
            largest: None,
        };
        let mut answers = Answers {
            host: self,
            now,
            original,
            seeing,
        };
        converse(&*self.parts.engine, &context, event, |questions| {
            answers.answer(questions)
        })
    }
}

/// Holds a conversation with a plug-in: `answer` gives one answer per question, in their order.
///
/// # Errors
/// The plug-in failed or broke its contract; or `answer` gave none.
pub(crate) fn converse(
    engine: &dyn Engine,
    context: &pec::Context,
    event: Event,
    mut answer: impl FnMut(&[pec::Question]) -> Result<Vec<pec::Answer>, HostError>,
) -> Result<pec::Outcome, HostError> {
    let mut dialogue = engine.begin(context, event)?;
    let mut given = Vec::new();
    for _ in 0..MAX_ROUNDS {
        match dialogue.advance(std::mem::take(&mut given))? {
            pec::Step::Done(outcome) => return Ok(outcome),
            pec::Step::Ask(questions) => given = answer(&questions)?,
        }
    }
    Err(HostError::Contract(format!(
        "it is still asking after {MAX_ROUNDS} rounds"
    )))
}

/// A reply goes to a client as it is, so a line end in it would be a second reply.
///
/// # Errors
/// The plug-in broke its contract.
pub(super) fn check_reply(reply: &pec::Reply) -> Result<(), HostError> {
    let printable = |text: &str| text.bytes().all(|octet| (0x20..0x7f).contains(&octet));
    let code = matches!(reply.code, 250 | 400..=599);
    if code && printable(&reply.status) && printable(&reply.text) {
        return Ok(());
    }
    Err(HostError::Contract(format!("it replied {reply:?}")))
}

/// Of three digits the first says what happened.
pub(super) fn class(reply: &pec::Reply) -> &'static str {
    match reply.code {
        200..=299 => "2xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

/// Enters a transaction that began then into the metrics, with the class of its reply.
pub(super) fn count(event: EventKind, reply: &'static str, begun: Instant) {
    let event = event.name();
    metrics::counter!("ceralacca_transactions_total", "event" => event, "reply" => reply)
        .increment(1);
    metrics::histogram!("ceralacca_transaction_seconds", "event" => event).record(begun.elapsed());
}

/// What operators hear of a transaction that is committed.
pub(super) fn log(reply: &pec::Reply, messages: usize, notices: &[pec::Notice]) {
    let pec::Reply { code, text, .. } = reply;
    tracing::info!(code, text, messages, "committed");
    for notice in notices {
        tracing::warn!(recipient = notice.recipient, text = notice.text, "notice");
    }
}

pub(super) fn notices(outcome: &pec::Outcome) -> Vec<pec::Notice> {
    let notice = |effect: &pec::Effect| match effect {
        pec::Effect::Notify(notice) => Some(notice.clone()),
        _ => None,
    };
    outcome.effects.iter().filter_map(notice).collect()
}

/// A conversation takes about five rounds; one for each certificate of a long path, some more. A
/// plug-in that asks on and on must not hold its place for ever.
const MAX_ROUNDS: usize = 256;
