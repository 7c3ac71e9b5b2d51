//! Large messages as files beside the database.
//!
//! A file is written when its event comes in, synced when the outcome that refers to it is about
//! to be committed, and named in the table `spool` by that commit. Whatever is in the folder and
//! not in the table is a leftover of a crash.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::body::SpoolRef;
use crate::{Body, crash, durable};

/// The message of an event, kept while its conversation lasts.
#[derive(Debug)]
pub(crate) struct Original {
    body: Body,
    /// The file that was written for it, unless it lay in the spool already.
    fresh: Option<Fresh>,
}

impl Original {
    /// For events without a message.
    pub(crate) fn none() -> Self {
        Self::stored(Body::default())
    }

    /// A message that the store has already.
    pub(crate) fn stored(body: Body) -> Self {
        Self { body, fresh: None }
    }

    /// Its octets.
    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    pub(super) fn into_parts(self) -> (Body, Option<Fresh>) {
        (self.body, self.fresh)
    }
}

/// The folder, or none where everything stays in memory.
#[derive(Debug)]
pub(super) struct Spool {
    folder: Option<PathBuf>,
}

impl Spool {
    pub(super) fn open(folder: PathBuf) -> Result<Self, StoreError> {
        match fs::create_dir_all(&folder) {
            Ok(()) => Ok(Self {
                folder: Some(folder),
            }),
            Err(source) => Err(StoreError::Spool {
                path: folder,
                source,
            }),
        }
    }

    pub(super) fn in_memory() -> Self {
        Self { folder: None }
    }

    /// Keeps a copy of an event's message: in memory if it is small, else in a new file.
    pub(super) fn take_in(&self, octets: &[u8]) -> Result<Original, StoreError> {
        match &self.folder {
            Some(folder) if octets.len() > SPOOL_ABOVE => {
                let fresh = Fresh::write(folder, |to| to.write_all(octets))?;
                crash::point("after-spool");
                Ok(Original {
                    body: Body::from_spool(fresh.file.clone(), octets.len() as u64),
                    fresh: Some(fresh),
                })
            }
            _ => Ok(Original::stored(Body::from_octets(octets.to_vec()))),
        }
    }

    /// Moves a message that has much literal text (a re-encoded large original) into a file of
    /// its own, because rows are for small things.
    pub(super) fn spill(&self, body: Body) -> Result<(Body, Option<Fresh>), StoreError> {
        match &self.folder {
            Some(folder) if body.literal_len() > SPOOL_ABOVE => {
                let fresh = Fresh::write(folder, |to| body.copy_to(to))?;
                let spilled = Body::from_spool(fresh.file.clone(), body.len());
                Ok((spilled, Some(fresh)))
            }
            _ => Ok((body, None)),
        }
    }

    /// The file that the table calls `name`.
    pub(super) fn file(&self, name: &str) -> Option<SpoolRef> {
        let folder = self.folder.as_deref()?;
        Some(SpoolRef::new(folder, name))
    }

    /// Removes the files that the table does not name. Only while nobody else has the store
    /// open: their events' files are not in the table yet.
    pub(super) fn remove_orphans(&self, known: &HashSet<String>) -> Result<(), StoreError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let failed = |source| StoreError::Spool {
            path: folder.clone(),
            source,
        };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if name.to_str().is_none_or(|name| !known.contains(name)) {
                tracing::info!(file = ?entry.path(), "removing a spool file of a lost transaction");
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Removes a file that the table no longer names. One that is already gone is fine.
    pub(super) fn remove(&self, name: &str) {
        let Some(file) = self.file(name) else { return };
        if let Err(error) = fs::remove_file(&file.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            // An orphan takes space until the next start, nothing worse.
            tracing::warn!(file = ?file.path, %error, "a spool file could not be removed");
        }
    }
}

/// A new file, which goes away again unless a commit refers to it.
#[derive(Debug)]
pub(super) struct Fresh {
    file: SpoolRef,
    kept: bool,
}

impl Fresh {
    fn write(
        folder: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Self, StoreError> {
        let mut name = [0; 16];
        // Two files of one name would be two messages in one: rather none.
        aws_lc_rs::rand::fill(&mut name).map_err(|_| StoreError::Spool {
            path: folder.to_owned(),
            source: io::Error::other("the operating system gives no random octets"),
        })?;
        let file = SpoolRef::new(folder, &crate::hex(&name));
        let fresh = Self { file, kept: false };
        // Not synced yet: a message that is refused after all need not reach the disk.
        durable::write_new(&fresh.file.path, write).map_err(|source| fresh.failed(source))?;
        Ok(fresh)
    }

    /// The file.
    pub(super) fn file(&self) -> &SpoolRef {
        &self.file
    }

    /// Makes the file durable, with its name.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        fs::File::open(&self.file.path)
            .and_then(|file| file.sync_all())
            .and_then(|()| durable::sync_folder_of(&self.file.path))
            .map_err(|source| self.failed(source))
    }

    /// A commit refers to it: it stays.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Spool {
            path: self.file.path.to_path_buf(),
            source,
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.kept {
            // Best effort: what stays behind is removed at the next start.
            let _ = fs::remove_file(&self.file.path);
        }
    }
}

/// SQLite reads and writes values up to about this size faster than a file system does files
/// (<https://sqlite.org/intern-v-extern-blob.html>).
const SPOOL_ABOVE: usize = 128 * 1024;
