//! What Dovecot has said of late.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::parts::{Clock, Unavailable};
use crate::pec;

/// How long, and how much, to remember of what Dovecot says. That it could not say is not
/// remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserdbCache {
    /// Seconds for a mailbox that there is. A minute: so long a mailbox that was closed gets mail,
    /// and a policy that its owner changed does not hold.
    pub found: u64,
    /// Seconds for one that there is not. Ten: whoever has a new mailbox tries it at once, and a
    /// wave of mail to one wrong address still costs one look-up.
    pub missing: u64,
    /// Addresses. Ten thousand, some two megabytes: senders choose the addresses.
    pub entries: usize,
}

impl Default for UserdbCache {
    fn default() -> Self {
        Self {
            found: 60,
            missing: 10,
            entries: 10_000,
        }
    }
}

pub(super) struct Cache {
    limits: UserdbCache,
    clock: Box<dyn Clock>,
    /// By address in lower case.
    known: Mutex<HashMap<String, Known>>,
}

struct Known {
    mailbox: Option<pec::Mailbox>,
    since: u64,
}

impl Cache {
    pub(super) fn new(limits: UserdbCache, clock: Box<dyn Clock>) -> Self {
        Self {
            limits,
            clock,
            known: Mutex::default(),
        }
    }

    /// What is known of an address, or what `ask` says, which is known from then on.
    ///
    /// # Errors
    /// Those of `ask`.
    pub(super) fn get_or(
        &self,
        address: &str,
        ask: impl FnOnce() -> Result<Option<pec::Mailbox>, Unavailable>,
    ) -> Result<Option<pec::Mailbox>, Unavailable> {
        let key = address.to_ascii_lowercase();
        let now = self.clock.now();
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key)
            && self.is_fresh(known, now)
        {
            return Ok(known.mailbox.clone());
        }
        // Others look other addresses up meanwhile.
        let mailbox = ask()?;
        let mut all = lock();
        if all.len() >= self.limits.entries {
            all.retain(|_, known| self.is_fresh(known, now));
        }
        // Full of what is fresh: what comes in now is not worth more than what is there.
        if all.len() < self.limits.entries {
            let known = Known {
                mailbox: mailbox.clone(),
                since: now,
            };
            all.insert(key, known);
        }
        Ok(mailbox)
    }

    fn is_fresh(&self, known: &Known, now: u64) -> bool {
        let limits = self.limits;
        let keep = match known.mailbox {
            Some(_) => limits.found,
            None => limits.missing,
        };
        // A clock that stepped back must not keep an old answer for long.
        known.since <= now && now - known.since < keep
    }
}
