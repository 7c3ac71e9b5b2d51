//! How to get to a server, without showing messages to a network.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::trouble::What;
use crate::parts::endpoint::{Endpoint, unix_socket};

/// Connects, unless that would show messages to a network (`exposed` permits it).
pub(super) fn connect(
    endpoint: &Endpoint,
    within: Duration,
    exposed: bool,
) -> Result<Socket, What> {
    let address = match endpoint {
        Endpoint::Unix(path) => return Ok(unix_socket(path, within)?),
        Endpoint::Inet(address) => address,
    };
    let mut last = None;
    for address in address.to_socket_addrs()? {
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

fn connect_tcp(address: SocketAddr, within: Duration) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.connect_timeout(&address.into(), within)?;
    // We write whole groups of commands; waiting for more to send would only cost time.
    socket.set_tcp_nodelay(true)?;
    Ok(socket)
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "its name has no address")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 192.0.2.0/24 is for documentation (RFC 5737): nothing is sent there.
    #[test]
    fn another_machine_is_refused_before_anything_is_sent() {
        for text in ["192.0.2.1:25", "[2001:db8::1]:25", "[::ffff:192.0.2.1]:25"] {
            let endpoint: Endpoint = text.parse().unwrap();
            let error = connect(&endpoint, Duration::from_secs(1), false).unwrap_err();
            assert!(matches!(error, What::Exposed(_)), "{text}: {error}");
            assert!(error.to_string().contains("in the clear"));
        }
    }
}
