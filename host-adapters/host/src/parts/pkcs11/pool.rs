//! Sessions that wait to be used.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::fault::Fault;
use super::module::Module;
use super::session::OpenSession;

/// Sessions, idle or in somebody's hands, up to a number.
pub(super) struct Pool {
    most: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<OpenSession>,
    /// How many threads have a turn.
    turns: usize,
}

impl Pool {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            state: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    /// The right to use one session, for which others may have to be waited for.
    ///
    /// # Errors
    /// They do not end: the HSM hangs.
    pub(super) fn turn(&self) -> Result<Turn<'_>, Fault> {
        let (mut state, waited) = self
            .returned
            .wait_timeout_while(self.state(), PATIENCE, |state| state.turns >= self.most)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            let problem = format!(
                "all {} sessions have been busy for {} seconds",
                self.most,
                PATIENCE.as_secs()
            );
            return Err(Fault::new(
                problem,
                "allow more sessions, or see what keeps the HSM",
            ));
        }
        state.turns += 1;
        Ok(Turn { pool: self })
    }

    /// Closes those that are idle.
    pub(super) fn clear(&self, module: &Module) {
        let idle = std::mem::take(&mut self.state().idle);
        let running = module.running();
        for session in idle {
            if session.generation() == running.generation {
                session.close();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to use one session.
pub(super) struct Turn<'a> {
    pool: &'a Pool,
}

impl Turn<'_> {
    /// One that is there already, of this life of the module.
    pub(super) fn take(&mut self, generation: u64) -> Option<OpenSession> {
        let mut state = self.pool.state();
        // Older ones ended with their life.
        state
            .idle
            .retain(|session| session.generation() == generation);
        state.idle.pop()
    }

    /// Keeps it for whoever comes next.
    pub(super) fn give_back(&mut self, session: OpenSession) {
        self.pool.state().idle.push(session);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.pool.state().turns -= 1;
        self.pool.returned.notify_one();
    }
}

/// A signature takes milliseconds; a client waits minutes for its reply.
const PATIENCE: Duration = Duration::from_secs(30);
