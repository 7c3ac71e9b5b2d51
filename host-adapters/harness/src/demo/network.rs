//! Two providers and the network between them.
//!
//! Each provider is a whole host with its own folder. The network carries what one of them relays
//! to the other's incoming point, and what is for ordinary addresses to nobody's but the reader's
//! eyes. Time is simulated: it moves on a little whenever something has happened.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ceralacca_host::{
    Clock as _, Committed, DepositItem, DepositOutcome, Depot, FixedClock, Host, Relay, RelayItem,
    RelayOutcome, pec,
};

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
}

/// The tape on which everything is recorded, and the clock that everybody reads.
pub struct Wire {
    clock: Arc<FixedClock>,
    /// Who manages which domain: the network's name service.
    domains: Vec<&'static str>,
    tape: Mutex<Tape>,
}

#[derive(Default)]
struct Tape {
    happenings: Vec<Happening>,
    /// Sent and not yet arrived.
    under_way: VecDeque<UnderWay>,
}

/// A message between two providers.
struct UnderWay {
    to: usize,
    arrival: pec::Arrival,
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

impl Wire {
    /// A wire between the providers of these domains.
    pub fn new(clock: Arc<FixedClock>, domains: Vec<&'static str>) -> Wire {
        Wire {
            clock,
            domains,
            tape: Mutex::default(),
        }
    }

    /// The clock.
    pub fn clock(&self) -> Arc<FixedClock> {
        Arc::clone(&self.clock)
    }

    /// Carries everything out that the hosts have committed, and everything that comes of it, until
    /// nothing is left. `happened` is told of each thing once, in the order of time.
    ///
    /// Fails with a sentence if a host answers otherwise than a story can use.
    pub fn settle(
        &self,
        hosts: &[Host],
        happened: &mut dyn FnMut(Happening) -> Result<(), Error>,
    ) -> Result<(), Stopped> {
        loop {
            for (provider, host) in hosts.iter().enumerate() {
                host.run_outbox(&mut |_| {})
                    .map_err(|error| Stopped::Host {
                        provider,
                        reason: error.to_string(),
                    })?;
            }
            let happenings = std::mem::take(&mut self.tape().happenings);
            for happening in happenings {
                happened(happening).map_err(Stopped::Telling)?;
            }
            let Some(next) = self.tape().under_way.pop_front() else {
                return Ok(());
            };
            self.clock.advance(HOP);
            let Some(host) = hosts.get(next.to) else {
                continue;
            };
            let committed: Committed = host.arrive(next.arrival);
            if committed.reply.code != 250 {
                let reason = reply_line(&committed.reply);
                return Err(Stopped::Host {
                    provider: next.to,
                    reason,
                });
            }
        }
    }

    /// Where the recipients of one message are: one transaction for all at one provider, as SMTP
    /// does it, and one for each ordinary address.
    fn routes(&self, recipients: &[String]) -> Vec<Deed> {
        let mut routes = Vec::new();
        for to in 0..self.domains.len() {
            let here = |address: &&String| self.provider_of(address) == Some(to);
            let recipients: Vec<String> = recipients.iter().filter(here).cloned().collect();
            if !recipients.is_empty() {
                routes.push(Deed::Sent { to, recipients });
            }
        }
        let ordinary = recipients
            .iter()
            .filter(|address| self.provider_of(address).is_none());
        routes.extend(ordinary.map(|to| Deed::SentOut {
            recipient: to.clone(),
        }));
        routes
    }

    fn provider_of(&self, address: &str) -> Option<usize> {
        let (_, domain) = address.rsplit_once('@')?;
        self.domains
            .iter()
            .position(|ours| ours.eq_ignore_ascii_case(domain))
    }

    fn tape(&self) -> std::sync::MutexGuard<'_, Tape> {
        // A poisoned tape has lost a line of the story at most.
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

impl<T: Relay> Relay for Tap<T> {
    fn relay(&self, item: &RelayItem<'_>) -> RelayOutcome {
        let octets = match item.body.read_whole() {
            Ok(octets) => octets,
            Err(error) => return RelayOutcome::Later(error.to_string()),
        };
        let outcome = self.inner.relay(item);
        if outcome != RelayOutcome::Handed {
            return outcome;
        }
        let mut tape = self.wire.tape();
        for deed in self.wire.routes(item.recipients) {
            if let Deed::Sent { to, recipients } = &deed {
                let arrival = pec::Arrival {
                    reverse_path: item.reverse_path.to_owned(),
                    recipients: recipients.clone(),
                    source: pec::ArrivalSource::Encrypted,
                    message: octets.clone(),
                };
                tape.under_way.push_back(UnderWay { to: *to, arrival });
            }
            tape.happenings.push(Happening {
                at: self.wire.clock.now(),
                provider: self.provider,
                deed,
                kind: item.kind.clone(),
                octets: octets.clone(),
            });
        }
        self.wire.clock.advance(STEP);
        RelayOutcome::Handed
    }
}

impl<T: Depot> Depot for Tap<T> {
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
        let octets = match item.body.read_whole() {
            Ok(octets) => octets,
            Err(error) => return DepositOutcome::Later(error.to_string()),
        };
        let outcome = self.inner.deposit(item);
        if outcome == DepositOutcome::Stored {
            self.wire.tape().happenings.push(Happening {
                at: self.wire.clock.now(),
                provider: self.provider,
                deed: Deed::Deposited {
                    recipient: item.recipient.to_owned(),
                },
                kind: item.kind.clone(),
                octets,
            });
            self.wire.clock.advance(STEP);
        }
        outcome
    }
}

/// From one server to the next, seconds.
const HOP: u64 = 2;
/// For a step within a server, seconds.
const STEP: u64 = 1;
