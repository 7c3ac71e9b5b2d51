//! A toy of certified mail, so that stories can be told about the host without the real plug-in,
//! and a provider folder to tell them in.
//!
//! The toy's messages are text: the first line says what they are. `envelope ID`, then the
//! original; `acceptance ID`; `delivery ID RECIPIENT`. Addresses at `here.example` are ours.
#![allow(dead_code, unused_imports)]

mod component;
mod mail_peer;
mod metrics;
mod peer;
mod postgres;
mod provider;
mod server;
mod toy;
mod tree;

pub use component::*;
pub use mail_peer::MailPeer;
pub use metrics::*;
pub use peer::*;
pub use postgres::*;
pub use provider::*;
pub use server::*;
pub use toy::*;
pub use tree::*;
