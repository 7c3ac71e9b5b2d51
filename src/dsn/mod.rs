//! Delivery status notifications (DSN, RFC 3464): how mail that is not certified tells of its
//! failures.
//!
//! They are [written](write) where PEC has no notice of its own, to senders of ordinary mail and
//! about ordinary recipients (PRACTICE 8.5, 8.7), and [read] where our own mail server made them.
//! They prove nothing: nobody signs them.

mod read;
mod write;

pub(crate) use read::{Report, read};
pub(crate) use write::{Bounce, write};

use crate::address::EmailAddress;
use crate::event::Failure;

/// A recipient that was not reached, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undelivered {
    pub recipient: EmailAddress,
    pub failure: Failure,
}
