//! What an access-point transaction costs, as a multiple of the two RSA signatures in it.
//!
//! Criterion measures each kind of run by itself. A table of ratios closes the output; its figures
//! come from blocks of runs, all kinds in turn, because a machine that has something else to do
//! would otherwise slow one kind down and not the other.

#[path = "world/native.rs"]
mod native;
#[path = "world/mod.rs"]
mod world;

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use ceralacca_host::Signer as _;
use criterion::{Criterion, Throughput};

use world::{World, message, submission};

fn main() {
    let Some(world) = World::new() else { return };
    let mut kinds = kinds(&world);
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(2))
        .measurement_time(Duration::from_secs(8))
        .configure_from_args();
    let mut group = criterion.benchmark_group("submission of 3 kB");
    group.throughput(Throughput::Elements(1));
    for kind in &mut kinds {
        group.bench_function(kind.name, |bencher| bencher.iter(|| (kind.run)()));
    }
    group.finish();
    criterion.final_summary();
    // Under `cargo test` everything runs once, and there is nothing to compare.
    if std::env::args().any(|argument| argument == "--bench") {
        table(&mut kinds);
    }
}

/// A kind of run.
struct Kind<'a> {
    name: &'static str,
    run: Box<dyn FnMut() + 'a>,
}

/// All kinds; the first one is the unit of the others.
fn kinds(world: &World) -> Vec<Kind<'_>> {
    // What is signed in CMS is the signed attributes: a hundred octets or two.
    let attributes = [0x31; 160];
    let original = message(3_000, 0);
    let again = original.clone();
    let host = world.host();
    let mut number = 0;
    vec![
        Kind {
            name: "two bare native signatures",
            run: Box::new(move || {
                for _ in 0..2 {
                    let signature = world.signer.sign(black_box(&attributes));
                    black_box(signature.expect("a signature"));
                }
            }),
        },
        Kind {
            name: "component, signed, not committed",
            run: Box::new(move || {
                let outcome = black_box(world.submit(black_box(original.clone())));
                assert_eq!(outcome.reply.code, 250, "{:?}", outcome.reply);
            }),
        },
        Kind {
            name: "native core, signed, not committed",
            run: Box::new(move || {
                let outcome = black_box(native::submit(world, black_box(again.clone())));
                assert_eq!(outcome.reply.code, 250, "{:?}", outcome.reply);
            }),
        },
        Kind {
            name: "component, signed, durably committed",
            run: Box::new(move || {
                // A repetition of the same message would be recognised as the client's retry.
                number += 1;
                let committed = host.submit(submission(message(3_000, number)));
                assert_eq!(committed.reply.code, 250, "{:?}", committed.reply);
            }),
        },
    ]
}

/// Runs all kinds in turn, block by block, and prints how their best blocks compare: whatever
/// disturbs a run only ever makes it longer.
fn table(kinds: &mut [Kind<'_>]) {
    let mut best = vec![f64::INFINITY; kinds.len()];
    for _ in 0..ROUNDS {
        for (kind, best) in kinds.iter_mut().zip(&mut best) {
            let begun = Instant::now();
            (0..BLOCK).for_each(|_| (kind.run)());
            *best = best.min(begun.elapsed().as_secs_f64() / f64::from(BLOCK));
        }
    }
    println!("\n| 3 kB submission | time | × two signatures |\n|---|---|---|");
    for (kind, time) in kinds.iter().zip(&best) {
        println!(
            "| {} | {:.0} µs | {:.2} |",
            kind.name,
            time * 1e6,
            time / best[0]
        );
    }
    println!("| component ÷ native core | | {:.2} |", best[1] / best[2]);
    if let Some(openssl) = openssl_speed() {
        println!(
            "| our signer ÷ `openssl speed rsa2048` | | {:.2} |",
            best[0] / 2.0 / openssl
        );
    }
}

/// Seconds for a signature by `openssl speed`, where that is installed.
fn openssl_speed() -> Option<f64> {
    let speed = Command::new("openssl")
        .args(["speed", "-seconds", "2", "rsa2048"])
        .output()
        .ok()?;
    let text = String::from_utf8(speed.stdout).ok()?;
    // "rsa 2048 bits 0.000210s 0.000006s   4761.9 166666.7"
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("rsa"))?;
    let seconds = line
        .split_whitespace()
        .find(|word| word.ends_with('s') && word.starts_with('0'))?;
    seconds.trim_end_matches('s').parse().ok()
}

const ROUNDS: u32 = 40;
const BLOCK: u32 = 20;
