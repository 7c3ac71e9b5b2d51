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

    /// The addresses that an account may use as reverse path, as
    /// [`addresses`](pec::Submission::addresses) wants them: its own, and nobody else's. An account is
    /// called by the name its owner logs in with; unless there is more to say, that is its address. Each must be a mailbox: receipts go there.
    ///
    /// # Errors
    /// The database cannot be reached now.
    fn addresses(&self, account: &str) -> Result<Vec<String>, Unavailable> {
        Ok(vec![account.to_owned()])
    }
}

/// A table in memory: for small providers, tests and the harness.
#[derive(Clone, Debug, Default)]
pub struct MailboxTable {
    by_address: HashMap<String, pec::Mailbox>,
    /// Beside its own.
    further: HashMap<String, Vec<String>>,
}

impl MailboxTable {
    /// A table of these mailboxes. Of two that differ in case only, the last one counts.
    pub fn new(mailboxes: impl IntoIterator<Item = pec::Mailbox>) -> Self {
        let by_address = mailboxes
            .into_iter()
            .map(|mailbox| (mailbox.address.to_ascii_lowercase(), mailbox))
            .collect();
        Self {
            by_address,
            further: HashMap::new(),
        }
    }

    /// Lets the owner of a mailbox write from further addresses.
    pub fn add_addresses<'a>(
        &mut self,
        mailbox: &str,
        addresses: impl IntoIterator<Item = &'a str>,
    ) {
        let further = self.further.entry(mailbox.to_ascii_lowercase());
        let addresses = addresses.into_iter().map(str::to_owned);
        further.or_default().extend(addresses);
    }
}

impl Mailboxes for MailboxTable {
    fn mailbox(&self, address: &str) -> Result<Option<pec::Mailbox>, Unavailable> {
        Ok(self.by_address.get(&address.to_ascii_lowercase()).cloned())
    }

    fn addresses(&self, account: &str) -> Result<Vec<String>, Unavailable> {
        let further = self.further.get(&account.to_ascii_lowercase());
        let further = further.into_iter().flatten().cloned();
        Ok([account.to_owned()].into_iter().chain(further).collect())
    }
}
