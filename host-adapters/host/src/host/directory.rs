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
    /// force, all of it at once. The very file that is in force is not read again, unless other
    /// signers count now.
    ///
    /// Another process that has the same store open goes over to it at its next tick.
    ///
    /// # Errors
    /// [`HostError::DirectoryRefused`] if it is bad, other errors if it could not be tried;
    /// either way the one before stays in force.
    pub fn load_directory(&self, content: Vec<u8>) -> Result<DirectorySummary, HostError> {
        let digest = hex(&sha256(&content));
        let signers = self.signers();
        let same =
            |summary: &DirectorySummary| summary.sha256 == digest && summary.signers == signers;
        if let Some(summary) = self.parts.store.directory()?.filter(same) {
            self.refresh_directory()?;
            return Ok(summary);
        }
        let begin = Begin {
            purpose: &format!("directory:{digest}"),
            now: self.now(),
            event: Event::LoadDirectory(pec::DirectoryUpdate { content }),
            original: Original::none(),
            seen: Seen::default(),
        };
        let committed = self.transact(begin, |_| Cause::Directory {
            sha256: &digest,
            signers: &signers,
        })?;
        let refused = HostError::DirectoryRefused {
            path: None,
            reply: committed.reply,
        };
        self.refresh_directory()?;
        // In force is what says so: a plug-in that replies 250 and installs nothing has not
        // loaded it either.
        match self.parts.store.directory()?.filter(same) {
            Some(summary) => Ok(DirectorySummary {
                unchanged: false,
                ..summary
            }),
            None => Err(refused),
        }
    }

    /// The records of the directory in force that manage a domain, without their certificates.
    /// Case does not matter.
    pub fn providers_of_domain(&self, domain: &str) -> Vec<pec::Provider> {
        self.directory.get().providers_of_domain(domain)
    }

    /// The records of the directory in force that hold the certificate with this SHA-1 (hex), with
    /// their certificates.
    pub fn providers_of_certificate(&self, sha1: &str) -> Vec<pec::Provider> {
        self.directory.get().providers_of_certificate(sha1)
    }

    /// Brings memory up to what the store has, if that is another directory: at start, after
    /// loading, and at every tick, since another process may have loaded one.
    pub(super) fn refresh_directory(&self) -> Result<(), HostError> {
        let store = &self.parts.store;
        Ok(self.directory.replace(|current| {
            if store.directory()?.as_ref() == current.summary() {
                return Ok(None);
            }
            store.read_directory()
        })?)
    }

    /// See [`DirectorySummary::signers`].
    fn signers(&self) -> String {
        match &self.parts.settings.directory_signers {
            none if none.is_empty() => String::new(),
            pinned => {
                let digests = pinned.iter().flat_map(|certificate| sha256(certificate));
                hex(&sha256(&digests.collect::<Vec<u8>>()))
            }
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
        self.refresh_directory()?;
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
