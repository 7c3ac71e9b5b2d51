//! How much is waiting, for metrics and people.

use super::db::params;
use super::outbox::action_from_name;
use super::{Store, StoreError};
use crate::Action;
use crate::store::db::DbError;

/// What waits to be carried out, by all hosts that share the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queue {
    /// How many items wait or are in hand, by what they ask for. Actions without any are absent.
    pub pending: Vec<(Action, u64)>,
    /// For how many seconds the oldest item that is due has been due; none: nothing is.
    pub oldest: Option<u64>,
    /// How many recipients have a deadline that has come and was not handled yet.
    pub deadlines: u64,
}

impl Store {
    /// What waits at `now` (seconds since 1970). Sets the gauges `ceralacca_outbox_pending` (by
    /// `action`), `ceralacca_outbox_oldest_seconds` and `ceralacca_deadlines_due` as well.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn queue(&self, now: u64) -> Result<Queue, StoreError> {
        let queue = self.read("counting what waits", |tx| {
            let rows = tx.query(
                "SELECT action, count(*), min(next_at) FROM outbox WHERE state = 'pending'
                 GROUP BY action ORDER BY action",
                &[],
                |row| {
                    let action = action_from_name(&row.get::<String>(0)?)
                        .ok_or_else(|| DbError::damaged(0, "unknown action"))?;
                    Ok((action, row.get(1)?, row.get::<u64>(2)?))
                },
            )?;
            let first = rows.iter().map(|(_, _, due)| *due).min();
            Ok(Queue {
                oldest: first.and_then(|due| now.checked_sub(due)),
                pending: rows.into_iter().map(|(action, n, _)| (action, n)).collect(),
                deadlines: tx.value(
                    "SELECT count(*) FROM tracked_recipient WHERE deadline <= ?1",
                    params![now],
                )?,
            })
        })?;
        queue.tell();
        Ok(queue)
    }
}

impl Queue {
    fn tell(&self) {
        for action in Action::ALL {
            let found = self.pending.iter().find(|(other, _)| *other == action);
            let count = found.map_or(0, |(_, count)| *count);
            metrics::gauge!("ceralacca_outbox_pending", "action" => action.name())
                .set(count as f64);
        }
        metrics::gauge!("ceralacca_outbox_oldest_seconds")
            .set(self.oldest.unwrap_or_default() as f64);
        metrics::gauge!("ceralacca_deadlines_due").set(self.deadlines as f64);
    }
}
