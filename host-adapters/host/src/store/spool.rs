//! Large messages, beside the rows that refer to them: files in a folder, or with PostgreSQL,
//! whose hosts share no folder, chunks in a table.
//!
//! One is written when its event comes in, made durable when the outcome that refers to it is
//! about to be committed, and known to be referred to by that commit. Whatever is there and not
//! referred to is a leftover of a crash.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::StoreError;
use super::db::Postgres;
use crate::body::SpoolRef;
use crate::{Body, crash, hex};
use chunks::Chunks;
use folder::Folder;

mod chunks;
mod folder;

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

/// Where large messages are.
#[derive(Clone, Debug)]
pub(super) enum Spool {
    /// Nowhere: everything stays in memory.
    None,
    Folder(Arc<Folder>),
    Database(Arc<Chunks>),
}

impl Spool {
    pub(super) fn open(folder: PathBuf) -> Result<Self, StoreError> {
        match Folder::open(&folder) {
            Ok(open) => Ok(Self::Folder(Arc::new(open))),
            Err(source) => Err(StoreError::Spool {
                path: folder,
                source,
            }),
        }
    }

    pub(super) fn in_memory() -> Self {
        Self::None
    }

    pub(super) fn database(db: &Arc<Postgres>) -> Self {
        Self::Database(Arc::new(Chunks::new(Arc::clone(db))))
    }

    /// Keeps a copy of an event's message: in memory if it is small, else in the spool.
    pub(super) fn take_in(&self, octets: &[u8]) -> Result<Original, StoreError> {
        if octets.len() <= SPOOL_ABOVE {
            return Ok(Original::stored(Body::from_octets(octets.to_vec())));
        }
        let size = octets.len() as u64;
        let fresh = Fresh::write(self, size, &mut |to| to.write_all(octets))?;
        crash::point("after-spool");
        Ok(match fresh {
            Some(fresh) => Original {
                body: Body::from_spool(fresh.file.clone(), size),
                fresh: Some(fresh),
            },
            None => Original::stored(Body::from_octets(octets.to_vec())),
        })
    }

    /// Moves a message that has much literal text (a re-encoded large original) into the spool,
    /// because rows are for small things.
    pub(super) fn spill(&self, body: Body) -> Result<(Body, Option<Fresh>), StoreError> {
        if body.literal_len() <= SPOOL_ABOVE {
            return Ok((body, None));
        }
        let size = body.len();
        Ok(
            match Fresh::write(self, size, &mut |to| body.copy_to(to))? {
                Some(fresh) => (Body::from_spool(fresh.file.clone(), size), Some(fresh)),
                None => (body, None),
            },
        )
    }

    /// What the table calls `name`.
    pub(super) fn file(&self, name: &str) -> Option<SpoolRef> {
        match self {
            Self::None => None,
            Self::Folder(folder) => Some(SpoolRef::new(name, Arc::clone(folder) as _)),
            Self::Database(chunks) => Some(SpoolRef::new(name, Arc::clone(chunks) as _)),
        }
    }

    /// Removes the files that the table does not name. Only while nobody else has the store
    /// open: their events' files are not in the table yet.
    pub(super) fn remove_orphans(&self, known: &HashSet<String>) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => folder
                .remove_orphans(known)
                .map_err(|source| self.failed("", source)),
            Self::None | Self::Database(_) => Ok(()),
        }
    }

    /// Removes what the table no longer names. What is already gone is fine.
    pub(super) fn remove(&self, name: &str) {
        let removed = match self {
            Self::None => Ok(()),
            Self::Folder(folder) => folder.remove(name),
            // With its row.
            Self::Database(_) => Ok(()),
        };
        if let Err(error) = removed {
            // An orphan takes space until the next start, nothing worse.
            tracing::warn!(name, %error, "a spool file could not be removed");
        }
    }

    fn failed(&self, name: &str, source: io::Error) -> StoreError {
        metrics::counter!("ceralacca_store_errors_total", "doing" => "keeping a large message")
            .increment(1);
        let path = match self {
            Self::Folder(folder) => folder.path(name),
            Self::None | Self::Database(_) => PathBuf::from(name),
        };
        StoreError::Spool { path, source }
    }
}

/// A new message in the spool, which goes away again unless a commit refers to it.
#[derive(Debug)]
pub(super) struct Fresh {
    spool: Spool,
    file: SpoolRef,
    kept: bool,
}

impl Fresh {
    /// None: there is no spool, so it stays where it is.
    fn write(
        spool: &Spool,
        size: u64,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Option<Self>, StoreError> {
        let mut name = [0; 16];
        // Two files of one name would be two messages in one: rather none.
        aws_lc_rs::rand::fill(&mut name).map_err(|_| {
            spool.failed(
                "",
                io::Error::other("the operating system gives no random octets"),
            )
        })?;
        let name = hex(&name);
        let Some(file) = spool.file(&name) else {
            return Ok(None);
        };
        let fresh = Self {
            spool: spool.clone(),
            file,
            kept: false,
        };
        // Not synced yet: a message that is refused after all need not reach the disk.
        match spool {
            Spool::None => Ok(()),
            Spool::Folder(folder) => folder.write(&name, write),
            Spool::Database(chunks) => chunks.write(&name, size, write),
        }
        .map_err(|source| spool.failed(&name, source))?;
        Ok(Some(fresh))
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.file.name
    }

    /// Makes it durable, with its name.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        match &self.spool {
            Spool::Folder(folder) => folder
                .sync(self.name())
                .map_err(|source| self.spool.failed(self.name(), source)),
            // The commit that refers to it makes durable what was committed before it.
            Spool::None | Spool::Database(_) => Ok(()),
        }
    }

    /// A commit refers to it: it stays.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // Best effort: what stays behind is removed at the next start, or by a sweep.
        match &self.spool {
            Spool::None => {}
            Spool::Folder(folder) => drop(folder.remove(self.name())),
            Spool::Database(chunks) => drop(chunks.remove(self.name())),
        }
    }
}

/// SQLite reads and writes values up to about this size faster than a file system does files
/// (<https://sqlite.org/intern-v-extern-blob.html>).
const SPOOL_ABOVE: usize = 128 * 1024;
