//! The host's mistakes. The mail is never to blame for a [`Fault`]: hosts reply 451 and tell
//! their operators.

use std::fmt;

/// What a host did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A setting is wrong; field and remedy are named.
    Settings(String),
    /// Too few or too many answers, or one of the wrong kind.
    WrongAnswers(String),
    /// The transaction has ended already.
    Finished,
    /// Less than 32 octets of entropy.
    Entropy,
    /// The context or the event, the settings or the dossier has a field that no host may pass: the
    /// field and what is wrong with it.
    Event(String),
    /// The event brings more than is taken; said before any work.
    TooLarge(Excess),
}

/// More octets than are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// What the call brings, as far as it was counted.
    pub octets: usize,
    /// What is taken at most: [`crate::event::Context::largest`] or [`crate::limits::Limits::call`].
    pub most: usize,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { octets, most } = self;
        write!(f, "it brings {octets} octets, at most {most} are taken")
    }
}

impl Fault {
    /// Stable name for programs: that of the case in `wit/types.wit`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Settings(_) => "settings",
            Self::WrongAnswers(_) => "wrong-answers",
            Self::Finished => "finished",
            Self::Entropy => "entropy",
            Self::Event(_) => "event",
            Self::TooLarge(_) => "too-large",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(what) => write!(f, "setting {what}"),
            Self::WrongAnswers(what) => write!(f, "wrong answers: {what}"),
            Self::Finished => f.write_str("the transaction has ended; begin a new one"),
            Self::Entropy => f.write_str("context.entropy: at least 32 octets are needed"),
            Self::Event(what) => write!(f, "event: {what}"),
            Self::TooLarge(excess) => write!(f, "too large: {excess}"),
        }
    }
}

impl std::error::Error for Fault {}
