//! The provider directory: from octets, or from a file that is watched.

use std::fs::{self, Metadata};
use std::path::Path;
use std::sync::PoisonError;
use std::time::SystemTime;

use super::fingerprint::sha256;
use super::transact::Begin;
use super::{DirectorySummary, Host, HostError};
use crate::engine::Event;
use crate::store::{Cause, Original, Seen};
use crate::{hex, pec};

/// What tells that a file has not changed, without reading it.
pub(super) type Stamp = (Option<SystemTime>, u64);

impl Host {
    /// Has the plug-in read a provider directory (LDIF, or LDIF in signed CMS) and puts it in
    /// force, all of it at once. The very file that is in force is not read again.
    ///
    /// # Errors
    /// [`HostError::DirectoryRefused`] if it is bad, other errors if it could not be tried;
    /// either way the one before stays in force.
    pub fn load_directory(&self, content: Vec<u8>) -> Result<DirectorySummary, HostError> {
        let digest = hex(&sha256(&content));
        if let Some(summary) = self.parts.store.directory()?
            && summary.sha256 == digest
        {
            return Ok(summary);
        }
        let begin = Begin {
            purpose: &format!("directory:{digest}"),
            now: self.now(),
            event: Event::LoadDirectory(pec::DirectoryUpdate { content }),
            original: Original::none(),
            seen: Seen::default(),
        };
        let committed = self.transact(begin, |_| Cause::Directory { sha256: &digest })?;
        let refused = HostError::DirectoryRefused {
            path: None,
            reply: committed.reply,
        };
        // In force is what says so: a plug-in that replies 250 and installs nothing has not
        // loaded it either.
        match self.parts.store.directory()? {
            Some(summary) if summary.sha256 == digest => Ok(DirectorySummary {
                unchanged: false,
                ..summary
            }),
            _ => Err(refused),
        }
    }

    /// At start: a file that cannot be read is an error; one that is bad is an error unless a
    /// good one is in force, with which work can go on.
    pub(super) fn load_first_directory(&self) -> Result<(), HostError> {
        match self.load_changed_directory() {
            Err(error @ HostError::DirectoryRefused { .. })
                if self.parts.store.directory()?.is_some() =>
            {
                tracing::error!(%error, "the provider directory stays as it was");
                Ok(())
            }
            result => result.map(drop),
        }
    }

    /// Loads the file, if there is one and it changed since the last time.
    pub(super) fn load_changed_directory(&self) -> Result<Option<DirectorySummary>, HostError> {
        let Some(path) = &self.parts.directory_file else {
            return Ok(None);
        };
        let failed = |source| HostError::DirectoryFile {
            path: path.clone(),
            source,
        };
        // Before reading: if it changes while being read, the next tick reads it again.
        let stamp = stamp(&fs::metadata(path).map_err(failed)?);
        let mut loaded = self
            .directory_stamp
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *loaded == Some(stamp) {
            return Ok(None);
        }
        let result = self
            .load_directory(fs::read(path).map_err(failed)?)
            .map_err(|error| name_file(error, path));
        // A bad file stays bad until it changes; a store or plug-in in trouble may recover.
        if matches!(result, Ok(_) | Err(HostError::DirectoryRefused { .. })) {
            *loaded = Some(stamp);
        }
        result.map(|summary| (!summary.unchanged).then_some(summary))
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.modified().ok(), metadata.len())
}

fn name_file(error: HostError, path: &Path) -> HostError {
    match error {
        HostError::DirectoryRefused { reply, .. } => HostError::DirectoryRefused {
            path: Some(path.to_owned()),
            reply,
        },
        error => error,
    }
}
