//! The Extism face: the worked example of its manual is what it does, and what hosts get wrong costs
//! one call.

use ceralacca::extism::{Call, Session, frame};
use ceralacca::limits::Limits;
use ceralacca::values::{Event, Value};

const MANUAL: &str = include_str!("../src/extism/manual.md");

#[test]
fn the_example_is_what_happens() {
    let message = block("message").replace('\n', "\r\n");
    let header = block("header");
    let size = (header.len() as u32).to_be_bytes();
    assert!(MANUAL.contains(&format!("of {} octets", message.len())));
    assert!(MANUAL.contains(&size.map(|b| format!("{b:02x}")).join(" ")));
    let mut session = Session::default();
    let answer = session.call(Call::Begin(Event::Examine), with_octets(header));
    assert_eq!(value(answer), written("answer"));
    let again = session.call(Call::Advance, without_octets(block("again")));
    assert_eq!(value(again), written("refusal"));
}

/// Every code that the face has stands in the manual's table.
#[test]
fn the_table_names_all_errors() {
    let table = MANUAL.split("# Errors").nth(1).expect("a chapter");
    for fault in [
        ceralacca::Fault::Settings(String::new()),
        ceralacca::Fault::WrongAnswers(String::new()),
        ceralacca::Fault::Finished,
        ceralacca::Fault::Entropy,
        ceralacca::Fault::Event(String::new()),
    ] {
        assert!(
            table.contains(&format!("| `{}` |", fault.code())),
            "{fault}"
        );
    }
}

/// Whatever a host gets wrong is told by a code, and the next call is served.
#[test]
fn a_wrong_call_costs_nothing_but_itself() {
    let examine = Call::Begin(Event::Examine);
    let header = block("header");
    let begin = |header: &str| (examine, with_octets(header));
    let advance = |header: &str| (Call::Advance, without_octets(header));
    let twice = header.replace("[32, 51]", "[31, 51]");
    let beyond = header.replace("[32, 51]", "[32, 52]");
    let overflow = header.replace("[32, 51]", "[32, 18446744073709551615]");
    let no_place = header.replace("[32, 51]", "[32]");
    let no_message = header.replace("\"message\"", "\"massage\"");
    let text = header.replace("{\"octets\": [32, 51]}", "\"Ciao\"");
    let numbers = header.replace("{\"octets\": [32, 51]}", "[67, 105]");
    let number = header.replace("{\"octets\": [32, 51]}", "7");
    let surplus = header.replace("\"contents\": {}", "\"contents\": {}, \"urgent\": true");
    let negative = header.replace("1789825279", "-1");
    let late = header.replace("1789825279", "253402300800");
    let unknown = header.replace("\"refuse\"", "\"perhaps\"");
    let mut session = Session::default();
    for (what, code, (call, input)) in [
        ("nothing", "frame", (examine, Vec::new())),
        ("half a size", "frame", (examine, vec![0, 0])),
        ("no header", "frame", (examine, vec![0, 0, 0, 9])),
        ("no JSON", "frame", begin("{\"context\": ")),
        ("no UTF-8", "frame", (examine, vec![0, 0, 0, 2, 0xff, 0xff])),
        ("octets that overlap", "frame", begin(&twice)),
        ("octets that are not there", "frame", begin(&beyond)),
        ("octets beyond all numbers", "frame", begin(&overflow)),
        ("half a place", "frame", begin(&no_place)),
        ("a call that is no object", "event", begin("[]")),
        (
            "a call without an event",
            "event",
            begin("{\"context\": {}}"),
        ),
        (
            "an unknown field of the call",
            "event",
            begin("{\"context\": {}, \"event\": {}, \"x\": 1}"),
        ),
        ("a field that is missing", "event", begin(&no_message)),
        ("a message that is text", "event", begin(&text)),
        ("a message that is numbers", "event", begin(&numbers)),
        ("a message that is a number", "event", begin(&number)),
        ("an unknown field", "event", begin(&surplus)),
        ("a negative instant", "event", begin(&negative)),
        ("an instant after year 9999", "event", begin(&late)),
        ("an unknown case", "event", begin(&unknown)),
        (
            "answers before any question",
            "finished",
            advance("{\"transaction\": 0, \"answers\": []}"),
        ),
        (
            "answers to another",
            "finished",
            advance("{\"transaction\": 7, \"answers\": []}"),
        ),
        (
            "no settings",
            "event",
            (Call::CheckSettings, without_octets("{\"settings\": 1}")),
        ),
        (
            "too much",
            "too-large",
            (examine, vec![0; Limits::DEFAULT.call + 1]),
        ),
    ] {
        let answer = session.call(call, input);
        assert_eq!(code_of(answer).as_deref(), Some(code), "{what}");
        let good = session.call(examine, with_octets(header));
        assert_eq!(code_of(good), None, "after {what}");
    }
}

/// Cut anywhere, a frame is refused; no octet of it makes the session panic.
#[test]
fn frames_may_end_and_change_anywhere() {
    let whole = with_octets(block("header"));
    let mut session = Session::default();
    for end in 0..whole.len() {
        let answer = session.call(Call::Begin(Event::Examine), whole[..end].to_vec());
        assert_eq!(
            code_of(answer).as_deref(),
            Some("frame"),
            "after {end} octets"
        );
    }
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 0x55;
        let _ = session.call(Call::Begin(Event::Examine), changed);
    }
    assert_eq!(
        code_of(session.call(Call::Begin(Event::Examine), whole)),
        None
    );
}

/// The number of a transaction keeps its answers from another.
#[test]
fn an_abandoned_transaction_gets_no_answers() {
    let mut session = Session::default();
    let arrive = |session: &mut Session| {
        session.call(Call::Begin(Event::Examine), with_octets(block("header")))
    };
    let _ = arrive(&mut session);
    let _ = arrive(&mut session);
    let late = without_octets("{\"transaction\": 1, \"answers\": []}");
    assert_eq!(
        code_of(session.call(Call::Advance, late)).as_deref(),
        Some("finished")
    );
}

/// The code of a refusal; none for an answer that is none.
fn code_of(answer: Vec<u8>) -> Option<String> {
    let field = |value: Value, name: &str| match value {
        Value::Map(mut fields) => fields.remove(&Value::String(name.to_owned())),
        _ => None,
    };
    match field(field(value(answer), "val")?, "code") {
        Some(Value::String(code)) => Some(code),
        _ => None,
    }
}

/// The frame of the manual's example, with this header.
fn with_octets(header: &str) -> Vec<u8> {
    let message = block("message").replace('\n', "\r\n");
    [without_octets(header), vec![7; 32], message.into_bytes()].concat()
}

/// A block of the manual.
fn block(name: &str) -> &'static str {
    let (_, rest) = MANUAL.split_once(&format!("```{name}\n")).expect(name);
    rest.split_once("```").expect("an end").0
}

fn without_octets(header: &str) -> Vec<u8> {
    [&(header.len() as u32).to_be_bytes(), header.as_bytes()].concat()
}

fn written(name: &str) -> Value {
    value(without_octets(block(name)))
}

fn value(frame: Vec<u8>) -> Value {
    frame::read(frame).unwrap_or_else(|refusal| panic!("{}", refusal.text))
}
