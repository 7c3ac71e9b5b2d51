//! Conversations in plain values, for faces whose hosts do not speak WIT.
//!
//! A [`Value`] is what JSON has, and octet strings. The types of the core derive their plain form
//! (`wit/types.wit` with camelCase fields, see `src/plain.rs`), so this is the whole translation:
//! `extism` and `js` differ in how a value crosses the border and in nothing else.

use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;
pub use serde_value::Value;

use crate::conversation::{Step, Transaction};
use crate::event::Context;
use crate::examination::EnclosedMessage;
use crate::fault::{Excess, Fault};
use crate::instant::Instant;
use crate::log_register::Dossier;
use crate::outcome::{Message, Segment};
use crate::question::Answer;
use crate::settings::Settings;

/// The events that begin a conversation: one function of `wit/transactions.wit` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// [`crate::submit`].
    Submit,
    /// [`crate::arrive`].
    Arrive,
    /// [`crate::finish_deposit`].
    FinishDeposit,
    /// [`crate::fail_relay`].
    FailRelay,
    /// [`crate::pass_time`].
    PassTime,
    /// [`crate::load_directory`].
    LoadDirectory,
    /// [`crate::compose_record`].
    ComposeRecord,
    /// [`crate::examine`].
    Examine,
}

/// Why a call was refused: the host's mistake, never the mail's. The instance is as it was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Stable name for programs: [`Fault::code`], or one of the face's own.
    pub code: &'static str,
    /// A sentence with the facts and the remedy.
    pub text: String,
}

impl Refusal {
    /// More octets than are taken.
    pub fn too_large(octets: usize, most: usize) -> Self {
        Fault::TooLarge(Excess { octets, most }).into()
    }

    /// More octets than memory has room for.
    pub fn no_room(octets: usize) -> Self {
        Self {
            code: "too-large",
            text: format!("too large: memory has no room for {octets} octets"),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self {
            code: fault.code(),
            text: fault.to_string(),
        }
    }
}

/// Begins a conversation with an event of this kind.
///
/// # Errors
/// [`Fault::Event`] names the field that is missing, unknown, or of another type.
pub fn begin(kind: Event, context: Context, event: Value) -> Result<Transaction, Fault> {
    match kind {
        Event::Submit => with(context, "submission", event, crate::submit),
        Event::Arrive => with(context, "arrival", event, crate::arrive),
        Event::FinishDeposit => with(context, "depositResult", event, crate::finish_deposit),
        Event::FailRelay => with(context, "relayFailure", event, crate::fail_relay),
        Event::PassTime => with(context, "tick", event, crate::pass_time),
        Event::LoadDirectory => with(context, "directoryUpdate", event, crate::load_directory),
        Event::ComposeRecord => with(context, "recordRequest", event, crate::compose_record),
        Event::Examine => with(context, "examination", event, crate::examine),
    }
}

/// The context of an event: it says how many octets the event may bring.
///
/// # Errors
/// As [`begin`].
pub fn context(context: Value) -> Result<Context, Fault> {
    read("context", context).map_err(Fault::Event)
}

fn with<E: DeserializeOwned>(
    context: Context,
    name: &str,
    event: Value,
    begin: fn(Context, E) -> Transaction,
) -> Result<Transaction, Fault> {
    let event = read(name, event).map_err(Fault::Event)?;
    Ok(begin(context, event))
}

/// Gives answers, a list, and gets the next step.
///
/// # Errors
/// As [`Transaction::advance`]; what is no answer at all is a wrong one.
pub fn advance(transaction: &mut Transaction, answers: Value) -> Result<Step, Fault> {
    let answers: Vec<Answer> = read("answers", answers).map_err(Fault::WrongAnswers)?;
    transaction.advance(answers)
}

/// [`crate::check_settings`].
///
/// # Errors
/// The same; [`Fault::Event`] where they are no settings at all.
pub fn check_settings(settings: Value) -> Result<(), Fault> {
    let settings: Settings = read("settings", settings).map_err(Fault::Event)?;
    crate::check_settings(settings)
}

/// [`crate::audit`].
///
/// # Errors
/// [`Fault::Event`] names the field that is missing, unknown, or of another type.
pub fn audit(now: Value, dossier: Value) -> Result<Value, Fault> {
    let now: Instant = read("now", now).map_err(Fault::Event)?;
    let dossier: Dossier = read("dossier", dossier).map_err(Fault::Event)?;
    Ok(write(&crate::audit(now, &dossier)))
}

/// The plain form of a step, as [`write`] gives it. The messages made, and those found enclosed, are
/// moved into it, not copied: together they may be larger than the message that came in.
pub fn into_step(step: Step) -> Value {
    let Step::Done(mut outcome) = step else {
        return write(&step);
    };
    let messages = std::mem::take(&mut outcome.messages);
    let contents = outcome
        .finding
        .as_mut()
        .and_then(|finding| finding.contents.as_mut());
    let enclosed = contents.map(|contents| std::mem::take(&mut contents.enclosed));
    let mut done = write(&Step::Done(outcome));
    let shown = field(&mut done, "val");
    *field(shown, "messages") = Value::Seq(messages.into_iter().map(message).collect());
    if let Some(enclosed) = enclosed {
        let found = enclosed.into_iter().map(self::enclosed).collect();
        *field(field(field(shown, "finding"), "contents"), "enclosed") = Value::Seq(found);
    }
    done
}

fn enclosed(mut message: EnclosedMessage) -> Value {
    let content = std::mem::replace(&mut message.content, Segment::Bytes(Vec::new()));
    let mut shown = write(&message);
    *field(&mut shown, "content") = segment(content);
    shown
}

fn message(mut message: Message) -> Value {
    let segments = std::mem::take(&mut message.segments);
    let mut shown = write(&message);
    *field(&mut shown, "segments") = Value::Seq(segments.into_iter().map(segment).collect());
    shown
}

fn segment(segment: Segment) -> Value {
    let Segment::Bytes(octets) = segment else {
        return write(&segment);
    };
    let mut shown = write(&Segment::Bytes(Vec::new()));
    *field(&mut shown, "val") = Value::Bytes(octets);
    shown
}

/// Where a record or variant has this field.
fn field<'a>(shown: &'a mut Value, name: &str) -> &'a mut Value {
    let field = match shown {
        Value::Map(fields) => fields.get_mut(&Value::String(name.to_owned())),
        Value::Option(Some(record)) => Some(self::field(record, name)),
        _ => None,
    };
    field.expect("the derived form has this field, see the test below")
}

