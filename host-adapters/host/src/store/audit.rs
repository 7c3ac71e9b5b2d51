//! The log and the tracking, PEC id by PEC id, for the audit.

use super::db::params;
use super::status::log;
use super::tracking::{Seen, tracked};
use super::{Store, StoreError};
use crate::pec;

impl Store {
    /// At most `count` PEC ids that the log names, after `after` in the order of the store. Empty:
    /// there are no more.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn logged_ids(&self, after: &str, count: usize) -> Result<Vec<String>, StoreError> {
        self.read("reading the log", |tx| {
            tx.query(
                "SELECT DISTINCT pec_id FROM log WHERE pec_id > ?1 ORDER BY pec_id LIMIT ?2",
                params![after, count as u64],
                |row| row.get(0),
            )
        })
    }

    /// All that is written down about one PEC id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn dossier(&self, pec_id: &str) -> Result<pec::Dossier, StoreError> {
        self.read("reading the log", |tx| {
            Ok(pec::Dossier {
                pec_id: pec_id.to_owned(),
                entries: log(tx, pec_id)?,
                tracked: tracked(tx, pec_id, &mut Seen::default())?,
            })
        })
    }
}
