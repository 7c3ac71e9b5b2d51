//! Dovecot's authentication protocol, as far as looking users up goes.
//!
//! Lines of fields with tabs between them. Both sides say `VERSION`, the server its `SPID`; then
//! `USER` with a number and a name is answered by `USER`, `NOTFOUND` or `FAIL` with that number.

use std::io::{self, Read as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::parts::endpoint::{Connection, Endpoint};

/// Looks users up, over connections that are kept.
pub(super) struct AuthClient {
    socket: Endpoint,
    patience: Duration,
    idle: Mutex<Vec<Session>>,
}

/// What Dovecot says of a user.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// There is one, whose name may not be the one that was asked for.
    User {
        name: String,
        /// `uid`, `home` and whatever else the user database has; a name alone has an empty value.
        fields: Vec<(String, String)>,
    },
    NotFound,
}

impl AuthClient {
    pub(super) fn new(socket: Endpoint, patience: Duration) -> Self {
        Self {
            socket,
            patience,
            idle: Mutex::default(),
        }
    }

    /// # Errors
    /// Dovecot cannot be reached, failed, or does not speak as it should.
    pub(super) fn user(&self, name: &str) -> Result<Reply, String> {
        if let Some(mut session) = self.kept() {
            session.connection.renew(self.patience);
            match session.user(name) {
                Ok(reply) => return self.give_back(session, reply),
                // Dovecot was restarted since, most likely.
                Err(error) => tracing::debug!(%error, "a kept connection to Dovecot has ended"),
            }
        }
        let connection = self
            .socket
            .connect(self.patience)
            .map_err(|error| format!("it cannot be reached: {error}"))?;
        let mut session = Session::begin(connection).map_err(|error| error.to_string())?;
        let reply = session.user(name).map_err(|error| error.to_string())?;
        self.give_back(session, reply)
    }

    fn give_back(&self, session: Session, reply: Result<Reply, String>) -> Result<Reply, String> {
        let mut idle = self.idle();
        if idle.len() < MOST_IDLE {
            idle.push(session);
        }
        reply
    }

    /// A connection that is there and not too old.
    fn kept(&self) -> Option<Session> {
        let mut idle = self.idle();
        idle.retain(|session| session.begun.elapsed() < LONGEST_KEPT);
        idle.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection after the greeting.
struct Session {
    connection: Connection,
    /// What has come and is not read yet.
    buffer: Vec<u8>,
    number: u32,
    begun: Instant,
}

impl Session {
    fn begin(connection: Connection) -> io::Result<Self> {
        let mut session = Self {
            connection,
            buffer: Vec::new(),
            number: 0,
            begun: Instant::now(),
        };
        session.connection.write_all(b"VERSION\t1\t0\n")?;
        let version = session.line()?;
        match &version.split('\t').collect::<Vec<_>>()[..] {
            ["VERSION", "1", _] => {}
            _ => return Err(strange(&version)),
        }
        let process = session.line()?;
        if !process.starts_with("SPID\t") {
            return Err(strange(&process));
        }
        Ok(session)
    }

    /// The inner error: Dovecot has answered that it cannot say.
    fn user(&mut self, name: &str) -> io::Result<Result<Reply, String>> {
        self.number = self.number.wrapping_add(1);
        let request = format!(
            "USER\t{}\t{}\tservice=ceralacca\n",
            self.number,
            escape(name)
        );
        self.connection.write_all(request.as_bytes())?;
        let line = self.line()?;
        let mut fields = line.split('\t');
        let kind = fields.next().unwrap_or_default();
        if fields.next() != Some(&self.number.to_string()) {
            return Err(strange(&line));
        }
        match kind {
            "USER" => {
                let name = fields.next().filter(|name| !name.is_empty());
                let name = unescape(name.ok_or_else(|| strange(&line))?);
                let fields = fields.map(|field| {
                    let (name, value) = field.split_once('=').unwrap_or((field, ""));
                    (unescape(name), unescape(value))
                });
                let fields = fields.collect();
                Ok(Ok(Reply::User { name, fields }))
            }
            "NOTFOUND" => Ok(Ok(Reply::NotFound)),
            "FAIL" => {
                let reason = fields.map(unescape).collect::<Vec<_>>().join(" ");
                Ok(Err(format!(
                    "it failed to look {name:?} up ({reason}); see Dovecot's log"
                )))
            }
            _ => Err(strange(&line)),
        }
    }

    /// The next line, without its end.
    fn line(&mut self) -> io::Result<String> {
        let mut part = [0; 1024];
        loop {
            if let Some(end) = self.buffer.iter().position(|octet| *octet == b'\n') {
                let line = self.buffer.drain(..=end).collect::<Vec<_>>();
                return String::from_utf8(line[..end].to_vec())
                    .map_err(|_| io::Error::other("it says what is not UTF-8"));
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(io::Error::other("its line has no end"));
            }
            match self.connection.read(&mut part) {
                Ok(0) => {
                    return Err(io::Error::other(
                        "it closed the connection; its log says why",
                    ));
                }
                Ok(read) => self.buffer.extend_from_slice(&part[..read]),
                Err(error) => return Err(io::Error::other(format!("it does not answer: {error}"))),
            }
        }
    }
}

fn strange(line: &str) -> io::Error {
    let start: String = line.chars().take(80).collect();
    io::Error::other(format!(
        "it says {start:?}, which is not its protocol (version 1)"
    ))
}

/// As Dovecot's `str_tabescape` does.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match ESCAPES.iter().find(|(plain, _)| *plain == character) {
            Some((_, letter)) => escaped.extend(['\x01', *letter]),
            None => escaped.push(character),
        }
    }
    escaped
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\x01' {
            plain.push(character);
        } else if let Some(letter) = characters.next() {
            let escape = ESCAPES.iter().find(|(_, escape)| *escape == letter);
            plain.push(escape.map_or(letter, |(plain, _)| *plain));
        }
    }
    plain
}

const ESCAPES: &[(char, char)] = &[
    ('\0', '0'),
    ('\x01', '1'),
    ('\t', 't'),
    ('\r', 'r'),
    ('\n', 'n'),
];
/// Connections that wait. Look-ups take a millisecond, so that few are under way at once.
const MOST_IDLE: usize = 16;
/// When Dovecot is restarted, its old process goes on serving those who are connected, with the old
/// configuration, until they leave (measured with 2.3.19). So we leave every minute.
const LONGEST_KEPT: Duration = Duration::from_secs(60);
/// Octets. A user has a dozen short fields.
const LONGEST_LINE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::{escape, unescape};

    #[test]
    fn what_would_end_a_field_is_escaped() {
        // From the tests of Dovecot's str_tabescape (src/lib/test-strescape.c).
        for (plain, escaped) in [
            ("foo\x01\0bar\t1\r2\n", "foo\x011\x010bar\x01t1\x01r2\x01n"),
            ("foo", "foo"),
        ] {
            assert_eq!(escape(plain), escaped);
            assert_eq!(unescape(escaped), plain);
        }
        assert_eq!(unescape("foo\x01"), "foo");
    }
}
