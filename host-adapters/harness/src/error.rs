//! What stops a command before it has done anything, and how a command ends.

use std::process::ExitCode;

pub use ceralacca_host::provider::Error;

/// How a command that ran to its end has ended. The numbers are part of the command line's
/// contract and stand in `ceralacca --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; accepted; the message holds.
    Done,
    /// The message was not accepted, and the sender has a notice that says why.
    NotAccepted,
    /// Temporary failure (4xx): nothing was done, and trying again may help.
    Temporary,
    /// Refused (5xx): nothing was done, and trying again will not help.
    Refused,
    /// `verify`: the message does not hold. `audit`: the log breaks a rule.
    DoesNotHold,
    /// `directory find`: no record.
    NotFound,
    /// `verify`: it is no PEC message, or no mail at all.
    NotPec,
    /// `verify`: nothing speaks against the message, but nobody says that its signer is a provider.
    Unproven,
    /// `verify`: of several files some could not be read; of the others it has told.
    Unread,
}

impl Exit {
    /// Reads the end off an SMTP reply code: whoever pipes mail through the command wants to know
    /// whether to keep the message, not what the reply was.
    pub fn of_reply(code: u16) -> Exit {
        match code {
            200..=399 => Exit::Done,
            500..=599 => Exit::Refused,
            // What is neither success nor refusal leaves the message with the sender.
            _ => Exit::Temporary,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            // 1 is `Error`; 2 is clap's for a command line it cannot read.
            Exit::NotAccepted => 3,
            Exit::Temporary => 4,
            Exit::Refused => 5,
            Exit::DoesNotHold => 6,
            Exit::NotFound => 7,
            Exit::NotPec => 7,
            Exit::Unproven => 8,
            Exit::Unread => 1,
        })
    }
}
