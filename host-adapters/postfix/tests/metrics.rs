//! What operators see of the server.

mod rig;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Once, OnceLock};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use rig::wire::Wire;
use rig::{ANNA, BRUNO, DARIO, Rig, letter};

/// Name with labels, and value; of histograms how many values there are.
static SEEN: OnceLock<Mutex<BTreeMap<String, f64>>> = OnceLock::new();

fn seen() -> std::sync::MutexGuard<'static, BTreeMap<String, f64>> {
    SEEN.get_or_init(Mutex::default)
        .lock()
        .expect("nobody panics with it")
}

/// Records what the server's threads say, for the whole process.
fn record() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| metrics::set_global_recorder(Notes).expect("the first recorder"));
}

struct Notes;

/// One metric, by its name.
struct Note(String);

impl Note {
    fn of(key: &Key) -> Arc<Self> {
        let labels: Vec<&str> = key.labels().map(metrics::Label::value).collect();
        Arc::new(Self(format!("{} {}", key.name(), labels.join(" "))))
    }

    fn add(&self, value: f64) {
        *seen().entry(self.0.clone()).or_default() += value;
    }
}

impl Recorder for Notes {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Note::of(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Note::of(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Note::of(key))
    }
}

impl CounterFn for Note {
    fn increment(&self, value: u64) {
        self.add(value as f64);
    }

    fn absolute(&self, value: u64) {
        seen().insert(self.0.clone(), value as f64);
    }
}

impl GaugeFn for Note {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        seen().insert(self.0.clone(), value);
    }
}

impl HistogramFn for Note {
    fn record(&self, _: f64) {
        self.add(1.0);
    }
}

#[test]
fn connections_messages_and_their_ends_are_counted() {
    record();
    let Some(rig) = Rig::with(|limits| limits.transactions = 1) else {
        return;
    };
    let mut wire = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    let resting = Wire::open(&rig.milter, "PEC-INCOMING", "");
    wire.envelope(ANNA, &[DARIO]);
    wire.content(&letter(DARIO, "uno"));
    wire.say(b'E', b"");
    assert_eq!(wire.hear().expect("an answer").0, b'd');
    // Somebody else's reverse path.
    wire.say(b'D', format!("M{{auth_authen}}\0{ANNA}\0").as_bytes());
    wire.envelope(BRUNO, &[DARIO]);
    wire.content(&letter(DARIO, "due"));
    wire.say(b'E', b"");
    assert_eq!(wire.hear().expect("an answer").0, b'y');
    let mut hostile = Wire::connect(&rig.milter).expect("open");
    hostile.send(b"\0\0\0\0").expect("it is read");
    assert!(hostile.is_closed());
    let seen = seen().clone();
    let value = |name: &str| seen.get(name).copied();
    let transactions = "ceralacca_milter_transactions_total access";
    assert_eq!(value(&format!("{transactions} 2xx")), Some(1.0), "{seen:?}");
    assert_eq!(value(&format!("{transactions} 5xx")), Some(1.0), "{seen:?}");
    assert_eq!(
        value("ceralacca_milter_transaction_seconds access"),
        Some(2.0)
    );
    assert_eq!(
        value("ceralacca_milter_failed_connections_total malformed"),
        Some(1.0)
    );
    assert_eq!(value("ceralacca_milter_connections "), Some(2.0));
    assert_eq!(value("ceralacca_milter_transactions_waiting "), Some(0.0));
    drop((wire, resting, rig));
    messages_in_memory_and_messages_that_wait_are_seen();
}

/// Gauges are the whole process's, so this is no test of its own beside the other.
fn messages_in_memory_and_messages_that_wait_are_seen() {
    let Some(rig) = Rig::with(|limits| limits.transactions = 1) else {
        return;
    };
    *rig.watch.delay.lock().expect("nobody panics") = Duration::from_secs(3);
    let mut wires: Vec<Wire> = (0..2)
        .map(|_| Wire::open(&rig.milter, "PEC-ACCESS", ANNA))
        .collect();
    for (n, wire) in wires.iter_mut().enumerate() {
        wire.envelope(ANNA, &[DARIO]);
        wire.content(&letter(DARIO, &format!("n{n}")));
        wire.say(b'E', b"");
    }
    std::thread::sleep(Duration::from_secs(2));
    let seen = seen().clone();
    assert_eq!(
        seen.get("ceralacca_milter_transactions_waiting "),
        Some(&1.0)
    );
    let octets = seen["ceralacca_milter_octets_in_flight "];
    assert!(octets >= 600.0, "{octets}");
    for wire in &mut wires {
        assert_eq!(wire.hear().expect("an answer").0, b'd');
    }
}
