//! The adapter that makes a Postfix and Dovecot server a provider of certified mail.
//!
//! Postfix hands every message to a milter; this is one. What the milter is given becomes one event
//! for the plug-in; its outcome is durable before Postfix hears a word (`ceralacca_host`), and what
//! it asks for leaves by SMTP through a port of Postfix without milters, or by LMTP to Dovecot.
//!
//! ```text
//!  client ──SMTP──▶ smtpd ──milter──▶ Server ─▶ Session ─▶ role ─▶ Host (plug-in, store)
//!                     ▲                                             │ outbox
//!                     └── 250 (SMFIR_DISCARD) or the refusal        ├─SMTP─▶ injection port ─▶ world
//!                                                                   └─LMTP─▶ Dovecot ─▶ mailbox
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`milter`] | the protocol and the session: octets in, replies and one event out (a crate of its own) |
//! | [`roles`] | what a message is by the port it came through, and what the client is told |
//! | [`server`] | sockets, threads, time limits |
//! | [`hosts`] | the host that is in force, which a reload replaces |
//! | [`config`] | what operators write |
//! | [`service`] | runs it: threads, signals |
//! | [`check_config`] | tells what is wrong with it, or with the servers around it |
//! | [`audit`] | judges the log, as `ceralacca audit` does for a provider folder |
//! | [`observe`] | log, metrics, health |

pub mod audit;
pub mod check_config;
pub mod config;
pub mod hosts;
pub mod observe;
pub mod roles;
pub mod server;
pub mod service;

pub use ceralacca_milter as milter;
pub use hosts::Hosts;
pub use server::{Listen, Server};
