//! What the operators have to put right.

use std::fmt;
use std::path::{Path, PathBuf};

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
