//! Files to publish: kept in the store first, so that none is forgotten.

use rusqlite::Transaction;

use super::{Store, StoreError};
use crate::pec;

/// A file that is to be published, or has been.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Tells it from a later file of the same name.
    version: i64,
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
}

impl Store {
    /// The files that have yet to be published, in the order in which they were made.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn unpublished(&self) -> Result<Vec<Pending>, StoreError> {
        self.read("reading what is to be published", |tx| {
            tx.prepare_cached(
                "SELECT version, name, content FROM publication WHERE done = 0 ORDER BY version",
            )?
            .query_map([], |row| {
                Ok(Pending {
                    version: row.get(0)?,
                    name: row.get(1)?,
                    content: row.get(2)?,
                })
            })?
            .collect()
        })
    }

    /// Marks a file as published, unless a later one of its name has taken its place.
    ///
    /// # Errors
    /// The store cannot be written; the file is published again, which is harmless.
    pub(crate) fn mark_published(&self, file: &Pending) -> Result<(), StoreError> {
        self.write("marking a file as published", |tx| {
            tx.execute(
                "UPDATE publication SET done = 1 WHERE version = ?1",
                [file.version],
            )
            .map(drop)
        })
    }
}

/// Writes one; it replaces an earlier one of its name.
pub(super) fn publish(
    tx: &Transaction<'_>,
    now: u64,
    file: &pec::Publication,
) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM publication WHERE name = ?1", [&file.name])?;
    tx.execute(
        "INSERT INTO publication (name, at, content) VALUES (?1, ?2, ?3)",
        (&file.name, now, &file.content),
    )?;
    Ok(())
}
