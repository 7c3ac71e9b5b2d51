//! Two providers and the network between them.
//!
//! Each provider is a whole host with its own folder. The network carries what one of them relays
//! to the other's incoming point, and what is for ordinary addresses to nobody's but the reader's
//! eyes. Time is simulated: it moves on a little whenever something has happened, and far where a
//! story says so.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use ceralacca_host::{
    Clock as _, DepositItem, DepositOutcome, Depot, FixedClock, Host, HostError, Refusal, Relay,
    RelayItem, RelayOutcome, pec,
};

use super::cast::{PROVIDERS, provider_of};
use super::trouble::Trouble;
use crate::error::Error;
use crate::narrate::reply_line;

/// Something that a host has done, as the network and the mailboxes saw it.
#[derive(Clone, Debug)]
pub struct Happening {
    /// When: seconds since 1970.
    pub at: u64,
    /// Which provider did it.
    pub provider: usize,
    /// What it did.
    pub deed: Deed,
    /// What the message is.
    pub kind: pec::MessageKind,
    /// The message.
    pub octets: Vec<u8>,
}

/// What a host does with a message.
#[derive(Clone, Debug)]
pub enum Deed {
    /// It sent the message to another provider.
    Sent {
        /// Which one.
        to: usize,
        /// The recipients there.
        recipients: Vec<String>,
        /// What became of it there.
        ending: Ending,
    },
    /// It tried to, and the other provider cannot be reached; it will try again.
    Unreachable {
        /// Which one.
        to: usize,
    },
    /// It sent the message to an ordinary address.
    SentOut {
        /// The address.
        recipient: String,
    },
    /// It put the message into a mailbox.
    Deposited {
        /// The mailbox.
        recipient: String,
    },
    /// It tried to, and the mailbox did not take it.
    NotDeposited {
        /// The mailbox.
        recipient: String,
        /// Why, in a few words.
        reason: String,
        /// It will try again.
        again: bool,
    },
}

/// How a transport between two providers ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The other provider took it.
    Taken,
    /// It had taken it before, and took it again.
    TakenAgain,
    /// Something else arrived.
    Changed {
        /// What did.
        arrived: Vec<u8>,
        /// The reply of a provider that did not take it.
        refused: Option<String>,
    },
    /// It was refused with this reply.
    Refused(String),
}

/// The tape on which everything is recorded, and the clock that everybody reads.
pub struct Wire {
    clock: Arc<FixedClock>,
    hosts: OnceLock<Vec<Weak<Host>>>,
    tape: Mutex<Vec<Happening>>,
    trouble: Mutex<Trouble>,
}

/// A host's end of the wire: records what passes through `inner`.
pub struct Tap<T> {
    /// What really carries it out.
    pub inner: T,
    /// Which provider this is.
    pub provider: usize,
    /// Where it is recorded.
    pub wire: Arc<Wire>,
}

/// Is told of each thing that happens once, in the order of time.
pub type Happened<'a> = &'a mut dyn FnMut(Happening) -> Result<(), Error>;

impl Wire {
    /// A wire that nobody is connected to yet.
    pub fn new(clock: Arc<FixedClock>) -> Wire {
        Wire {
            clock,
            hosts: OnceLock::new(),
            tape: Mutex::default(),
            trouble: Mutex::default(),
        }
    }

    /// Connects the providers' hosts, in the order of the cast. To be called once. The wire does
    /// not keep them: who opened them, closes them.
    pub fn connect(&self, hosts: &[Arc<Host>]) {
        let _ = self.hosts.set(hosts.iter().map(Arc::downgrade).collect());
    }

    /// The clock.
    pub fn clock(&self) -> Arc<FixedClock> {
        Arc::clone(&self.clock)
    }

