//! What a durable commit costs: one session alone and ten at once, on SQLite and on PostgreSQL,
//! beside what the disk takes to sync a write of the same size.
//!
//! The plug-in is the toy of the tests, so that next to nothing but the store is measured: a
//! submission of 3 kB, with an envelope, an acceptance and their items. Kinds take turns, and the
//! best round of each counts, because the machine may have something else to do.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use ceralacca_host::Host;
use support::{PostgresServer, Provider, submission};

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = Provider::at(folder.path()).start();
    let server = PostgresServer::start();
    let postgres = server.as_ref().map(|server| {
        let mut provider = Provider::at(folder.path());
        provider.database = Some(server.url("pec"));
        provider.start()
    });
    let mut kinds: Vec<Kind> = vec![Kind::new("fsync of 4 kB, alone", || sync(&folder))];
    for (name, host) in [("SQLite", Some(&sqlite)), ("PostgreSQL", postgres.as_ref())] {
        let Some(host) = host else { continue };
        kinds.push(Kind::new(format!("{name}, alone"), || commit(host, 1)));
        kinds.push(Kind::new(format!("{name}, ten sessions"), || {
            commit(host, 10)
        }));
    }
    for _ in 0..ROUNDS {
        for kind in &mut kinds {
            kind.best = kind.best.max((kind.run)());
        }
    }
    println!("\n| submissions of 3 kB, durable | per second | × SQLite alone |");
    println!("|---|---|---|");
    let unit = kinds[1].best;
    for Kind { name, best, .. } in &kinds {
        println!("| {name} | {best:.0} | {:.2} |", best / unit);
    }
}

struct Kind<'a> {
    name: String,
    /// Returns how many it did in a second.
    run: Box<dyn FnMut() -> f64 + 'a>,
    best: f64,
}

impl<'a> Kind<'a> {
    fn new(name: impl Into<String>, run: impl FnMut() -> f64 + 'a) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
            best: 0.0,
        }
    }
}

/// `BLOCK` submissions by so many sessions.
fn commit(host: &Host, sessions: usize) -> f64 {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let begun = Instant::now();
    let left = AtomicUsize::new(BLOCK);
    let take = || {
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        })
    };
    thread::scope(|scope| {
        for _ in 0..sessions {
            scope.spawn(|| {
                while take().is_ok() {
                    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
                    let message = format!("{number:03000}");
                    let recipients = ["carla@there.example"];
                    let committed = host.submit(submission(&recipients, message.as_bytes()));
                    assert_eq!(committed.reply.code, 250);
                }
            });
        }
    });
    BLOCK as f64 / begun.elapsed().as_secs_f64()
}

fn sync(folder: &tempfile::TempDir) -> f64 {
    let mut file = File::create(folder.path().join("sync")).expect("a file");
    let begun = Instant::now();
    for _ in 0..BLOCK {
        file.write_all(&[0; 4096]).expect("space");
        file.sync_data().expect("a disk");
    }
    BLOCK as f64 / begun.elapsed().as_secs_f64()
}

const ROUNDS: usize = 5;
const BLOCK: usize = 300;
