//! What stops a command before it has done anything, and how a command ends.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
    /// `verify`: the message does not hold.
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

/// Something the person at the keyboard has to put right; nothing was done (exit code 1).
///
/// Always one sentence: where, what is wrong, what to do about it.
#[derive(Debug)]
pub struct Error {
    place: Place,
    problem: String,
    remedy: String,
}

#[derive(Debug)]
enum Place {
    /// A file or folder as a whole.
    File(PathBuf),
    /// A field in a file.
    Field(PathBuf, String),
    /// A command line argument, as it is typed.
    Argument(&'static str),
}

impl Error {
    /// A file or folder is not as it should be.
    pub fn file(path: &Path, problem: impl fmt::Display, remedy: impl Into<String>) -> Error {
        Error::new(Place::File(path.to_owned()), problem, remedy)
    }

    /// A field of a settings file is not as it should be.
    pub fn field(
        path: &Path,
        field: impl Into<String>,
        problem: impl fmt::Display,
        remedy: impl Into<String>,
    ) -> Error {
        Error::new(Place::Field(path.to_owned(), field.into()), problem, remedy)
    }

    /// A command line argument is not as it should be.
    pub fn argument(
        name: &'static str,
        problem: impl fmt::Display,
        remedy: impl Into<String>,
    ) -> Error {
        Error::new(Place::Argument(name), problem, remedy)
    }

    fn new(place: Place, problem: impl fmt::Display, remedy: impl Into<String>) -> Error {
        Error {
            place,
            problem: problem.to_string(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File(path) => write!(f, "{}: ", path.display())?,
            Place::Field(path, field) => write!(f, "{}: field `{field}`: ", path.display())?,
            Place::Argument(name) => write!(f, "{name}: ")?,
        }
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

impl std::error::Error for Error {}
