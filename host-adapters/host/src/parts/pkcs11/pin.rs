//! The user PIN: read once, shown nowhere, cleared from memory with the signer.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::parts::SetupError;

/// Where the PIN is. Not in the configuration: that is read by many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinSource {
    /// In a file that is not for everybody; a line end after it does not count.
    File(PathBuf),
    /// In the environment variable of this name.
    Environment(String),
}

/// The PIN. It has no way to be shown.
pub(super) struct Pin(pub(super) SecretString);

impl PinSource {
    /// # Errors
    /// There is none, or everybody could read it.
    pub(super) fn read(&self) -> Result<Pin, SetupError> {
        let wrong = |problem: &dyn fmt::Display, remedy: &str| {
            SetupError::new(format_args!("PIN {self}"), problem, remedy)
        };
        let text = match self {
            Self::File(path) => read_file(path, &|problem, remedy| wrong(&problem, remedy))?,
            Self::Environment(name) => std::env::var(name)
                .map(SecretString::from)
                .map_err(|error| wrong(&error, "set it to the user PIN of the token"))?,
        };
        let pin = text.expose_secret().trim_end_matches(['\r', '\n']);
        if pin.is_empty() {
            return Err(wrong(&"is empty", "it must hold the user PIN of the token"));
        }
        Ok(Pin(pin.to_owned().into()))
    }
}

fn read_file(
    path: &Path,
    wrong: &dyn Fn(String, &str) -> SetupError,
) -> Result<SecretString, SetupError> {
    let unreadable = |error: std::io::Error| {
        wrong(
            error.to_string(),
            "it must be readable by the user this program runs as",
        )
    };
    let file = File::open(path).map_err(unreadable)?;
    // Of the file that is open, not of what bears its name by now.
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & EVERYBODY != 0 {
        let mode = mode & 0o777;
        return Err(wrong(
            format!("everybody can get at it (mode {mode:04o})"),
            "chmod o= FILE, and choose another PIN if others have users on this machine",
        ));
    }
    // Room for all of it at once, so that no copies are left behind by growing.
    let mut text = String::with_capacity(LONGEST);
    let read = file.take(LONGEST as u64).read_to_string(&mut text);
    let text = SecretString::from(text);
    read.map_err(unreadable)?;
    Ok(text)
}

impl fmt::Display for PinSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// The permission bits of others.
const EVERYBODY: u32 = 0o007;
/// Octets. PKCS #11 PINs have a few dozen at most.
const LONGEST: usize = 4096;
