//! The worked example of the Extism face's manual is what the face does.

use ceralacca::extism::{Call, Session, frame};
use ceralacca::values::{Event, Value};

const MANUAL: &str = include_str!("../src/extism/manual.md");

#[test]
fn the_example_is_what_happens() {
    let message = block("message").replace('\n', "\r\n");
    let header = block("header");
    let octets = [&[7; 32], message.as_bytes()].concat();
    let size = (header.len() as u32).to_be_bytes();
    assert!(MANUAL.contains(&format!("of {} octets", message.len())));
    assert!(MANUAL.contains(&size.map(|b| format!("{b:02x}")).join(" ")));
    let mut session = Session::default();
    let asked = [&size, header.as_bytes(), &octets].concat();
    let answer = session.call(Call::Begin(Event::Examine), asked);
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
