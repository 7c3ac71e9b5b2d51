//! Telling work that goes on for ever that it is to end.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A request to stop, given once and seen by everybody who holds a clone.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<State>);

#[derive(Debug, Default)]
struct State {
    requested: Mutex<bool>,
    told: Condvar,
}

impl Stop {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks; from now on everybody sees it. Again is harmless.
    pub fn request(&self) {
        *self.lock() = true;
        self.0.told.notify_all();
    }

    /// Has somebody asked?
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.lock()
    }

    /// Waits until somebody asks, at most this long. True: somebody has.
    pub fn wait(&self, at_most: Duration) -> bool {
        let waited = self
            .0
            .told
            .wait_timeout_while(self.lock(), at_most, |requested| !*requested);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, bool> {
        // Nothing that can panic is done while it is held.
        self.0
            .requested
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
