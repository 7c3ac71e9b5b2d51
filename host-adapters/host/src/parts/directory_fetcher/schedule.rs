//! When to fetch.

use super::state::State;
use crate::parts::{Clock, Entropy};

/// When to fetch. All in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchTimes {
    /// From one fetch to the next, at the most. A day (RFC 6109 §4.5).
    pub every: u64,
    /// By how much less it may be, by chance. Two hours: not all providers should come at once,
    /// nor one always at the hour of a nightly backup.
    pub spread: u64,
    /// The pause after the first failure; it doubles with each further one. Ten minutes.
    pub retry_first: u64,
    /// The longest pause. Four hours: a directory two days old is one of many, and a server that is
    /// back is seen the same day.
    pub retry_most: u64,
}

impl Default for FetchTimes {
    fn default() -> Self {
        Self {
            every: 24 * 3600,
            spread: 2 * 3600,
            retry_first: 600,
            retry_most: 4 * 3600,
        }
    }
}

pub(super) struct Schedule {
    times: FetchTimes,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
}

impl Schedule {
    pub(super) fn new(times: FetchTimes, clock: Box<dyn Clock>, entropy: Box<dyn Entropy>) -> Self {
        Self {
            times,
            clock,
            entropy,
        }
    }

    pub(super) fn is_due(&self, state: &State) -> bool {
        let now = self.clock.now();
        // A clock that stepped back must not put it off for longer than ever it would be.
        now >= state.due || state.due - now > self.times.every
    }

    pub(super) fn succeeded(&self, state: &mut State) {
        let now = self.clock.now();
        state.failures = 0;
        state.due = now + self.less(now, self.times.every, self.times.spread);
    }

    pub(super) fn failed(&self, state: &mut State) {
        let now = self.clock.now();
        let FetchTimes {
            retry_first,
            retry_most,
            ..
        } = self.times;
        let doubled = 1_u64.checked_shl(state.failures).unwrap_or(u64::MAX);
        let pause = retry_first.saturating_mul(doubled).min(retry_most);
        state.failures = state.failures.saturating_add(1);
        state.due = now + self.less(now, pause, pause / 4);
    }

    /// `seconds`, or by chance less, by up to `spread`.
    fn less(&self, now: u64, seconds: u64, spread: u64) -> u64 {
        let chance = self.entropy.entropy(&format!("directory-fetch:{now}"));
        // Without chance it is the full time, which is right, too.
        let [a, b, c, d, ..] = chance.unwrap_or_default();
        let chance = u64::from(u32::from_be_bytes([a, b, c, d]));
        seconds.saturating_sub(chance % spread.saturating_add(1))
    }
}
