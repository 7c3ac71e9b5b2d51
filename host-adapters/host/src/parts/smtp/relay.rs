//! To the network, through our own mail server's injection port.

use std::time::Instant;

use super::connection::Dialect;
use super::content::Survey;
use super::letter::{Letter, Verdict, is_sayable, unsayable};
use super::pool::Pool;
use super::settings::SmtpSettings;
use crate::parts::Endpoint;
use crate::parts::{Refusal, Relay, RelayItem, RelayOutcome, Unavailable};
use crate::{Body, pec};

/// Hands messages to a mail server over SMTP: Postfix on a port that asks no milter, which queues
/// them and finds their way (POSTFIX.md).
///
/// May be used from many threads: each has a connection of its own for as long as it sends, up to
/// [`SmtpSettings::max_connections`]. What the replies mean, and when a message may go twice, is
/// said at the module.
#[derive(Debug)]
pub struct SmtpRelay {
    pool: Pool,
}

impl SmtpRelay {
    /// A relay that connects when it has something to send.
    #[must_use]
    pub fn new(endpoint: Endpoint, settings: SmtpSettings) -> Self {
        Self {
            pool: Pool::new(endpoint, Dialect::Smtp, settings),
        }
    }

    /// Connects and says hello: does the port answer? Gives the greeting, for people.
    ///
    /// # Errors
    /// It does not, or it is on another machine; the text names what to mend.
    pub fn probe(&self) -> Result<String, Unavailable> {
        self.pool.probe()
    }

    /// One message from `reverse_path` (empty: the null path) to `recipients`, as
    /// [`Relay::relay`] does it.
    #[must_use]
    pub fn send(&self, reverse_path: &str, recipients: &[String], body: &Body) -> RelayOutcome {
        let mut tally = Tally::default();
        let (named, unnamed): (Vec<&String>, Vec<&String>) =
            recipients.iter().partition(|r| is_sayable(r));
        for recipient in unnamed {
            tally.refuse(recipient, unsayable(recipient));
        }
        let to: Vec<&str> = named.iter().map(|r| r.as_str()).collect();
        let verdicts = if to.is_empty() {
            Vec::new()
        } else {
            self.verdicts(reverse_path, to, body)
        };
        for (recipient, verdict) in named.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Taken(reply) => tally.take(&reply),
                Verdict::Refused(failure) => tally.refuse(recipient, failure),
                Verdict::Later(reason) => tally.postpone(recipient, reason),
            }
        }
        tally.outcome(recipients.len())
    }

    fn verdicts(&self, reverse_path: &str, to: Vec<&str>, body: &Body) -> Vec<Verdict> {
        let count = to.len();
        let all = |verdict: Verdict| vec![verdict; count];
        let survey = match Survey::of(body) {
            Ok(survey) => survey,
            Err(error) => return all(Verdict::Later(unreadable(&error))),
        };
        match Letter::new(reverse_path, to, body, survey) {
            Err(failure) => all(Verdict::Refused(failure)),
            Ok(letter) => self
                .pool
                .send(&letter)
                .unwrap_or_else(|trouble| all(Verdict::Later(trouble.to_string()))),
        }
    }
}

impl Relay for SmtpRelay {
    fn relay(&self, item: &RelayItem<'_>) -> RelayOutcome {
        let span = tracing::info_span!("relay", key = item.key, pec_id = item.pec_id);
        let _entered = span.enter();
        let begun = Instant::now();
        let outcome = self.send(item.reverse_path, item.recipients, item.body);
        let class = match outcome {
            RelayOutcome::Handed => "handed",
            RelayOutcome::Failed(_) => "failed",
            RelayOutcome::Partly { .. } => "partly",
            RelayOutcome::Later(_) => "later",
        };
        metrics::histogram!("ceralacca_relay_seconds", "outcome" => class)
            .record(begun.elapsed().as_secs_f64());
        outcome
    }
}

/// The verdicts of one message, sorted.
#[derive(Default)]
struct Tally {
    refusals: Vec<Refusal>,
    later: Vec<String>,
    /// Why, each reason once.
    reasons: Vec<String>,
    taken: bool,
}

impl Tally {
    fn take(&mut self, reply: &str) {
        if !std::mem::replace(&mut self.taken, true) {
            // With the queue id, which leads on into the mail server's own log.
            tracing::info!(reply, "handed over");
        }
    }

    fn refuse(&mut self, recipient: &str, failure: pec::Failure) {
        self.refusals.push(Refusal {
            recipient: recipient.to_owned(),
            failure,
        });
    }

    fn postpone(&mut self, recipient: &str, reason: String) {
        self.later.push(recipient.to_owned());
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    fn outcome(self, recipients: usize) -> RelayOutcome {
        match (self.refusals.len(), self.later.len()) {
            (0, 0) => RelayOutcome::Handed,
            (_, 0) => RelayOutcome::Failed(self.refusals),
            (0, later) if later == recipients => RelayOutcome::Later(self.reasons.join("; ")),
            _ => RelayOutcome::Partly {
                refusals: self.refusals,
                later: self.later,
                reason: self.reasons.join("; "),
            },
        }
    }
}

pub(super) fn unreadable(error: &std::io::Error) -> String {
    format!("our copy of the message cannot be read: {error}")
}
