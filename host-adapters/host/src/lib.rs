//! The host library: everything around the Ceralacca plug-in that does I/O. It holds no PEC law.
//!
//! The plug-in (`src/`, as a WebAssembly component) computes and nothing else. A [`Host`] gives
//! it events, answers its questions, writes what it decides into a [`Store`] in one durable
//! transaction, and only then lets the reply out. What is written is carried out from there.
//!
//! ```text
//!  adapter          Host                                   Engine (Plugin)
//!  submit ───────▶  fingerprint: seen before? ──▶ the stored reply
//!                   take the message into memory or spool
//!                   begin(context, event) ───────────────▶  conversation
//!                   answers from store and parts ◀───────▶  questions
//!                   Store::commit: all effects, durably ◀─  outcome
//!  reply  ◀───────
//!  run_outbox ───▶  relay ──▶ Relay        loop ──▶ arrive, committed with the item's end
//!                   deposit ─▶ Depot ──▶ verdict stored ──▶ finish-deposit, committed likewise
//!  tick ─────────▶  due recipients ──▶ pass-time; directory file; forgetting; outbox
//! ```
//!
//! # What holds
//! - **Commit before reply.** After a reply of success everything it promises survives a power
//!   cut ([`Store`]); after any other reply of ours (451) nothing has happened, or what has is
//!   recognised when the client tries again ([`StoreError::Uncertain`]).
//! - **Twice is once.** A client that did not hear the reply gets it again, and nothing is done a
//!   second time ([`Policy::retry_window`]). Every item of the outbox has a key; [`Maildir`] and
//!   [`EmlFolder`] put the same item in the same place, events mark their item in the commit of
//!   their outcome. [`crash`] names the points at which tests kill the process to prove it.
//! - **One worker, one item.** Several workers, processes or (on PostgreSQL) hosts carry the outbox
//!   out; each claims what it does, and what a dead one had in hand is taken over when its claim
//!   has run out ([`Host::run_outbox_workers`]).
//! - **Nobody overwrites what they have not seen.** An outcome that settles recipients is refused
//!   if their message changed since the plug-in was shown it.
//! - **Same input, same bytes.** With [`SeededEntropy`] and [`FixedClock`], a fresh store gives
//!   identical files, whatever ran before on the machine.
//! - **One message, one transaction.** A plug-in that traps, runs out of [`Limits`] or breaks its
//!   contract costs that transaction: 451, an error in the log, and the host lives on.
//! - **Large messages stay on disk.** In memory is the copy that goes into the plug-in, the
//!   plug-in's own, and nothing else; all that is made from a message refers to one file (on
//!   PostgreSQL: to one row and its chunks).
//!
//! # Where things are
//! [`pec`] has the types of `wit/`; [`Engine`] is the seam to the plug-in, [`Plugin`] the real one;
//! the traits a host is assembled from ([`Signer`], [`Depot`], …) come with a default each;
//! [`HostParts`] puts them together. An [`Examiner`] only judges messages, and needs next to none.

pub mod crash;
pub mod pec;
pub mod provider;

pub use body::Body;
pub use engine::{Dialogue, Engine, Event, EventKind, PluginError};
pub use examiner::{Examiner, onlooker};
pub use host::{
    Action, AuditFinding, AuditReport, Committed, DirectorySummary, Host, HostError, HostParts,
    ItemState, ItemStatus, MessageStatus, MessageSummary, OutboxReport, Policy, Progress,
    RecipientStatus, Stop, TickReport, audit,
};
pub use names::{kind_name, rule_name, state_name};
pub use parts::{
    ClamdScanner, ClamdSettings, ClientIdentity, Clock, CrlCache, CrlFolder, DepositItem,
    DepositOutcome, Depot, DirectoryFetcher, DirectorySource, DoveadmLookup, DovecotSettings,
    DovecotUserdb, EmlFolder, Endpoint, Entropy, FetchTimes, FixedClock, KeyError, LmtpDepot,
    MailboxLookup, MailboxTable, Mailboxes, Maildir, NoPublisher, NoRevocationData, NoScanner,
    OsEntropy, PublishedFolder, Publisher, Refreshed, Refusal, Relay, RelayItem, RelayOutcome,
    Revocation, RsaSigner, Scanner, SeededEntropy, SetupError, Signer, SmtpRelay, SmtpSettings,
    SystemClock, TlsSettings, Unavailable, UserdbCache, WhenScannerDown,
};
#[cfg(feature = "pkcs11")]
pub use parts::{PinSource, Pkcs11Settings, Pkcs11Signer, TokenChoice};
pub use plugin::{Limits, Plugin};
pub use store::{Connections, PostgresOptions, Queue, Store, StoreError};
pub use verify::verify_signature;

mod body;
mod directory;
mod durable;
mod engine;
mod examiner;
mod host;
mod names;
mod parts;
mod plugin;
mod store;
mod verify;

/// Octets as lower-case hex digits.
pub(crate) fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |index: u8| char::from(DIGITS[usize::from(index)]);
    octets
        .iter()
        .flat_map(|octet| [digit(octet >> 4), digit(octet & 15)])
        .collect()
}
