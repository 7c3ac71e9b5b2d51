//! Short memories: replies given, verdicts kept, recipients counted.

use super::commit::known_reply;
use super::db::{Promise, params};
use super::{Store, StoreError};
use crate::pec;

impl Store {
    /// The reply that the same event got since then, if it was accepted.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn reply_to(
        &self,
        fingerprint: &[u8; 32],
        since: u64,
    ) -> Result<Option<pec::Reply>, StoreError> {
        self.look("looking for an earlier reply", |tx| {
            known_reply(tx, fingerprint, since)
        })
    }

    /// What `remember` stored under a key and is not to be forgotten yet.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn recall(&self, key: &str, now: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.look("recalling", |tx| {
            tx.find(
                "SELECT value FROM memo WHERE key = ?1 AND until > ?2",
                params![key, now],
                |row| row.get(0),
            )
        })
    }

    /// How many recipients the accepted messages of an account had since then.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn usage(&self, query: &pec::UsageQuery) -> Result<u64, StoreError> {
        self.look("counting recipients", |tx| {
            tx.value(
                "SELECT CAST(coalesce(sum(recipients), 0) AS BIGINT) FROM usage
                 WHERE account = ?1 AND at >= ?2",
                params![&query.account, query.since],
            )
        })
    }

    /// Writes something durably that nobody needs.
    ///
    /// # Errors
    /// The store cannot be written: a full disk, say.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        self.write(
            "testing whether it can be written",
            Promise::Durable,
            |tx| {
                // Another value each time: SQLite writes nothing where nothing changes, and a
                // full disk would not show.
                tx.execute(
                    "INSERT INTO memo (key, value, until) VALUES (?1, ?2, 0)
                     ON CONFLICT (key) DO UPDATE SET value =
                         CASE WHEN memo.value = excluded.value THEN ?3 ELSE excluded.value END",
                    params![ALIVE, [0_u8].as_slice(), [1_u8].as_slice()],
                )
                .map(drop)
            },
        )
    }
}

/// No key of the plug-in: those begin with a word for what they remember.
const ALIVE: &str = "!alive";
