//! What a [`Host`](crate::Host) tells its caller: values, no behaviour.

use crate::engine::EventKind;
use crate::pec;

/// The end of a transaction that somebody waits for.
#[derive(Clone, Debug)]
#[must_use = "the reply must reach whoever handed the message in"]
pub struct Committed {
    /// What to tell the client. Whatever it promises is durable.
    pub reply: pec::Reply,
    /// The messages that were made, in the order of the outcome; empty for a repetition.
    pub messages: Vec<MessageSummary>,
    /// For arrivals: what the message was found to be.
    pub finding: Option<pec::Finding>,
    /// What people should hear of.
    pub notices: Vec<pec::Notice>,
    /// What was decided of it along with it, as the outbox would have told of it: a small message to one
    /// of our mailboxes, or a receipt, has passed our incoming point, too.
    pub at_once: Vec<Progress>,
    /// The client had not heard the reply to its first try and tried again: this is the stored
    /// reply, and nothing was done a second time.
    pub repeated: bool,
}

/// A message that a transaction made, without its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSummary {
    /// What it is.
    pub kind: pec::MessageKind,
    /// The PEC id it belongs to.
    pub pec_id: Option<String>,
    /// Its Message-ID, without angle brackets; may be empty.
    pub message_id: String,
}

/// One thing that the outbox or a tick has done: a line of the story.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// A message was handed to the network for these recipients.
    Relayed {
        /// The message.
        message: MessageSummary,
        /// Those that were not refused.
        recipients: Vec<String>,
        /// [`crate::RelayItem::seq`].
        seq: u64,
    },
    /// The network refused a recipient for good.
    RelayFailed {
        /// The message.
        message: MessageSummary,
        /// The recipient.
        recipient: String,
        /// Why.
        failure: pec::Failure,
    },
    /// Our own incoming point was given a message, and answered.
    Looped {
        /// The message.
        message: MessageSummary,
        /// Its recipients.
        recipients: Vec<String>,
        /// The answer.
        reply: pec::Reply,
    },
    /// A message is in a mailbox.
    Deposited {
        /// The message.
        message: MessageSummary,
        /// The mailbox.
        recipient: String,
    },
    /// A message will never be in a mailbox.
    DepositFailed {
        /// The message.
        message: MessageSummary,
        /// The mailbox.
        recipient: String,
        /// Why.
        failure: pec::Failure,
    },
    /// Something did not work and will be tried again.
    Postponed {
        /// The message.
        message: MessageSummary,
        /// Whom it is for.
        recipients: Vec<String>,
        /// Why.
        reason: String,
        /// When: seconds since 1970.
        next_at: u64,
    },
    /// A transaction was committed.
    Transaction {
        /// The event that began it.
        event: EventKind,
        /// The reply.
        reply: pec::Reply,
        /// The messages that were made.
        messages: Vec<MessageSummary>,
        /// What people should hear of.
        notices: Vec<pec::Notice>,
    },
}

/// What a run of the outbox came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxReport {
    /// Items carried out.
    pub done: u64,
    /// Items that did not work and will be tried again.
    pub postponed: u64,
    /// Items given up, with an error in the log and in [`ItemStatus::last_error`].
    pub failed: u64,
    /// When the first of those that still wait is due; none: nothing waits.
    pub next_at: Option<u64>,
}

/// What a tick came to.
#[derive(Clone, Debug, Default)]
pub struct TickReport {
    /// Recipients whose deadline had come.
    pub due: u64,
    /// Of those, passed in again later because the plug-in or the store could not.
    pub deferred: u64,
    /// The directory file changed and was loaded.
    pub directory: Option<DirectorySummary>,
    /// The directory file changed and cannot be used: one sentence. The old one stays.
    pub directory_error: Option<String>,
    /// What the outbox did afterwards.
    pub outbox: OutboxReport,
}

/// The provider directory that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorySummary {
    /// How many provider records it has.
    pub providers: u64,
    /// How many domains they manage.
    pub domains: u64,
    /// How many certificates they hold.
    pub certificates: u64,
    /// It is the very file that was loaded before.
    pub unchanged: bool,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// SHA-256 of the certificates that were pinned as its signers, hex; empty: none were. The
    /// same file under other signers is to be looked at again.
    pub signers: String,
}

/// What became of one message.
#[derive(Clone, Debug)]
pub struct MessageStatus {
    /// Its PEC id.
    pub pec_id: String,
    /// The original sender.
    pub sender: String,
    /// The original subject, decoded.
    pub subject: String,
    /// When it was accepted here, or first met: seconds since 1970.
    pub at: u64,
    /// The client's Message-ID with its brackets, where there was one.
    pub message_id: Option<String>,
    /// Where we accepted it: its recipients. Empty where another provider did.
    pub recipients: Vec<RecipientStatus>,
    /// Where we took charge of it: for whom and when.
    pub taken_in_charge: Vec<(String, u64)>,
    /// Its rows of the log, oldest first.
    pub log: Vec<pec::LogEntry>,
    /// What was to be carried out for it, in order.
    pub items: Vec<ItemStatus>,
}

/// What became of one recipient of a message we accepted.
#[derive(Clone, Debug)]
pub struct RecipientStatus {
    /// The address, its state and its deadline.
    pub recipient: pec::TrackedRecipient,
    /// When the state last changed: seconds since 1970.
    pub changed_at: u64,
}

/// One item of the outbox.
#[derive(Clone, Debug)]
pub struct ItemStatus {
    /// [`crate::RelayItem::key`], [`crate::DepositItem::key`].
    pub key: String,
    /// What is to be done.
    pub action: Action,
    /// The message.
    pub message: MessageSummary,
    /// Whom it is for.
    pub recipients: Vec<String>,
    /// How far it is.
    pub state: ItemState,
    /// How often it has been tried in vain.
    pub attempts: u32,
    /// When it is due: seconds since 1970.
    pub next_at: u64,
    /// Why the last try was in vain.
    pub last_error: Option<String>,
    /// [`crate::RelayItem::seq`], for relays.
    pub seq: Option<u64>,
}

/// What an item of the outbox asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Hand the message to the network.
    Relay,
    /// Give it to our own incoming point.
    Loop,
    /// Put it into a mailbox.
    Deposit,
    /// Tell the plug-in how a deposit ended.
    Confirm,
    /// Tell the plug-in that a relay failed for one recipient.
    Bounce,
}

impl Action {
    /// All of them, as they follow each other in a message's life.
    pub const ALL: [Self; 5] = [
        Self::Relay,
        Self::Loop,
        Self::Deposit,
        Self::Confirm,
        Self::Bounce,
    ];

    /// Its name in the store, in logs and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Loop => "loop",
            Self::Deposit => "deposit",
            Self::Confirm => "confirm",
            Self::Bounce => "bounce",
        }
    }
}

/// How far an item of the outbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemState {
    /// To be done at its time.
    Pending,
    /// Done.
    Done,
    /// Given up.
    Failed,
}
