//! The host that is in force.

use std::sync::Arc;

use ceralacca_host::{Host, Unavailable};

/// Gives the host that new transactions go to. A reload puts another in its place; transactions
/// under way end with the one they began with.
pub trait Hosts: Send + Sync {
    /// The host now.
    fn current(&self) -> Arc<Host>;

    /// The addresses that an account may use as reverse path, as
    /// `Submission::addresses` wants them: its own, and nobody else's. The account's name is what
    /// Postfix calls `{auth_authen}`.
    ///
    /// By itself an account is the address that its name is: Dovecot's users are called by their
    /// addresses.
    ///
    /// # Errors
    /// They cannot be had now.
    fn addresses(&self, account: &str) -> Result<Vec<String>, Unavailable> {
        Ok(vec![account.to_owned()])
    }
}

/// A host that is never replaced.
impl Hosts for Arc<Host> {
    fn current(&self) -> Arc<Host> {
        Self::clone(self)
    }
}
