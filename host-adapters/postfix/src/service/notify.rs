//! What systemd wants to hear (sd_notify(3)); elsewhere nobody listens.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// The service manager, if there is one.
pub(super) struct Manager {
    /// How often it wants a sign of life.
    pulse: Option<Duration>,
    last: Instant,
}

impl Manager {
    pub(super) fn new() -> Self {
        Self {
            // At half of the time limit, as sd_watchdog_enabled(3) recommends.
            pulse: sd_notify::watchdog_enabled().map(|limit| limit / 2),
            last: Instant::now(),
        }
    }

    pub(super) fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    pub(super) fn reloading(&self) {
        tell(&[NotifyState::Reloading]);
    }

    pub(super) fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// A line for `systemctl status`.
    pub(super) fn status(&self, text: &str) {
        tell(&[NotifyState::Status(text)]);
    }

    /// Gives a sign of life when it is time.
    pub(super) fn pulse(&mut self) {
        if self.pulse.is_some_and(|pulse| self.last.elapsed() >= pulse) {
            tell(&[NotifyState::Watchdog]);
            self.last = Instant::now();
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager cannot be told how we are");
    }
}