    /// What is out of order.
    pub fn trouble(&self) -> Trouble {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something out of order, or in order again.
    pub fn set_trouble(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Carries everything out that the hosts have committed, and everything that comes of it, until
    /// nothing more can be done now. Returns when something that waits will be tried again.
    pub fn settle(
        &self,
        hosts: &[Arc<Host>],
        happened: Happened<'_>,
    ) -> Result<Option<u64>, Stopped> {
        loop {
            let (mut moved, mut next) = (0, None);
            for (provider, host) in hosts.iter().enumerate() {
                let report = host
                    .run_outbox(&mut |_| {})
                    .map_err(|error| Stopped::host(provider, &error))?;
                moved += report.done + report.failed;
                next = earlier(next, report.next_at);
            }
            let happenings = std::mem::take(&mut *self.tape());
            for happening in happenings {
                happened(happening).map_err(Stopped::Telling)?;
            }
            if moved == 0 {
                return Ok(next);
            }
        }
    }

    /// Lets time pass. The clock goes from one thing that is due to the next, as a minute's tick
    /// would find them, so that a day takes no longer than what happens in it.
    pub fn wait(
        &self,
        seconds: u64,
        hosts: &[Arc<Host>],
        happened: Happened<'_>,
    ) -> Result<(), Stopped> {
        let end = self.clock.now() + seconds;
        let mut next = self.settle(hosts, happened)?;
        loop {
            for (provider, host) in hosts.iter().enumerate() {
                let deadline = deadline(host).map_err(|error| Stopped::host(provider, &error))?;
                next = earlier(next, deadline);
            }
            let Some(due) = next.filter(|&due| due <= end) else {
                self.clock.set(self.clock.now().max(end));
                return Ok(());
            };
            // Never twice at the same time: what is still due then would be so for ever.
            self.clock.set(due.max(self.clock.now() + 1));
            for (provider, host) in hosts.iter().enumerate() {
                host.tick(&mut |_| {})
                    .map_err(|error| Stopped::host(provider, &error))?;
            }
            next = self.settle(hosts, happened)?;
        }
    }

    /// One message from one server to another, as SMTP has it: the reply comes back at once.
    fn carry(
        &self,
        from: &RelayItem<'_>,
        to: usize,
        recipients: &[String],
        octets: &[u8],
    ) -> pec::Reply {
        self.clock.advance(HOP);
        let host = self.hosts.get().and_then(|hosts| hosts.get(to)?.upgrade());
        match host {
            Some(host) => {
                let arrival = arrival(from.reverse_path, recipients, octets);
                host.arrive(arrival).reply
            }
            // Not connected yet, or closed already: as when nobody listens on port 25.
            None => pec::Reply {
                code: 421,
                status: "4.4.1".to_owned(),
                text: "nobody is there".to_owned(),
            },
        }
    }

    fn record(&self, happening: Happening) {
        self.tape().push(happening);
    }

    fn tape(&self) -> std::sync::MutexGuard<'_, Vec<Happening>> {
        // A poisoned tape has lost a line of the story at most.
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An ordinary or certified message at an incoming point, over an encrypted session.
pub fn arrival(reverse_path: &str, recipients: &[String], octets: &[u8]) -> pec::Arrival {
    pec::Arrival {
        reverse_path: reverse_path.to_owned(),
        recipients: recipients.to_vec(),
        source: pec::ArrivalSource::Encrypted,
        message: octets.to_vec(),
    }
}

/// When a timer of this provider is due first.
fn deadline(host: &Host) -> Result<Option<u64>, HostError> {
    let statuses = host.status(None)?;
    let recipients = statuses.iter().flat_map(|status| &status.recipients);
    Ok(recipients
        .filter_map(|status| status.recipient.deadline)
        .min())
}

fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    [one, other].into_iter().flatten().min()
}

/// Why the network stands still.
#[derive(Debug)]
pub enum Stopped {
    /// A host did not do its part.
    Host {
        /// Which provider's.
        provider: usize,
        /// What it said.
        reason: String,
    },
    /// The story could not be told on.
    Telling(Error),
}

impl Stopped {
    fn host(provider: usize, error: &HostError) -> Stopped {
        Stopped::Host {
            provider,
            reason: error.to_string(),
        }
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Error {
        match stopped {
            Stopped::Telling(error) => error,
            Stopped::Host { provider, reason } => {
                let who = PROVIDERS
                    .get(provider)
                    .map_or("a provider", |cast| cast.short);
                Error::argument("demo", format!("{who} stopped: {reason}"), REPORT)
            }
        }
    }
}

impl<T: Relay> Relay for Tap<T> {
    fn relay(&self, item: &RelayItem<'_>) -> RelayOutcome {
        let octets = match item.body.read_whole() {
            Ok(octets) => octets,
            Err(error) => return RelayOutcome::Later(error.to_string()),
        };
        let at_providers = self.at_providers(item.recipients);
        if self.wire.trouble() == Trouble::NetworkDown
            && let Some((to, _)) = at_providers.first()
        {
            self.record(
                item.kind,
                &octets,
                self.wire.clock.now(),
                Deed::Unreachable { to: *to },
            );
            return RelayOutcome::Later(format!("{} cannot be reached", PROVIDERS[*to].short));
        }
        let outcome = self.inner.relay(item);
        if outcome != RelayOutcome::Handed {
            return outcome;
        }
        let mut refusals = Vec::new();
        for (to, recipients) in at_providers {
            refusals.extend(self.send(item, to, &recipients, &octets));
        }
        for recipient in item.recipients.iter().filter(|r| provider_of(r).is_none()) {
            let recipient = recipient.clone();
            self.record(
                item.kind,
                &octets,
                self.wire.clock.now(),
                Deed::SentOut { recipient },
            );
        }
        self.wire.clock.advance(STEP);
        if refusals.is_empty() {
            RelayOutcome::Handed
        } else {
            RelayOutcome::Failed(refusals)
        }
    }
}

impl<T> Tap<T> {
    /// The recipients at each provider: one transaction for all at one, as SMTP does it.
    fn at_providers(&self, recipients: &[String]) -> Vec<(usize, Vec<String>)> {
        let here = |to| {
            let here = recipients.iter().filter(|r| provider_of(r) == Some(to));
            (to, here.cloned().collect::<Vec<_>>())
        };
        (0..PROVIDERS.len())
            .map(here)
            .filter(|(_, recipients)| !recipients.is_empty())
            .collect()
    }

    /// Sends to one provider; returns its refusals.
    fn send(
        &self,
        item: &RelayItem<'_>,
        to: usize,
        recipients: &[String],
        octets: &[u8],
    ) -> Vec<Refusal> {
        let is_envelope = *item.kind == pec::MessageKind::TransportEnvelope;
        let trouble = if is_envelope {
            self.wire.trouble()
        } else {
            Trouble::None
        };
        let at = self.wire.clock.now();
        let arriving = match trouble {
            Trouble::EnvelopeChanged(change) => change.applied(octets),
            _ => octets.to_vec(),
        };
        let reply = self.wire.carry(item, to, recipients, &arriving);
        let refused = (reply.code != 250).then(|| reply_line(&reply));
        let ending = match (refused.clone(), trouble) {
            (refused, Trouble::EnvelopeChanged(_)) => Ending::Changed {
                arrived: arriving,
                refused,
            },
            (Some(reply), _) => Ending::Refused(reply),
            (None, _) => Ending::Taken,
        };
        let deed = |ending| Deed::Sent {
            to,
            recipients: recipients.to_vec(),
            ending,
        };
        self.record(item.kind, octets, at, deed(ending));
        if trouble == Trouble::EnvelopeTwice {
            self.wire.clock.advance(STEP);
            let at = self.wire.clock.now();
            // Another server on the way leaves its trace, which is outside of what is signed.
            let traced = [TRACE, octets].concat();
            let reply = self.wire.carry(item, to, recipients, &traced);
            let ending = match reply.code {
                250 => Ending::TakenAgain,
                _ => Ending::Refused(reply_line(&reply)),
            };
            self.record(item.kind, octets, at, deed(ending));
        }
        if refused.is_none() {
            return Vec::new();
        }
        let refusal = |recipient: &String| Refusal {
            recipient: recipient.clone(),
            failure: pec::Failure {
                status: reply.status.clone(),
                code: reply.code,
                text: reply.text.clone(),
                no_such_domain: false,
            },
        };
        recipients.iter().map(refusal).collect()
    }

    fn record(&self, kind: &pec::MessageKind, octets: &[u8], at: u64, deed: Deed) {
        self.wire.record(Happening {
            at,
            provider: self.provider,
            deed,
            kind: kind.clone(),
            octets: octets.to_vec(),
        });
    }
}

impl<T: Depot> Depot for Tap<T> {
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
        let octets = match item.body.read_whole() {
            Ok(octets) => octets,
            Err(error) => return DepositOutcome::Later(error.to_string()),
        };
        let outcome = match self.wire.trouble() {
            Trouble::MailboxFull(mailbox) if mailbox == item.recipient => {
                DepositOutcome::Failed(pec::Failure {
                    status: "5.2.2".to_owned(),
                    code: 552,
                    text: "the mailbox is full".to_owned(),
                    no_such_domain: false,
                })
            }
            Trouble::MailboxDown(mailbox) if mailbox == item.recipient => {
                DepositOutcome::Later("the mailbox store does not answer".to_owned())
            }
            _ => self.inner.deposit(item),
        };
        let recipient = item.recipient.to_owned();
        let deed = match &outcome {
            DepositOutcome::Stored => Deed::Deposited { recipient },
            DepositOutcome::Failed(failure) => Deed::NotDeposited {
                recipient,
                reason: failure.text.clone(),
                again: false,
            },
            DepositOutcome::Later(reason) => Deed::NotDeposited {
                recipient,
                reason: reason.clone(),
                again: true,
            },
        };
        self.record(item.kind, &octets, self.wire.clock.now(), deed);
        self.wire.clock.advance(STEP);
        outcome
    }
}

/// What people can do about a demonstration that does not go as it says.
pub const REPORT: &str = "please report this as a bug";

/// From one server to the next, seconds.
const HOP: u64 = 2;
/// For a step within a server, seconds.
const STEP: u64 = 1;
/// What a server on the way writes on top (RFC 5321 §4.4).
const TRACE: &[u8] = b"Received: from mx1.pec.alfa.example by relay.example with ESMTPS\r\n";
