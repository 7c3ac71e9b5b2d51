//! What hosts get wrong: one table for the core and for all faces on all hosts. Each mistake is told by
//! its code, the same everywhere, and after each the instance leads a good conversation to the outcome
//! that it should have, or has said that it must be dropped.

use std::path::Path;

use ceralacca::extism::{Call, Session, frame};
use ceralacca::question::Answer;
use ceralacca::values::{self, Event, Refusal, Value};
use ceralacca::{Step, Transaction};

use super::hosts::{Face, HOSTS, Host};
use super::record::{Exchange, Recorder, START, Standing, Station};
use super::story::{self, ANNA, BRUNO, letter, submission};
use super::value::{crossed, difference, map, read, text};

mod table;

#[test]
fn mistakes_have_the_same_code_everywhere() {
    let place = tempfile::tempdir().expect("a folder");
    let table = table::all(place.path());
    let calls = place.path().join("calls");
    let core = |asked: &[&Asked]| Some(core(asked));
    let session = |asked: &[&Asked]| Some(session(asked));
    compare(Face::Core, "the core", false, &table, core);
    compare(Face::Extism, "the Extism face", false, &table, session);
    for host in &HOSTS {
        let Host {
            face, name, bounds, ..
        } = *host;
        compare(face, name, bounds, &table, |asked| {
            let frames = asked.iter().map(|asked| (asked.function, &*asked.frame));
            host.answer(&calls, frames)
        });
    }
}

/// A call, and what each face says to it.
struct Asked {
    /// For people.
    what: &'static str,
    /// The function, as the Extism face has it; `renew` is told to the host itself.
    function: &'static str,
    frame: Vec<u8>,
    says: Says,
    /// Does the host have to bound the instance's memory?
    bounded: bool,
}

/// By face, in the order of [`Face`]; none where it cannot be said there.
type Says = [Option<Saying>; 4];

#[derive(Clone)]
enum Saying {
    /// This code of a fault.
    Code(&'static str),
    /// What the core says to the same.
    This(Value),
}

fn compare(
    face: Face,
    name: &str,
    bounds: bool,
    table: &[Asked],
    answer: impl FnOnce(&[&Asked]) -> Option<Vec<Value>>,
) {
    let said_here = |asked: &&Asked| asked.says[face as usize].is_some();
    let asked: Vec<&Asked> = table
        .iter()
        .filter(said_here)
        .filter(|asked| bounds || !asked.bounded)
        .collect();
    let Some(answers) = answer(&asked) else {
        return;
    };
    assert_eq!(answers.len(), asked.len());
    for (number, (asked, answer)) in asked.iter().zip(answers).enumerate() {
        let place = format!("{name}, call {number} ({}), {}", asked.function, asked.what);
        match asked.says[face as usize].as_ref().expect("it was chosen") {
            Saying::Code(code) => assert_eq!(code_of(&answer), Some(*code), "{place}: {answer:?}"),
            Saying::This(expected) => {
                if let Some(difference) = difference(expected, &answer, "") {
                    panic!("{place}: {difference}");
                }
            }
        }
    }
    println!("{name}: {} calls, all as they should be", asked.len());
}

/// The code of a refusal: faces in plain values have it as a field, the component as a case.
fn code_of(answer: &Value) -> Option<&str> {
    fn field<'a>(name: &str, of: &'a Value) -> Option<&'a Value> {
        match of {
            Value::Map(fields) => fields.get(&text(name)),
            _ => None,
        }
    }
    if *field("tag", answer)? != text("err") {
        return None;
    }
    let refusal = field("val", answer)?;
    match field("code", refusal).or_else(|| field("tag", refusal))? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

/// The core, linked natively, behind the translation of plain values.
fn core(asked: &[&Asked]) -> Vec<Value> {
    let mut standing: Vec<Transaction> = Vec::new();
    let mut said = |asked: &Asked| -> Result<Value, Refusal> {
        let mut input = frame::read(asked.frame.clone())?;
        let mut given = |name| match &mut input {
            Value::Map(fields) => fields.remove(&text(name)),
            other => panic!("no call: {other:?}"),
        };
        let mut take = |name| given(name).expect("a field");
        let (number, step) = match asked.function {
            "check_settings" => {
                values::check_settings(take("settings"))?;
                return Ok(Value::Option(None));
            }
            "audit" => return Ok(values::audit(take("now"), take("dossier"))?),
            "advance" => {
                let Value::U64(number) = take("transaction") else {
                    panic!("no number");
                };
                let transaction = &mut standing[number as usize - 1];
                (number, values::advance(transaction, take("answers"))?)
            }
            begin => {
                let (context, asked) = (take("context"), take("event"));
                let context = values::context(context)?;
                let mut transaction = values::begin(event(begin), context, asked)?;
                let first = given("first").unwrap_or(Value::Seq(Vec::new()));
                let step = match values::advance(&mut transaction, first) {
                    Err(_) if given("again").is_some() => transaction.advance(Vec::new())?,
                    said => said?,
                };
                standing.push(transaction);
                (standing.len() as u64, step)
            }
        };
        Ok(map([
            ("step", values::write(&step)),
            ("transaction", Value::U64(number)),
        ]))
    };
    let tagged = |said: Result<Value, Refusal>| match said {
        Ok(val) => map([("tag", text("ok")), ("val", val)]),
        Err(refusal) => map([("tag", text("err")), ("val", values::write(&refusal))]),
    };
    let answers = asked.iter().map(|asked| crossed(&tagged(said(asked))));
    answers.collect()
}

/// The Extism face, linked natively.
fn session(asked: &[&Asked]) -> Vec<Value> {
    let mut session = Session::default();
    let answers = asked.iter().map(|asked| {
        let call = match asked.function {
            "advance" => Call::Advance,
            "check_settings" => Call::CheckSettings,
            "audit" => Call::Audit,
            begin => Call::Begin(event(begin)),
        };
        read(session.call(call, asked.frame.clone()))
    });
    answers.collect()
}

fn event(function: &str) -> Event {
    match function {
        "submit" => Event::Submit,
        "arrive" => Event::Arrive,
        "fail_relay" => Event::FailRelay,
        "load_directory" => Event::LoadDirectory,
        "examine" => Event::Examine,
        other => panic!("the table has no {other}"),
    }
}
