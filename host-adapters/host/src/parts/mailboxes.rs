//! Whose mailboxes are ours.

use std::collections::HashMap;

use super::Unavailable;
use crate::pec;

/// The provider's user database.
pub trait Mailboxes: Send + Sync {
    /// The mailbox of an address, comparing without regard to case; none: there is no such
    /// mailbox. Aliases and catch-alls are not mailboxes: certified mail has one owner.
    ///
    /// # Errors
    /// The database cannot be reached now.
    fn mailbox(&self, address: &str) -> Result<Option<pec::Mailbox>, Unavailable>;
}

/// A table in memory: for small providers, tests and the harness.
#[derive(Clone, Debug, Default)]
pub struct MailboxTable {
    by_address: HashMap<String, pec::Mailbox>,
}

impl MailboxTable {
    /// A table of these mailboxes. Of two that differ in case only, the last one counts.
    pub fn new(mailboxes: impl IntoIterator<Item = pec::Mailbox>) -> Self {
        let by_address = mailboxes
            .into_iter()
            .map(|mailbox| (mailbox.address.to_ascii_lowercase(), mailbox))
            .collect();
        Self { by_address }
    }
}

impl Mailboxes for MailboxTable {
    fn mailbox(&self, address: &str) -> Result<Option<pec::Mailbox>, Unavailable> {
        Ok(self.by_address.get(&address.to_ascii_lowercase()).cloned())
    }
}
