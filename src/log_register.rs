//! The log that the law asks for (RFC 6109 §2.3): which rows there are, what they hold, and the
//! rules they keep among themselves ([`audit`]).

pub use audit::{Dossier, LogFinding, LogRow, LogRule, audit};

use crate::instant::Instant;
use crate::notification::Facts;
use crate::outcome::LogEntry;

mod audit;

/// The events that are logged, by RFC 6109's English names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogEvent {
    ServerUserAcceptance,
    TransportEnvelope,
    NonAcceptance,
    VirusNonAcceptance,
    EnvelopeReceived,
    ServerServerAcceptance,
    NotificationReceived,
    AnomalyEnvelope,
    Delivery,
    NonDelivery,
    VirusDetection,
    VirusNonDelivery,
    Timeout,
    RelayFailed,
    /// Ordinary mail, refused by some of its recipients.
    OrdinaryRefused,
}

impl LogEvent {
    /// Its name in rows of the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerUserAcceptance => "server-user-acceptance",
            Self::TransportEnvelope => "transport-envelope",
            Self::NonAcceptance => "non-acceptance",
            Self::VirusNonAcceptance => "virus-non-acceptance",
            Self::EnvelopeReceived => "envelope-received",
            Self::ServerServerAcceptance => "server-server-acceptance",
            Self::NotificationReceived => "notification-received",
            Self::AnomalyEnvelope => "anomaly-envelope",
            Self::Delivery => "delivery",
            Self::NonDelivery => "non-delivery",
            Self::VirusDetection => "virus-detection",
            Self::VirusNonDelivery => "virus-non-delivery",
            Self::Timeout => "timeout",
            Self::RelayFailed => "relay-failed",
            Self::OrdinaryRefused => "ordinary-refused",
        }
    }

    /// The event of a row; none for one that this version does not write.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    const ALL: [Self; 15] = [
        Self::ServerUserAcceptance,
        Self::TransportEnvelope,
        Self::NonAcceptance,
        Self::VirusNonAcceptance,
        Self::EnvelopeReceived,
        Self::ServerServerAcceptance,
        Self::NotificationReceived,
        Self::AnomalyEnvelope,
        Self::Delivery,
        Self::NonDelivery,
        Self::VirusDetection,
        Self::VirusNonDelivery,
        Self::Timeout,
        Self::RelayFailed,
        Self::OrdinaryRefused,
    ];
}

/// A row about all recipients of a transaction. `provider` is the sending provider.
pub(crate) fn entry(
    event: LogEvent,
    facts: &Facts,
    now: Instant,
    generated: Vec<String>,
    provider: &str,
    error: Option<String>,
) -> LogEntry {
    LogEntry {
        event: event.name(),
        pec_id: Some(facts.pec_id.clone()),
        message_id: facts.message_id.clone(),
        at: now,
        sender: facts.sender.clone(),
        recipients: facts.recipients.iter().map(|r| r.address.clone()).collect(),
        subject: facts.subject.clone().unwrap_or_default(),
        generated,
        provider: provider.to_owned(),
        error,
    }
}

/// Thirty months, counted generously in days of the longest thirty months there are
/// (RFC 6109 §2.2.4, §2.3).
pub(crate) fn kept_until(now: Instant) -> Instant {
    now.plus(916 * 86_400)
}
