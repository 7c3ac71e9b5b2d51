//! How much waits; and whether the store can still be written.

use super::outbox::action_from_name;
use super::{Store, StoreError};
use crate::{Action, Backlog, Queue};

impl Store {
    /// What waits at `now`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn backlog(&self, now: u64) -> Result<Backlog, StoreError> {
        let mut backlog = self.read("counting what waits", |tx| {
            let mut backlog = Backlog {
                queues: Action::ALL.map(|action| Queue { action, items: 0, oldest_at: 0 }).into(),
                ..Backlog::default()
            };
            let mut select = tx.prepare_cached(
                "SELECT action, count(*), min(at) FROM outbox WHERE state = 'pending' GROUP BY action",
            )?;
            let mut rows = select.query(())?;
            while let Some(row) = rows.next()? {
                let action = action_from_name(&row.get::<_, String>(0)?);
                let queue = backlog.queues.iter_mut().find(|queue| Some(queue.action) == action);
                if let Some(queue) = queue {
                    (queue.items, queue.oldest_at) = (row.get(1)?, row.get(2)?);
                }
            }
            backlog.timers_due = tx
                .prepare_cached("SELECT count(*) FROM tracked_recipient WHERE deadline <= ?1")?
                .query_row([now], |row| row.get(0))?;
            Ok(backlog)
        })?;
        backlog.next_at = self.next_due()?;
        Ok(backlog)
    }

    /// Writes something durably that nobody needs.
    ///
    /// # Errors
    /// The store cannot be written: a full disk, say.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        self.write("testing whether it can be written", |tx| {
            tx.prepare_cached(
                "INSERT OR REPLACE INTO memo (key, value, until) VALUES (?1, ?2, ?3)",
            )?
            .execute((ALIVE, [0_u8; 0], 0))
            .map(drop)
        })
    }
}

/// No key of the plug-in: those begin with a word for what they remember.
const ALIVE: &str = "!alive";
