//! A few connections that all threads share.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Session;
use super::options::Connector;
use crate::store::db::DbError;

/// Connections, made when needed. Whoever needs one while all are in use waits.
#[derive(Debug)]
pub(super) struct Pool {
    connector: Connector,
    most: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    /// Idle, in use, or being made.
    open: usize,
}

/// Sessions have nothing worth printing.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} idle of {}", self.idle.len(), self.open)
    }
}

impl Pool {
    pub(super) fn new(connector: Connector, most: usize) -> Self {
        Self {
            connector,
            most: most.max(1),
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    pub(super) fn place(&self) -> String {
        self.connector.place()
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// A connection, to be given back by dropping it. Nobody may take a second one meanwhile: if
    /// all did, all would wait.
    pub(super) fn take(&self) -> Result<Pooled<'_>, DbError> {
        let may_take = |state: &State| !state.idle.is_empty() || state.open < self.most;
        let mut state = self.lock();
        loop {
            let waited = self
                .freed
                .wait_timeout_while(state, PATIENCE, |state| !may_take(state));
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let Some(session) = state.idle.pop() else {
                break;
            };
            drop(state);
            let taken = self.pooled(Some(session));
            // A server that was restarted meanwhile is no reason to begin in vain.
            if !taken.has_ended() {
                return Ok(taken);
            }
            drop(taken);
            state = self.lock();
        }
        if state.open >= self.most {
            return Err(DbError::NoConnection(self.most));
        }
        state.open += 1;
        drop(state);
        // From here on its place is given back however this ends.
        let mut pooled = self.pooled(None);
        pooled.session = Some(self.connector.connect()?);
        Ok(pooled)
    }

    /// Closes the connections that nobody uses.
    pub(super) fn forget_idle(&self) {
        let mut state = self.lock();
        state.open -= state.idle.len();
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        self.freed.notify_all();
        drop(idle);
    }

    fn pooled(&self, session: Option<Session>) -> Pooled<'_> {
        Pooled {
            pool: self,
            session,
        }
    }

    fn give_back(&self, session: Option<Session>) {
        let mut state = self.lock();
        let closed = match session {
            Some(session) if session.is_usable() => {
                state.idle.push(session);
                None
            }
            other => {
                state.open -= 1;
                other
            }
        };
        drop(state);
        self.freed.notify_one();
        // Closing may take a moment.
        drop(closed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use.
pub(super) struct Pooled<'a> {
    pool: &'a Pool,
    /// None: it is being made, or is given back already.
    session: Option<Session>,
}

impl Deref for Pooled<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session
            .as_ref()
            .expect("in use, so made and not given back")
    }
}

impl DerefMut for Pooled<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        self.session
            .as_mut()
            .expect("in use, so made and not given back")
    }
}

impl Drop for Pooled<'_> {
    fn drop(&mut self) {
        self.pool.give_back(self.session.take());
    }
}

/// As long as SQLite waits for its lock.
const PATIENCE: Duration = Duration::from_secs(15);
