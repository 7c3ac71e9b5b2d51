//! What a directory of 100,000 domains costs: to load, and to ask.
//!
//! Loading is what a host does once a day: the plug-in reads the file in the component, the store
//! commits it, the index in memory is built and swapped. Beside it stands a parse that checks
//! nothing: lines split at their colon into `std`'s `HashMap`. Asking goes through the host, as
//! every answer does; beside it stands one `HashMap::get`. Blocks of all take turns, and the best of
//! each counts. Under `cargo test` the directory is small and the figures mean nothing.

#[path = "world/mod.rs"]
mod world;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::time::Instant;

use base64ct::{Base64, Encoding as _};
use ceralacca_harness::provider::pki::certificate_hash;
use ceralacca_harness::provider::{DIRECTORY, Folder};
use ceralacca_host::{Event, pec};

use world::World;

fn main() {
    let Some(world) = World::new() else { return };
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (domains, rounds) = if measured { (100_000, 5) } else { (1_000, 1) };
    let own = fs::read_to_string(Folder::at(&world.alfa()).file(DIRECTORY)).expect("a directory");
    let ldif = directory(&own, domains);
    let host = world.host();

    let [mut bare, mut read, mut load] = [f64::INFINITY; 3];
    for round in 0..rounds {
        // Another file each time: the very file that is in force is not read again.
        let content = format!("# {round}\n{ldif}");
        bare = bare.min(seconds(|| drop(black_box(bare_parse(&content)))));
        let event = Event::LoadDirectory(pec::DirectoryUpdate {
            content: content.clone().into_bytes(),
        });
        read = read.min(seconds(|| drop(black_box(world.converse(event)))));
        let content = content.into_bytes();
        load = load.min(seconds(|| {
            let summary = host.load_directory(content).expect("it loads");
            assert_eq!(summary.domains, domains as u64 + 2);
        }));
    }
    println!(
        "\n| {domains} domains, {:.1} MB | time | × bare parse |\n|---|---|---|",
        ldif.len() as f64 / 1e6
    );
    for (name, time) in [
        ("bare parse into a `HashMap`", bare),
        ("read and checked in the component", read),
        ("loaded: read, committed, indexed, swapped", load),
    ] {
        println!("| {name} | {:.0} ms | {:.1} |", time * 1e3, time / bare);
    }

    let names: Vec<String> = (0..domains).map(domain).collect();
    let table: HashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
    let hashes: Vec<String> = (0..PROVIDERS)
        .map(|n| certificate_hash(&certificate(n)))
        .collect();
    // Far from each other in every order, so that no cache helps more than in service.
    let asked = |n: usize| &names[n * 7_919 % domains];
    let [mut get, mut by_domain, mut strangers, mut by_certificate] = [f64::INFINITY; 4];
    for _ in 0..rounds {
        get = get.min(each(domains, |n| {
            black_box(table.get(asked(n).as_str()));
        }));
        by_domain = by_domain.min(each(domains, |n| {
            assert_eq!(host.providers_of_domain(asked(n)).len(), 1);
        }));
        strangers = strangers.min(each(domains, |n| {
            assert!(host.providers_of_domain(&asked(n)[1..]).is_empty());
        }));
        by_certificate = by_certificate.min(each(domains, |n| {
            let hash = &hashes[n * 31 % PROVIDERS];
            assert_eq!(host.providers_of_certificate(hash).len(), 1);
        }));
    }
    println!("\n| look-up | time | × `HashMap::get` |\n|---|---|---|");
    for (name, time) in [
        ("`HashMap::get`", get),
        ("a domain, with its record", by_domain),
        ("a domain that nobody has", strangers),
        ("a certificate, with its record", by_certificate),
    ] {
        println!("| {name} | {:.2} µs | {:.1} |", time * 1e6, time / get);
    }
}

/// The world's own directory and further providers who share the domains among them.
fn directory(own: &str, domains: usize) -> String {
    let mut ldif = own.trim_end().to_owned();
    for n in 0..PROVIDERS {
        let der = certificate(n);
        let _ = write!(
            ldif,
            "\n\ndn: providerName=Provider {n},o=postacert\nobjectClass: top\n\
             objectClass: provider\nproviderName: Provider {n}\nproviderCertificateHash: {}\n\
             providerCertificate;binary:: {}\nmailReceipt: ricevute@p{n}.example\n",
            certificate_hash(&der),
            Base64::encode_string(&der)
        );
        for name in (0..domains).filter(|d| d % PROVIDERS == n).map(domain) {
            let _ = writeln!(ldif, "managedDomains: {name}");
        }
    }
    ldif
}

fn domain(n: usize) -> String {
    format!("comune-di-{n}.pec.example")
}

/// As long as one, and unlike any other; nobody looks inside.
fn certificate(n: usize) -> Vec<u8> {
    vec![n as u8; 1_300]
}

fn bare_parse(ldif: &str) -> HashMap<String, usize> {
    let values = ldif.lines().filter_map(|line| line.split_once(": "));
    let domains = values.filter(|(name, _)| *name == "managedDomains");
    domains
        .map(|(_, domain)| domain.to_owned())
        .zip(0..)
        .collect()
}

fn seconds(run: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    run();
    begun.elapsed().as_secs_f64()
}

/// Seconds of one of `count` runs.
fn each(count: usize, run: impl Fn(usize)) -> f64 {
    seconds(|| (0..count).for_each(&run)) / count as f64
}

/// About as many as Italy has.
const PROVIDERS: usize = 20;
