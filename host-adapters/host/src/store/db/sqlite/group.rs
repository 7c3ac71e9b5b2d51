//! Group commit: those who write at the same time share one transaction and its fsync.
//!
//! Whoever finds no transaction open begins one, and does its own work in a savepoint. If others
//! are waiting by then, it leaves the transaction open and the next of them continues it; the one
//! that finds nobody waiting commits for all. So whoever is alone commits at once, and the slower
//! the disk, the more share each turn of it. Nobody returns before the commit has.
//!
//! Each does its own work in its own thread. What failed is rolled back to its savepoint and
//! harms nobody else.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::super::{DbError, Driver, Promise, Tx};
use super::transaction;

/// The connections that write, of which at most one is in a transaction.
#[derive(Debug)]
pub(super) struct Writer {
    state: Mutex<State>,
    /// How many are about to lock `state` in order to write.
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct State {
    /// Its commits are synced.
    durable: Connection,
    /// Its commits are not; the next durable one covers them. None: in memory.
    seen: Option<Connection>,
    /// The transaction that `durable` is in.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    end: Arc<End>,
    members: usize,
}

impl Writer {
    pub(super) fn new(durable: Connection, seen: Option<Connection>) -> Self {
        Self {
            state: Mutex::new(State {
                durable,
                seen,
                open: None,
            }),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Where there is no other connection to read with.
    pub(super) fn read<T>(
        &self,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        work(&mut Tx(Driver::Sqlite(&self.lock().durable)))
    }

    pub(super) fn write<T>(
        &self,
        promise: Promise,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut state = self.lock();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if let (Promise::Seen, Some(seen), None) = (promise, &state.seen, &state.open) {
            return transaction(seen, work);
        }
        let end = state.join()?;
        let done = catch_unwind(AssertUnwindSafe(|| in_savepoint(&state.durable, work)));
        // Whoever is counted as waiting will take the lock that is held here, and go on.
        let last = self.waiting.load(Ordering::SeqCst) == 0 || state.seen.is_none();
        state.leave(last);
        drop(state);
        // Also what failed waits: it may rest on what another has written and nobody has
        // committed yet.
        let ended = end.wait();
        match done {
            Ok(Ok(value)) => ended.map(|()| value),
            Ok(Err(error)) => Err(error),
            Err(panic) => resume_unwind(panic),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panics while holding it (the database's own code: work is caught) leaves a
        // transaction that the next one to join finds closed or goes on with.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Goes on with the open transaction, or begins one.
    fn join(&mut self) -> Result<Arc<End>, DbError> {
        if self.open.is_none() {
            // "Immediate": a transaction that reads first and writes later can find that somebody
            // else wrote in between, and would have to begin again.
            self.durable.execute_batch("BEGIN IMMEDIATE")?;
        }
        let open = self.open.get_or_insert_with(|| Open {
            end: Arc::default(),
            members: 0,
        });
        open.members += 1;
        Ok(Arc::clone(&open.end))
    }

    /// Commits if this is the last member, and tells the others.
    fn leave(&mut self, last: bool) {
        // Some errors (a full disk) make SQLite roll back more than the savepoint: all of it.
        let given_up = self.durable.is_autocommit();
        let full = |open: &mut Open| last || given_up || open.members >= MEMBERS;
        let Some(open) = self.open.take_if(full) else {
            return;
        };
        open.end.tell(if given_up {
            Err(DbError::GivenUp)
        } else {
            self.durable.execute_batch("COMMIT").map_err(|error| {
                // It may have rolled back by itself, which makes this an error of no interest.
                let _ = self.durable.execute_batch("ROLLBACK");
                error.into()
            })
        });
    }
}

/// How a transaction ended, for all its members.
#[derive(Debug, Default)]
struct End {
    result: Mutex<Option<Result<(), DbError>>>,
    told: Condvar,
}

impl End {
    fn tell(&self, result: Result<(), DbError>) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        self.told.notify_all();
    }

    fn wait(&self) -> Result<(), DbError> {
        let mut result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &*result {
                Some(result) => return result.clone(),
                None => {
                    let waited = self.told.wait(result);
                    result = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// All or nothing of one member's work. A panic, too, leaves nothing behind.
fn in_savepoint<T>(
    db: &Connection,
    work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let run = |sql| db.execute_batch(sql);
    run("SAVEPOINT outcome")?;
    let done = catch_unwind(AssertUnwindSafe(|| work(&mut Tx(Driver::Sqlite(db)))));
    if let Ok(Ok(value)) = done {
        run("RELEASE outcome")?;
        return Ok(value);
    }
    if !db.is_autocommit() && run("ROLLBACK TO outcome; RELEASE outcome").is_err() {
        // Rather nothing of anybody's than half of this one's. If this fails too, the
        // transaction cannot be committed either.
        let _ = run("ROLLBACK");
    }
    done.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Bounds how long the first waits for the last: each takes a millisecond or less.
const MEMBERS: usize = 64;
