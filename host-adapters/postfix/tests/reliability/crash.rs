//! The service dies at each commit point, under load: it aborts itself there, as sudden as `kill -9`.
//!
//! Clients hand mail in the whole time and repeat what they were not told 250 for. The service dies
//! at one point after another, each time over the store that the death before left. At the end
//! every message has happened once.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ceralacca_host::crash::{POINTS, VARIABLE};

use crate::faults::on_postgres;
use crate::look;
use crate::pair::{ANNA, BRUNO, CARLA, Pair, RECEIPTS, letter, of_each, wait_until};
use crate::postgres::PostgresServer;
use crate::provider::Running;

/// The point, and the how manieth time that it is passed.
type Death = (&'static str, u32);

/// All of [`POINTS`]; those of mail a few times later, in the middle of the load.
const DEATHS: &[Death] = &[
    ("after-spool", 2),
    ("before-commit", 5),
    ("inside-commit", 5),
    ("after-commit", 5),
    ("before-relay", 3),
    ("after-relay-before-mark", 3),
    ("before-deposit", 3),
    ("after-deposit-before-mark", 3),
    ("after-verdict", 2),
    ("before-loop", 2),
    ("file-written", 1),
    ("file-named", 1),
    ("before-sweep", 1),
];

#[test]
fn the_service_dies_at_every_point_and_nothing_is_lost_or_doubled() {
    let tested: Vec<_> = DEATHS.iter().map(|(point, _)| *point).collect();
    let all: Vec<_> = POINTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(tested, all);
    if let Some(pair) = Pair::start() {
        survive(&pair, DEATHS);
        let published = pair.alfa.provider.path().join("state/published");
        for entry in std::fs::read_dir(published).expect("it was published") {
            let name = entry.expect("an entry").file_name();
            let name = name.to_string_lossy();
            assert!(!name.ends_with(".tmp"), "{name} was left");
        }
    }
}

/// With a database, where nobody sees at once that a host is dead: its claims must run out.
#[test]
fn on_postgres_as_well() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    if let Some(pair) = Pair::start() {
        on_postgres(&pair.alfa.provider, &server);
        survive(
            &pair,
            &[
                ("after-spool", 2),
                ("inside-commit", 5),
                ("after-commit", 5),
                ("after-relay-before-mark", 3),
                ("after-deposit-before-mark", 3),
                ("after-verdict", 2),
            ],
        );
    }
}

/// Kills Alfa's service at these points, and looks at what is left of it all.
fn survive(pair: &Pair, deaths: &[Death]) {
    let beta = Running::start(&pair.beta.provider);
    beta.told("READY=1");
    let load = Load::default();
    std::thread::scope(|scope| {
        let _end = Ended(&load.ended);
        let client = |number| {
            let load = &load;
            scope.spawn(move || load.client(pair, number))
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        for death in deaths {
            die(pair, &load, *death);
        }
        let alfa = Running::start(&pair.alfa.provider);
        alfa.told("READY=1");
        load.ended.store(true, Ordering::SeqCst);
        for client in clients {
            client.join().expect("all was accepted in the end");
        }
        settle(pair, &load);
        alfa.signal("TERM");
        assert_eq!(alfa.ends(), Some(0));
    });
    beta.signal("TERM");
    assert_eq!(beta.ends(), Some(0));
    let accepted = load.accepted.into_inner().expect("nobody panicked");
    everything_happened_once(pair, &accepted);
}

/// Starts Alfa's service and waits until it has died at that point.
fn die(pair: &Pair, load: &Load, (point, time): Death) {
    let provider = &pair.alfa.provider;
    match point {
        "file-written" | "file-named" => look::compose_record(provider, point),
        "before-sweep" => {
            // Something to sweep: a large message for which all is done.
            let alfa = Running::start(provider);
            let large = load.next_large();
            wait_until("a large message has passed", || {
                pair.subjects(ANNA)
                    .get(&format!("CONSEGNA: {large}"))
                    .is_some_and(|count| *count == 2)
            });
            alfa.signal("TERM");
            assert_eq!(alfa.ends(), Some(0));
        }
        _ => {}
    }
    let before = load.count();
    let place = format!("{point}:{time}");
    let alfa = Running::start_with(provider, |program| {
        program.env(VARIABLE, &place);
    });
    let status = alfa.status();
    assert_eq!(status.signal(), Some(ABORTED), "{point}: {}", alfa.log());
    println!("{point}: {} accepted meanwhile", load.count() - before);
}

/// The clients, and what they were promised.
#[derive(Default)]
struct Load {
    ended: AtomicBool,
    accepted: Mutex<Vec<String>>,
}

impl Load {
    fn client(&self, pair: &Pair, number: usize) {
        for n in 0.. {
            if self.ended.load(Ordering::SeqCst) {
                return;
            }
            let large = n % EVERY == EVERY - 1;
            let subject = format!("{}-{number}-{n}", if large { LARGE } else { "piccola" });
            let to = [BRUNO, CARLA];
            let size = if large { 200_000 } else { 3_000 };
            pair.alfa.insist(&to, &letter(&to, &subject, size));
            self.accepted.lock().expect("nobody panicked").push(subject);
            std::thread::sleep(PAUSE);
        }
    }

    fn count(&self) -> usize {
        self.accepted.lock().expect("nobody panicked").len()
    }

    /// Waits for the next large message that is accepted; its subject.
    fn next_large(&self) -> String {
        let before = self.count();
        let mut found = None;
        wait_until("a large message is accepted", || {
            let accepted = self.accepted.lock().expect("nobody panicked");
            let mut later = accepted.iter().skip(before);
            found = later.find(|subject| subject.starts_with(LARGE)).cloned();
            found.is_some()
        });
        found.expect("it was waited for")
    }
}

/// Lets the clients end, also when the test fails.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Waits until all has come that must come.
fn settle(pair: &Pair, load: &Load) {
    let count = load.count();
    pair.holds(BRUNO, count);
    pair.holds(CARLA, count);
    pair.holds(RECEIPTS, count);
    pair.holds(ANNA, 3 * count);
}

fn everything_happened_once(pair: &Pair, accepted: &[String]) {
    assert!(accepted.len() > CLIENTS, "{accepted:?}");
    pair.each_once(&[BRUNO, CARLA], accepted);
    let taken = of_each(&[("PRESA IN CARICO", 1)], accepted);
    assert_eq!(pair.subjects(RECEIPTS), taken);
    assert_eq!(look::audit(&pair.beta.provider), accepted.len() as u64);
    println!("{} messages, each once", accepted.len());
}

const CLIENTS: usize = 3;
/// Of a client's messages one in so many is large enough for the spool.
const EVERY: usize = 4;
const LARGE: &str = "grande";
/// So that the machine is not the bottleneck.
const PAUSE: Duration = Duration::from_millis(150);
/// What `abort` does.
const ABORTED: i32 = 6;
