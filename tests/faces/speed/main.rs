//! How fast each host of each face is, and how much memory the module takes there: `make bench-hosts`.
//!
//! The hosts, and what records a conversation for them, are those of the tests beside it.

#[path = "../hosts.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod hosts;
#[path = "../large.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod large;
#[path = "../own_host.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod own_host;
#[path = "../record.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod record;
#[path = "../story.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod story;
#[path = "../value.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod value;
#[path = "../wit.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod wit;

use std::time::Instant;

use ceralacca::event::{ContentQuery, Context, Examination, Submission, Tick};
use ceralacca::extism::frame;
use ceralacca::outcome::MessageKind;
use ceralacca::question::{Answer, Question};
use ceralacca::values::{self, Value};
use ceralacca::{Step, Transaction};
use ceralacca_host::{Engine as _, Limits, Plugin, pec};
use serde::Serialize;
use serde::de::DeserializeOwned;

use hosts::{HOSTS, modules};
use large::Filling;
use record::{Exchange, Recorder, START, Station, made};
use story::{BRUNO, large_letter, submission};
use value::{map, text};

/// Prints a table: each host as a multiple of the core, linked natively, in the same run. Signatures
/// are made beforehand and those of others checked by the plug-in. A new instance is one of a module that was
/// compiled beforehand, and a tick in it for which nothing is due.
fn main() {
    // Under `cargo test` there is nothing to compare.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let mut alfa = story::alfa(place.path());
    let both = SIZES.iter().flat_map(|size| Case::both(&mut alfa, *size));
    let mut cases: Vec<Case> = both.collect();
    cases.push(Case::eight_bit(&mut alfa));
    let core: Vec<f64> = cases
        .iter()
        .map(|c| median(c.repeat, || c.run_core()))
        .collect();
    let titles = cases.iter().map(|case| case.title.as_str());
    row("host", "new instance", titles.map(str::to_owned));
    row("---", "---", cases.iter().map(|_| "---".to_owned()));
    row(
        "the core, linked natively",
        "–",
        core.iter().map(|s| duration(*s)),
    );

    let path = modules().join("ceralacca.component.wasm");
    let plugin = Plugin::load(&path, None, Limits::default()).expect("make component");
    let tick = alfa.context(START);
    let instantiate = median(201, || run_tick(&plugin, &tick));
    let ratios = cases.iter().zip(&core).map(|(case, core)| {
        let seconds = median(case.repeat, || case.run_component(&plugin));
        format!("{:.2}", seconds / core)
    });
    row(
        "the component in our host (wasmtime)",
        &duration(instantiate),
        ratios,
    );

    let calls = place.path().join("calls");
    let mut remarks = Vec::new();
    let first = call(&nothing_due(&tick));
    for host in HOSTS.iter().filter(|host| host.script.is_some()) {
        let frames: Vec<Vec<u8>> = cases.iter().map(|case| case.timed(&first)).collect();
        let asked = frames.iter().map(|frame| ("time", &**frame));
        let Some(answers) = host.answer(&calls, asked) else {
            continue;
        };
        let said: Vec<Result<Timed, String>> = answers.iter().map(Timed::of).collect();
        let cells = said.iter().zip(&core).map(|(said, core)| match said {
            Ok(said) => {
                let memory = said.memory.map(|m| format!(" ({:.0} MB)", m / 1e6));
                format!("{:.2}{}", said.seconds / core, memory.unwrap_or_default())
            }
            Err(_) => "refused".to_owned(),
        });
        let instantiate = said.iter().flatten().next().map(|said| said.instantiate);
        row(
            host.name,
            &instantiate.map_or_else(String::new, duration),
            cells,
        );
        let refused = said
            .iter()
            .zip(&cases)
            .filter_map(|(said, case)| Some((case, said.as_ref().err()?)));
        remarks.extend(refused.map(|(case, why)| format!("{}, {}: {why}", host.name, case.title)));
    }
    remarks.iter().for_each(|remark| println!("{remark}"));
}

