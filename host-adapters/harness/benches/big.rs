//! What a 100 MB original costs: time as a multiple of one native SHA-256 over it, peak memory of
//! the process as a multiple of the message.
//!
//! The work is done in a child process, because the peak is a property of a whole process and this
//! one has made the message. Under `cargo test`, which runs benchmarks without `--bench`, the
//! message is small and the figures mean nothing.

#[path = "world/mod.rs"]
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ceralacca_harness::command::read_message;
use sha2::{Digest as _, Sha256};

use world::{World, message, submission};

fn main() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return child(&PathBuf::from(folder));
    }
    let size = match std::env::args().any(|argument| argument == "--bench") {
        true => 100_000_000 - 100,
        false => 1_000_000,
    };
    let Some(world) = World::new() else { return };
    let original = message(size, 0);
    fs::write(world.place.path().join(ORIGINAL), &original).expect("room for the message");
    let digest = median((0..5).map(|_| {
        let begun = Instant::now();
        std::hint::black_box(Sha256::digest(&original));
        begun.elapsed()
    }));
    let size = original.len() as f64;
    drop(original);

    let program = std::env::current_exe().expect("this program");
    let runs: Vec<Figures> = (0..3)
        .map(|number| run_child(&program, world.place.path(), number))
        .collect();
    let submitted = median(runs.iter().map(|run| run.submitted));
    let sent = median(runs.iter().map(|run| run.sent));
    let peak = runs.iter().map(|run| run.peak).max().unwrap_or_default();

    println!("\n| {:.0} MB original | | |\n|---|---|---|", size / 1e6);
    let times = |time: Duration| time.as_secs_f64() / digest.as_secs_f64();
    println!("| one native SHA-256 | {digest:.0?} | 1.0 × |");
    println!(
        "| accepted: signed, durably committed | {submitted:.0?} | {:.1} × |",
        times(submitted)
    );
    println!(
        "| and carried out: receipt, envelope | {sent:.0?} | {:.1} × |",
        times(sent)
    );
    let mega = peak as f64 / 1e6;
    println!(
        "| peak memory of the process | {mega:.0} MB | {:.2} × the message |",
        peak as f64 / size
    );
}

/// What a child process reports.
struct Figures {
    /// From the message in memory to the reply.
    submitted: Duration,
    /// From there to an empty outbox.
    sent: Duration,
    /// VmHWM, octets.
    peak: u64,
}

fn run_child(program: &Path, place: &Path, number: u32) -> Figures {
    // Each child has a store of its own: the second would be taken for a retry of the first.
    let folder = place.join(format!("run-{number}"));
    copy(&place.join("alfa"), &folder);
    let output = Command::new(program)
        .env(CHILD, &folder)
        .output()
        .expect("this program runs again");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text
        .split_whitespace()
        .map(|word| word.parse::<u64>().expect("a number"));
    let mut next = || numbers.next().unwrap_or_else(|| panic!("{output:?}"));
    let figures = Figures {
        submitted: Duration::from_micros(next()),
        sent: Duration::from_micros(next()),
        peak: next(),
    };
    fs::remove_dir_all(&folder).expect("its own folder can be removed");
    figures
}

/// The process that is measured: what `ceralacca submit` does.
fn child(folder: &Path) {
    let original = folder.with_file_name(ORIGINAL);
    let octets = read_message(&original).expect("the message");
    let host = world::host_of(folder);
    let begun = Instant::now();
    let committed = host.submit(submission(octets));
    let submitted = begun.elapsed();
    assert_eq!(committed.reply.code, 250, "{:?}", committed.reply);
    let begun = Instant::now();
    host.run_outbox(&mut |_| {}).expect("an outbox");
    let sent = begun.elapsed();
    let peak = peak_memory().unwrap_or_default();
    println!("{} {} {peak}", submitted.as_micros(), sent.as_micros());
}

/// The most memory this process ever held, octets (Linux).
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kilo| kilo * 1024)
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).expect("room for a copy")),
        }
    }
}

/// Set in the child process: the provider folder to work on.
const CHILD: &str = "CERALACCA_BENCH_CHILD";
const ORIGINAL: &str = "original.eml";
