//! The host that is in force.

use std::sync::Arc;

use ceralacca_host::Host;

/// Gives the host that new transactions go to. A reload puts another in its place; transactions
/// under way end with the one they began with.
pub trait Hosts: Send + Sync {
    /// The host now.
    fn current(&self) -> Arc<Host>;
}

/// A host that is never replaced.
impl Hosts for Arc<Host> {
    fn current(&self) -> Arc<Host> {
        Self::clone(self)
    }
}
