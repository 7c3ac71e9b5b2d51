//! Putting messages into mailboxes.

use crate::{Body, pec};

/// A mailbox store.
pub trait Depot: Send + Sync {
    /// Puts one message into one mailbox, durably, before it returns.
    ///
    /// It may be called again for the same item, also from another process after a crash: the
    /// message must then be in the mailbox once. [`DepositItem::key`] tells items apart.
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome;
}

/// What is to be put where.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DepositItem<'a> {
    /// 32 hex digits, the same at every try and different for every other item.
    pub key: &'a str,
    /// When the transaction that made the message happened: seconds since 1970.
    pub at: u64,
    /// The mailbox. Final: no alias, forward or Sieve redirect may apply.
    pub recipient: &'a str,
    /// What Return-Path says, where the store writes one; empty for the null path.
    pub reverse_path: &'a str,
    /// What the message is.
    pub kind: &'a pec::MessageKind,
    /// The PEC id it belongs to.
    pub pec_id: Option<&'a str>,
    /// Its Message-ID, without angle brackets; may be empty.
    pub message_id: &'a str,
    /// Its octets, to be stored unchanged: they are signed.
    pub body: &'a Body,
    /// It may have been tried before, by a process that died or with an answer that did not come.
    /// Where it is `false`, the item is certainly not in the mailbox.
    pub repeated: bool,
}

/// How a deposit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DepositOutcome {
    /// It is durably in the mailbox. A delivery receipt follows: say this only with proof.
    Stored,
    /// It never will be.
    Failed(pec::Failure),
    /// Not now, and why; the host tries again later.
    Later(String),
}
