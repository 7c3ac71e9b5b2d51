//! How many octets of messages may be in memory at a time, over all sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Flaw;

/// A number of octets that all sessions of a process share. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    /// So many octets.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let used = AtomicUsize::new(0);
        Self(Arc::new(Shared { limit, used }))
    }

    /// How many are in use now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Would a message of this size fit now? Nothing is taken: a client that only announces 100 MB
    /// keeps nobody out.
    ///
    /// # Errors
    /// [`Flaw::NoRoom`].
    pub fn would_hold(&self, size: usize) -> Result<(), Flaw> {
        if self.used().saturating_add(size) > self.0.limit {
            return Err(self.exhausted());
        }
        Ok(())
    }

    /// A reservation of nothing, which grows with its message.
    #[must_use]
    pub fn reservation(&self) -> Reservation {
        Reservation {
            budget: self.clone(),
            octets: 0,
        }
    }

    fn exhausted(&self) -> Flaw {
        Flaw::NoRoom {
            limit: self.0.limit,
        }
    }
}

/// A part of a [`Budget`], given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    octets: usize,
}

impl Reservation {
    /// Makes it cover `octets`, if it does not.
    ///
    /// # Errors
    /// [`Flaw::NoRoom`]: others have the rest. The reservation is as it was.
    pub fn cover(&mut self, octets: usize) -> Result<(), Flaw> {
        if octets <= self.octets {
            return Ok(());
        }
        // In steps, so that not every line of a message is a write that all processors see.
        let more = (octets - self.octets).next_multiple_of(STEP);
        let shared = &self.budget.0;
        let fits = |used: usize| used.checked_add(more).filter(|sum| *sum <= shared.limit);
        let order = Ordering::Relaxed;
        match shared.used.fetch_update(order, order, fits) {
            Ok(_) => {
                self.octets += more;
                Ok(())
            }
            Err(_) => Err(self.budget.exhausted()),
        }
    }

    /// Gives everything back.
    pub fn release(&mut self) {
        self.budget.0.used.fetch_sub(self.octets, Ordering::Relaxed);
        self.octets = 0;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.release();
    }
}

/// One body packet.
const STEP: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_message_has_another_cannot_get_until_it_is_given_back() {
        let budget = Budget::new(10 * STEP);
        let mut first = budget.reservation();
        first.cover(7 * STEP).unwrap();
        first.cover(5 * STEP).unwrap();
        assert_eq!(budget.used(), 7 * STEP, "it covers that already");
        let mut second = budget.reservation();
        let no_room = Err(Flaw::NoRoom { limit: 10 * STEP });
        assert_eq!(second.cover(3 * STEP + 1), no_room);
        assert_eq!(budget.would_hold(3 * STEP + 1), no_room);
        second.cover(3 * STEP).unwrap();
        drop(first);
        second.cover(10 * STEP).unwrap();
        drop(second);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn many_threads_never_have_more_than_there_is() {
        let budget = Budget::new(8 * STEP);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 1..2_000 {
                        let mut reservation = budget.reservation();
                        let _ = reservation.cover(n % 5 * STEP);
                        assert!(budget.used() <= 8 * STEP);
                    }
                });
            }
        });
        assert_eq!(budget.used(), 0);
    }
}
