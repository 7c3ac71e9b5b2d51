//! The reference host of Ceralacca, and its command line.
//!
//! Everything a PEC provider does, with no mail server: state in SQLite, mailboxes as Maildir, the
//! network as a folder of files, keys and certificates from a test authority, time real or given.
//! It exists so that the plug-in can be tried, tested and shown; and to be read, because a host
//! adapter for a real mail server does the same with other parts.
//!
//! | module | holds |
//! |---|---|
//! | [`cli`] | the command line: what can be typed |
//! | [`command`] | what each command does |
//! | [`provider`] | the provider folder: settings, keys, certificates, directory |
//! | [`running`] | a [`Host`](ceralacca_host::Host) put together from a provider folder |
//! | [`narrate`] | what a host did, as lines for people and as JSON |
//! | [`demo`] | the demonstration: two providers, a network, and the page that shows them |
//! | [`kind`], [`moment`] | kinds of message, instants: as people read and type them |
//! | [`error`] | what stops a command, and how commands end |
//!
//! No rule of certified mail is in this crate: it asks the plug-in, and does as it is told.

pub mod cli;
pub mod command;
pub mod demo;
pub mod error;
pub mod kind;
pub mod moment;
pub mod narrate;
pub mod provider;
pub mod running;
