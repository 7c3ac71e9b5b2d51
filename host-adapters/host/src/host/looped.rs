//! Mail within the provider, at once.
//!
//! A message from one of our mailboxes to another passes our access point and our incoming point
//! (RFC 6109 §3.4). The second could take it from the outbox, as it takes what it cannot have at
//! once; but what it decides of a message that the first has just made is known as soon as it is
//! asked. So it is asked before the first outcome is written, and both are one commit: half the
//! work for a database, and no moment between the two.

use std::time::Instant;

use super::answers::Seeing;
use super::transact::{check_reply, notices};
use super::{Host, MessageSummary, Progress};
use crate::engine::{Event, EventKind};
use crate::store::{Looped, Original, Seen, item_key};
use crate::{crash, pec};

impl Host {
    /// Asks our own incoming point about the first message that an outcome relays to it, and takes
    /// what it decides out of the outcome's hands: what it settles of messages that the outcome
    /// tracks is settled in the outcome.
    ///
    /// None: nothing is relayed to it; or it would be asked about what the outcome changes; or the
    /// message is large, and somebody waits for the reply; or it does not say yes. Then the outbox gives
    /// it the message, and sees to whatever follows.
    pub(super) fn loop_at_once(
        &self,
        now: u64,
        entropy: &[u8; 32],
        original: &Original,
        outcome: &mut pec::Outcome,
        seen: &mut Seen,
    ) -> Option<(Looped, Vec<Progress>)> {
        let (place, relay) = outcome.effects.iter().enumerate().find_map(own_relay)?;
        if original.body().len() > AT_ONCE || outcome.effects.iter().any(changes_what_is_asked) {
            return None;
        }
        let message = outcome.messages.get(usize::try_from(relay.message).ok()?)?;
        let body = original.body().splice(message.segments.clone()).ok()?;
        if body.len() > AT_ONCE {
            return None;
        }
        crash::point("before-loop");
        let span = tracing::info_span!("transaction", event = EventKind::Arrive.name());
        let _inside = span.enter();
        let event = Event::Arrive(pec::Arrival {
            reverse_path: relay.reverse_path.clone(),
            recipients: relay.recipients.clone(),
            source: pec::ArrivalSource::OwnOutbox,
            message: body.read_whole().ok()?,
        });
        // As if the outbox had it: the same message has the same consequences either way.
        let key = item_key(entropy, place + 1);
        let entropy = self.parts.entropy.entropy(&format!("outbox:{key}")).ok()?;
        let arrived = Original::stored(body);
        let begun = Instant::now();
        let seeing = Seeing {
            seen,
            beside: &outcome.effects,
        };
        let answer = self.converse(now, &entropy, event, &arrived, seeing);
        let mut decided = answer
            .and_then(|decided| check_reply(&decided.reply).map(|()| decided))
            .inspect_err(|error| tracing::warn!(key, %error, "left to the outbox"))
            .ok()?;
        if decided.reply.code != 250 {
            let pec::Reply { code, text, .. } = &decided.reply;
            tracing::warn!(key, code, text, "left to the outbox");
            return None;
        }
        metrics::histogram!("ceralacca_transaction_seconds", "event" => EventKind::Arrive.name())
            .record(begun.elapsed());
        let told = vec![
            Progress::Looped {
                message: MessageSummary::of(message),
                recipients: relay.recipients.clone(),
                reply: decided.reply.clone(),
            },
            Progress::Transaction {
                event: EventKind::Arrive,
                reply: decided.reply.clone(),
                messages: decided.messages.iter().map(MessageSummary::of).collect(),
                notices: notices(&decided),
            },
        ];
        settle(&mut outcome.effects, &mut decided.effects);
        let looped = Looped {
            place,
            body: arrived.body().clone(),
            entropy,
            outcome: decided,
        };
        Some((looped, told))
    }
}

fn own_relay((place, effect): (usize, &pec::Effect)) -> Option<(usize, &pec::Relay)> {
    match effect {
        pec::Effect::Relay(relay) if relay.route == pec::Route::OwnIncomingPoint => {
            Some((place, relay))
        }
        _ => None,
    }
}

/// The store would answer as if it had not happened.
fn changes_what_is_asked(effect: &pec::Effect) -> bool {
    matches!(
        effect,
        pec::Effect::Settle(_) | pec::Effect::TakeInCharge(_)
    )
}

/// Settles what is tracked by the same commit: its rows are not there to be changed yet. What is not
/// tracked by it stays.
fn settle(tracking: &mut [pec::Effect], settling: &mut Vec<pec::Effect>) {
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

/// In octets. Of a larger message the client should hear before it is taken apart again.
const AT_ONCE: u64 = 64 * 1024;
