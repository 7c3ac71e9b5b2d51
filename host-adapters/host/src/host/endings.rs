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
    let bounce = matches!(item.message.kind, pec::MessageKind::TransportEnvelope)
        && item.message.pec_id.is_some();
    for refusal in &refusals {
        if bounce {
            tracing::warn!(key = item.key, %refusal, "an envelope was refused");
        } else {
            tracing::error!(key = item.key, %refusal, "a message was refused; nobody can be told");
        }
    }
    Ending::Refused { refusals, bounce }
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
