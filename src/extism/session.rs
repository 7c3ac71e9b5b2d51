//! Calls in frames, and the one transaction that stands between them.

use std::collections::BTreeMap;

use super::frame::{self, Octets};
use crate::conversation::{Step, Transaction};
use crate::fault::Fault;
use crate::values::{self, Event, Refusal, Value};

/// What an instance remembers between two calls.
#[derive(Default)]
pub struct Session {
    standing: Option<Transaction>,
    /// The number of the last transaction that was begun.
    begun: u64,
}

/// The functions that the module exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Begins a transaction and takes its first step.
    Begin(Event),
    /// Takes the next one.
    Advance,
    /// Tests settings.
    CheckSettings,
    /// Reads a dossier of the log.
    Audit,
}

impl Session {
    /// Reads a frame, does what it asks for, and writes the frame that answers.
    pub fn call(&mut self, call: Call, frame: Vec<u8>) -> Vec<u8> {
        let crowded = match call {
            Call::Advance => Fault::WrongAnswers,
            _ => Fault::Event,
        };
        let opened = frame::open(frame, crowded);
        let result = opened.and_then(|(input, octets)| match call {
            Call::Begin(event) => self.begin(event, input, octets),
            Call::Advance => self.advance(octets.fill(input)?),
            Call::CheckSettings => {
                let [settings] = fields(octets.fill(input)?, ["settings"])?;
                values::check_settings(settings)?;
                Ok(None)
            }
            Call::Audit => {
                let [now, dossier] = fields(octets.fill(input)?, ["now", "dossier"])?;
                Ok(Some(values::audit(now, dossier)?))
            }
        });
        frame::write(&written(result))
    }

    fn begin(
        &mut self,
        kind: Event,
        input: Value,
        octets: Octets,
    ) -> Result<Option<Value>, Refusal> {
        let [context, event] = fields(input, ["context", "event"])?;
        let context = values::context(octets.fill(context)?)?;
        // Before they are taken out of the frame.
        let (size, most) = (octets.of(&event), context.most());
        if size > most {
            return Err(Refusal::too_large(size, most));
        }
        // The frame ends with it: a transaction needs the room.
        let event = octets.finish(event)?;
        let mut transaction = values::begin(kind, context, event)?;
        // What is refused leaves everything as it was.
        let step = transaction.advance(Vec::new())?;
        self.standing = Some(transaction);
        self.begun += 1;
        Ok(self.took(step))
    }

    fn advance(&mut self, input: Value) -> Result<Option<Value>, Refusal> {
        let [number, answers] = fields(input, ["transaction", "answers"])?;
        // One that was abandoned must not get the answers of another.
        if number != Value::U64(self.begun) {
            return Err(Fault::Finished.into());
        }
        let transaction = self.standing.as_mut().ok_or(Fault::Finished)?;
        let step = values::advance(transaction, answers)?;
        Ok(self.took(step))
    }

    fn took(&mut self, step: Step) -> Option<Value> {
        if let Step::Done(_) = step {
            self.standing = None;
        }
        Some(map([
            ("step", values::into_step(step)),
            ("transaction", Value::U64(self.begun)),
        ]))
    }
}

/// What an instance says in which an earlier call has trapped.
#[cfg(target_family = "wasm")]
pub(super) fn broken() -> Vec<u8> {
    frame::write(&written(Err(Refusal {
        code: "broken",
        text: "an earlier call ended in a trap: drop this instance".to_owned(),
    })))
}

fn written(result: Result<Option<Value>, Refusal>) -> Value {
    let (tag, val) = match result {
        Ok(val) => ("ok", val),
        Err(refusal) => ("err", Some(values::write(&refusal))),
    };
    let tag = Value::String(tag.to_owned());
    map([("tag", tag), ("val", Value::Option(val.map(Box::new)))])
}

/// The fields of a call; no others may be there.
fn fields<const N: usize>(input: Value, names: [&str; N]) -> Result<[Value; N], Refusal> {
    let Value::Map(mut given) = input else {
        return Err(Fault::Event(format!("the call is no object of {}", names.join(", "))).into());
    };
    let mut take = |name: &str| given.remove(&Value::String(name.to_owned()));
    let taken = names.map(|name| take(name).ok_or(name));
    if let Some((Value::String(unknown), _)) = given.pop_first() {
        return Err(Fault::Event(format!("the call has no field {unknown}")).into());
    }
    let mut found = names.map(|_| Value::Unit);
    for (place, value) in found.iter_mut().zip(taken) {
        *place = value.map_err(|name| Fault::Event(format!("the call lacks {name}")))?;
    }
    Ok(found)
}

fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.map(|(name, value)| (Value::String(name.to_owned()), value));
    Value::Map(BTreeMap::from(fields))
}
