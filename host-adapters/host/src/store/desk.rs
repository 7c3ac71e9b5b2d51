//! The items that the workers of this process take in hand next.
//!
//! They come here in two ways. What waits in the table is claimed, several items at a time, by a
//! worker that finds nothing here, or too little for too long. What this process makes while its workers keep up need not be
//! looked for: its row is written with a claim on it, and the item lies here as soon as the row is
//! committed. A host that does not keep up leaves its items unclaimed, for itself and for the
//! other hosts of the store, until it finds that none waits.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::outbox::Item;
use super::{Store, StoreError};

/// Between the commits of this process and its workers.
#[derive(Debug, Default)]
pub(super) struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Claimed items that nobody has begun, the oldest first.
    items: VecDeque<Item>,
    /// How often somebody has said that workers take items from here, and not yet that they do no more.
    crews: usize,
    /// How many that were never in the table unclaimed may lie here; 0: nobody would take them.
    room: usize,
    /// There may be unclaimed items that are older than what comes now.
    behind: bool,
    /// Counts what this process has done to the table that makes it worth a look.
    news: u64,
    /// Somebody is looking.
    looking: bool,
    /// When somebody last did.
    looked: Option<Instant>,
    /// The news at which the table had nothing for us.
    empty: Option<u64>,
}

impl State {
    fn has_looked_lately(&self) -> bool {
        self.looked.is_some_and(|when| when.elapsed() < LOOK_EVERY)
    }

    /// Can nobody do anything before something changes?
    fn is_idle(&self) -> bool {
        self.items.is_empty() && (self.looking || self.empty == Some(self.news))
    }
}

/// What a worker does next.
enum Turn<'a> {
    Carry(Box<Item>),
    Look(Look<'a>),
    Wait,
}

impl Desk {
    /// From now on somebody takes what lies here.
    fn open(&self, room: usize) {
        let mut state = self.lock();
        state.crews += 1;
        // What waits from before comes first.
        (state.room, state.behind) = (room, true);
    }

    /// Those who took it do so no more. What has not been taken, if there are no others.
    fn close(&self) -> Vec<Item> {
        let mut state = self.lock();
        state.crews = state.crews.saturating_sub(1);
        if state.crews > 0 {
            return Vec::new();
        }
        state.room = 0;
        std::mem::take(&mut state.items).into()
    }

    /// May what is about to be committed be claimed, and put here then?
    pub(super) fn has_room(&self) -> bool {
        let mut state = self.lock();
        if state.items.len() >= state.room {
            state.behind = true;
        }
        !state.behind
    }

    /// Puts claimed items here. Those that come too late are given back.
    pub(super) fn put(&self, items: Vec<Item>) -> Vec<Item> {
        let mut state = self.lock();
        if state.room == 0 {
            return items;
        }
        let count = items.len();
        state.items.extend(items);
        drop(state);
        // A worker for each.
        for _ in 0..count {
            self.changed.notify_one();
        }
        Vec::new()
    }

    fn announce(&self) {
        let mut state = self.lock();
        state.news = state.news.wrapping_add(1);
        drop(state);
        self.changed.notify_all();
    }

    /// The table is looked at when there is nothing here and may be something there; and now and
    /// then, whatever lies here, for what other hosts have made and what has become due.
    fn turn(&self) -> Turn<'_> {
        let mut state = self.lock();
        let worth_it = state.items.is_empty() && state.empty != Some(state.news);
        let count = state.room.saturating_sub(state.items.len());
        if !state.looking && (worth_it || (count > 0 && !state.has_looked_lately())) {
            state.looking = true;
            return Turn::Look(Look {
                desk: self,
                news: state.news,
                count,
            });
        }
        match state.items.pop_front() {
            Some(item) => Turn::Carry(Box::new(item)),
            None => Turn::Wait,
        }
    }

    fn wait(&self) {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), LOOK_EVERY, |state| state.is_idle());
        drop(waited);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic is done while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to look at the table, which one worker at a time has.
struct Look<'a> {
    desk: &'a Desk,
    news: u64,
    /// For how many items there is room.
    count: usize,
}

impl Look<'_> {
    /// Items were found; `all`: no others wait.
    fn found(self, items: Vec<Item>, all: bool) -> Vec<Item> {
        let mut state = self.desk.lock();
        state.looked = Some(Instant::now());
        state.empty = items.is_empty().then_some(self.news);
        state.behind &= !all;
        drop(state);
        let desk = self.desk;
        drop(self);
        desk.put(items)
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        self.desk.lock().looking = false;
    }
}

impl Store {
    /// Says that workers take items from here on, at most so many at a time, until
    /// [`Self::dismiss_workers`]. Each may have [`AHEAD`] lying ready to go on with. Others may take over
    /// before the last ones are dismissed.
    pub(crate) fn expect_workers(&self, workers: usize) {
        self.0.desk.open(workers * AHEAD);
    }

    /// Says that those workers take no items any more; where there are no others, gives back the claims
    /// on those that none has begun.
    ///
    /// # Errors
    /// The store cannot be written; the leases run out by themselves.
    pub(crate) fn dismiss_workers(&self) -> Result<(), StoreError> {
        self.release(&self.0.desk.close())
    }

    /// The next item for a worker, claimed, with others for which there is room. None: nothing is due
    /// at `now`.
    ///
    /// # Errors
    /// The store cannot be written.
    pub(crate) fn next_item(&self, now: u64) -> Result<Option<Item>, StoreError> {
        loop {
            match self.0.desk.turn() {
                Turn::Carry(item) if self.still_holds(&item) => return Ok(Some(*item)),
                // While this process stood still, others may have gone on.
                Turn::Carry(item) => {
                    let key = item.key;
                    tracing::warn!(key, "the claim on an item ran out while it waited");
                }
                Turn::Look(look) => {
                    let items = self.claim_due(now, look.count)?;
                    let all = items.len() < look.count;
                    let late = look.found(items, all);
                    if !late.is_empty() {
                        self.release(&late)?;
                        return Ok(None);
                    }
                }
                Turn::Wait => return Ok(None),
            }
        }
    }

    /// Gives items to the workers whose rows were written with one claim on them.
    pub(super) fn hand_over(&self, items: Vec<Item>) {
        let Some(first) = items.first() else {
            return;
        };
        self.0.claims.hold(first.claim());
        let late = self.0.desk.put(items);
        if let Err(error) = self.release(&late) {
            tracing::warn!(%error, items = late.len(), "claims will have to run out");
        }
    }

    /// Waits until there may be a [`Self::next_item`], about a second at most.
    pub(crate) fn await_item(&self) {
        self.0.desk.wait();
    }

    /// Wakes the workers of this process: there is something to do that nobody has claimed, or
    /// they are to stop.
    pub(crate) fn announce(&self) {
        self.0.desk.announce();
    }
}

/// To claim items costs a database about as much whether it is one or a few. What lies ready at one
/// host is kept from the others, and when it dies, until the lease runs out: less than a second's work
/// on a host that is not slow.
const AHEAD: usize = 4;

/// How often the table is looked at for what others have put there, and for what has become due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
