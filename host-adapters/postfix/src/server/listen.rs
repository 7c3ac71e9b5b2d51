//! Where the server listens.

use std::fmt;
use std::fs;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::Shared;
use super::connection;
use super::stream::Stream;

/// A place to listen at. As text: `unix:/path`, or `inet:ADDRESS:PORT` (which Postfix writes
/// `inet:ADDRESS:PORT`, too).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A Unix socket: the better choice on one machine.
    Unix {
        /// The file. Inside Postfix's chroot the path begins at its queue directory.
        path: PathBuf,
        /// Who may connect: 0o660 is the socket's owner and group.
        mode: u32,
        /// The group; none: that of the process. Postfix connects as its user `postfix`.
        group: Option<u32>,
    },
    /// TCP. Whoever reaches it can submit as anybody: loopback, or a network of one's own.
    Tcp(SocketAddr),
}

/// Text that is no place to listen at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither unix:/PATH nor inet:ADDRESS:PORT")]
pub struct ParseListenError(String);

impl FromStr for Listen {
    type Err = ParseListenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseListenError(text.to_owned());
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix {
                path: path.into(),
                mode: 0o660,
                group: None,
            }),
            Some(("inet", address)) => Ok(Self::Tcp(address.parse().map_err(|_| wrong())?)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "inet:{address}"),
        }
    }
}

/// A socket that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at {at}: {reason}; {remedy}")]
pub struct BindError {
    at: Listen,
    reason: String,
    remedy: &'static str,
}

/// A bound socket.
pub(super) struct Listener {
    at: Listen,
    socket: Bound,
}

enum Bound {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    pub(super) fn bind(at: &Listen) -> Result<Self, BindError> {
        let failed = |remedy| {
            move |error: io::Error| BindError {
                at: at.clone(),
                reason: error.to_string(),
                remedy,
            }
        };
        match at {
            Listen::Unix { path, mode, group } => {
                make_way(at, path)?;
                let remedy = "check that the folder exists and that we may write and chgrp there";
                let socket = bind_unix(path, *mode, *group).map_err(failed(remedy))?;
                Ok(Self {
                    at: at.clone(),
                    socket: Bound::Unix(socket),
                })
            }
            Listen::Tcp(address) => {
                let remedy = "choose an address of this machine and a port that nobody uses";
                let socket = bind_tcp(*address).map_err(failed(remedy))?;
                let address = socket.local_addr().map_err(failed(remedy))?;
                Ok(Self {
                    at: Listen::Tcp(address),
                    socket: Bound::Tcp(socket),
                })
            }
        }
    }

    pub(super) fn address(&self) -> &Listen {
        &self.at
    }

    /// Accepts until [`Self::close`].
    pub(super) fn serve(&self, shared: &Arc<Shared>) {
        while shared.connections.wait_for_room() {
            match self.accept() {
                Ok(stream) => spawn(stream, shared),
                // Shut down by `close`, or it cannot be used any more.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => return,
                Err(error) => {
                    // Out of file descriptors, most likely: others will end.
                    tracing::error!(%error, at = %self.at, "cannot accept a connection");
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    /// Accepts nothing more, and takes the name away. Whoever waited to be accepted is refused.
    pub(super) fn close(&self) {
        let socket = match &self.socket {
            Bound::Unix(listener) => SockRef::from(listener),
            Bound::Tcp(listener) => SockRef::from(listener),
        };
        if let Err(error) = socket.shutdown(Shutdown::Both) {
            tracing::error!(%error, at = %self.at, "cannot stop listening");
        }
        if let Listen::Unix { path, .. } = &self.at {
            // Somebody else may have taken it over.
            let _ = fs::remove_file(path);
        }
    }

    fn accept(&self) -> io::Result<Stream> {
        match &self.socket {
            Bound::Unix(listener) => Ok(Stream::Unix(listener.accept()?.0)),
            Bound::Tcp(listener) => Ok(Stream::Tcp(listener.accept()?.0)),
        }
    }
}

/// A thread for a connection.
fn spawn(stream: Stream, shared: &Arc<Shared>) {
    // None: the server is stopping. The mail server sees the connection close.
    let Some(place) = shared.connections.enter(stream) else {
        return;
    };
    let shared = Arc::clone(shared);
    let spawned = std::thread::Builder::new()
        .name("ceralacca-milter".to_owned())
        .stack_size(STACK)
        .spawn(move || connection::serve(&shared, &place));
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread for a connection");
    }
}

/// Removes a socket that a process left behind which did not end well. Anything else stays: it may be
/// somebody's.
fn make_way(at: &Listen, path: &Path) -> Result<(), BindError> {
    let refuse = |reason: String, remedy| {
        Err(BindError {
            at: at.clone(),
            reason,
            remedy,
        })
    };
    match fs::symlink_metadata(path) {
        Err(_) => return Ok(()),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return refuse(
                "there is a file that is no socket".to_owned(),
                "remove it, or choose another path",
            );
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => refuse(
            "another process listens there".to_owned(),
            "stop it, or choose another path",
        ),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            // It is replaced by the new one in one step.
            Ok(())
        }
        Err(error) => refuse(error.to_string(), "remove the socket if nobody uses it"),
    }
}

/// Bound under a temporary name, given its owner and mode, and then its own name: nobody connects
/// who may not, and nobody finds it half made.
fn bind_unix(path: &Path, mode: u32, group: Option<u32>) -> io::Result<UnixListener> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = Path::new(&temporary);
    let _ = fs::remove_file(temporary);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(temporary)?)?;
    if let Some(group) = group {
        chown(temporary, None, Some(group))?;
    }
    fs::set_permissions(temporary, fs::Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)?;
    fs::rename(temporary, path)?;
    Ok(OwnedFd::from(socket).into())
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // So that a restart need not wait for the connections of the last process to be forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Connections that may wait to be accepted. Postfix does not wait when a Unix socket's is full, and
/// its client is told 4xx; the kernel takes less where its own limit (`somaxconn`) is less.
const BACKLOG: i32 = 4_096;

/// A connection's thread only decodes and waits. Looking a mailbox up takes the most.
const STACK: usize = 256 * 1024;

/// After a failed accept, so that the log does not overflow.
const PAUSE: Duration = Duration::from_millis(100);
