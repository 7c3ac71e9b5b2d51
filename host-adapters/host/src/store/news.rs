//! Waking whoever waits for items of the outbox.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts what this process has added to the outbox. What other hosts add is not known here.
#[derive(Debug, Default)]
pub(super) struct News {
    count: Mutex<u64>,
    changed: Condvar,
}

impl News {
    /// There is something new to do.
    pub(super) fn announce(&self) {
        let mut count = self.lock();
        *count = count.wrapping_add(1);
        drop(count);
        self.changed.notify_all();
    }

    /// To be asked before looking for items, and given to [`Self::wait`] if there were none.
    pub(super) fn count(&self) -> u64 {
        *self.lock()
    }

    /// Waits until there is more than `known`, at most this long.
    pub(super) fn wait(&self, known: u64, at_most: Duration) {
        let same = |count: &mut u64| *count == known;
        drop(self.changed.wait_timeout_while(self.lock(), at_most, same));
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        // Nothing that can panic is done while it is held.
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
