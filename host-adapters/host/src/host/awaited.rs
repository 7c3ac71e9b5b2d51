//! Which questions have no answer yet.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The questions that parts are being asked, in the order in which they were put.
#[derive(Debug, Default)]
pub(super) struct Awaited(Mutex<BTreeMap<(Instant, u64), &'static str>>);

impl Awaited {
    /// Finds the answer, and counts the question among those without one meanwhile.
    pub(super) fn during<T>(&self, question: &'static str, answer: impl FnOnce() -> T) -> T {
        let now = Instant::now();
        let key = {
            let mut awaited = self.lock();
            // Two may be put at the same instant.
            let same = awaited.range((now, 0)..=(now, u64::MAX)).next_back();
            let key = (now, same.map_or(0, |((_, number), _)| number + 1));
            awaited.insert(key, question);
            key
        };
        // Also when the part panics.
        let _answered = Answered(self, key);
        answer()
    }

    /// The one that was put first, and since when it has been waiting.
    pub(super) fn longest(&self) -> Option<(&'static str, Duration)> {
        let awaited = self.lock();
        let ((since, _), question) = awaited.first_key_value()?;
        Some((question, since.elapsed()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Instant, u64), &'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dropped once there is an answer.
struct Answered<'a>(&'a Awaited, (Instant, u64));

impl Drop for Answered<'_> {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}
