//! `kill -9` at every named point, every time the point is met: afterwards, and after the client
//! has tried again what it was not told 250 for, the world is octet for octet as if nothing had
//! happened.
//!
//! The test binary runs itself as the process that dies. Entropy is seeded, so a run that was cut
//! short and resumed must leave the very files that an undisturbed run leaves.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use ceralacca_host::crash::{POINTS, VARIABLE};
use ceralacca_host::{Host, Progress, RecipientStatus, pec};
use support::*;

const FOLDER: &str = "CERALACCA_TEST_FOLDER";

/// What the client hands in; the second one goes into the spool.
fn mail() -> [pec::Submission; 2] {
    [
        submission(&["bruno@here.example", "carla@there.example"], b"ciao"),
        submission(&["bruno@here.example"], &large()),
    ]
}

/// The client, the outbox and the clock do all they can.
fn live(host: &Host, provider: &Provider) {
    for submission in mail() {
        // A client that is not told 250 tries again; after a crash, so does one that was not
        // told anything.
        assert_eq!(host.submit(submission).reply.code, 250);
    }
    let status = host.status(None).unwrap();
    let to_two = status
        .iter()
        .find(|message| message.recipients.len() == 2)
        .unwrap();
    let receipt = format!("delivery {} carla@there.example\r\n", to_two.pec_id);
    let arrival = arrival(&["anna@here.example"], receipt.as_bytes());
    assert_eq!(host.arrive(arrival).reply.code, 250);
    for _ in 0..3 {
        host.tick(&mut |_: &Progress| {}).unwrap();
        provider.clock.advance(3600);
    }
}

/// Not a test by itself: the process that is killed.
#[test]
#[ignore = "run by the tests below"]
fn child() {
    let folder = std::env::var_os(FOLDER).unwrap();
    let mut provider = Provider::at(Path::new(&folder));
    live(&provider.start(), &provider);
}

/// Runs the child. True: it was killed; false: it lived to its end.
fn run_child(folder: &Path, crash_at: &str) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    if let Some(url) = database_of(folder) {
        command.env(POSTGRES, url);
    }
    let output = command
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(VARIABLE, crash_at)
        .output()
        .unwrap();
    use std::os::unix::process::ExitStatusExt;
    match (output.status.success(), output.status.signal()) {
        (true, _) => false,
        (false, Some(6)) => true,
        _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Everything that can be told from outside, and what the store says of it.
type Traces = (BTreeMap<String, Vec<u8>>, Vec<(String, Vec<String>)>);

fn traces(host: &Host, provider: &Provider) -> Traces {
    let state = |r: &RecipientStatus| format!("{:?}", r.recipient);
    let status = host.status(None).unwrap().into_iter().map(|message| {
        let mut facts: Vec<String> = message.recipients.iter().map(state).collect();
        facts.extend(
            message
                .items
                .iter()
                .map(|i| format!("{} {:?}", i.key, i.state)),
        );
        facts.extend(message.log.iter().map(|row| row.event.clone()));
        (message.pec_id, facts)
    });
    let mut world = provider.world();
    if provider.database.is_some() {
        world = without_numbers(world);
    }
    (world, status.collect())
}

/// With PostgreSQL a transaction that was not committed leaves a gap in the numbers of relays.
fn without_numbers(world: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let mut unnumbered = BTreeMap::new();
    for (name, mut octets) in world {
        let is_relay = name.starts_with("outbox/");
        if name.ends_with(".json") {
            let text = String::from_utf8(octets).unwrap();
            let lines: Vec<&str> = text.lines().filter(|l| !l.contains("\"seq\"")).collect();
            octets = lines.join("\n").into_bytes();
        }
        let name = match name.split_once('-') {
            Some((_, rest)) if is_relay => format!("outbox/{rest}"),
            _ => name,
        };
        assert!(unnumbered.insert(name, octets).is_none());
    }
    unnumbered
}

/// With PostgreSQL nobody can tell at once that a host is dead, as its folder's lock does.
fn time_passes_for_the_dead(provider: &Provider) {
    if provider.database.is_some() {
        provider.tamper("UPDATE outbox SET claimed_until = 0; UPDATE spool SET made_at = 0");
    }
}

fn undisturbed() -> Traces {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    live(&host, &provider);
    assert_eq!(provider.mailbox("bruno@here.example").len(), 2);
    assert_eq!(provider.mailbox("anna@here.example").len(), 5);
    assert_eq!(provider.sent().len(), 1);
    traces(&host, &provider)
}

fn kill_at(point: &str) {
    let expected = undisturbed();
    let mut met = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        if !run_child(folder.path(), &format!("{point}:{}", met + 1)) {
            break;
        }
        met += 1;
        let mut provider = Provider::at(folder.path());
        time_passes_for_the_dead(&provider);
        let host = provider.start();
        live(&host, &provider);
        let found = traces(&host, &provider);
        assert!(
            found == expected,
            "killed at {point}, time {met}: {:#?}",
            found.1
        );
        assert!(
            provider.spool().is_empty(),
            "{point}, time {met}: {:?}",
            provider.spool()
        );
    }
    assert!(met > 0, "{point} is never passed");
}

macro_rules! kill_at {
    ($($test:ident = $point:literal;)*) => {
        mod on_sqlite {
            $(#[test] fn $test() { super::kill_at($point) })*
        }

        mod on_postgres {
            $(#[test] fn $test() { super::support::on_postgres(|| super::kill_at($point)) })*
        }

        #[test]
        fn every_point_has_its_test() {
            let tested = [$($point),*];
            let names: Vec<_> = POINTS.iter().map(|(name, _)| *name).collect();
            assert_eq!(tested[..], names[..]);
        }
    };
}

kill_at! {
    after_spool = "after-spool";
    before_loop_at_once = "before-loop-at-once";
    before_commit = "before-commit";
    inside_commit = "inside-commit";
    after_commit = "after-commit";
    before_relay = "before-relay";
    after_relay_before_mark = "after-relay-before-mark";
    before_deposit = "before-deposit";
    after_deposit_before_mark = "after-deposit-before-mark";
    after_verdict = "after-verdict";
    before_loop = "before-loop";
    file_written = "file-written";
    file_named = "file-named";
    before_sweep = "before-sweep";
}
