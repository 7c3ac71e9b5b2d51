//! The milter server: sockets, one thread for each connection, workers for transactions.
//!
//! ```text
//!  Listen ─accept─▶ connection thread (at most `connections`; small stack)
//!                     Inbox → Session → Role: MAIL, RCPT answered here
//!                     message ─▶ Workers (`transactions` of them) ─▶ Role::message ─▶ Host
//!                     ◀─ Progress every `progress` while it waits; then the reply
//! ```
//!
//! Postfix has the whole message before it tells a milter the first header of it, so a slow client
//! costs a connection at rest here and nothing else.
//!
//! # What holds
//! - Beyond [`Limits::connections`] nothing is accepted until somebody leaves; beyond
//!   [`Limits::octets_in_flight`] messages are refused with 452 4.3.1; transactions beyond
//!   [`Limits::transactions`] wait their turn.
//! - An error of one connection costs that connection.
//! - When told to stop, the server accepts nothing more, lets go of connections at rest, and
//!   finishes messages that have begun.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ceralacca_host::Stop;
use ceralacca_milter::Budget;
use metrics::gauge;

use crate::hosts::Hosts;
use connections::Connections;
use listen::Listener;
use workers::Workers;

pub use limits::Limits;
pub use listen::{BindError, Listen, ParseListenError};

mod connection;
mod connections;
mod limits;
mod listen;
mod stream;
mod workers;

/// A server whose sockets are bound.
pub struct Server {
    listeners: Vec<Listener>,
    shared: Arc<Shared>,
}

/// What all connections share.
pub(crate) struct Shared {
    hosts: Arc<dyn Hosts>,
    limits: Limits,
    budget: Budget,
    workers: Workers,
    connections: Arc<Connections>,
}

impl Server {
    /// Binds the sockets; nothing is accepted yet.
    ///
    /// # Errors
    /// A socket cannot be bound: the error says which, why, and what to do.
    pub fn bind(
        listen: &[Listen],
        hosts: Arc<dyn Hosts>,
        limits: Limits,
    ) -> Result<Self, BindError> {
        let listeners = listen
            .iter()
            .map(Listener::bind)
            .collect::<Result<_, _>>()?;
        let shared = Shared {
            hosts,
            limits,
            budget: Budget::new(limits.octets_in_flight),
            workers: Workers::new(),
            connections: Arc::new(Connections::new(limits.connections)),
        };
        Ok(Self {
            listeners,
            shared: Arc::new(shared),
        })
    }

    /// Where it listens, with the ports that the kernel chose.
    pub fn addresses(&self) -> impl Iterator<Item = &Listen> {
        self.listeners.iter().map(Listener::address)
    }

    /// Serves until `stop`, and then until the messages under way are dealt with, at most
    /// [`Limits::drain`] long. The sockets are gone when it returns.
    ///
    /// # Panics
    /// The system gives no threads at the start.
    pub fn run(self, stop: &Stop) {
        describe_metrics();
        let Self { listeners, shared } = self;
        std::thread::scope(|scope| {
            for _ in 0..shared.limits.transactions.max(1) {
                std::thread::Builder::new()
                    .name("ceralacca-transaction".to_owned())
                    .spawn_scoped(scope, || shared.workers.work())
                    .expect("a server without workers serves nobody");
            }
            for listener in &listeners {
                scope.spawn(|| listener.serve(&shared));
            }
            while !stop.wait(SAMPLE) {
                sample(&shared);
            }
            tracing::info!("milter: accepting nothing more");
            for listener in &listeners {
                listener.close();
            }
            let deadline = Instant::now() + shared.limits.drain;
            let cut = shared.connections.drain(deadline);
            if cut > 0 {
                tracing::warn!(cut, "milter: connections cut in the middle of a message");
            }
            shared.workers.end();
        });
        sample(&shared);
    }
}

fn sample(shared: &Shared) {
    gauge!("ceralacca_milter_octets_in_flight").set(shared.budget.used() as f64);
}

fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_gauge!(
        "ceralacca_milter_connections",
        "Connections of the mail server."
    );
    describe_gauge!(
        "ceralacca_milter_octets_in_flight",
        Unit::Bytes,
        "Octets of messages in memory between the mail server and the commit."
    );
    describe_gauge!(
        "ceralacca_milter_transactions_waiting",
        "Messages that wait for a worker."
    );
    describe_counter!(
        "ceralacca_milter_transactions_total",
        "Messages dealt with, by role and by reply: 2xx, 4xx, 5xx, or through (a bounce let through)."
    );
    describe_histogram!(
        "ceralacca_milter_transaction_seconds",
        Unit::Seconds,
        "From the end of a message to the reply, by role."
    );
    describe_counter!(
        "ceralacca_milter_failed_connections_total",
        "Connections ended by an error, by reason: malformed, timeout, broken."
    );
}

/// How often gauges are brought up to date that nobody changes step by step.
const SAMPLE: Duration = Duration::from_secs(1);
