//! Carrying out the outbox for ever, several items at a time.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::{Host, HostError, Progress, Stop};
use crate::store::Item;

impl Host {
    /// Carries out the outbox until `stop` is requested, up to `workers` items at a time; returns
    /// when what is in flight is done. Any number of hosts may do so over one store: each item is
    /// claimed by one of them.
    ///
    /// What this process commits is taken up at once; what other hosts commit, and what time
    /// makes due, within a second. Nothing ends it but `stop`: a part that panics costs its item a
    /// try, and a store that does not work is asked again every second.
    pub fn run_outbox_workers(&self, workers: usize, stop: &Stop) {
        let workers = workers.max(1);
        let store = &self.parts.store;
        store.expect_workers(workers);
        self.renewing_claims(|| {
            thread::scope(|scope| {
                for _ in 0..workers {
                    scope.spawn(|| self.work(stop));
                }
                while !stop.wait(LONG) {}
                // Those that wait for items need not wait longer.
                store.announce();
            });
        });
        if let Err(error) = store.dismiss_workers() {
            tracing::warn!(%error, "claims will have to run out");
        }
    }

    /// One worker.
    fn work(&self, stop: &Stop) {
        let store = &self.parts.store;
        while !stop.is_requested() {
            match store.next_item(self.now()) {
                Ok(Some(item)) => self.carry_out_guarded(item, stop),
                Ok(None) => store.await_item(),
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    stop.wait(PAUSE);
                }
            }
        }
    }

    /// One item, whatever happens.
    fn carry_out_guarded(&self, mut item: Item, stop: &Stop) {
        let begun = Instant::now();
        let action = item.action;
        let pec_id = item.message.pec_id.clone();
        let pec_id = pec_id.as_deref();
        let carried_out = catch_unwind(AssertUnwindSafe(|| {
            self.carry_out(&mut item, &mut |progress| tell(progress))
        }));
        let result = carried_out.unwrap_or_else(|panic| {
            let error = format!("a part of the host panicked: {}", words_of(&*panic));
            tracing::error!(key = item.key, pec_id, error, "an outbox item did not work");
            self.postpone(&item, error, &mut |progress| tell(progress))
        });
        metrics::histogram!("ceralacca_outbox_item_seconds", "action" => action.name())
            .record(begun.elapsed());
        match result {
            Ok(_) => {}
            Err(error @ HostError::ClaimLost { .. }) => tracing::warn!(pec_id, %error),
            Err(error) => {
                tracing::error!(key = item.key, pec_id, %error,
                    "how an outbox item ended is not stored");
                self.give_back(&item, stop);
            }
        }
    }

    /// Gives an item back with what is known of it (how a deposit has ended, for one), as soon as
    /// the store works again.
    fn give_back(&self, item: &Item, stop: &Stop) {
        loop {
            let last = stop.wait(PAUSE);
            match self.parts.store.release(std::slice::from_ref(item)) {
                Ok(()) => return,
                Err(error) if last => {
                    tracing::warn!(key = item.key, %error, "a claim will have to run out");
                    return;
                }
                Err(error) => tracing::warn!(key = item.key, %error, "not given back yet"),
            }
        }
    }

    /// Does some work while the claims on what it has in hand are kept up.
    pub(super) fn renewing_claims<T>(&self, work: impl FnOnce() -> T) -> T {
        let store = &self.parts.store;
        let done = Stop::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.wait(store.renew_every()) {
                    if let Err(error) = store.renew_claims() {
                        tracing::error!(%error, "claims on outbox items cannot be renewed");
                    }
                }
            });
            // Also when the work panics: the scope waits for the thread.
            let _end = End(&done);
            work()
        })
    }
}

/// Requests a stop when dropped.
struct End<'a>(&'a Stop);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// What a panic said, where it said something.
fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no words")
}

/// A line in the log for each thing done.
fn tell(progress: &Progress) {
    match progress {
        Progress::Relayed {
            message,
            recipients,
            ..
        } => {
            let pec_id = message.pec_id.as_deref();
            tracing::info!(pec_id, ?recipients, "relayed");
        }
        Progress::Deposited { message, recipient } => {
            let pec_id = message.pec_id.as_deref();
            tracing::info!(pec_id, recipient, "deposited");
        }
        Progress::DepositFailed {
            message,
            recipient,
            failure,
        } => {
            let pec_id = message.pec_id.as_deref();
            tracing::warn!(pec_id, recipient, failure = failure.text, "deposit failed");
        }
        Progress::Postponed {
            message,
            recipients,
            reason,
            next_at,
        } => {
            let pec_id = message.pec_id.as_deref();
            tracing::warn!(pec_id, ?recipients, reason, next_at, "postponed");
        }
        // Refusals are told of where they are understood, transactions where they are committed.
        Progress::RelayFailed { .. } | Progress::Looped { .. } | Progress::Transaction { .. } => {}
    }
}

/// How soon a store that does not work is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Until somebody asks to stop.
const LONG: Duration = Duration::from_secs(3600);
