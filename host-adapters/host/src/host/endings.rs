//! How items of the outbox end: what a reply or a refusal means for them.

use super::Host;
use crate::parts::Refusal;
use crate::pec;
use crate::store::{Ending, Item};

impl Host {
    /// What a reply means for the item, where nobody but the operators could be told.
    pub(super) fn ending_of(&self, item: &Item, reply: &pec::Reply) -> Ending {
        let error = format!("{} {} {}", reply.code, reply.status, reply.text);
        match reply.code {
            ..300 => Ending::Done,
            300..500 => Ending::Postponed {
                next_at: self.next_try(item),
                error,
            },
            500.. => {
                tracing::error!(key = item.key, error, "the plug-in refused our own event");
                Ending::Failed { error }
            }
        }
    }

    /// What a relay's word means for the item, and who has the message now.
    pub(super) fn ending_of_relay(
        &self,
        item: &Item,
        mut refusals: Vec<Refusal>,
        later: Option<(Vec<String>, String)>,
    ) -> (Ending, Vec<String>) {
        // Nobody can bounce or postpone what was not theirs to send.
        refusals.retain(|refusal| item.recipients.contains(&refusal.recipient));
        let (mut later, error) = later.unwrap_or_default();
        let refused = |address: &String| refusals.iter().any(|r| r.recipient == *address);
        later.retain(|address| item.recipients.contains(address) && !refused(address));
        let is_handed = |address: &&String| !refused(address) && !later.contains(address);
        let handed = item.recipients.iter().filter(is_handed).cloned().collect();
        let ending = match (refusals.is_empty(), later.is_empty()) {
            (true, true) => Ending::Done,
            (false, true) => refuse(item, refusals),
            (_, false) => {
                let bounce = announce(item, &refusals);
                Ending::Narrowed {
                    later,
                    next_at: self.next_try(item),
                    error,
                    refusals,
                    bounce,
                }
            }
        };
        (ending, handed)
    }

    /// Twice as long after each try in vain.
    pub(super) fn next_try(&self, item: &Item) -> u64 {
        let policy = &self.parts.policy;
        let doubled = policy
            .retry_first
            .saturating_mul(1 << item.attempts.min(16));
        self.now().saturating_add(doubled.min(policy.retry_most))
    }
}

/// Recipients that failed for good: the plug-in hears of those of an envelope; whoever sent a
/// receipt cannot be told that it did not arrive.
pub(super) fn refuse(item: &Item, refusals: Vec<Refusal>) -> Ending {
    let bounce = announce(item, &refusals);
    Ending::Refused { refusals, bounce }
}

/// Tells the operators; must the plug-in hear of it too?
fn announce(item: &Item, refusals: &[Refusal]) -> bool {
    let bounce = matches!(item.message.kind, pec::MessageKind::TransportEnvelope)
        && item.message.pec_id.is_some();
    for refusal in refusals {
        if bounce {
            tracing::warn!(key = item.key, %refusal, "an envelope was refused");
        } else {
            tracing::error!(key = item.key, %refusal, "a message was refused; nobody can be told");
        }
    }
    bounce
}

/// Our own incoming point refuses a message for all its recipients at once.
pub(super) fn refusals_of(item: &Item, reply: &pec::Reply) -> Vec<Refusal> {
    let refusal = |recipient: &String| Refusal {
        recipient: recipient.clone(),
        failure: pec::Failure {
            status: reply.status.clone(),
            code: reply.code,
            text: reply.text.clone(),
            no_such_domain: false,
        },
    };
    item.recipients.iter().map(refusal).collect()
}
