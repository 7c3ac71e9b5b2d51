//! How much the server takes on.

use std::time::Duration;

/// What the server takes on at a time, and how long it waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections; further ones wait in the kernel until one ends. Postfix opens one for each SMTP
    /// session, 100 by itself (`default_process_limit`); a busy server is told ten times that.
    pub connections: usize,
    /// Transactions that are dealt with at a time; further messages wait. Twice the number of
    /// conversations that the plug-in's host holds at a time (8): while some compute, others wait
    /// for the disk.
    pub transactions: usize,
    /// Octets of messages in memory, over all connections; beyond that 452 4.3.1. 512 MiB: five
    /// messages of the largest usual size, or a hundred thousand letters.
    pub octets_in_flight: usize,
    /// What one session may ask for.
    pub session: ceralacca_milter::Limits,
    /// How long a connection may say nothing between two messages. Postfix waits 300 s for its
    /// client's next command (`smtpd_timeout`) and says nothing meanwhile; twice that.
    pub idle: Duration,
    /// How long it may say nothing once a message has begun. Postfix hands the text over when it has
    /// all of it, and its client may be slow as long as it never pauses for `smtpd_timeout`: a day,
    /// in which 100 MB come at 10 kbit/s.
    pub upload: Duration,
    /// How long one packet may take from its first octet to its last. Mail servers write packets
    /// whole.
    pub packet: Duration,
    /// How often the mail server hears that we are still at it. It waits 300 s
    /// (`milter_content_timeout`); a tenth of that.
    pub progress: Duration,
    /// How long a message may wait for a worker before its client is told to come again. SMTP
    /// clients wait 600 s after the final dot (RFC 5321 §4.5.3.2.6): less than half of it, so that
    /// the transaction itself fits in.
    pub patience: Duration,
    /// How long a message may take in all before its client is told to come again, whatever hangs:
    /// database, HSM, scanner. What it has begun is brought to its end, and the same message is
    /// then recognised. Less than the 600 s that the client waits.
    pub answer: Duration,
    /// How long messages under way may take to end when the server stops. systemd kills after 90 s
    /// (`TimeoutStopSec`).
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_000,
            transactions: 16,
            octets_in_flight: 512 * 1024 * 1024,
            session: ceralacca_milter::Limits::default(),
            idle: Duration::from_secs(600),
            upload: Duration::from_secs(86_400),
            packet: Duration::from_secs(30),
            progress: Duration::from_secs(30),
            patience: Duration::from_secs(240),
            answer: Duration::from_secs(480),
            drain: Duration::from_secs(60),
        }
    }
}
