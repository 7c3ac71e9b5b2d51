//! A connection of either kind.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ceralacca_milter::Transport;

pub(super) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Unix(_) => Transport::Unix,
            Self::Tcp(_) => Transport::Tcp,
        }
    }

    /// Reads return at least every `tick`; a write that takes longer than `write` fails. Answers are
    /// one write each, so nothing is gained by waiting for more.
    pub(super) fn prepare(&self, tick: Duration, write: Duration) -> io::Result<()> {
        match self {
            Self::Unix(stream) => {
                stream.set_read_timeout(Some(tick))?;
                stream.set_write_timeout(Some(write))
            }
            Self::Tcp(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(tick))?;
                stream.set_write_timeout(Some(write))
            }
        }
    }

    /// Some octets; 0: the other end has closed. None: a tick has passed without any.
    pub(super) fn read(&self, room: &mut [u8]) -> io::Result<Option<usize>> {
        let read = match self {
            Self::Unix(stream) => (&*stream).read(room),
            Self::Tcp(stream) => (&*stream).read(room),
        };
        match read {
            Ok(count) => Ok(Some(count)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock
                | io::ErrorKind::TimedOut
                | io::ErrorKind::Interrupted => Ok(None),
                _ => Err(error),
            },
        }
    }

    pub(super) fn write_all(&self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Unix(stream) => (&*stream).write_all(octets),
            Self::Tcp(stream) => (&*stream).write_all(octets),
        }
    }

    /// Wakes whoever reads, as if the other end had closed.
    pub(super) fn stop_reading(&self) {
        self.shut(Shutdown::Read);
    }

    pub(super) fn cut(&self) {
        self.shut(Shutdown::Both);
    }

    fn shut(&self, how: Shutdown) {
        // An error means that it is closed already.
        let _ = match self {
            Self::Unix(stream) => stream.shutdown(how),
            Self::Tcp(stream) => stream.shutdown(how),
        };
    }
}
