//! Octets to and from a server, each wait with its end.
//!
//! A socket's own timeout starts again with every octet, so that a peer who sends one now and then
//! holds a worker for ever. Here every wait ends at a deadline.

use std::io::{self, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use socket2::Socket;

use super::reply::{MAX_LINE, Nonsense, Reply, ReplyLines};
use super::trouble::What;

/// A connected socket and what has been read from it ahead.
#[derive(Debug)]
pub(super) struct Wire {
    socket: Socket,
    ahead: Vec<u8>,
}

impl Wire {
    pub(super) fn new(socket: Socket) -> Self {
        Self {
            socket,
            ahead: Vec::new(),
        }
    }

    /// Sends all of it.
    pub(super) fn write(&mut self, mut octets: &[u8], within: Duration) -> Result<(), What> {
        let end = Deadline::new(within);
        while !octets.is_empty() {
            self.socket.set_write_timeout(Some(end.left()?))?;
            match self.socket.write(octets) {
                Ok(0) => return Err(What::Closed),
                Ok(count) => octets = &octets[count..],
                Err(error) => end.judge(error)?,
            }
        }
        Ok(())
    }

    /// Reads one reply.
    pub(super) fn reply(&mut self, within: Duration) -> Result<Reply, What> {
        let end = Deadline::new(within);
        let mut lines = ReplyLines::default();
        loop {
            let length = self.line(&end)?;
            let reply = lines.take(&self.ahead[..length])?;
            self.ahead.drain(..length);
            if let Some(reply) = reply {
                return Ok(reply);
            }
        }
    }

    /// May a new transaction begin on it? Not if the server has closed it, or has said something
    /// that nobody asked for (`421`, before it closes).
    pub(super) fn is_quiet(&self) -> bool {
        let quiet = |socket: &Socket| {
            socket.set_nonblocking(true)?;
            let seen = socket.peek(&mut [MaybeUninit::uninit()]);
            socket.set_nonblocking(false)?;
            seen
        };
        self.ahead.is_empty()
            && matches!(quiet(&self.socket), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Waits until a whole line is there; its length, line end included.
    fn line(&mut self, end: &Deadline) -> Result<usize, What> {
        let mut looked = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.ahead[looked..]) {
                return Ok(looked + at + 1);
            }
            looked = self.ahead.len();
            if looked > MAX_LINE {
                return Err(Nonsense::LongLine.into());
            }
            let mut buffer = [0; 4096];
            self.socket.set_read_timeout(Some(end.left()?))?;
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(What::Closed),
                Ok(count) => self.ahead.extend_from_slice(&buffer[..count]),
                Err(error) => end.judge(error)?,
            }
        }
    }
}

/// The end of a wait.
struct Deadline {
    at: Instant,
    within: Duration,
}

impl Deadline {
    fn new(within: Duration) -> Self {
        Self {
            at: Instant::now() + within,
            within,
        }
    }

    /// More than nothing, or the wait is over.
    fn left(&self) -> Result<Duration, What> {
        let left = self.at.saturating_duration_since(Instant::now());
        // The kernel counts microseconds, and takes zero for “for ever”.
        if left < Duration::from_micros(1) {
            return Err(What::Slow(self.within));
        }
        Ok(left)
    }

    /// An error that only means “not yet” is left to `left`.
    fn judge(&self, error: io::Error) -> Result<(), What> {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, Interrupted, TimedOut, WouldBlock};
        match error.kind() {
            Interrupted | WouldBlock | TimedOut => Ok(()),
            BrokenPipe | ConnectionReset => Err(What::Closed),
            _ => Err(What::Io(error)),
        }
    }
}
