//! Which questions have no answer yet.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The questions that are being answered.
#[derive(Debug, Default)]
pub(super) struct Awaited(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Of the next question.
    number: u64,
    /// In the order in which they were put.
    questions: BTreeMap<u64, (&'static str, Instant)>,
}

impl Awaited {
    /// Finds the answer, and counts the question among those without one meanwhile.
    pub(super) fn during<T>(&self, question: &'static str, answer: impl FnOnce() -> T) -> T {
        let mut state = self.lock();
        let number = state.number;
        state.number += 1;
        state.questions.insert(number, (question, Instant::now()));
        drop(state);
        // Also when whoever is asked panics.
        let _answered = Answered(self, number);
        answer()
    }

    /// The one that was put first, and how long ago.
    pub(super) fn first(&self) -> Option<(&'static str, Duration)> {
        let state = self.lock();
        let (question, put) = state.questions.values().next()?;
        Some((question, put.elapsed()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dropped once there is an answer.
struct Answered<'a>(&'a Awaited, u64);

impl Drop for Answered<'_> {
    fn drop(&mut self) {
        self.0.lock().questions.remove(&self.1);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn first(awaited: &Awaited) -> Option<&'static str> {
        awaited.first().map(|(question, _)| question)
    }

    #[test]
    fn the_oldest_question_without_an_answer_is_named() {
        let awaited = Awaited::default();
        assert_eq!(first(&awaited), None);
        awaited.during("scan", || {
            awaited.during("sign", || assert_eq!(first(&awaited), Some("scan")));
            assert_eq!(first(&awaited), Some("scan"));
        });
        assert_eq!(first(&awaited), None);
    }

    #[test]
    fn who_panics_has_answered() {
        let awaited = Awaited::default();
        let asked = AssertUnwindSafe(|| awaited.during("sign", || panic!("it broke")));
        assert!(catch_unwind(asked).is_err());
        assert_eq!(first(&awaited), None);
    }
}