/// A conversation to be led again and again.
struct Case {
    title: String,
    repeat: usize,
    context: Context,
    event: Event,
    /// The right answers, step by step.
    answers: Vec<Vec<Answer>>,
    exchanges: Vec<Exchange>,
}

enum Event {
    Seal(Submission),
    Verify(Examination),
}

impl Event {
    fn begin(&self, context: Context) -> Transaction {
        match self {
            Self::Seal(event) => ceralacca::submit(context, event.clone()),
            Self::Verify(event) => ceralacca::examine(context, event.clone()),
        }
    }
}

impl Case {
    /// Sealing a message of this size, and verifying its envelope.
    fn both(alfa: &mut Station, (name, size): (&str, usize)) -> [Self; 2] {
        let message = large_letter(size, Filling::SevenBit);
        let event = Event::Seal(submission(&[BRUNO], message.clone()));
        let (seal, outcome) = Self::new(alfa, format!("seal {name}"), size, event);
        let envelope = made(&outcome, &MessageKind::TransportEnvelope, &message);
        let event = Event::Verify(Examination {
            message: envelope,
            at: None,
            contents: Some(ContentQuery { original: None }),
        });
        let (verify, outcome) = Self::new(alfa, format!("verify {name}"), size, event);
        assert!(outcome.finding.is_some_and(|finding| finding.holds()));
        [seal, verify]
    }

    /// What takes most: nothing but 8-bit octets, which are re-encoded before they are signed.
    fn eight_bit(alfa: &mut Station) -> Self {
        let message = large_letter(LARGEST, Filling::EightBit);
        let event = Event::Seal(submission(&[BRUNO], message));
        let (case, outcome) = Self::new(alfa, "seal 30 MB of 8-bit".to_owned(), LARGEST, event);
        assert_eq!(outcome.messages.len(), 2, "{:?}", outcome.reply);
        case
    }

    fn new(
        alfa: &mut Station,
        title: String,
        size: usize,
        event: Event,
    ) -> (Self, ceralacca::outcome::Outcome) {
        let context = alfa.context(START);
        let mut recorder = Recorder::default();
        let transaction = event.begin(context.clone());
        let mut answers = Vec::new();
        let mut standing = match &event {
            Event::Seal(e) => recorder.begin(("", "submit"), transaction, (&context, e)),
            Event::Verify(e) => recorder.begin(("", "examine"), transaction, (&context, e)),
        };
        while let Ok(Step::Ask(questions)) = standing.said() {
            let answer = |q: &Question| alfa.answer(q.clone(), &[]);
            let right: Vec<Answer> = questions.iter().map(answer).collect();
            answers.push(right.clone());
            recorder.advance(&mut standing, right);
        }
        let outcome = standing.outcome().expect("an outcome");
        let case = Self {
            title,
            repeat: if size < 100_000 { 101 } else { 5 },
            context,
            event,
            answers,
            exchanges: recorder.exchanges,
        };
        (case, outcome)
    }

    /// Leads the conversation with the core.
    fn run_core(&self) -> f64 {
        let (context, mut answers) = (self.context.clone(), self.answers.iter().cloned());
        let mut transaction = self.event.begin(context);
        let start = Instant::now();
        let mut step = transaction.advance(Vec::new()).expect("no fault");
        while let Step::Ask(_) = step {
            let next = answers.next().expect("answers");
            step = transaction.advance(next).expect("no fault");
        }
        start.elapsed().as_secs_f64()
    }

    /// Leads it with the component.
    fn run_component(&self, plugin: &Plugin) -> f64 {
        let context: pec::Context = generated(&self.context);
        let event = match &self.event {
            Event::Seal(event) => ceralacca_host::Event::Submit(generated(event)),
            Event::Verify(event) => ceralacca_host::Event::Examine(generated(event)),
        };
        let answers: Vec<Vec<pec::Answer>> = self.answers.iter().map(generated).collect();
        let start = Instant::now();
        let mut dialogue = plugin.begin(&context, event).expect("a beginning");
        let mut step = dialogue.advance(Vec::new()).expect("no fault");
        for answers in answers {
            assert!(matches!(step, pec::Step::Ask(_)));
            step = dialogue.advance(answers).expect("no fault");
        }
        assert!(matches!(step, pec::Step::Done(_)));
        start.elapsed().as_secs_f64()
    }

