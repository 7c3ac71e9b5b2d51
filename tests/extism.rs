//! The Extism face: the worked example of its manual is what it does, and what hosts get wrong costs
//! one call.

use ceralacca::extism::{Call, Session, frame};
use ceralacca::fault::Excess;
use ceralacca::limits::Limits;
use ceralacca::values::{Event, Value};
use ceralacca_harness::moment::Moment;
use ceralacca_harness::provider::init::NewProvider;
use ceralacca_host::provider::certificates;
use ceralacca_host::{RsaSigner, Signer as _};
use serde_json::Value as Json;

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

/// The same for a submission that asks, the key of a test provider signing.
#[test]
fn the_example_with_questions_is_what_happens() {
    let place = tempfile::tempdir().expect("a folder");
    let new = NewProvider {
        name: "Alfa S.p.A.".to_owned(),
        domains: vec!["pec.alfa.example".parse().expect("a domain")],
        mailboxes: Vec::new(),
        join: None,
        now: Moment(1_789_825_279 - 86_400),
    };
    let folder = new.create(&place.path().join("alfa")).expect("a provider");
    let certificate = certificates(&folder, "certificate.pem")
        .expect("a certificate")
        .remove(0);
    let signer = RsaSigner::from_pem_file(&folder.file("key.pem")).expect("a key");
    let message = block("submitted").replace('\n', "\r\n");

    let mut session = Session::default();
    let _ = session.call(Call::Begin(Event::Examine), with_octets(block("header")));
    // Of certificates two are seldom of one length.
    let header = block("submission").replace("1127", &certificate.len().to_string());
    let octets = [vec![7; 32], message.into_bytes(), certificate].concat();
    let asked = session.call(Call::Begin(Event::Submit), behind(&header, &octets));
    let nothing = assert_fits("questions", &asked);
    assert!(nothing.is_empty());
    let asked = session.call(Call::Advance, without_octets(block("answers")));
    let signature = signer
        .sign(assert_fits("sign", &asked))
        .expect("a signature");
    let done = session.call(Call::Advance, behind(block("signature"), &signature));
    let notice = assert_fits("outcome", &done);
    assert!(notice.starts_with(b"X-Ricevuta: non-accettazione\r\n"));
}

/// A header that is small for a frame and large for a tree is refused while it is read.
#[test]
fn a_call_has_so_many_items_and_no_more() {
    let most = Limits::DEFAULT.items;
    let text_of = |call, header: &str| {
        let mut session = Session::default();
        let answer =
            String::from_utf8(session.call(call, without_octets(header))).expect("no octets");
        answer[4..].to_owned()
    };
    // The two fields count, and octet strings do not.
    let call = |items: usize| {
        let zeros = "0,".repeat(items - 2);
        format!(
            "{{\"context\": {{\"octets\": [0, 0]}}, \"event\": [{}]}}",
            zeros.trim_end_matches(',')
        )
    };
    let examine = Call::Begin(Event::Examine);
    assert!(!text_of(examine, &call(most)).contains("more lists and fields"));
    assert!(text_of(examine, &call(most + 1)).contains("more lists and fields"));
    let largest = format!("[0{}]", ",0".repeat(Limits::DEFAULT.call / 2 - 4));
    for (call, code) in [
        (examine, "event"),
        (Call::Advance, "wrong-answers"),
        (Call::Audit, "event"),
    ] {
        let said = text_of(call, &largest);
        assert!(
            said.contains("more lists and fields") && said.contains(&format!("\"{code}\"")),
            "{said}"
        );
    }
}

/// As Python writes 30e6; and a name that stands twice, of which one would get lost.
#[test]
fn numbers_may_be_written_with_a_point_and_names_only_once() {
    let mut session = Session::default();
    let mut call = |from: &str, to: &str| {
        let header = block("header");
        assert!(header.contains(from));
        code_of(session.call(
            Call::Begin(Event::Examine),
            with_octets(&header.replace(from, to)),
        ))
    };
    assert_eq!(call("1789825279", "1789825279.0"), None);
    assert_eq!(call("1789825279", "1789825279.5").as_deref(), Some("event"));
    assert_eq!(call("1789825279", "-1").as_deref(), Some("event"));
    assert_eq!(
        call("1789825279", "9007199254740993.0").as_deref(),
        Some("event")
    );
    assert_eq!(
        call("\"contents\"", "\"message\": 1, \"contents\"").as_deref(),
        Some("frame")
    );
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
    [without_octets(header), message.into_bytes()].concat()
}

/// A block of the manual.
fn block(name: &str) -> &'static str {
    let (_, rest) = MANUAL.split_once(&format!("```{name}\n")).expect(name);
    rest.split_once("```").expect("an end").0
}

fn behind(header: &str, octets: &[u8]) -> Vec<u8> {
    [&without_octets(header), octets].concat()
}

/// The header of an answer is this block, where `"…"` stands for anything. Returns what is behind it.
fn assert_fits<'a>(name: &str, answer: &'a [u8]) -> &'a [u8] {
    let (size, rest) = answer.split_first_chunk().expect("a size");
    let (header, octets) = rest.split_at(u32::from_be_bytes(*size) as usize);
    let header: Json = serde_json::from_slice(header).expect("JSON");
    let shown: Json = serde_json::from_str(block(name)).expect("JSON");
    assert!(fits(&shown, &header), "{name}: {header:#}");
    octets
}

fn fits(shown: &Json, said: &Json) -> bool {
    match (shown, said) {
        (Json::String(shown), _) if shown == "…" => true,
        (Json::Array(shown), Json::Array(said)) => {
            shown.len() == said.len()
                && shown
                    .iter()
                    .zip(said)
                    .all(|(shown, said)| fits(shown, said))
        }
        (Json::Object(shown), Json::Object(said)) => {
            let all = shown
                .iter()
                .all(|(name, shown)| said.get(name).is_some_and(|said| fits(shown, said)));
            shown.len() == said.len() && all
        }
        _ => shown == said,
    }
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
