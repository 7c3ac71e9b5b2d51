//! How a repetition is recognised.
//!
//! A client that did not hear our reply tries again with the same account, envelope and octets
//! (hosts/POSTFIX.md, point 2), and so does a server. Two different messages never look alike:
//! every field goes in with its length.

use aws_lc_rs::digest::{Context, SHA256};

use crate::pec;

/// What a submission is recognised by.
pub(super) fn of_submission(submission: &pec::Submission) -> [u8; 32] {
    Digest::new("submit")
        .field(submission.account.as_deref().unwrap_or_default().as_bytes())
        .field(submission.reverse_path.as_bytes())
        .list(&submission.recipients)
        .field(&submission.message)
        .finish()
}

/// What an arrival is recognised by. The way it came decides the answer, so it is part of it:
/// what was refused in the clear may come again over TLS.
pub(super) fn of_arrival(arrival: &pec::Arrival) -> [u8; 32] {
    Digest::new("arrive")
        .field(&[arrival.source as u8])
        .field(arrival.reverse_path.as_bytes())
        .list(&arrival.recipients)
        .field(&arrival.message)
        .finish()
}

/// What names a batch of due recipients, for [`crate::Entropy`].
pub(super) fn of_tick(now: u64, due: &[pec::DueRecipient]) -> [u8; 32] {
    let mut digest = Digest::new("tick").field(&now.to_be_bytes());
    for due in due {
        digest = digest
            .field(due.message.pec_id.as_bytes())
            .field(due.recipient.as_bytes());
    }
    digest.finish()
}

/// SHA-256 of some octets.
pub(super) fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&SHA256, octets).as_ref());
    digest
}

/// SHA-256 over fields that cannot run into each other.
struct Digest(Context);

impl Digest {
    fn new(purpose: &str) -> Self {
        Self(Context::new(&SHA256)).field(purpose.as_bytes())
    }

    fn field(mut self, octets: &[u8]) -> Self {
        self.0.update(&(octets.len() as u64).to_be_bytes());
        self.0.update(octets);
        self
    }

    fn list(self, items: &[String]) -> Self {
        let count = self.field(&(items.len() as u64).to_be_bytes());
        items
            .iter()
            .fold(count, |digest, item| digest.field(item.as_bytes()))
    }

    fn finish(self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        digest
    }
}
