//! Where a server listens, and how to get there.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::trouble::What;

/// Where a server listens: `127.0.0.1:10026`, `[::1]:24`, `localhost:24`, or
/// `unix:/run/dovecot/lmtp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A host, by name or address, and a port.
    Tcp {
        /// The name or address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Connects, unless that would show messages to a network (`exposed` permits it).
    pub(super) fn connect(&self, within: Duration, exposed: bool) -> Result<Socket, What> {
        match self {
            Self::Unix(path) => Ok(connect_unix(&SockAddr::unix(path)?, within)?),
            Self::Tcp { host, port } => {
                let mut last = None;
                for address in (host.as_str(), *port).to_socket_addrs()? {
                    if !exposed && !address.ip().to_canonical().is_loopback() {
                        return Err(What::Exposed(address.ip()));
                    }
                    match connect_tcp(address, within) {
                        Ok(socket) => return Ok(socket),
                        Err(error) => last = Some(error),
                    }
                }
                Err(last.map_or_else(|| What::Io(no_address()), What::Io))
            }
        }
    }
}

fn connect_tcp(address: SocketAddr, within: Duration) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.connect_timeout(&address.into(), within)?;
    // We write whole groups of commands; waiting for more to send would only cost time.
    socket.set_tcp_nodelay(true)?;
    Ok(socket)
}

/// Where the server's backlog is full, a Unix `connect` waits as long as a `send` would.
fn connect_unix(address: &SockAddr, within: Duration) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_write_timeout(Some(within))?;
    socket.connect(address)?;
    Ok(socket)
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "its name has no address")
}

impl FromStr for Endpoint {
    type Err = NotAnEndpoint;

    fn from_str(text: &str) -> Result<Self, NotAnEndpoint> {
        let wrong = || NotAnEndpoint(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Self::Unix(path))
            } else {
                Err(wrong())
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let inside = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        // An address with colons needs its brackets, or its last group would pass for the port.
        let host = match inside {
            Some(inside) if inside.parse::<std::net::Ipv6Addr>().is_ok() => inside,
            None if !host.is_empty() && !host.contains([':', '[', ']', '/']) => host,
            _ => return Err(wrong()),
        };
        Ok(Self::Tcp {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// A text that names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no place to connect to; write HOST:PORT, [IPV6]:PORT, or unix: and an absolute path"
)]
pub struct NotAnEndpoint(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_written() {
        for text in [
            "127.0.0.1:10026",
            "localhost:24",
            "[::1]:24",
            "unix:/run/dovecot/lmtp",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "localhost",
            ":25",
            "::1:24",
            "[::1]",
            "[localhost]:25",
            "localhost:65536",
            "localhost:-1",
            "unix:run/lmtp",
            "unix:",
            "http://localhost:25",
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains("HOST:PORT"), "{text}: {error}");
        }
    }

    /// 192.0.2.0/24 is for documentation (RFC 5737): nothing is sent there.
    #[test]
    fn another_machine_is_refused_before_anything_is_sent() {
        for text in ["192.0.2.1:25", "[2001:db8::1]:25", "[::ffff:192.0.2.1]:25"] {
            let endpoint: Endpoint = text.parse().unwrap();
            let error = endpoint.connect(Duration::from_secs(1), false).unwrap_err();
            assert!(matches!(error, What::Exposed(_)), "{text}: {error}");
            assert!(error.to_string().contains("in the clear"));
        }
    }
}
