//! What an access-point transaction costs, as a multiple of the two RSA signatures in it.
//!
//! Everything in one run and one group, because a time by itself says more about the machine than
//! about the program. Criterion measures; a table of ratios closes the output.

#[path = "world/native.rs"]
mod native;
#[path = "world/mod.rs"]
mod world;

use std::cell::RefCell;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use ceralacca_host::Signer as _;
use criterion::{Bencher, Criterion, Throughput};

use world::{World, message, submission};

fn main() {
    let Some(world) = World::new() else { return };
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(2))
        .measurement_time(Duration::from_secs(8))
        .configure_from_args();
    let table = Table::default();
    measure(&mut criterion, &world, &table);
    criterion.final_summary();
    table.print();
}

fn measure(criterion: &mut Criterion, world: &World, table: &Table) {
    let mut group = criterion.benchmark_group("submission of 3 kB");
    group.throughput(Throughput::Elements(1));

    // What is signed in CMS is the signed attributes: a hundred octets or two.
    let attributes = [0x31; 160];
    group.bench_function("two bare native signatures", |bencher| {
        table.time(SIGNATURES, bencher, || {
            black_box(
                world
                    .signer
                    .sign(black_box(&attributes))
                    .expect("a signature"),
            );
            black_box(
                world
                    .signer
                    .sign(black_box(&attributes))
                    .expect("a signature"),
            );
        });
    });

    let original = message(3_000, 0);
    let outcome = world.submit(original.clone());
    assert_eq!(outcome.reply.code, 250, "{:?}", outcome.reply);
    group.bench_function("component, signed, not committed", |bencher| {
        table.time(COMPONENT, bencher, || {
            black_box(world.submit(black_box(original.clone())));
        });
    });

    let native = native::submit(world, original.clone());
    assert_eq!(native.reply.code, 250, "{:?}", native.reply);
    group.bench_function("native core, signed, not committed", |bencher| {
        table.time(NATIVE, bencher, || {
            let _ = black_box(native::submit(world, black_box(original.clone())));
        });
    });

    let host = world.host();
    let mut number = 0;
    group.bench_function("component, signed, durably committed", |bencher| {
        table.time(COMMITTED, bencher, || {
            // A repetition of the same message would be recognised as the client's retry.
            number += 1;
            let committed = host.submit(submission(message(3_000, number)));
            assert_eq!(committed.reply.code, 250, "{:?}", committed.reply);
        });
    });
    group.finish();
}

/// The time of each kind of run, for ratios. Of all samples the median counts: it does not mind the
/// machine having something else to do now and then.
#[derive(Default)]
struct Table {
    samples: RefCell<Vec<(&'static str, Duration)>>,
}

impl Table {
    fn time(&self, name: &'static str, bencher: &mut Bencher<'_>, mut run: impl FnMut()) {
        bencher.iter_custom(|count| {
            let begun = Instant::now();
            (0..count).for_each(|_| run());
            let taken = begun.elapsed();
            let each = taken / u32::try_from(count).unwrap_or(u32::MAX).max(1);
            self.samples.borrow_mut().push((name, each));
            taken
        });
    }

    fn median(&self, name: &str) -> Option<Duration> {
        let samples = self.samples.borrow();
        let mut times: Vec<Duration> = samples
            .iter()
            .filter(|(of, _)| *of == name)
            .map(|(_, time)| *time)
            .collect();
        times.sort();
        times.get(times.len() / 2).copied()
    }

    /// Prints what was measured; with a filter on the command line, that is not all.
    fn print(&self) {
        let Some(unit) = self.median(SIGNATURES) else {
            return;
        };
        println!("\n| 3 kB submission | time | × two signatures |\n|---|---|---|");
        for name in [SIGNATURES, COMPONENT, NATIVE, COMMITTED] {
            if let Some(time) = self.median(name) {
                println!(
                    "| {name} | {time:.1?} | {:.2} |",
                    time.as_secs_f64() / unit.as_secs_f64()
                );
            }
        }
        if let (Some(component), Some(native)) = (self.median(COMPONENT), self.median(NATIVE)) {
            let ratio = component.as_secs_f64() / native.as_secs_f64();
            println!("| component ÷ native core | | {ratio:.2} |");
        }
        if let Some(openssl) = openssl_speed() {
            let ratio = unit.as_secs_f64() / 2.0 / openssl;
            println!("| our signer ÷ `openssl speed rsa2048` | | {ratio:.2} |");
        }
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

const SIGNATURES: &str = "two bare native signatures";
const COMPONENT: &str = "component, signed, not committed";
const NATIVE: &str = "native core, signed, not committed";
const COMMITTED: &str = "component, signed, durably committed";
