//! The seam between the host and the plug-in: an [`Engine`] begins conversations, a [`Dialogue`]
//! is one of them.
//!
//! [`crate::Plugin`] is the engine that production uses. The trait exists so that everything a
//! host does around a conversation (answer, commit, carry out, survive a crash) can be tested
//! with scripted outcomes, and so that the core linked natively could stand in for the component.

use crate::pec;

/// What happened: one case for each kind of transaction that `wit/transactions.wit` exports.
#[derive(Clone, Debug)]
pub enum Event {
    /// Access point: a user hands in a message.
    Submit(pec::Submission),
    /// Incoming point: a message arrives.
    Arrive(pec::Arrival),
    /// Delivery point: a deposit that was to be confirmed has ended.
    FinishDeposit(pec::DepositResult),
    /// A relay has failed for good.
    FailRelay(pec::RelayFailure),
    /// Deadlines have come.
    PassTime(pec::Tick),
    /// A new provider directory is to be loaded.
    LoadDirectory(pec::DirectoryUpdate),
    /// Our own directory record is to be made.
    ComposeRecord(pec::RecordRequest),
    /// A message is to be judged, with no effect.
    Examine(pec::Examination),
}

impl Event {
    /// Which kind it is, for logs and progress reports.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Submit(_) => EventKind::Submit,
            Self::Arrive(_) => EventKind::Arrive,
            Self::FinishDeposit(_) => EventKind::FinishDeposit,
            Self::FailRelay(_) => EventKind::FailRelay,
            Self::PassTime(_) => EventKind::PassTime,
            Self::LoadDirectory(_) => EventKind::LoadDirectory,
            Self::ComposeRecord(_) => EventKind::ComposeRecord,
            Self::Examine(_) => EventKind::Examine,
        }
    }
}

/// The kind of an [`Event`], without what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// [`Event::Submit`]
    Submit,
    /// [`Event::Arrive`]
    Arrive,
    /// [`Event::FinishDeposit`]
    FinishDeposit,
    /// [`Event::FailRelay`]
    FailRelay,
    /// [`Event::PassTime`]
    PassTime,
    /// [`Event::LoadDirectory`]
    LoadDirectory,
    /// [`Event::ComposeRecord`]
    ComposeRecord,
    /// [`Event::Examine`]
    Examine,
}

impl EventKind {
    /// The name that `wit/transactions.wit` gives to it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Arrive => "arrive",
            Self::FinishDeposit => "finish-deposit",
            Self::FailRelay => "fail-relay",
            Self::PassTime => "pass-time",
            Self::LoadDirectory => "load-directory",
            Self::ComposeRecord => "compose-record",
            Self::Examine => "examine",
        }
    }
}

/// Begins conversations. Several threads may do so at once; conversations are independent.
pub trait Engine: Send + Sync {
    /// Begins a transaction with an event.
    ///
    /// The event is taken by value so that the engine can let go of the message as soon as it has
    /// its own copy: with 100 MB of mail, one copy more or less decides whether a machine swaps.
    ///
    /// # Errors
    /// The engine could not take the event in. Nothing has happened; a later try may succeed.
    fn begin(&self, context: &pec::Context, event: Event)
    -> Result<Box<dyn Dialogue>, PluginError>;

    /// Tests settings; to be called once, at start.
    ///
    /// # Errors
    /// [`PluginError::Fault`] with [`pec::Fault::Settings`] names the first wrong field and the
    /// remedy; everything else means that the engine itself does not work.
    fn check_settings(&self, settings: &pec::Settings) -> Result<(), PluginError>;

    /// The rules of the log that a dossier breaks at `now`.
    ///
    /// # Errors
    /// As for [`Self::check_settings`]; a fault names a field that no host may pass.
    fn audit(&self, now: u64, dossier: &pec::Dossier) -> Result<Vec<pec::LogFinding>, PluginError>;
}

/// A conversation that has begun. Dropping it abandons it without any effect.
pub trait Dialogue {
    /// Gives the answers to the last questions (none in the first call), one per question and in
    /// their order, and gets the next questions or the outcome.
    ///
    /// # Errors
    /// After [`pec::Fault::WrongAnswers`] the same questions still stand; after anything else the
    /// conversation is over and must be dropped.
    fn advance(&mut self, answers: Vec<pec::Answer>) -> Result<pec::Step, PluginError>;
}

/// Why the plug-in could not do its work. Never the mail's fault: reply 451 and tell the
/// operators.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The component file cannot be used. Said once, at start; whoever set the path must act.
    #[error("component {path}: {reason}")]
    Load {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it and what was expected.
        reason: String,
    },
    /// The plug-in stopped itself (a bug in it), or broke the contract in `wit/`.
    #[error("the plug-in trapped: {reason}")]
    Trap {
        /// wasmtime's description, with the plug-in's stack where there is one.
        reason: String,
    },
    /// It computed longer than [`crate::Limits::time`].
    #[error("the plug-in did not end within {limit:?}")]
    OutOfTime {
        /// The limit.
        limit: std::time::Duration,
    },
    /// It wanted more memory than [`crate::Limits::memory`].
    #[error("the plug-in wanted {wanted} octets of memory, {limit} are allowed")]
    OutOfMemory {
        /// What it asked for.
        wanted: usize,
        /// The limit.
        limit: usize,
    },
    /// The plug-in refused what the host gave it.
    #[error("the plug-in refused: {}", fault_text(.0))]
    Fault(pec::Fault),
}

/// A fault in words.
fn fault_text(fault: &pec::Fault) -> String {
    match fault {
        pec::Fault::Settings(text) => format!("settings: {text}"),
        pec::Fault::WrongAnswers(text) => format!("wrong answers: {text}"),
        pec::Fault::Finished => "the transaction had ended".to_owned(),
        pec::Fault::Entropy => "less than 32 octets of entropy".to_owned(),
        pec::Fault::Event(text) => format!("event: {text}"),
        pec::Fault::TooLarge(text) => format!("too large: {text}"),
        pec::Fault::Other(text) => text.clone(),
    }
}
