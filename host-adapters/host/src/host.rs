//! A host: the plug-in and everything around it.

use std::path::PathBuf;
use std::sync::Mutex;

use crate::directory::DirectoryInForce;
use crate::engine::{Engine, Event};
use crate::parts::{
    Clock, Depot, Entropy, Mailboxes, Publisher, Relay, Revocation, Scanner, Signer,
};
use crate::store::{Cause, Original, Seen, Store};
use crate::{hex, pec};
use answers::Seeing;
use awaited::Awaited;
use transact::Begin;

pub(crate) use transact::converse;

pub use audit::{AuditFinding, AuditReport, audit};
pub use error::HostError;
pub use report::{
    Action, Committed, DirectorySummary, ItemState, ItemStatus, MessageStatus, MessageSummary,
    OutboxReport, Progress, RecipientStatus, TickReport,
};
pub use stop::Stop;

mod alive;
mod answers;
mod at_once;
mod audit;
mod awaited;
mod directory;
mod endings;
mod error;
mod fingerprint;
mod outbox;
mod record;
mod report;
mod stop;
mod tick;
mod transact;
mod workers;

/// What a [`Host`] is made of.
pub struct HostParts {
    /// The plug-in: a [`crate::Plugin`], of which clones may serve several hosts.
    pub engine: Box<dyn Engine>,
    /// Who the provider is and what it has decided.
    pub settings: pec::Settings,
    /// Where everything is remembered.
    pub store: Store,
    /// The provider's key.
    pub signer: Box<dyn Signer>,
    /// The virus scanner; none: nothing is scanned, which is said loudly at start.
    pub scanner: Option<Box<dyn Scanner>>,
    /// Whose mailboxes are ours.
    pub mailboxes: Box<dyn Mailboxes>,
    /// Revocation lists.
    pub revocation: Box<dyn Revocation>,
    /// Where deposits go.
    pub depot: Box<dyn Depot>,
    /// Where relays go.
    pub relay: Box<dyn Relay>,
    /// The time.
    pub clock: Box<dyn Clock>,
    /// What nobody can guess.
    pub entropy: Box<dyn Entropy>,
    /// Where files for others go: our own directory record.
    pub publisher: Box<dyn Publisher>,
    /// The provider directory, loaded at start and again when it changes.
    pub directory_file: Option<PathBuf>,
    /// What the provider may choose about the host itself.
    pub policy: Policy,
}

/// What a provider may choose about the host itself. All in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// The same message from the same account in the same envelope within this time is the
    /// client's retry, and acted upon once. 24 hours: clients give up long before; people who
    /// mean to send the same octets again wait longer.
    pub retry_window: u64,
    /// The pause after the first try in vain of something in the outbox; it doubles with each
    /// further one. A minute.
    pub retry_first: u64,
    /// The longest pause. An hour: a mail server that is back is used soon, one that stays away
    /// is not hammered.
    pub retry_most: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            retry_window: 24 * 3600,
            retry_first: 60,
            retry_most: 3600,
        }
    }
}

/// Runs transactions for one provider. Its methods may be called from several threads at once.
///
/// An adapter calls [`Self::submit`] and [`Self::arrive`] as mail comes in, [`Self::run_outbox`]
/// after each of them, and [`Self::tick`] every minute; or, to have several things in hand at
/// once, [`Self::run_outbox_workers`] in a thread of its own and [`Self::tick_beside_workers`].
pub struct Host {
    parts: HostParts,
    directory: DirectoryInForce,
    /// The directory file as it was when last loaded.
    directory_stamp: Mutex<Option<directory::Stamp>>,
    /// Held by whoever is publishing files.
    publishing: Mutex<()>,
    /// What is being asked.
    awaited: Awaited,
}

impl Host {
    /// Puts a host together: has the plug-in test the settings and loads the directory file.
    ///
    /// # Errors
    /// A setting is wrong ([`HostError::Plugin`] names it with its remedy), the directory file
    /// cannot be used, or the store or the plug-in does not work.
    pub fn new(parts: HostParts) -> Result<Self, HostError> {
        parts.engine.check_settings(&parts.settings)?;
        if parts.scanner.is_none() {
            tracing::warn!("NO VIRUS SCANNER: every message is taken for clean (RFC 6109 §3.1.3)");
        }
        let host = Self {
            parts,
            directory: DirectoryInForce::default(),
            directory_stamp: Mutex::new(None),
            publishing: Mutex::default(),
            awaited: Awaited::default(),
        };
        host.refresh_directory()?;
        host.load_first_directory()?;
        Ok(host)
    }

    /// Access point: a user hands in a message.
    ///
    /// The reply may be given at once: whatever it promises is durable. Whatever fails on our
    /// side (plug-in, store, signer) becomes reply 451 with nothing committed, and an error in
    /// the log; the client tries again.
    pub fn submit(&self, submission: pec::Submission) -> Committed {
        let incoming = Incoming {
            fingerprint: fingerprint::of_submission(&submission),
            account: submission.account.clone(),
            recipients: submission.recipients.len(),
        };
        self.take(incoming, Event::Submit(submission))
    }

