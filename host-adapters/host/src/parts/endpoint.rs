//! Where a local service listens, and a connection to it that cannot hang.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, TcpStream, ToSocketAddrs as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::SetupError;

/// The address of a service, as Postfix writes it: `unix:/PATH` or `inet:HOST:PORT` (an IPv6
/// address in brackets); `inet:` may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// HOST:PORT, as `std::net` resolves it.
    Inet(String),
}

impl Endpoint {
    /// Connects; nothing on the connection takes longer than until `patience` has passed.
    pub(crate) fn connect(&self, patience: Duration) -> io::Result<Connection> {
        let until = Instant::now() + patience;
        let stream = match self {
            Self::Unix(path) => Stream::Unix(OwnedFd::from(unix_socket(path, patience)?).into()),
            Self::Inet(address) => Stream::Inet(connect_inet(address, until)?),
        };
        Ok(Connection { stream, until })
    }
}

impl FromStr for Endpoint {
    type Err = SetupError;

    fn from_str(text: &str) -> Result<Self, SetupError> {
        let wrong = |problem: &str| {
            SetupError::new(
                format_args!("address {text:?}"),
                problem,
                "write unix:/PATH or inet:HOST:PORT",
            )
        };
        if let Some(path) = text.strip_prefix("unix:") {
            // Relative to where the program happens to be started: never what was meant.
            return match path.starts_with('/') {
                true => Ok(Self::Unix(path.into())),
                false => Err(wrong("the path of the socket must begin with /")),
            };
        }
        let address = text.strip_prefix("inet:").unwrap_or(text);
        let (host, port) = address
            .rsplit_once(':')
            .ok_or_else(|| wrong("it has no port"))?;
        let is_bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
        // An address with colons needs its brackets, or its last group would pass for the port.
        if host.is_empty() || (!is_bracketed && host.contains([':', '[', ']', '/'])) {
            return Err(wrong("the host must be a name, an IPv4 address, or [IPv6]"));
        }
        match port.parse::<u16>() {
            Ok(1..) => Ok(Self::Inet(address.to_owned())),
            _ => Err(wrong("the port must be a number from 1 to 65535")),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Inet(address) => write!(f, "inet:{address}"),
        }
    }
}

/// A stream whose every read and write fails with `TimedOut` once its time is up: a peer that
/// drips octets gains nothing.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    until: Instant,
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Inet(TcpStream),
}

impl Connection {
    /// Gives it time until `patience` from now: for a connection that serves again.
    pub(crate) fn renew(&mut self, patience: Duration) {
        self.until = Instant::now() + patience;
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        remaining(self.until).map(Some)
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left()?;
        let result = match &mut self.stream {
            Stream::Unix(stream) => {
                stream.set_read_timeout(left)?;
                stream.read(buffer)
            }
            Stream::Inet(stream) => {
                stream.set_read_timeout(left)?;
                stream.read(buffer)
            }
        };
        result.map_err(name_timeout)
    }
}

impl Write for Connection {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let left = self.left()?;
        let result = match &mut self.stream {
            Stream::Unix(stream) => {
                stream.set_write_timeout(left)?;
                stream.write(octets)
            }
            Stream::Inet(stream) => {
                stream.set_write_timeout(left)?;
                stream.write(octets)
            }
        };
        result.map_err(name_timeout)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A listener whose queue is full lets one wait, for ever if one does not say how long.
pub(super) fn unix_socket(path: &Path, patience: Duration) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_write_timeout(Some(patience))?;
    socket
        .connect(&SockAddr::unix(path)?)
        .map_err(name_timeout)?;
    Ok(socket)
}

/// The first address of the name that answers.
fn connect_inet(address: &str, until: Instant) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, remaining(until)?) {
            Ok(stream) => {
                // Requests are small and waited for.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn remaining(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}

/// Unix says `WouldBlock` ("Resource temporarily unavailable") when a socket's time is up.
fn name_timeout(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn addresses_are_read_and_written_as_postfix_does() {
        for text in [
            "unix:/run/clamav/clamd.ctl",
            "inet:127.0.0.1:3310",
            "inet:[::1]:3310",
            "inet:scanner.example:1",
        ] {
            let endpoint = text.parse::<Endpoint>().unwrap();
            assert_eq!(endpoint.to_string(), text);
            let bare = text.strip_prefix("inet:").unwrap_or(text);
            assert_eq!(bare.parse(), Ok(endpoint));
        }
    }

    #[test]
    fn what_is_no_address_says_what_one_looks_like() {
        for text in [
            "",
            "/run/clamav/clamd.ctl",
            "unix:run/clamd",
            "inet:3310",
            "inet::3310",
            "inet:host:0",
            "inet:host:65536",
            "inet:::1:3310",
            "localhost",
            "[localhost]:25",
            "localhost:-1",
            "http://localhost:25",
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains("inet:HOST:PORT"), "{error}");
        }
    }
}