    /// What a foreign host is told.
    fn timed(&self, first: &Value) -> Vec<u8> {
        frame::write(&map([
            ("repeat", Value::U64(self.repeat as u64)),
            ("first", first.clone()),
            (
                "calls",
                Value::Seq(self.exchanges.iter().map(call).collect()),
            ),
        ]))
    }
}

/// A fresh instance, and a tick in it for which nothing is due.
fn run_tick(plugin: &Plugin, context: &Context) -> f64 {
    let context: pec::Context = generated(context);
    let event = ceralacca_host::Event::PassTime(pec::Tick { due: Vec::new() });
    let start = Instant::now();
    let mut dialogue = plugin.begin(&context, event).expect("a beginning");
    let step = dialogue.advance(Vec::new()).expect("no fault");
    assert!(matches!(step, pec::Step::Done(_)));
    start.elapsed().as_secs_f64()
}

/// The same in the types of our own host.
fn generated<T: DeserializeOwned>(of: &impl Serialize) -> T {
    wit::read(&values::write(of))
}

/// A tick for which nothing is due.
fn nothing_due(context: &Context) -> Exchange {
    let mut recorder = Recorder::default();
    let event = Tick { due: Vec::new() };
    let transaction = ceralacca::pass_time(context.clone(), event.clone());
    let _ = recorder.begin(("", "pass_time"), transaction, (context, &event));
    recorder.exchanges.remove(0)
}

/// A call, as foreign hosts are told of it.
fn call(exchange: &Exchange) -> Value {
    let frame = frame::write(&exchange.asked);
    map([
        ("function", text(exchange.function)),
        ("frame", Value::Bytes(frame)),
    ])
}

/// What a foreign host has measured.
struct Timed {
    instantiate: f64,
    seconds: f64,
    /// Octets of the module's memory after the first conversation, where the host can tell.
    memory: Option<f64>,
}

impl Timed {
    /// # Errors
    /// Why the host did not lead the conversation, in its words.
    fn of(answer: &Value) -> Result<Self, String> {
        let Value::Map(answer) = answer else {
            panic!("no answer: {answer:?}");
        };
        let val = match (answer.get(&text("tag")), answer.get(&text("val"))) {
            (Some(tag), Some(Value::Map(val))) if *tag == text("ok") => val,
            (_, why) => return Err(why.map_or_else(String::new, said)),
        };
        let number = |name| match val.get(&text(name)) {
            Some(Value::F64(number)) => Some(*number),
            Some(Value::U64(number)) => Some(*number as f64),
            _ => None,
        };
        Ok(Self {
            instantiate: number("instantiate").expect("a time"),
            seconds: number("seconds").expect("a time"),
            memory: number("memory"),
        })
    }
}

/// The words of a fault, however its host tells them.
fn said(why: &Value) -> String {
    match why {
        Value::String(why) => why.clone(),
        why => format!("{why:?}"),
    }
}

fn median(repeat: usize, run: impl Fn() -> f64) -> f64 {
    let mut times: Vec<f64> = (0..repeat).map(|_| run()).collect();
    times.sort_by(f64::total_cmp);
    times[repeat / 2]
}

fn duration(seconds: f64) -> String {
    if seconds < 1e-3 {
        format!("{:.0} µs", seconds * 1e6)
    } else {
        format!("{:.1} ms", seconds * 1e3)
    }
}

fn row(first: &str, second: &str, rest: impl Iterator<Item = String>) {
    let rest: Vec<String> = rest.collect();
    println!("| {first} | {second} | {} |", rest.join(" | "));
}

/// What a provider must by law take.
const LARGEST: usize = 29_990_000;
const SIZES: [(&str, usize); 3] = [("3 kB", 3_000), ("1 MB", 1_000_000), ("30 MB", LARGEST)];
