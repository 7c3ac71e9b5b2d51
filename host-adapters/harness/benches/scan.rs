//! What taking a message apart costs in the component, and whether a hostile message of 30 MB costs
//! more than a plain one.
//!
//! An ordinary message is examined, which is the scan and little else: the way into the plug-in,
//! one pass for its parts, one for what is irregular in it. Under `cargo test`, which runs
//! benchmarks without `--bench`, messages are small and the figures mean nothing.

#[path = "world/mod.rs"]
mod world;

use std::time::Instant;

use ceralacca_host::{Event, pec};

use world::{World, submission};

fn main() {
    let Some(world) = World::new() else { return };
    let measured = std::env::args().any(|argument| argument == "--bench");
    let size = if measured { 30_000_000 } else { 100_000 };
    println!(
        "\n| {:.0} MB | MB/s | examined, × plain | submitted, × plain |\n|---|---|---|---|",
        size as f64 / 1e6
    );
    let mut plain = None;
    for (name, make) in KINDS {
        let message = make(size);
        let examined = best(
            || {
                let event = Event::Examine(pec::Examination {
                    message: message.clone(),
                    at: None,
                    contents: None,
                });
                (event, 250..251)
            },
            &world,
        );
        // A message of some of these kinds is refused: that is what it costs, too.
        let submitted = best(
            || (Event::Submit(submission(message.clone())), 250..600),
            &world,
        );
        let (e, s) = *plain.get_or_insert((examined, submitted));
        println!(
            "| {name} | {:.0} | {:.2} | {:.2} |",
            message.len() as f64 / 1e6 / examined,
            examined / e,
            submitted / s
        );
    }
}

/// The best of some runs, in seconds: whatever disturbs a run only ever makes it longer.
fn best(make: impl Fn() -> (Event, std::ops::Range<u16>), world: &World) -> f64 {
    (0..RUNS)
        .map(|_| {
            // Made before the clock starts: the copy is the benchmark's.
            let (event, replies) = make();
            let begun = Instant::now();
            let outcome = world.converse(event);
            let elapsed = begun.elapsed().as_secs_f64();
            let code = outcome.reply.code;
            assert!(replies.contains(&code), "{:?}", outcome.reply);
            elapsed
        })
        .fold(f64::INFINITY, f64::min)
}

type Make = fn(usize) -> Vec<u8>;

/// The first one is the unit of the others.
const KINDS: [(&str, Make); 9] = [
    ("plain: one attachment, lines of 76", |size| {
        multipart(&filled(b"", &[&[b'Q'; 76][..], b"\r\n"].concat(), size), "")
    }),
    ("text, lines of 76", |size| {
        filled(
            b"Content-Type: text/plain\r\n\r\n",
            &[&[b'x'; 76][..], b"\r\n"].concat(),
            size,
        )
    }),
    ("deep: 90 multiparts in each other", |size| {
        let (mut open, mut close) = (Vec::new(), Vec::new());
        for depth in 0..90 {
            open.extend_from_slice(
                format!("Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n")
                    .as_bytes(),
            );
            close.splice(0..0, format!("\r\n--b{depth}--\r\n").into_bytes());
        }
        open.extend_from_slice(b"\r\n");
        let mut message = filled(
            &[&head()[..], &open].concat(),
            &[&[b'x'; 76][..], b"\r\n"].concat(),
            size,
        );
        message.extend_from_slice(&close);
        message
    }),
    ("wide: 9,000 parts", |size| {
        let body = vec![b'x'; (size / 9_000).min(990)];
        let lines = (size / 9_000 / 990).max(1);
        let body = [&body[..], b"\r\n"].concat().repeat(lines);
        multipart(&[&body[..], b"--b\r\n\r\n"].concat().repeat(8_990), "")
    }),
    ("one line", |size| {
        filled(b"Content-Type: text/plain\r\n\r\n", b"x", size)
    }),
    ("lines of one octet", |size| {
        filled(b"Content-Type: text/plain\r\n\r\n", b"x\r\n", size)
    }),
    ("lines that look like delimiters", |size| {
        multipart(&filled(b"", b"--a\r\n", size), "")
    }),
    ("header fields without end", |size| {
        let fields = b"a: b\r\n".repeat(990);
        multipart(
            &filled(b"", &[&fields[..], b"\r\n--b\r\n"].concat(), size),
            "",
        )
    }),
    ("8-bit octets", |size| {
        filled(
            b"Content-Type: text/plain\r\n\r\n",
            &[&[0xe8; 76][..], b"\r\n"].concat(),
            size,
        )
    }),
];

fn head() -> Vec<u8> {
    format!(
        "From: {}\r\nTo: {}\r\nSubject: x\r\nMIME-Version: 1.0\r\n",
        world::SENDER,
        world::RECIPIENT
    )
    .into_bytes()
}

/// A message of one multipart whose boundary is `b`; `content` begins its first part's body.
fn multipart(content: &[u8], header: &str) -> Vec<u8> {
    let opening = format!("{header}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n");
    [&head()[..], opening.as_bytes(), content, b"\r\n--b--\r\n"].concat()
}

/// `start` and then `unit` until the size is reached; a start that is a header gets the rest of it.
fn filled(start: &[u8], unit: &[u8], size: usize) -> Vec<u8> {
    let mut message = match start.starts_with(b"Content-Type") {
        true => [&head()[..], start].concat(),
        false => start.to_vec(),
    };
    message.reserve(size + unit.len());
    while message.len() < size {
        message.extend_from_slice(unit);
    }
    message
}

const RUNS: usize = 5;
