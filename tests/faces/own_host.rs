//! Our own host, for submissions and examinations: the same messages, octet for octet, and the same
//! verdicts. (What the types of `wit/` say beyond that, the other stories look at: they run in it.)

use std::collections::HashMap;

use ceralacca::event::{Context, Examination, Submission};
use ceralacca::question::Answer;
use ceralacca::values::Value;
use ceralacca_host::{Dialogue, Engine as _, Event, Limits, Plugin, PluginError, pec};
use serde::Deserialize as _;

use super::hosts::{missing, target};
use super::story;
use super::value::{crossed, difference, field, list, map, part, text};

#[path = "speed/component.rs"]
mod component;

#[test]
fn our_own_host_makes_the_same_messages() {
    let path = target().join("ceralacca.component.wasm");
    if !path.exists() && !missing("target/ceralacca.component.wasm (make component)") {
        return;
    }
    // Some conversations are left standing.
    let mut limits = Limits::default();
    limits.conversations = 64;
    let plugin = Plugin::load(&path, None, limits).expect("the plug-in");
    let place = tempfile::tempdir().expect("a folder");
    let (exchanges, _) = story::tell(place.path());
    let mut standing: HashMap<usize, Box<dyn Dialogue>> = HashMap::new();
    let mut compared = 0;
    for exchange in &exchanges {
        let asked = &exchange.asked;
        let said = match exchange.function {
            "submit" | "examine" => {
                let mut dialogue = begin(&plugin, exchange.function, asked);
                let said = dialogue.advance(Vec::new());
                if let (Ok(answered), Ok(pec::Step::Ask(_))) = (&exchange.answered, &said) {
                    standing.insert(number(answered), dialogue);
                }
                said
            }
            "advance" => {
                let Some(dialogue) = standing.get_mut(&number(asked)) else {
                    continue;
                };
                let answers = field(asked, "answers").clone();
                let answers = Vec::<Answer>::deserialize(answers).expect("answers");
                let said = dialogue.advance(component::answers(&answers));
                // What has ended makes room: a host holds a few conversations at a time.
                if matches!(said, Ok(pec::Step::Done(_))) {
                    standing.remove(&number(asked));
                }
                said
            }
            _ => continue,
        };
        match (&exchange.answered, said) {
            (Ok(expected), Ok(step)) => {
                let expected = essence(field(expected, "step"));
                let difference = difference(&crossed(&expected), &crossed(&shown(step)), "");
                assert_eq!(difference, None, "{}", exchange.name);
            }
            (Err(fault), Err(PluginError::Fault(said))) => assert_eq!(fault.code(), code(&said)),
            (expected, said) => panic!("{}: {expected:?}, {said:?}", exchange.name),
        }
        compared += 1;
    }
    assert!(compared >= 40, "{compared} calls");
    println!("our own host: {compared} calls, all the same");
}

fn begin(plugin: &Plugin, function: &str, asked: &Value) -> Box<dyn Dialogue> {
    let context = field(asked, "context").clone();
    let context = Context::deserialize(context).expect("a context");
    let event = field(asked, "event").clone();
    let event: Event = match function {
        "submit" => component::submission(&Submission::deserialize(event).expect("an event")),
        _ => component::examination(&Examination::deserialize(event).expect("an event")),
    };
    let begun = plugin.begin(&component::context(&context), event);
    begun.expect("a beginning")
}

fn code(fault: &pec::Fault) -> &'static str {
    match fault {
        pec::Fault::Settings(_) => "settings",
        pec::Fault::WrongAnswers(_) => "wrong-answers",
        pec::Fault::Finished => "finished",
        pec::Fault::Entropy => "entropy",
        pec::Fault::Event(_) => "event",
        pec::Fault::TooLarge(_) => "too-large",
        pec::Fault::Other(_) => "other",
    }
}

/// Of a conversation.
fn number(call: &Value) -> usize {
    super::value::number(field(call, "transaction"))
}

/// What the core said, as far as it is compared: reply, messages and verdict, or what is asked.
fn essence(step: &Value) -> Value {
    let val = field(step, "val");
    if *field(step, "tag") == text("ask") {
        return Value::Seq(list(val).iter().map(to_sign).collect());
    }
    let messages = list(field(val, "messages")).iter();
    let messages = messages.map(|message| part(message, ["messageId", "segments"]));
    let holds = match val {
        Value::Map(fields) => match fields.get(&text("finding")) {
            Some(Value::Option(Some(finding))) => Some(field(finding, "holds").clone()),
            _ => None,
        },
        _ => None,
    };
    map([
        ("reply", field(val, "reply").clone()),
        ("messages", Value::Seq(messages.collect())),
        ("holds", Value::Option(holds.map(Box::new))),
    ])
}

/// Octets that are to be signed; of other questions, that they are asked.
fn to_sign(question: &Value) -> Value {
    match field(question, "tag") {
        tag if *tag == text("sign") => field(question, "val").clone(),
        _ => Value::Bool(true),
    }
}

/// The same of what our host said.
fn shown(step: pec::Step) -> Value {
    let outcome = match step {
        pec::Step::Ask(questions) => {
            let questions = questions.into_iter().map(|question| match question {
                pec::Question::Sign(octets) => Value::Bytes(octets),
                _ => Value::Bool(true),
            });
            return Value::Seq(questions.collect());
        }
        pec::Step::Done(outcome) => outcome,
    };
    let messages = outcome.messages.into_iter().map(|message| {
        let segments = message.segments.into_iter().map(|segment| match segment {
            pec::Segment::Bytes(octets) => {
                map([("tag", text("bytes")), ("val", Value::Bytes(octets))])
            }
            pec::Segment::Original(span) => {
                let (start, length) = (Value::U64(span.start), Value::U64(span.length));
                let span = map([("start", start), ("length", length)]);
                map([("tag", text("original")), ("val", span)])
            }
        });
        map([
            ("messageId", text(&message.message_id)),
            ("segments", Value::Seq(segments.collect())),
        ])
    });
    let holds = outcome.finding.map(|finding| Value::Bool(finding.holds));
    map([
        (
            "reply",
            map([
                ("code", Value::U16(outcome.reply.code)),
                ("status", text(&outcome.reply.status)),
                ("text", text(&outcome.reply.text)),
            ]),
        ),
        ("messages", Value::Seq(messages.collect())),
        ("holds", Value::Option(holds.map(Box::new))),
    ])
}
