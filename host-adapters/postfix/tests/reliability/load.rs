//! Clients that hand mail in the whole time, and what they were promised.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::look;
use crate::pair::{ANNA, BRUNO, CARLA, Pair, Party, RECEIPTS, insist, letter, of_each, wait_until};

/// Anna's mail programs, each of which writes to Bruno and Carla.
pub struct Load<'a> {
    pair: &'a Pair,
    /// Alfa's hosts, which they take in turn.
    hosts: Vec<&'a Party>,
    ended: AtomicBool,
    accepted: Mutex<Vec<String>>,
}

impl<'a> Load<'a> {
    pub fn on(pair: &'a Pair, hosts: Vec<&'a Party>) -> Self {
        Self {
            pair,
            hosts,
            ended: AtomicBool::new(false),
            accepted: Mutex::default(),
        }
    }

    /// Tells a story while the clients are at work. Afterwards all that they have begun has been
    /// accepted.
    pub fn beside<T>(&self, story: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            let end = Ended(&self.ended);
            let client = |number| scope.spawn(move || self.client(number));
            let clients: Vec<_> = (0..CLIENTS).map(client).collect();
            let told = story();
            drop(end);
            for client in clients {
                client.join().expect("all was accepted in the end");
            }
            told
        })
    }

    fn client(&self, number: usize) {
        let mut hosts = self.hosts.clone();
        hosts.rotate_left(number % self.hosts.len());
        for n in 0.. {
            if self.ended.load(Ordering::SeqCst) {
                return;
            }
            let large = n % EVERY == EVERY - 1;
            let subject = format!("{}-{number}-{n}", if large { LARGE } else { "piccola" });
            let to = [BRUNO, CARLA];
            let size = if large { 200_000 } else { 3_000 };
            insist(&hosts, &to, &letter(&to, &subject, size));
            self.accepted.lock().expect("nobody panicked").push(subject);
            hosts.rotate_left(1);
            thread::sleep(PAUSE);
        }
    }

    /// How many messages were accepted so far.
    pub fn count(&self) -> usize {
        self.accepted.lock().expect("nobody panicked").len()
    }

    /// Waits for the next large message that is accepted; its subject.
    pub fn next_large(&self) -> String {
        let before = self.count();
        let mut found = None;
        wait_until("a large message is accepted", || {
            let accepted = self.accepted.lock().expect("nobody panicked");
            let mut later = accepted.iter().skip(before);
            found = later.find(|subject| subject.starts_with(LARGE)).cloned();
            found.is_some()
        });
        found.expect("it was waited for")
    }

    /// Waits until all has come that must come.
    pub fn settle(&self) {
        let count = self.count();
        self.pair.holds(BRUNO, count);
        self.pair.holds(CARLA, count);
        self.pair.holds(RECEIPTS, count);
        self.pair.holds(ANNA, 3 * count);
    }

    /// Mailboxes and logs of both providers have each message once.
    pub fn everything_happened_once(self) {
        let accepted = self.accepted.into_inner().expect("nobody panicked");
        assert!(accepted.len() > CLIENTS, "{accepted:?}");
        self.pair.each_once(&[BRUNO, CARLA], &accepted);
        let taken = of_each(&[("PRESA IN CARICO", 1)], &accepted);
        assert_eq!(self.pair.subjects(RECEIPTS), taken);
        let count = accepted.len() as u64;
        assert_eq!(look::audit(&self.pair.beta.provider), count);
        println!("{count} messages, each once");
    }
}

/// Lets the clients end, also when the test fails.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

const CLIENTS: usize = 3;
/// Of a client's messages one in so many is large enough for the spool.
const EVERY: usize = 4;
const LARGE: &str = "grande";
/// So that the machine is not the bottleneck.
const PAUSE: Duration = Duration::from_millis(150);
