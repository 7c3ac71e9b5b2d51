//! Is the host able to work? For those who watch it.

use super::{Host, HostError};

impl Host {
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
