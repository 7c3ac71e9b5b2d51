//! The connections there are: a bounded number, which can be asked to end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use metrics::gauge;

use super::stream::Stream;

pub(super) struct Connections {
    limit: usize,
    open: Mutex<Open>,
    changed: Condvar,
}

#[derive(Default)]
struct Open {
    next: u64,
    by_number: HashMap<u64, Arc<Link>>,
    draining: bool,
}

/// A connection, as its own thread and whoever ends it see it.
pub(super) struct Link {
    pub(super) stream: Stream,
    /// A message has begun that has not ended.
    busy: AtomicBool,
    draining: AtomicBool,
}

impl Link {
    /// Notes whether a message has begun. False: the connection should end now, between two
    /// messages.
    pub(super) fn go_on(&self, busy: bool) -> bool {
        self.busy.store(busy, Ordering::SeqCst);
        busy || !self.draining.load(Ordering::SeqCst)
    }
}

/// A place among the connections, given back when dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    pub(super) link: Arc<Link>,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            open: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Waits until there is room for one more. False: no more are taken.
    pub(super) fn wait_for_room(&self) -> bool {
        let full = |open: &mut Open| open.by_number.len() >= self.limit && !open.draining;
        let open = self.changed.wait_while(self.lock(), full);
        !open.unwrap_or_else(PoisonError::into_inner).draining
    }

    /// A place for a new connection; none: no more are taken.
    pub(super) fn enter(self: &Arc<Self>, stream: Stream) -> Option<Place> {
        let mut open = self.lock();
        if open.draining {
            return None;
        }
        let number = open.next;
        open.next += 1;
        let link = Arc::new(Link {
            stream,
            busy: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        });
        open.by_number.insert(number, Arc::clone(&link));
        self.report(&open);
        Some(Place {
            connections: Arc::clone(self),
            number,
            link,
        })
    }

    /// Ends connections at rest, waits for the others until the deadline, and cuts what is left.
    /// How many that were.
    pub(super) fn drain(&self, deadline: Instant) -> usize {
        let mut open = self.lock();
        open.draining = true;
        self.changed.notify_all();
        for link in open.by_number.values() {
            // In this order: a connection that becomes busy now sees the flag when it is done.
            link.draining.store(true, Ordering::SeqCst);
            if !link.busy.load(Ordering::SeqCst) {
                link.stream.stop_reading();
            }
        }
        while !open.by_number.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(open, left);
            open = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        for link in open.by_number.values() {
            link.stream.cut();
        }
        open.by_number.len()
    }

    fn report(&self, open: &Open) {
        gauge!("ceralacca_milter_connections").set(open.by_number.len() as f64);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.by_number.remove(&self.number);
        self.connections.report(&open);
        self.connections.changed.notify_all();
    }
}
