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
    /// For how many seconds the oldest item has been waiting since it was made, however often it was
    /// postponed; none: nothing waits.
    pub oldest: Option<u64>,
    /// The same by what the item asks for. Actions of which nothing waits are absent.
    pub oldest_by_action: Vec<(Action, u64)>,
    /// How many recipients have a deadline that has come and was not handled yet.
    pub deadlines: u64,
}

impl Store {
    /// What waits at `now` (seconds since 1970). Sets the gauges `ceralacca_outbox_pending` and
    /// `ceralacca_outbox_oldest_seconds` (by `action`) and `ceralacca_deadlines_due` as well.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn queue(&self, now: u64) -> Result<Queue, StoreError> {
        let queue = self.read("counting what waits", |tx| {
            let rows = tx.query(
                "SELECT action, count(*), min(at) FROM outbox WHERE state = 'pending'
                 GROUP BY action ORDER BY action",
                &[],
                |row| {
                    let action = action_from_name(&row.get::<String>(0)?)
                        .ok_or_else(|| DbError::damaged(0, "unknown action"))?;
                    Ok((action, row.get(1)?, row.get::<u64>(2)?))
                },
            )?;
            let waiting = rows
                .iter()
                .map(|(action, _, at)| (*action, now.saturating_sub(*at)));
            let oldest_by_action: Vec<_> = waiting.collect();
            Ok(Queue {
                oldest: oldest_by_action.iter().map(|(_, waiting)| *waiting).max(),
                oldest_by_action,
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
            let of = |all: &[(Action, u64)]| {
                let found = all.iter().find(|(other, _)| *other == action);
                found.map_or(0, |(_, number)| *number) as f64
            };
            let name = action.name();
            metrics::gauge!("ceralacca_outbox_pending", "action" => name).set(of(&self.pending));
            metrics::gauge!("ceralacca_outbox_oldest_seconds", "action" => name)
                .set(of(&self.oldest_by_action));
        }
        metrics::gauge!("ceralacca_deadlines_due").set(self.deadlines as f64);
    }
}
