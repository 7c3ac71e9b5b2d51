//! Ceralacca: Italian certified e-mail (posta elettronica certificata, PEC) as a plug-in.
//!
//! This crate decides everything a PEC provider must decide and does nothing: no I/O, no clock,
//! no randomness, no key. A host tells it what happened; it asks the host what it must know, and
//! answers with data that the host commits and carries out.
//!
//! ```text
//!   event ──▶ Transaction ──▶ ask(questions) ──▶ host answers ──▶ … ──▶ done(outcome)
//! ```
//!
//! # How it is built
//!
//! - An [`event`] begins a [`Transaction`], a conversation ([`conversation`]): each
//!   [`Transaction::advance`] yields [`question`]s or the [`outcome`], a reply and effects.
//! - One module per point of RFC 6109 §2.2: `access_point` (submissions), `incoming_point`
//!   (arrivals), `delivery_point` (deposits that ended). They are straight-line `async` functions
//!   that ask where the rules need a fact; nothing executes them but `advance`.
//! - One module per topic: `message` (mail bytes), `daticert` (certification data), `smime`
//!   (signatures and paths), [`directory`], `domains`, `notification` (receipts and notices),
//!   `texts`, `timeouts`, `log_register`, `dsn` (what ordinary mail says of its failures),
//!   [`examination`] (what a message is, for people who ask).
//! - Faces translate types and hold no rule. A WebAssembly module has one of three, each a
//!   feature: `component` is the component of `wit/`; `extism` speaks in frames; `js` is for
//!   JavaScript. The latter two have one translation, `values`.
//!
//! # What it promises
//!
//! - **Same input, same bytes.** Time and entropy come with the event; nothing else varies.
//! - **The original is never re-serialised.** Messages are made of segments: octets, or spans of
//!   the event's message ([`outcome::Segment`]).
//! - **Bounded work.** Every structure of foreign mail has a limit with its reason ([`limits`]);
//!   panic means a bug of ours, never bad mail.
//! - **Errors by whose fault they are.** The sender's end in a notice, a peer's in a finding, the
//!   host's in a [`Fault`]; what cannot be answered now ends in a 4xx reply.
//!
//! The rules are RFC 6109 as corrected by practice: clauses are cited where they are obeyed.

// A module has one face: what one imports, the hosts of the others do not have.
#[cfg(all(
    target_family = "wasm",
    any(
        all(feature = "component", feature = "extism"),
        all(feature = "component", feature = "js"),
        all(feature = "extism", feature = "js"),
    )
))]
compile_error!("choose one face: the features component, extism and js exclude each other on wasm");

pub mod address;
pub mod conversation;
pub mod directory;
pub mod event;
pub mod examination;
pub mod fault;
pub mod finding;
pub mod ids;
pub mod instant;
pub mod limits;
pub mod log_register;
pub mod outcome;
pub mod question;
pub mod settings;

pub mod daticert;

mod access_point;
#[cfg(feature = "component")]
mod component;
mod delivery_point;
mod domains;
mod dsn;
#[cfg(feature = "extism")]
pub mod extism;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(all(
    target_family = "wasm",
    any(feature = "component", feature = "extism", feature = "js")
))]
mod heap;
mod hex;
mod incoming_point;
#[cfg(all(feature = "js", target_family = "wasm"))]
mod js;
mod message;
mod notification;
mod plain;
mod smime;
mod texts;
mod timeouts;
#[cfg(feature = "values")]
pub mod values;
mod wire;

pub use conversation::{Step, Transaction};
pub use fault::Fault;
pub use log_register::audit;

use conversation::{Desk, Stop};
use event::{
    Arrival, Brings, Context, DepositResult, DirectoryUpdate, Examination, RecordRequest,
    RelayFailure, Submission, Tick,
};
use fault::Excess;
use outcome::Outcome;
use settings::Settings;

/// Access point: a user hands in a message (RFC 6109 §3.1).
pub fn submit(context: Context, event: Submission) -> Transaction {
    begin(context, event, access_point::submit)
}

/// Incoming point: a message arrives (RFC 6109 §3.2).
pub fn arrive(context: Context, event: Arrival) -> Transaction {
    begin(context, event, incoming_point::arrive)
}

/// Delivery point: a deposit that was to be confirmed has ended (RFC 6109 §3.3).
pub fn finish_deposit(context: Context, event: DepositResult) -> Transaction {
    begin(context, event, delivery_point::finish_deposit)
}

/// A relay has failed for good (RFC 6109 §3.3.3, PRACTICE 8.5).
pub fn fail_relay(context: Context, event: RelayFailure) -> Transaction {
    begin(context, event, delivery_point::fail_relay)
}

/// Timers: deadlines have come (RFC 6109 §3.1.6).
pub fn pass_time(context: Context, event: Tick) -> Transaction {
    begin(context, event, timeouts::pass_time)
}

/// Provider directory: a new one is to be loaded (RFC 6109 §4.5).
pub fn load_directory(context: Context, event: DirectoryUpdate) -> Transaction {
    begin(context, event, directory::load)
}

/// Provider directory: our own record is to be made (RFC 6109 §4.5).
pub fn compose_record(context: Context, event: RecordRequest) -> Transaction {
    begin(context, event, directory::compose)
}

/// Judges a message, with no effect.
pub fn examine(context: Context, event: Examination) -> Transaction {
    begin(context, event, examination::examine)
}

/// Begins what the event brings about, unless it brings too much.
fn begin<E: Brings, F>(
    context: Context,
    event: E,
    run: impl FnOnce(Context, E, Desk) -> F,
) -> Transaction
where
    F: Future<Output = Result<Outcome, Stop>> + 'static,
{
    let (octets, most) = (event.octets(), context.most());
    if octets > most {
        return Transaction::refused(Fault::TooLarge(Excess { octets, most }));
    }
    Transaction::begin(|desk| run(context, event, desk))
}

/// Tests settings as a host should at its start.
///
/// # Errors
/// [`Fault::Settings`] names the first field that is wrong, and the remedy.
pub fn check_settings(settings: Settings) -> Result<(), Fault> {
    settings::check(settings)
}
