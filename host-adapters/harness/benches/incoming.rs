//! What the receiving provider does with an envelope of 3 kB, beside what OpenSSL takes to verify
//! and sign the same octets.
//!
//! Ours: the envelope arrives, is verified and taken in charge (presa in carico signed); its deposit
//! is confirmed, and the delivery receipt is signed. OpenSSL's: the same envelope parsed and
//! verified, the same two contents signed and written as S/MIME, in one process of C
//! (`openssl_cms.c`), without a fork. Blocks of both take turns, and the best of each counts.

#[path = "world/mod.rs"]
mod world;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use ceralacca_harness::provider::{Folder, KEY};
use ceralacca_host::{Event, pec};

use world::{NOW, RECIPIENT, SENDER, World, message, splice};

fn main() {
    let Some(alfa) = World::new() else { return };
    let measured = std::env::args().any(|argument| argument == "--bench");
    let sent = alfa.submit(message(3_000, 0));
    let original = message(3_000, 0);
    let envelope = splice(&sent, &pec::MessageKind::TransportEnvelope, &original);
    let beta = alfa.beta();

    // The first time the path is validated, and the verdict remembered: as on the first message
    // that a provider sends in a day.
    let begun = Instant::now();
    let (presa, receipt) = receive(&beta, &envelope);
    let first = begun.elapsed();
    let openssl = openssl(&beta, &envelope, &[&presa, &receipt]);
    if !measured {
        return;
    }
    let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        (0..BLOCK).for_each(|_| drop(black_box(receive(&beta, &envelope))));
        ours = ours.min(begun.elapsed().as_secs_f64() / f64::from(BLOCK));
        if let Some(openssl) = &openssl {
            theirs = theirs.min(openssl.run(1, BLOCK));
        }
    }
    println!("\n| 3 kB envelope: verify, presa in carico, delivery receipt | time | × OpenSSL |");
    println!("|---|---|---|");
    let row = |name: &str, time: f64| {
        println!("| {name} | {:.0} µs | {:.2} |", time * 1e6, time / theirs);
    };
    if openssl.is_some() {
        row("OpenSSL: one CMS verified, two signed", theirs);
    }
    row("two transactions through the component", ours);
    row("the first ones, path validated", first.as_secs_f64());
}

/// Arrival and confirmed deposit at Beta; the presa in carico and the receipt.
fn receive(beta: &World, envelope: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let arrived = beta.converse(Event::Arrive(pec::Arrival {
        reverse_path: SENDER.to_owned(),
        recipients: vec![RECIPIENT.to_owned()],
        source: pec::ArrivalSource::Encrypted,
        message: envelope.to_vec(),
    }));
    assert!(
        arrived
            .finding
            .as_ref()
            .is_some_and(|finding| finding.holds)
    );
    let confirmed = beta.converse(Event::FinishDeposit(pec::DepositResult {
        reverse_path: SENDER.to_owned(),
        recipient: RECIPIENT.to_owned(),
        message: envelope.to_vec(),
        verdict: pec::DepositVerdict::Deposited,
    }));
    (
        splice(
            &arrived,
            &pec::MessageKind::ServerServerAcceptance,
            envelope,
        ),
        splice(&confirmed, &pec::MessageKind::Delivery, envelope),
    )
}

/// The other side, ready to run.
struct OpenSsl {
    program: PathBuf,
    arguments: Vec<PathBuf>,
}

impl OpenSsl {
    /// The best of some blocks, in seconds for one run.
    fn run(&self, rounds: u32, block: u32) -> f64 {
        let output = Command::new(&self.program)
            .args([rounds.to_string(), block.to_string()])
            .args(&self.arguments)
            .output()
            .expect("the program that was just compiled");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let seconds = text.lines().filter_map(|line| line.parse::<f64>().ok());
        seconds.fold(f64::INFINITY, f64::min)
    }
}

/// Compiles the C program and writes what it reads; none without a C compiler and OpenSSL's headers.
fn openssl(beta: &World, envelope: &[u8], messages: &[&[u8]]) -> Option<OpenSsl> {
    let folder = beta.place.path();
    let program = folder.join("openssl_cms");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/openssl_cms.c");
    let compiled = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .arg("-O2")
        .arg("-o")
        .args([&program, &source])
        .arg("-lcrypto")
        .output();
    if !compiled.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: OpenSSL's side wants a C compiler and OpenSSL's headers (libssl-dev)");
        return None;
    }
    let provider = Folder::at(&folder.join("beta"));
    let write = |name: String, octets: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, octets).expect("room for a message");
        path
    };
    let mut arguments = vec![
        write("envelope.eml".to_owned(), envelope),
        provider.file("roots.pem"),
        provider.file("certificate.pem"),
        provider.file(KEY),
        PathBuf::from(NOW.to_string()),
    ];
    for (number, message) in messages.iter().enumerate() {
        arguments.push(write(format!("content-{number}"), signed_part(message)));
    }
    let openssl = OpenSsl { program, arguments };
    // It must work before anything is compared with it.
    assert!(openssl.run(1, 1).is_finite());
    Some(openssl)
}

/// What is signed in a message of ours: between the first two delimiters of its boundary.
fn signed_part(message: &[u8]) -> &[u8] {
    let text = std::str::from_utf8(message).expect("7-bit");
    let (_, rest) = text.split_once("boundary=\"").expect("a boundary");
    let (boundary, rest) = rest.split_once('"').expect("a quoted boundary");
    let delimiter = format!("\r\n--{boundary}");
    let mut parts = rest.split(delimiter.as_str()).skip(1);
    let part = parts.next().expect("a first part");
    part.strip_prefix("\r\n")
        .expect("a delimiter line")
        .as_bytes()
}

const ROUNDS: u32 = 20;
const BLOCK: u32 = 20;
