//! Forgetting what need not be kept, and clearing up after crashes.

use std::collections::HashSet;

use rusqlite::Transaction;

use super::{Store, StoreError};
use crate::crash;

impl Store {
    /// Forgets, at `now`: replies to what came in before `replies_since`, memos and infected
    /// messages whose time is up, counts older than [`USAGE_KEPT`], and the octets of messages
    /// for which everything is carried out. Rows that say who, what and when stay: the law asks
    /// for 30 months.
    ///
    /// # Errors
    /// The store cannot be written; nothing was forgotten.
    pub(crate) fn sweep(&self, now: u64, replies_since: u64) -> Result<(), StoreError> {
        let unused = self.write("forgetting", |tx| {
            tx.execute("DELETE FROM fingerprint WHERE at < ?1", [replies_since])?;
            tx.execute("DELETE FROM memo WHERE until <= ?1", [now])?;
            tx.execute("DELETE FROM infected WHERE until <= ?1", [now])?;
            let counted_since = now.saturating_sub(USAGE_KEPT);
            tx.execute("DELETE FROM usage WHERE at < ?1", [counted_since])?;
            // Failed items keep their message: an operator may want it.
            tx.execute(
                "UPDATE message SET octets = NULL, spool = NULL, recipe = NULL
                 WHERE octets IS NOT NULL AND NOT EXISTS (
                     SELECT 1 FROM outbox WHERE message = message.id AND state <> 'done')",
                [],
            )?;
            forget_unused_files(tx)
        })?;
        if !unused.is_empty() {
            crash::point("before-sweep");
        }
        for name in unused {
            self.0.spool.remove(&name);
        }
        Ok(())
    }

    /// Removes what a crash left in the spool; only while nobody else has the store open.
    pub(super) fn remove_orphans(&self) -> Result<(), StoreError> {
        let known: HashSet<String> = self.read("reading the list of spool files", |tx| {
            tx.prepare("SELECT name FROM spool")?
                .query_map([], |row| row.get(0))?
                .collect()
        })?;
        self.0.spool.remove_orphans(&known)
    }
}

/// Deletes the rows of files that nothing refers to, and returns their names: the files go after
/// the commit.
fn forget_unused_files(tx: &Transaction<'_>) -> rusqlite::Result<Vec<String>> {
    tx.prepare(
        "DELETE FROM spool
         WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.spool = spool.id)
             AND NOT EXISTS (SELECT 1 FROM infected WHERE infected.spool = spool.id)
         RETURNING name",
    )?
    .query_map([], |row| row.get(0))?
    .collect()
}

/// The plug-in asks about the last 24 hours; a month is for people who ask why.
const USAGE_KEPT: u64 = 31 * 86_400;
