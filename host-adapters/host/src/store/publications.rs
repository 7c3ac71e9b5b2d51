//! Files to publish: kept in the store first, so that none is forgotten.

use super::db::{DbError, Exclusive, Promise, Tx, params};
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
        self.look("reading what is to be published", |tx| {
            tx.query(
                "SELECT version, name, content FROM publication WHERE done = 0 ORDER BY version",
                &[],
                |row| {
                    Ok(Pending {
                        version: row.get(0)?,
                        name: row.get(1)?,
                        content: row.get(2)?,
                    })
                },
            )
        })
    }

    /// Marks a file as published, unless a later one of its name has taken its place.
    ///
    /// # Errors
    /// The store cannot be written; the file is published again, which is harmless.
    pub(crate) fn mark_published(&self, file: &Pending) -> Result<(), StoreError> {
        self.write("marking a file as published", Promise::Durable, |tx| {
            tx.execute(
                "UPDATE publication SET done = 1 WHERE version = ?1",
                params![file.version],
            )
            .map(drop)
        })
    }
}

/// Writes one; it replaces an earlier one of its name.
pub(super) fn publish(tx: &mut Tx<'_>, now: u64, file: &pec::Publication) -> Result<(), DbError> {
    tx.exclusively(Exclusive::Publish)?;
    tx.execute(
        "DELETE FROM publication WHERE name = ?1",
        params![&file.name],
    )?;
    tx.execute(
        "INSERT INTO publication (name, at, content) VALUES (?1, ?2, ?3)",
        params![&file.name, now, &file.content],
    )?;
    Ok(())
}
