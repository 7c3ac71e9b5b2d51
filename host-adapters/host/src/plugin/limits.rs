//! What one conversation may use, and what sees to it.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What one conversation may use, and how many there may be.
///
/// In the worst case they use `memory × conversations` octets together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of linear memory. 1 GiB admits originals of some 300 MB, ten times what the law
    /// asks for (30 MB); memory is taken when touched, so the limit itself costs nothing.
    pub memory: usize,
    /// How long the plug-in may compute for one conversation; waiting for answers does not count.
    /// It is checked every 20 ms. 60 s: a hundred times what a 100 MB message takes.
    pub time: Duration,
    /// How many conversations may be under way at once; further ones wait for their turn. More
    /// than the machine has cores helps only where answers come from far away.
    pub conversations: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 1 << 30,
            time: Duration::from_secs(60),
            conversations: 8,
        }
    }
}

/// Counts the memory of one conversation and remembers what it was refused: the plug-in itself
/// can only trap when it gets no memory, and operators want to know why.
pub(super) struct Meter {
    limit: usize,
    refused: Option<usize>,
}

impl Meter {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            refused: None,
        }
    }

    /// The size that was asked for and refused.
    pub(super) fn refused(&self) -> Option<usize> {
        self.refused
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.limit {
            self.refused = Some(desired);
        }
        Ok(desired <= self.limit)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The pool has a bound of its own.
        Ok(true)
    }
}

/// Moves the engine's epoch every [`TICK`], until dropped: compiled code compares it with its
/// deadline at each loop and call.
pub(super) struct Ticker {
    /// Dropped first, which the thread notices at once.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(super) fn start(engine: wasmtime::Engine) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("ceralacca-epoch".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    engine.increment_epoch();
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The deadline, in ticks, that admits `time`. One more, because the current tick is partly
    /// over.
    pub(super) fn deadline(time: Duration) -> u64 {
        let ticks = time.as_nanos() / TICK.as_nanos();
        u64::try_from(ticks).unwrap_or(u64::MAX / 2) + 1
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked, and if it had, nobody here could do anything about it.
            let _ = thread.join();
        }
    }
}

/// The places in the pool. Taking one waits until there is one: the pool itself would refuse.
pub(super) struct Slots {
    free: Mutex<u32>,
    freed: Condvar,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self {
            free: Mutex::new(count),
            freed: Condvar::new(),
        }
    }

    /// Waits for a place and takes it. Whoever does must [`Self::give`] it back.
    pub(super) fn take(&self) {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .freed
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
    }

    /// Gives a place back, after the instance in it is gone.
    pub(super) fn give(&self) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.freed.notify_one();
    }
}

/// How exact the time limit is.
const TICK: Duration = Duration::from_millis(20);
