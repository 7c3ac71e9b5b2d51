//! Connections that are kept open and lent out.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::connection::{Connection, Dialect};
use super::letter::{Letter, Verdict};
use super::settings::{SmtpSettings, Step};
use super::trouble::{Trouble, What};
use crate::Unavailable;
use crate::parts::Endpoint;

/// All connections to one server.
#[derive(Debug)]
pub(super) struct Pool {
    endpoint: Endpoint,
    dialect: Dialect,
    settings: SmtpSettings,
    shelf: Mutex<Shelf>,
    /// A connection came back, or its place became free.
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Shelf {
    /// Those used last are last, and are lent first.
    idle: Vec<Connection>,
    /// How many are lent out or being opened.
    lent: usize,
    /// The last one that was heard of let us wait in vain. Until another does better one of us waits for
    /// the server, and the others do not: they have mail for other servers.
    silent: bool,
}

impl Pool {
    pub(super) fn new(endpoint: Endpoint, dialect: Dialect, settings: SmtpSettings) -> Self {
        Self {
            endpoint,
            dialect,
            settings,
            shelf: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// One transaction, on a connection that is free or new. What a stale connection spoils before
    /// any content was sent begins again on a new one, once.
    ///
    /// # Errors
    /// Nobody has got the message, nobody is refused.
    pub(super) fn send(&self, letter: &Letter<'_>) -> Result<Vec<Verdict>, Trouble> {
        let (slot, kept) = self.slot()?;
        let result = self.send_in(slot, kept, letter);
        self.lock().silent =
            matches!(&result, Err(trouble) if matches!(trouble.what, What::Slow(_)));
        result
    }

    fn send_in(
        &self,
        slot: Slot<'_>,
        kept: Option<Connection>,
        letter: &Letter<'_>,
    ) -> Result<Vec<Verdict>, Trouble> {
        let mut fresh = kept.is_none();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.open()?.0,
        };
        let result = loop {
            match connection.send(letter) {
                Err(trouble) if !fresh && is_stale(&trouble) => {
                    tracing::debug!(%trouble, "a kept connection was stale");
                    let protocol = self.dialect.name();
                    metrics::counter!("ceralacca_smtp_stale_connections_total", "protocol" => protocol)
                        .increment(1);
                    fresh = true;
                    connection = self.open()?.0;
                }
                result => break result,
            }
        };
        slot.put_back(connection);
        result
    }

    /// Says hello on a connection of its own, for people who want to know whether that works.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn probe(&self) -> Result<String, Unavailable> {
        let (connection, greeting) = self.open().map_err(|t| Unavailable(t.to_string()))?;
        let text = format!("{greeting}, offers {}", connection.offers());
        connection.quit();
        Ok(text)
    }

    fn open(&self) -> Result<(Connection, super::reply::Reply), Trouble> {
        Connection::open(&self.endpoint, self.dialect, &self.settings)
    }

    /// The right to use one connection, and one that is open, if there is.
    fn slot(&self) -> Result<(Slot<'_>, Option<Connection>), Trouble> {
        let end = Instant::now() + self.settings.max_wait;
        let mut shelf = self.lock();
        loop {
            if shelf.silent && shelf.lent > 0 {
                return Err(self.trouble(What::Silent));
            }
            let mut unfit = Vec::new();
            let mut found = None;
            while let Some(connection) = shelf.idle.pop() {
                if self.is_fit(&connection) {
                    found = Some(connection);
                    break;
                }
                unfit.push(connection);
            }
            if found.is_some() || shelf.lent < self.settings.max_connections.max(1) {
                shelf.lent += 1;
                drop(shelf);
                unfit.into_iter().for_each(Connection::quit);
                return Ok((Slot(self), found));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.trouble(What::Busy {
                    most: self.settings.max_connections,
                    waited: self.settings.max_wait,
                }));
            }
            let waited = self.freed.wait_timeout(shelf, left);
            shelf = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Before anything was said.
    fn trouble(&self, what: What) -> Trouble {
        Trouble {
            endpoint: self.endpoint.clone(),
            step: Step::Connect,
            what,
        }
    }

    fn is_fit(&self, connection: &Connection) -> bool {
        connection.used_at.elapsed() < self.settings.max_idle && connection.is_quiet()
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        // What a panic left behind are connections, each whole.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the connections that may be open; free again when dropped.
struct Slot<'a>(&'a Pool);

impl Slot<'_> {
    /// Keeps the connection for others, where it is worth that.
    fn put_back(self, mut connection: Connection) {
        let pool = self.0;
        if connection.uses >= pool.settings.max_uses || !connection.is_usable() {
            connection.quit();
            return;
        }
        let mut shelf = pool.lock();
        // The oldest are first; nobody may come for them for a long time.
        let old = |c: &Connection| c.used_at.elapsed() >= pool.settings.max_idle;
        let count = shelf.idle.iter().take_while(|c| old(c)).count();
        let too_old: Vec<Connection> = shelf.idle.drain(..count).collect();
        shelf.idle.push(connection);
        drop(shelf);
        too_old.into_iter().for_each(Connection::quit);
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.lock().lent -= 1;
        self.0.freed.notify_one();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let shelf = self.shelf.get_mut().unwrap_or_else(PoisonError::into_inner);
        shelf.idle.drain(..).for_each(Connection::quit);
    }
}

/// Was the connection closed at the other side before we began? Nothing of the message can have
/// been taken: no octet of it was sent.
fn is_stale(trouble: &Trouble) -> bool {
    let gone = match &trouble.what {
        What::Closed | What::Io(_) => true,
        What::Said(reply) => reply.says_goodbye(),
        _ => false,
    };
    gone && trouble.step.is_before_content()
}
