//! How much waits, and whether the host is able to work: for those who watch it.

use super::{Action, Host, HostError};

/// What has been promised and not yet done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The outbox, one entry for each action.
    pub queues: Vec<Queue>,
    /// When the first item is due: seconds since 1970, in the past if nobody has taken it up; none:
    /// nothing waits.
    pub next_at: Option<u64>,
    /// Recipients whose deadline has come and has not been handled.
    pub timers_due: u64,
}

/// The items of the outbox that want the same done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// What is to be done.
    pub action: Action,
    /// How many there are.
    pub items: u64,
    /// When the oldest was made: seconds since 1970; 0 if there is none.
    pub oldest_at: u64,
}

impl Host {
    /// How much waits.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn backlog(&self) -> Result<Backlog, HostError> {
        Ok(self.parts.store.backlog(self.now())?)
    }

    /// Does what every transaction needs: has the plug-in test the settings, and the store write
    /// something durably.
    ///
    /// # Errors
    /// Whatever would make every transaction fail.
    pub fn check_alive(&self) -> Result<(), HostError> {
        self.parts.engine.check_settings(&self.parts.settings)?;
        Ok(self.parts.store.check_writable()?)
    }
}