/// A number of those languages that have one kind only: a whole one where it is that and exact, or
/// what no field takes.
pub fn number(number: f64) -> Value {
    if number.fract() == 0.0 && (0.0..=MAX_SAFE_INTEGER).contains(&number) {
        Value::U64(number as u64)
    } else {
        Value::F64(number)
    }
}

/// The plain form of something of the core.
pub fn write(what: &impl Serialize) -> Value {
    // The derived forms have text for keys and none of their own errors.
    serde_value::to_value(what).expect("a derived form is always a value")
}

/// Reads `value`; an error says where in it.
fn read<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let place = match path.as_str() {
            "." => String::new(),
            list if list.starts_with('[') => list.to_owned(),
            field => format!(".{field}"),
        };
        say(name, &place, error.inner())
    })
}

fn say(name: &str, place: &str, error: &impl Display) -> String {
    format!("{name}{place}: {error}")
}

/// Up to here floating-point numbers are exact: 2^53 - 1.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examination::Contents;
    use crate::finding::Finding;
    use crate::outcome::{MessageKind, Outcome, Reply};
    use crate::question::Question;

    #[test]
    fn a_step_looks_the_same_moved_as_copied() {
        assert_eq!(into_step(done()), write(&done()));
        let ask = || Step::Ask(vec![Question::Sign(b"octets".to_vec()), Question::Scan]);
        assert_eq!(into_step(ask()), write(&ask()));
    }

    /// Octets and spans in turn, in several messages, one of them empty, and in what was found.
    fn done() -> Step {
        let bytes = |text: &str| Segment::Bytes(text.into());
        let made = [
            vec![bytes("a"), Segment::Original(1..5), bytes("b")],
            vec![],
            vec![Segment::Original(0..9)],
            vec![bytes("c"), bytes(""), Segment::Original(2..2), bytes("d")],
        ];
        let messages = made.into_iter().map(|segments| Message {
            kind: MessageKind::Other("newer".to_owned()),
            pec_id: None,
            message_id: "one@pec.alfa.example".to_owned(),
            segments,
        });
        let mut outcome = Outcome::only(Reply::new(250, "2.0.0", "ok"));
        outcome.messages.extend(messages);
        let enclosed = [bytes("e"), Segment::Original(3..4)].map(|content| EnclosedMessage {
            path: "1".to_owned(),
            name: None,
            kind: MessageKind::Delivery,
            content,
        });
        let mut finding = Finding::new(MessageKind::Ordinary);
        finding.contents = Some(Contents {
            original: None,
            enclosed: enclosed.into(),
            comparison: Vec::new(),
        });
        outcome.finding = Some(finding);
        Step::Done(Box::new(outcome))
    }
}
