//! Is the host able to work? For those who watch it.

use std::time::Duration;

use super::{Host, HostError};

impl Host {
    /// Has the plug-in test the settings, as soon as it has a place for one more conversation.
    ///
    /// # Errors
    /// Whatever would make every transaction fail.
    pub fn check_plug_in(&self) -> Result<(), HostError> {
        Ok(self.parts.engine.check_settings(&self.parts.settings)?)
    }

    /// Has the store write something durably.
    ///
    /// # Errors
    /// Whatever would make every transaction fail.
    pub fn check_store(&self) -> Result<(), HostError> {
        Ok(self.parts.store.check_writable()?)
    }

    /// The question (as `wit/types.wit` calls it) that has been without an answer for the longest, and for
    /// how long; none: all have their answers. A part that hangs holds up transactions, in the end all.
    pub fn awaited(&self) -> Option<(&'static str, Duration)> {
        self.awaited.first()
    }
}
