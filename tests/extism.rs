//! The Extism face: the worked example of its manual is what it does, and what hosts get wrong costs
//! one call.

use ceralacca::extism::{Call, Session, frame};
use ceralacca::fault::Excess;
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
    let faults = [
        ceralacca::Fault::Settings(String::new()),
        ceralacca::Fault::WrongAnswers(String::new()),
        ceralacca::Fault::Finished,
        ceralacca::Fault::Entropy,
        ceralacca::Fault::Event(String::new()),
        ceralacca::Fault::TooLarge(Excess { octets: 2, most: 1 }),
    ];
    // Two are the face's own.
    for code in faults
        .iter()
        .map(ceralacca::Fault::code)
        .chain(["frame", "broken"])
    {
        assert!(table.contains(&format!("| `{code}` |")), "{code}");
    }
}

/// The largest frame is known before anything of it is read.
#[test]
fn a_frame_that_is_too_large_costs_nothing_but_itself() {
    let mut session = Session::default();
    let examine = Call::Begin(Event::Examine);
    let answer = session.call(examine, vec![0; Limits::DEFAULT.call + 1]);
    assert_eq!(code_of(answer).as_deref(), Some("too-large"));
    let good = session.call(examine, with_octets(block("header")));
    assert_eq!(code_of(good), None);
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
