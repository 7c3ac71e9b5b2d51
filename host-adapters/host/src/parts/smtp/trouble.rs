//! Why a conversation with the mail server failed: always a reason to come back later.

use std::io;
use std::time::Duration;

use super::reply::{Nonsense, Reply};
use super::settings::Step;
use crate::parts::Endpoint;

/// A conversation that came to no verdict.
#[derive(Debug, thiserror::Error)]
#[error("{endpoint}: {what}, while {step}")]
pub(super) struct Trouble {
    pub endpoint: Endpoint,
    pub step: Step,
    pub what: What,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum What {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("nothing came or went for {} s", .0.as_secs_f32())]
    Slow(Duration),
    #[error("it closed the connection")]
    Closed,
    #[error("its reply is not SMTP: {0}")]
    Nonsense(#[from] Nonsense),
    #[error("it said {0}")]
    Said(Reply),
    #[error("its reply {0} does not fit here")]
    Unexpected(Reply),
    #[error(
        "{0} is on another machine, and the message would cross the network in the clear: use a \
         loopback address or a Unix socket, or, where the network is private, permit it in the \
         settings (plaintext network)"
    )]
    Exposed(std::net::IpAddr),
    #[error(
        "all {most} connections are busy and none became free within {} s: raise their number, or \
         make the mail server quicker", .waited.as_secs()
    )]
    Busy { most: usize, waited: Duration },
    #[error("it has let us wait in vain, and somebody is trying it already")]
    Silent,
    #[error("our copy of the message cannot be read: {0}")]
    Spool(io::Error),
}
