//! What our own incoming point decides of a message that we have just made, at once.
//!
//! A message from one of our mailboxes to another passes our access point and our incoming point
//! (RFC 6109 §3.4), and so do the receipts about it. The outbox could bring each from one to the other,
//! as it does with what is not decided here. But the second is asked before anything of the first is
//! written, and both outcomes are one commit: half the work for a database, and no moment between
//! them.

use std::time::Instant;

use tracing::Span;

use super::answers::Seeing;
use super::transact::{check_reply, class, count, log, notices};
use super::{Host, HostError, MessageSummary, Progress};
use crate::engine::{Event, EventKind};
use crate::store::{Looped, Original, Seen, item_key};
use crate::{crash, pec};

/// Two outcomes that are to be one commit.
pub(super) struct AtOnce {
    /// The one that relays to our incoming point. Whatever that settles of what this tracks is settled
    /// here: there are no rows yet to be changed.
    pub(super) outcome: pec::Outcome,
    /// What our incoming point has decided.
    pub(super) looped: Looped,
    /// What is to be told of that.
    pub(super) arrived: Arrived,
}

/// An arrival that is told of when it is committed.
pub(super) struct Arrived {
    begun: Instant,
    span: Span,
    message: MessageSummary,
    recipients: Vec<String>,
    reply: pec::Reply,
    messages: Vec<MessageSummary>,
    notices: Vec<pec::Notice>,
}

impl Host {
    /// Asks our own incoming point about the first message that an outcome relays to it.
    ///
    /// None: nothing is relayed to it; or it would be asked about what the outcome itself changes; or
    /// the message is large; or it does not say yes. Then, and after an error, the outbox gives it the
    /// message, and sees to whatever follows.
    ///
    /// # Errors
    /// A revocation list must be had first; or whatever else prevented it, which the outbox will meet again.
    pub(super) fn decide_at_once(
        &self,
        now: u64,
        entropy: &[u8; 32],
        original: &Original,
        outcome: &pec::Outcome,
        seen: &mut Seen,
    ) -> Result<Option<AtOnce>, HostError> {
        if original.body().len() > LARGEST || outcome.effects.iter().any(changes_what_is_asked) {
            return Ok(None);
        }
        let Some((number, relay)) = own_relay(&outcome.effects) else {
            return Ok(None);
        };
        // What is wrong with either the commit says.
        let messages = &outcome.messages;
        let message = usize::try_from(relay.message).ok();
        let Some(message) = message.and_then(|index| messages.get(index)) else {
            return Ok(None);
        };
        let Ok(body) = original.body().splice(message.segments.clone()) else {
            return Ok(None);
        };
        if body.len() > LARGEST {
            return Ok(None);
        }
        crash::point("before-loop-at-once");
        let begun = Instant::now();
        let span = tracing::info_span!("transaction", event = EventKind::Arrive.name());
        let inside = span.clone().entered();
        // As if the outbox had it: the same message has the same consequences either way.
        let key = item_key(entropy, number);
        let entropy = self.parts.entropy.entropy(&format!("outbox:{key}"))?;
        let read = body.read_whole();
        let event = Event::Arrive(pec::Arrival {
            reverse_path: relay.reverse_path.clone(),
            recipients: relay.recipients.clone(),
            source: pec::ArrivalSource::OwnOutbox,
            message: read.map_err(|source| HostError::Message { key, source })?,
        });
        let arrived = Original::stored(body.clone());
        let seeing = Seeing {
            seen,
            beside: Some(&outcome.effects),
        };
        let mut decided = self.converse(now, &entropy, event, &arrived, seeing)?;
        check_reply(&decided.reply)?;
        if decided.reply.code != 250 {
            let pec::Reply { code, text, .. } = &decided.reply;
            tracing::info!(code, text, "left to the outbox");
            return Ok(None);
        }
        drop(inside);
        let arrived = Arrived {
            begun,
            span,
            message: MessageSummary::of(message),
            recipients: relay.recipients.clone(),
            reply: decided.reply.clone(),
            messages: decided.messages.iter().map(MessageSummary::of).collect(),
            notices: notices(&decided),
        };
        let mut outcome = outcome.clone();
        settle_what_is_tracked(&mut outcome.effects, &mut decided.effects);
        Ok(Some(AtOnce {
            outcome,
            looped: Looped {
                number,
                body,
                entropy,
                outcome: decided,
            },
            arrived,
        }))
    }
}

impl Arrived {
    /// It is committed.
    pub(super) fn tell(self) -> Vec<Progress> {
        count(EventKind::Arrive, class(&self.reply), self.begun);
        let _inside = self.span.enter();
        log(&self.reply, self.messages.len(), &self.notices);
        vec![
            Progress::Looped {
                message: self.message,
                recipients: self.recipients,
                reply: self.reply.clone(),
            },
            Progress::Transaction {
                event: EventKind::Arrive,
                reply: self.reply,
                messages: self.messages,
                notices: self.notices,
            },
        ]
    }
}

/// The first, with its number among the effects.
fn own_relay(effects: &[pec::Effect]) -> Option<(usize, &pec::Relay)> {
    (1..)
        .zip(effects)
        .find_map(|(number, effect)| match effect {
            pec::Effect::Relay(relay) if relay.route == pec::Route::OwnIncomingPoint => {
                Some((number, relay))
            }
            _ => None,
        })
}

/// The store would answer as if it had not happened.
fn changes_what_is_asked(effect: &pec::Effect) -> bool {
    matches!(
        effect,
        pec::Effect::Settle(_) | pec::Effect::TakeInCharge(_)
    )
}

/// Takes settlements of what is tracked into what tracks it. The others stay where they are.
fn settle_what_is_tracked(tracking: &mut [pec::Effect], settling: &mut Vec<pec::Effect>) {
    settling.retain(|effect| {
        let pec::Effect::Settle(settlement) = effect else {
            return true;
        };
        let mut settled = false;
        for effect in &mut *tracking {
            let pec::Effect::Track(message) = effect else {
                continue;
            };
            let ours = message.recipients.iter_mut().filter(|recipient| {
                message.pec_id == settlement.pec_id && recipient.address == settlement.recipient
            });
            for recipient in ours {
                recipient.state = settlement.state;
                recipient.warned = settlement.warned;
                recipient.deadline = settlement.deadline;
                settled = true;
            }
        }
        !settled
    });
}

/// In octets. Somebody waits for the reply meanwhile: of this size a millisecond or two, most of which a
/// small one takes as well.
const LARGEST: u64 = 64 * 1024;
