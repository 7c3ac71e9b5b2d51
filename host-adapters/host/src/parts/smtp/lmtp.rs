//! Into a mailbox, through Dovecot's LMTP service.

use std::time::Instant;

use super::connection::Dialect;
use super::content::Survey;
use super::doveadm::MailboxLookup;
use super::letter::{Letter, Verdict, is_sayable, unsayable};
use super::pool::Pool;
use super::relay::unreadable;
use super::settings::SmtpSettings;
use crate::Body;
use crate::parts::Endpoint;
use crate::parts::{DepositItem, DepositOutcome, Depot, Unavailable};

/// Puts messages into mailboxes over LMTP (RFC 2033), as Dovecot speaks it.
///
/// The proof of a deposit is the 2yz reply after the message: Dovecot's `250 2.0.0 <…> Saved`
/// means that the mailbox has it, on disk where `mail_fsync` is `optimized` (the default) or
/// `always`. Dovecot adds Return-Path, Delivered-To and Received in front; the rest is octet for
/// octet what was given, where `mail_save_crlf=yes` or IMAP shows it.
///
/// A repetition after a crash may put a message there twice, unless it [looks
/// first](Self::looking_first): see the module on that.
pub struct LmtpDepot {
    pool: Pool,
    lookup: Option<Box<dyn MailboxLookup>>,
}

impl LmtpDepot {
    /// A depot that connects when it has something to deposit.
    #[must_use]
    pub fn new(endpoint: Endpoint, settings: SmtpSettings) -> Self {
        Self {
            pool: Pool::new(endpoint, Dialect::Lmtp, settings),
            lookup: None,
        }
    }

    /// The same, but what may have been deposited before is looked for in the mailbox first.
    #[must_use]
    pub fn looking_first(self, lookup: Box<dyn MailboxLookup>) -> Self {
        Self {
            lookup: Some(lookup),
            ..self
        }
    }

    /// Connects and says hello: does the service answer? Gives the greeting, for people.
    ///
    /// # Errors
    /// It does not, or it is on another machine; the text names what to mend.
    pub fn probe(&self) -> Result<String, Unavailable> {
        self.pool.probe()
    }

    /// One message from `reverse_path` (empty: the null path) into one mailbox, as
    /// [`Depot::deposit`] does it.
    #[must_use]
    pub fn deliver(&self, reverse_path: &str, recipient: &str, body: &Body) -> DepositOutcome {
        if !is_sayable(recipient) {
            return DepositOutcome::Failed(unsayable(recipient));
        }
        let survey = match Survey::of(body) {
            Ok(survey) => survey,
            Err(error) => return DepositOutcome::Later(unreadable(&error)),
        };
        let letter = match Letter::new(reverse_path, vec![recipient], body, survey) {
            Ok(letter) => letter,
            Err(failure) => return DepositOutcome::Failed(failure),
        };
        match self.pool.send(&letter).map(|mut verdicts| verdicts.pop()) {
            Ok(Some(Verdict::Taken(reply))) => {
                tracing::info!(recipient, reply, "deposited");
                DepositOutcome::Stored
            }
            Ok(Some(Verdict::Refused(failure))) => DepositOutcome::Failed(failure),
            Ok(Some(Verdict::Later(reason))) => DepositOutcome::Later(reason),
            Ok(None) => DepositOutcome::Later("it gave no verdict".to_owned()),
            Err(trouble) => DepositOutcome::Later(trouble.to_string()),
        }
    }
}

impl Depot for LmtpDepot {
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
        let span = tracing::info_span!("deposit", key = item.key, pec_id = item.pec_id);
        let _entered = span.enter();
        let begun = Instant::now();
        let outcome = match self.is_there(item) {
            Ok(true) => {
                tracing::info!(recipient = item.recipient, "deposited by an earlier try");
                DepositOutcome::Stored
            }
            Ok(false) => self.deliver(item.reverse_path, item.recipient, item.body),
            Err(error) => DepositOutcome::Later(error.to_string()),
        };
        let class = match outcome {
            DepositOutcome::Stored => "stored",
            DepositOutcome::Failed(_) => "failed",
            DepositOutcome::Later(_) => "later",
        };
        metrics::histogram!("ceralacca_deposit_seconds", "outcome" => class)
            .record(begun.elapsed().as_secs_f64());
        outcome
    }
}

impl LmtpDepot {
    /// Was it put there by a try that did not live to say so?
    fn is_there(&self, item: &DepositItem<'_>) -> Result<bool, Unavailable> {
        match &self.lookup {
            Some(lookup) if item.repeated && !item.message_id.is_empty() => {
                lookup.is_there(item.recipient, item.message_id, item.at)
            }
            _ => Ok(false),
        }
    }
}

impl std::fmt::Debug for LmtpDepot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LmtpDepot")
            .field("pool", &self.pool)
            .field("looks_first", &self.lookup.is_some())
            .finish()
    }
}