    /// Incoming point: a message comes from another server, for recipients that are ours.
    ///
    /// As for [`Self::submit`], the reply may be given at once.
    pub fn arrive(&self, arrival: pec::Arrival) -> Committed {
        let incoming = Incoming {
            fingerprint: fingerprint::of_arrival(&arrival),
            account: None,
            recipients: arrival.recipients.len(),
        };
        self.take(incoming, Event::Arrive(arrival))
    }

    /// Judges a message, with no effect.
    ///
    /// # Errors
    /// The plug-in could not judge. That the message is bad is no error but a finding.
    pub fn examine(&self, examination: pec::Examination) -> Result<pec::Finding, HostError> {
        let original = self.parts.store.take_in(&examination.message)?;
        let digest = hex(&fingerprint::sha256(&examination.message));
        let entropy = self.parts.entropy.entropy(&format!("examine:{digest}"))?;
        let event = Event::Examine(examination);
        let mut seen = Seen::default();
        let seeing = Seeing::only(&mut seen);
        let outcome = self.converse(self.now(), &entropy, event, &original, seeing)?;
        match outcome.finding {
            Some(finding) => Ok(finding),
            None if outcome.reply.code < 500 => Err(crate::Unavailable(outcome.reply.text).into()),
            None => Err(HostError::Contract(
                "it examined and found nothing".to_owned(),
            )),
        }
    }

    /// What became of one message, or of all, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn status(&self, pec_id: Option<&str>) -> Result<Vec<MessageStatus>, HostError> {
        Ok(self.parts.store.status(pec_id)?)
    }

    /// Is this address one that we take mail for: a mailbox of ours, or one of the two addresses that
    /// the provider itself is reached at (RFC 6109 §2.2.5, §2.2.6)? Case is ignored.
    ///
    /// # Errors
    /// The user database cannot be reached now.
    pub fn is_ours(&self, address: &str) -> Result<bool, crate::Unavailable> {
        let settings = &self.parts.settings;
        let own = [&settings.service_address, &settings.service_mailbox];
        if own.iter().any(|own| own.eq_ignore_ascii_case(address)) {
            return Ok(true);
        }
        Ok(self.parts.mailboxes.mailbox(address)?.is_some())
    }

    /// The addresses that an account may use as reverse path ([`Mailboxes::addresses`]).
    ///
    /// # Errors
    /// The user database cannot be reached now.
    pub fn addresses(&self, account: &str) -> Result<Vec<String>, crate::Unavailable> {
        self.parts.mailboxes.addresses(account)
    }

    /// Takes in what somebody waits for the reply to.
    fn take(&self, incoming: Incoming, event: Event) -> Committed {
        let kind = event.kind();
        let fingerprint = incoming.fingerprint;
        self.try_take(incoming, event).unwrap_or_else(|error| {
            let fingerprint = hex(&fingerprint);
            tracing::error!(event = kind.name(), fingerprint, %error, "transaction failed");
            Committed::failed()
        })
    }

    fn try_take(&self, incoming: Incoming, event: Event) -> Result<Committed, HostError> {
        let Incoming {
            fingerprint,
            account,
            recipients,
        } = incoming;
        let now = self.now();
        let since = now.saturating_sub(self.parts.policy.retry_window);
        if let Some(reply) = self.parts.store.reply_to(&fingerprint, since)? {
            return Ok(Committed::repeated(reply));
        }
        let original = match &event {
            Event::Submit(submission) => self.parts.store.take_in(&submission.message)?,
            Event::Arrive(arrival) => self.parts.store.take_in(&arrival.message)?,
            _ => Original::none(),
        };
        let begin = Begin {
            purpose: &format!("{}:{}", event.kind().name(), hex(&fingerprint)),
            now,
            event,
            original,
            seen: Seen::default(),
        };
        self.transact(begin, |_| Cause::Incoming {
            fingerprint: &fingerprint,
            since,
            account: account.as_deref(),
            recipients,
        })
    }

    fn now(&self) -> u64 {
        self.parts.clock.now()
    }
}

/// What must be known of an event after the plug-in has taken it.
struct Incoming {
    fingerprint: [u8; 32],
    account: Option<String>,
    recipients: usize,
}

impl Committed {
    /// The reply of the first time.
    fn repeated(reply: pec::Reply) -> Self {
        Self {
            reply,
            messages: Vec::new(),
            finding: None,
            notices: Vec::new(),
            at_once: Vec::new(),
            repeated: true,
        }
    }

    /// Our fault, whatever it was: RFC 3463's "other or undefined mail system status".
    fn failed() -> Self {
        let reply = pec::Reply {
            code: 451,
            status: "4.3.0".to_owned(),
            text: "temporary failure here; please try again later".to_owned(),
        };
        Self {
            repeated: false,
            ..Self::repeated(reply)
        }
    }
}

impl MessageSummary {
    fn of(message: &pec::Message) -> Self {
        Self {
            kind: message.kind.clone(),
            pec_id: message.pec_id.clone(),
            message_id: message.message_id.clone(),
        }
    }
}
