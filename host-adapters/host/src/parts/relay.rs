//! Sending messages to other servers.

use crate::{Body, pec};

/// The way to the network.
pub trait Relay: Send + Sync {
    /// Hands one message over, durably, before it returns.
    ///
    /// It may be called again for the same item after a crash. Where the other side cannot
    /// recognise repetitions, one duplicate is possible, with the same PEC id: receiving
    /// providers recognise it (PRACTICE 8.11).
    fn relay(&self, item: &RelayItem<'_>) -> RelayOutcome;
}

/// What is to be sent to whom.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RelayItem<'a> {
    /// 32 hex digits, the same at every try and different for every other item.
    pub key: &'a str,
    /// Counts the relays of a store from 1, in the order of the effects; the same at every try. On
    /// PostgreSQL, transactions that were not committed leave gaps.
    pub seq: u64,
    /// When the transaction that made the message happened: seconds since 1970.
    pub at: u64,
    /// MAIL FROM; empty for the null path.
    pub reverse_path: &'a str,
    /// RCPT TO.
    pub recipients: &'a [String],
    /// What the message is.
    pub kind: &'a pec::MessageKind,
    /// The PEC id it belongs to.
    pub pec_id: Option<&'a str>,
    /// Its Message-ID, without angle brackets; may be empty.
    pub message_id: &'a str,
    /// Its octets, to be sent unchanged: they are signed.
    pub body: &'a Body,
}

/// How a relay ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayOutcome {
    /// The next server has taken responsibility for all recipients.
    Handed,
    /// It refused these recipients for good, and has taken responsibility for the others.
    Failed(Vec<Refusal>),
    /// Some are to be tried again; the next server has taken responsibility for whoever is named
    /// in neither list, and must not be given the message for them again.
    Partly {
        /// Refused for good.
        refusals: Vec<Refusal>,
        /// Not now: as in [`RelayItem::recipients`].
        later: Vec<String>,
        /// Why not now.
        reason: String,
    },
    /// Not now, and why; nothing was handed over and the host tries again later.
    Later(String),
}

/// One recipient that a relay failed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The recipient, as in [`RelayItem::recipients`].
    pub recipient: String,
    /// Why.
    pub failure: pec::Failure,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pec::Failure {
            status, code, text, ..
        } = &self.failure;
        write!(f, "{}: {code} {status} {text}", self.recipient)
    }
}
