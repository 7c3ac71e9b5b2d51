//! The milter protocol, version 6, from the filter's side: octets in, replies and one event out.
//!
//! A mail server (Postfix, Sendmail, Stalwart) tells a *mail filter* what happens in an SMTP
//! session; the filter answers. This crate speaks that protocol for a filter that changes nothing
//! and decides about whole messages. It does no I/O, has no clock and no thread: who has a socket
//! reads into an [`Inbox`], gives its packets to a [`Session`], writes what that leaves in the
//! buffer of replies, and decides where an [`Event`] asks.
//!
//! ```text
//!  socket ─octets─▶ Inbox ─Packet─▶ Command ─▶ Session ─▶ Event: Mail, Recipient, Message, End
//!     ▲                                           │               │ Decision, Reply
//!     └──────────────── replies ◀─────────────────┴───────────────┘
//! ```
//!
//! # The wire
//! A packet is a length (32 bits, big endian, of what follows), one command octet, data. From the
//! mail server, here as [`Command`]: `O` options, `D` macros, `C` connect, `H` HELO, `M` MAIL,
//! `R` RCPT, `T` DATA, `L` header, `N` end of headers, `B` body, `E` end of message, `A` abort,
//! `K` quit and expect another session, `Q` quit, `U` unknown SMTP command. To it, as [`Reply`]:
//! `O`, `c` continue, `a` accept, `d` discard, `r` reject, `t` tempfail, `y` reply code,
//! `p` progress. `A`, `D`, `K`, `Q` get no answer, nor do the steps that [`negotiate`] agreed on.
//!
//! There is no standard; the facts are those of Sendmail's libmilter (`mfdef.h`) and of
//! what Postfix does (`src/milter/milter8.c`), measured where it matters.
//!
//! # What holds
//! - **Exact octets.** [`Transaction::original`] is the message as the client sent it, as far as the
//!   mail server tells: see [`original`].
//! - **Bounded.** What one session and all of them together may hold is in [`Limits`] and [`Budget`].
//!   What goes beyond is a [`Flaw`] of that message; the session goes on.
//! - **Hostile input is an error.** A packet that is not of the protocol is [`Malformed`], which names
//!   the culprit, and the session is over.

#[cfg(any(feature = "fuzzing", test))]
pub mod fuzzing;
pub mod negotiate;
pub mod original;

pub use budget::{Budget, Reservation};
pub use command::{Command, Connect, Parameters, Peer};
pub use envelope::{Address, Envelope, Transaction};
pub use error::{Flaw, Malformed};
pub use inbox::{Inbox, Packet};
pub use limits::Limits;
pub use macros::Macros;
pub use negotiate::Transport;
pub use original::Original;
pub use reply::{Refusal, Reply};
pub use session::{Decision, Event, Session};

mod budget;
mod command;
mod envelope;
mod error;
mod inbox;
mod limits;
mod macros;
mod reply;
mod session;
