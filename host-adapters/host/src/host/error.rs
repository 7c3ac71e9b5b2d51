//! What a host cannot do.

use std::io;
use std::path::PathBuf;

use crate::engine::PluginError;
use crate::parts::Unavailable;
use crate::pec;
use crate::store::{CommitError, StoreError};

/// Why a host could not do what it was asked. Nothing of it has happened, unless said otherwise.
///
/// Sorted by who must act: the operators for settings, files, store and parts; the plug-in's
/// authors for traps and broken contracts; nobody for a conflict, which a repetition resolves.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The plug-in refused the settings, or could not do its work.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of the host cannot do its work now.
    #[error("{0}")]
    Unavailable(#[from] Unavailable),
    /// The message of an outbox item cannot be read from the spool.
    #[error("the message of outbox item {key} cannot be read: {source}")]
    Message {
        /// The item.
        key: String,
        /// What the system says.
        source: io::Error,
    },
    /// The provider directory's file cannot be read.
    #[error("directory file {path}: {source}; it must be a readable LDIF file (or signed: .p7m)")]
    DirectoryFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The plug-in did not take a provider directory. The one before stays in force.
    #[error("the provider directory{} was refused: {}", file_text(.path), .reply.text)]
    DirectoryRefused {
        /// The file it came from, where it came from one.
        path: Option<PathBuf>,
        /// The plug-in's words.
        reply: pec::Reply,
    },
    /// The plug-in cannot make our own directory record of what it was told.
    #[error("no directory record can be made: {}", .reply.text)]
    RecordRefused {
        /// The plug-in's words.
        reply: pec::Reply,
    },
    /// Files are in the store, but not yet where others fetch them; the next tick tries again.
    #[error("not published yet: {0}; the next tick tries again")]
    NotPublished(Unavailable),
    /// Somebody else was quicker; a new transaction will see what they did.
    #[error("another transaction was quicker: {0}; try again")]
    Conflict(String),
    /// The claim on an outbox item ran out while it was in hand, and another worker has taken it
    /// over: what that one does is what happens.
    #[error("another worker has taken over outbox item {key}")]
    ClaimLost {
        /// The item.
        key: String,
    },
    /// The plug-in broke a guarantee that `wit/` gives: a bug in it.
    #[error("the plug-in broke its contract: {0}")]
    Contract(String),
}

impl From<CommitError> for HostError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(text) => Self::Conflict(text),
            CommitError::Lost(key) => Self::ClaimLost { key },
            CommitError::Contract(text) => Self::Contract(text),
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

fn file_text(path: &Option<PathBuf>) -> String {
    path.as_ref()
        .map_or_else(String::new, |path| format!(" {}", path.display()))
}
