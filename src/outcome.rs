//! What a transaction decides: data for the host to commit and carry out (ARCHITECTURE,
//! decision 3). The contract of each effect stands in `wit/types.wit`.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::address::EmailAddress;
use crate::directory::ProviderRecord;
use crate::finding::Finding;
use crate::ids::PecId;
use crate::instant::Instant;
use crate::plain;
use crate::question::{EnvelopeKey, RecipientState, TrackedMessage};

/// The end of a transaction.
#[derive(Debug, Serialize)]
#[must_use = "an outcome that is not committed loses a message"]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// What to tell whoever caused the event, once the effects are durable.
    pub reply: Reply,
    /// The messages that effects refer to.
    pub messages: Vec<Message>,
    /// In the order in which they should be carried out.
    pub effects: Vec<Effect>,
    /// What the event's message was found to be (arrivals and examinations).
    #[serde(serialize_with = "plain::judged::serialize")]
    pub finding: Option<Finding>,
}

impl Outcome {
    /// A reply without any effect.
    pub(crate) fn only(reply: Reply) -> Self {
        Self {
            reply,
            messages: Vec::new(),
            effects: Vec::new(),
            finding: None,
        }
    }

    /// Adds a message and says its index.
    pub(crate) fn add(&mut self, message: Message) -> usize {
        self.messages.push(message);
        self.messages.len() - 1
    }
}

/// An SMTP reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// 250, 4xx or 5xx.
    pub code: u16,
    /// Enhanced status (RFC 3463).
    pub status: String,
    /// One line, ASCII.
    pub text: String,
}

impl Reply {
    /// What a reply may not have (a line end would be a second reply) becomes a question mark.
    pub(crate) fn new(code: u16, status: &str, text: impl AsRef<str>) -> Self {
        let printable = |c| if matches!(c, ' '..='~') { c } else { '?' };
        Self {
            code,
            status: status.to_owned(),
            text: text
                .as_ref()
                .chars()
                .map(printable)
                .take(REPLY_TEXT)
                .collect(),
        }
    }
}

/// RFC 5321 §4.5.3.1.5: a reply line has at most 512 octets; code, status and line end take some.
const REPLY_TEXT: usize = 480;

/// The kinds of message, by RFC 6109's English names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(
    tag = "tag",
    content = "val",
    rename_all = "kebab-case",
    deny_unknown_fields
)]
pub enum MessageKind {
    /// Busta di trasporto (§3.1.5).
    TransportEnvelope,
    /// Busta di anomalia (§3.2.2).
    AnomalyEnvelope,
    /// Ricevuta di accettazione (§3.1.4).
    ServerUserAcceptance,
    /// Avviso di non accettazione (§3.1.2).
    NonAcceptance,
    /// Avviso di non accettazione per virus (§3.1.3).
    VirusNonAcceptance,
    /// Ricevuta di presa in carico (§3.2.1).
    ServerServerAcceptance,
    /// Ricevuta di avvenuta consegna (§3.3.2).
    Delivery,
    /// Avviso di mancata consegna (§3.3.3).
    NonDelivery,
    /// Avviso di mancata consegna per virus (§3.2.4).
    VirusNonDelivery,
    /// Avviso di mancata consegna per superamento tempo massimo (§3.1.6).
    Timeout,
    /// Avviso di rilevazione virus (§3.2.3).
    VirusDetection,
    /// No PEC message.
    Ordinary,
    /// Something newer.
    Other(String),
}

/// A message that the plug-in made or passes on: the concatenation of its segments.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// What it is.
    pub kind: MessageKind,
    /// The transaction it belongs to.
    pub pec_id: Option<PecId>,
    /// Its Message-ID, without brackets; empty when a passed-on message has none.
    pub message_id: String,
    /// Its octets.
    pub segments: Vec<Segment>,
}

impl Message {
    /// The octets, spliced: for tests and small messages. `original` is the event's message.
    pub fn splice(&self, original: &[u8]) -> Vec<u8> {
        let mut whole = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Bytes(bytes) => whole.extend_from_slice(bytes),
                Segment::Original(span) => whole.extend_from_slice(&original[span.clone()]),
            }
        }
        whole
    }
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "tag", content = "val", rename_all = "kebab-case")]
pub enum Segment {
    /// These octets.
    Bytes(#[serde(with = "plain::octets")] Vec<u8>),
    /// These octets of the event's message; always inside it.
    Original(#[serde(serialize_with = "plain::span::serialize")] Range<usize>),
}

/// Where a relayed message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// To other servers.
    Network,
    /// To our own incoming point (RFC 6109 §3.4).
    OwnIncomingPoint,
}

/// What the host must do.
#[derive(Debug, Serialize)]
#[serde(tag = "tag", content = "val")]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Effect {
    /// Send a message.
    Relay {
        /// Index into the outcome's messages.
        message: usize,
        /// Which way.
        route: Route,
        /// MAIL FROM.
        reverse_path: String,
        /// RCPT TO.
        recipients: Vec<EmailAddress>,
    },
    /// Put a message into a mailbox.
    Deposit {
        /// Index into the outcome's messages.
        message: usize,
        /// Its reverse path.
        reverse_path: String,
        /// The mailbox.
        recipient: EmailAddress,
        /// Report the end of it as a deposit result.
        confirm: bool,
    },
    /// Remember an accepted message.
    Track(TrackedMessage),
    /// Answer for recipients from now on.
    TakeInCharge {
        /// The envelope.
        envelope: EnvelopeKey,
        /// The recipients.
        recipients: Vec<EmailAddress>,
    },
    /// Update one recipient of a tracked message.
    Settle {
        /// The PEC id.
        pec_id: PecId,
        /// The recipient, as it was tracked.
        recipient: EmailAddress,
        /// Its new state.
        state: RecipientState,
        /// Has the 12 h notice left?
        warned: bool,
        /// Its new deadline.
        deadline: Option<Instant>,
    },
    /// Append to the log.
    Log(LogEntry),
    /// Keep the event's message apart for 30 months.
    KeepInfected {
        /// PEC id, where there is one.
        pec_id: Option<PecId>,
        /// The scanner's name for it.
        name: String,
        /// Delete no earlier.
        until: Instant,
    },
    /// Tell people.
    Notify {
        /// A mailbox owner, or none for the operators.
        #[serde(serialize_with = "plain::addressee::serialize")]
        recipient: Option<EmailAddress>,
        /// One line.
        text: String,
    },
    /// Keep for later transactions.
    Remember {
        /// Key.
        key: String,
        /// Value.
        #[serde(with = "plain::octets")]
        value: Vec<u8>,
        /// Forget it then.
        until: Instant,
    },
    /// Replace the provider directory.
    InstallDirectory(Vec<ProviderRecord>),
    /// Put a file where others can fetch it.
    Publish {
        /// Its name.
        name: &'static str,
        /// Its octets.
        #[serde(with = "plain::octets")]
        content: Vec<u8>,
    },
}

/// One row of the log (RFC 6109 §2.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// What happened.
    pub event: &'static str,
    /// PEC id.
    pub pec_id: Option<PecId>,
    /// The client's Message-ID, with brackets.
    pub message_id: Option<String>,
    /// When.
    pub at: Instant,
    /// Original sender.
    pub sender: String,
    /// Original recipients that the row is about.
    pub recipients: Vec<String>,
    /// Decoded subject.
    pub subject: String,
    /// Message-IDs of the messages made in this step.
    pub generated: Vec<String>,
    /// The sending provider.
    pub provider: String,
    /// What went wrong.
    pub error: Option<String>,
}
