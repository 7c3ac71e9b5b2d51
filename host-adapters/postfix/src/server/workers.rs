//! The threads that deal with messages: a fixed number, so that a flood of messages is a queue and
//! not a flood of transactions.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;

use crate::roles::Handled;

/// A queue of messages, and whoever works on it.
pub(super) struct Workers {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    ended: bool,
}

struct Job {
    /// After that the client is told to come again: it may have gone.
    begin_by: Instant,
    work: Box<dyn FnOnce() -> Handled + Send>,
    /// Takes the result even when nobody waits any more.
    done: SyncSender<Handled>,
}

impl Workers {
    pub(super) fn new() -> Self {
        Self {
            queue: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Has a message dealt with; the result comes through the receiver.
    pub(super) fn give(
        &self,
        patience: Duration,
        work: impl FnOnce() -> Handled + Send + 'static,
    ) -> Receiver<Handled> {
        let (done, result) = sync_channel(1);
        let mut queue = self.lock();
        queue.jobs.push_back(Job {
            begin_by: Instant::now() + patience,
            work: Box::new(work),
            done,
        });
        report(&queue);
        self.changed.notify_one();
        result
    }

    /// Works until [`Self::end`].
    pub(super) fn work(&self) {
        while let Some(job) = self.next() {
            let handled = if Instant::now() > job.begin_by {
                tracing::error!("a message has waited too long for a worker; told to come again");
                Handled::come_again("too busy")
            } else {
                // A panic costs its message, not the worker.
                catch_unwind(AssertUnwindSafe(job.work))
                    .unwrap_or_else(|_| Handled::come_again("temporary failure here"))
            };
            // Nobody there: the connection broke. What was done stays done.
            let _ = job.done.send(handled);
        }
    }

    /// Lets the workers go once the queue is empty.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                report(&queue);
                return Some(job);
            }
            if queue.ended {
                return None;
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report(queue: &Queue) {
    gauge!("ceralacca_milter_transactions_waiting").set(queue.jobs.len() as f64);
}
