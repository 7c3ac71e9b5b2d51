//! The service dies at each commit point, under load: it aborts itself there, as sudden as `kill -9`.
//!
//! Clients hand mail in the whole time and repeat what they were not told 250 for. The service dies
//! at one point after another, each time over the store that the death before left. At the end
//! every message has happened once.

use std::os::unix::process::ExitStatusExt as _;

use ceralacca_host::crash::{POINTS, VARIABLE};

use crate::faults::{ends, on_postgres, serving};
use crate::load::Load;
use crate::look;
use crate::pair::{ANNA, Pair, wait_until};
use crate::postgres::PostgresServer;
use crate::provider::Running;

/// The point, and the how manieth time that it is passed.
type Death = (&'static str, u32);

/// All of [`POINTS`]; those of mail a few times later, in the middle of the load.
const DEATHS: &[Death] = &[
    ("after-spool", 2),
    ("before-loop-at-once", 5),
    ("before-commit", 5),
    ("inside-commit", 5),
    ("after-commit", 5),
    ("before-relay", 3),
    ("after-relay-before-mark", 3),
    ("before-deposit", 3),
    ("after-deposit-before-mark", 3),
    ("after-verdict", 2),
    ("before-loop", 1),
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
        survive(&pair, DEATHS);
    }
}

/// Kills Alfa's service at these points, and looks at what is left of it all.
fn survive(pair: &Pair, deaths: &[Death]) {
    let beta = serving(&pair.beta.provider);
    let load = Load::on(pair, vec![&pair.alfa]);
    let alfa = load.beside(|| {
        for death in deaths {
            die(pair, &load, *death);
        }
        serving(&pair.alfa.provider)
    });
    load.settle();
    ends(&alfa);
    ends(&beta);
    load.everything_happened_once();
}

/// Starts Alfa's service and waits until it has died at that point.
fn die(pair: &Pair, load: &Load, (point, time): Death) {
    let provider = &pair.alfa.provider;
    match point {
        "file-written" | "file-named" => look::compose_record(provider, point),
        "before-sweep" => {
            // Something to sweep: a large message for which all is done.
            let alfa = serving(provider);
            let large = load.next_large();
            wait_until("a large message has passed", || {
                pair.subjects(ANNA)
                    .get(&format!("CONSEGNA: {large}"))
                    .is_some_and(|count| *count == 2)
            });
            ends(&alfa);
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

/// What `abort` does.
const ABORTED: i32 = 6;
