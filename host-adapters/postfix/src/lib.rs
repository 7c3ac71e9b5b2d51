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
//! # Where things are
//! [`config`] is what operators write; [`service`] runs it; [`check_config`] tells what is wrong with
//! it or with the servers around it; [`observe`] has log, metrics and health.

pub mod check_config;
pub mod config;
pub mod observe;
pub mod service;
