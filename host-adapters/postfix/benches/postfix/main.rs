//! What certified mail costs a mail server: submissions with AUTH until all that they cause is in the
//! mailboxes, side by side on Postfix alone, with OpenDKIM, and with us on SQLite and PostgreSQL.
//!
//! Every system has a Postfix and a Dovecot of its own, with the same configuration but for what
//! makes the difference, and takes its turns while the others idle. Ten clients write to each
//! other's mailboxes of one domain; each message is a session of its own, as mail programs do it:
//! connect, EHLO, AUTH, one message, QUIT. Of ours each makes three: the transport envelope, the
//! acceptance and the delivery receipt; the clock stops when all three are stored.
//!
//! `cargo bench` measures, on a machine that should have nothing else to do; without `--bench` a
//! few messages pass, and all must arrive. Which system is the quicker is never asserted.

mod load;
#[path = "../../../host/tests/support/postgres.rs"]
#[allow(dead_code, unused_macros, reason = "each program uses its part")]
mod postgres_server;
#[path = "../../tests/provider/mod.rs"]
mod provider;
#[path = "../../tests/support/mod.rs"]
mod support;
mod systems;

use std::time::Duration;

use load::{large, submissions};
use systems::{KINDS, Kind, System};

fn main() {
    let wanted = |kind: &&Kind| kind.is_possible();
    let kinds: Vec<Kind> = KINDS.iter().filter(wanted).copied().collect();
    if std::env::args().any(|argument| argument == "--bench") {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!(
            "\n{cores} cores; load average at the start: {}",
            load_average()
        );
        small_messages(&kinds);
        large_message(&kinds);
        println!(
            "\nload average at the end, ours included: {}",
            load_average()
        );
    } else {
        for kind in kinds {
            let system = System::start(kind);
            submissions(&system, FEW);
            println!("{kind:?}: all of {FEW} arrived");
        }
    }
}

/// Systems take turns, so that what else the machine does meets all of them, and all rounds of each
/// count: the best one would favour those whose rounds are short, as they vary most. Each round has a
/// system of its own, with empty mailboxes: Dovecot reads the list of a mailbox for each message that
/// it puts there, and certified mail makes three of one.
fn small_messages(kinds: &[Kind]) {
    for (count, rounds) in [(500, 4), (5_000, 2)] {
        let mut took = vec![Duration::ZERO; kinds.len()];
        for _ in 0..rounds {
            for (kind, took) in kinds.iter().zip(&mut took) {
                let system = System::start(*kind);
                submissions(&system, WARM_UP);
                *took += submissions(&system, count);
            }
        }
        let all = f64::from(count as u32 * rounds);
        let rates: Vec<f64> = took.iter().map(|t| all / t.as_secs_f64()).collect();
        println!("\n| {count} submissions of 3 kB, 10 clients | per second | × Postfix alone |");
        println!("|---|---|---|");
        for (kind, rate) in kinds.iter().zip(&rates) {
            let name = kind.name();
            println!("| {name} | {rate:.0} | {:.2} |", rate / rates[0]);
        }
    }
}

/// One message, on servers that have dealt with small ones only: what a process has once needed it may
/// keep.
fn large_message(kinds: &[Kind]) {
    println!(
        "\n| one message of {:.1} MB | reply after | × Postfix alone | stored after | host, most resident | × message |",
        load::LARGE as f64 / 1e6
    );
    println!("|---|---|---|---|---|---|");
    let mut alone = None;
    for kind in kinds {
        let system = System::start(*kind);
        submissions(&system, MANY);
        let (reply, stored) = large(&system);
        let unit: Duration = *alone.get_or_insert(reply);
        let memory = system.most_resident().map_or("| |".to_owned(), |octets| {
            let ratio = octets as f64 / load::LARGE as f64;
            format!("{:.0} MB | {ratio:.2} |", octets as f64 / 1e6)
        });
        println!(
            "| {} | {:.2} s | {:.2} | {:.2} s | {memory}",
            kind.name(),
            reply.as_secs_f64(),
            reply.as_secs_f64() / unit.as_secs_f64(),
            stored.as_secs_f64(),
        );
    }
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Enough that each client has its turn.
const FEW: usize = 20;

/// So that processes are started and connections open, as on a server that has run for a while.
const WARM_UP: usize = 300;

/// After which a process needs hardly more memory than before.
const MANY: usize = 1_000;
