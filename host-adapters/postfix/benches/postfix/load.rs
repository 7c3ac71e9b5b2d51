//! Clients, and the wait for what they cause.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::Client;
use crate::systems::{PASSWORD, System, user};

/// Ten clients submit so many messages of 3 kB. How long it took until the last message that they
/// cause was in its mailbox.
pub fn submissions(system: &System, count: usize) -> Duration {
    let expected = system.stored() + count * system.kind.messages();
    let begun = Instant::now();
    let taken = AtomicUsize::new(0);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let taken = &taken;
            scope.spawn(move || {
                loop {
                    let number = taken.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    submit(system, client, number);
                }
            });
        }
    });
    arrived(system, expected, begun)
}

/// One large message: how long the client waits after its end, and until all that it causes is stored.
pub fn large(system: &System) -> (Duration, Duration) {
    let expected = system.stored() + system.kind.messages();
    system.forget_most_resident();
    let mut client = log_in(system, 0);
    let (from, to) = (user(0), user(1));
    for line in [
        format!("MAIL FROM:<{from}> SIZE={}", LARGE + 1_000),
        format!("RCPT TO:<{to}>"),
    ] {
        let reply = client.command(&line);
        assert_eq!(reply.code, 250, "{reply:?}");
    }
    client.command("DATA");
    client.send(header(&from, &to, 0).as_bytes());
    let block = line().repeat(LINES).into_bytes();
    for _ in 0..LARGE / block.len() {
        client.send(&block);
    }
    let begun = Instant::now();
    client.send(b".\r\n");
    let reply = client.reply().expect("a reply");
    let waited = begun.elapsed();
    assert_eq!(reply.code, 250, "{reply:?}");
    (waited, arrived(system, expected, begun))
}

/// One session.
fn submit(system: &System, client: usize, number: usize) {
    let (from, to) = (user(client), user((client + 1) % CLIENTS));
    let message = format!("{}{}", header(&from, &to, number), line().repeat(36));
    let mut session = log_in(system, client);
    let reply = session.message(&from, &[&to], message.as_bytes());
    assert_eq!(reply.code, 250, "{reply:?}");
    session.command("QUIT");
}

fn log_in(system: &System, client: usize) -> Client {
    let mut session = Client::connect(system.postfix.access);
    session.login(&user(client), PASSWORD);
    session
}

/// 280 octets, and an empty line.
fn header(from: &str, to: &str, number: usize) -> String {
    static RUN: AtomicUsize = AtomicUsize::new(0);
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: Offerta n. {number}\r\n\
         Message-ID: <{run}@mua.example>\r\nDate: Wed, 25 Nov 2026 10:00:00 +0100\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
    )
}

fn line() -> String {
    format!(
        "{}\r\n",
        "Gentile Bruno, ecco la nostra offerta. "
            .repeat(2)
            .trim_end()
    )
}

/// Waits until so many messages are stored, looking rarely enough not to be in the way.
fn arrived(system: &System, expected: usize, begun: Instant) -> Duration {
    let mut last = (system.stored(), Instant::now());
    while last.0 < expected {
        thread::sleep(Duration::from_millis(10).max(begun.elapsed() / 100));
        let stored = system.stored();
        if stored != last.0 {
            last = (stored, Instant::now());
        }
        assert!(
            last.1.elapsed() < PATIENCE,
            "{stored} of {expected} are stored, and no more come:\n{}",
            system.log()
        );
    }
    assert_eq!(last.0, expected, "more than was sent:\n{}", system.log());
    begun.elapsed()
}

/// Octets of the large message, but for its header.
pub const LARGE: usize = 99_500_000;

/// Each has an account and writes to the next one's mailbox.
pub const CLIENTS: usize = 10;

/// Lines that are sent at once.
const LINES: usize = 1_000;

/// Without any progress.
const PATIENCE: Duration = Duration::from_secs(60);
