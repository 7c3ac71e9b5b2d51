//! A server's door through which a test can reach it, or not, or slowly.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// How the server behind it seems to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Well,
    /// Connections end as soon as they are made, and those there were have ended.
    Away,
    /// Every piece of what it says and hears takes so long.
    Slow(Duration),
    /// Whoever connects is let in, and nothing is heard of it.
    Silent,
}

/// Where something listens.
#[derive(Clone, Debug)]
pub enum Door {
    /// Of 127.0.0.1.
    Port(u16),
    /// A Unix socket.
    Socket(PathBuf),
}

/// Leads from its door to a server's of the same sort, as long as the test lives.
pub struct Proxy {
    pub door: Door,
    state: Arc<State>,
    /// Where its socket is.
    _folder: Option<TempDir>,
}

#[derive(Default)]
struct State {
    known: Mutex<Known>,
    changed: Condvar,
}

#[derive(Default)]
struct Known {
    mood: Mood,
    open: Vec<Box<dyn Wire>>,
}

impl Proxy {
    /// A socket has the same name as the server's, in another folder.
    pub fn to(server: Door) -> Self {
        let (listener, door, folder) = match &server {
            Door::Port(_) => {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                let port = listener.local_addr().expect("it is bound").port();
                (Listener::Tcp(listener), Door::Port(port), None)
            }
            Door::Socket(path) => {
                let folder = TempDir::new().expect("a temporary folder");
                let path = folder.path().join(path.file_name().expect("a name"));
                let listener = UnixListener::bind(&path).expect("nobody has it");
                (Listener::Unix(listener), Door::Socket(path), Some(folder))
            }
        };
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            while let Ok(client) = listener.accept() {
                // What cannot be led on is closed, which is what the client must bear anyway.
                let _ = lead(client, &server, &shared);
            }
        });
        Self {
            door,
            state,
            _folder: folder,
        }
    }

    pub fn set(&self, mood: Mood) {
        let mut known = self.state.known.lock().expect("nobody panics with it");
        known.mood = mood;
        if mood == Mood::Away {
            for wire in known.open.drain(..) {
                wire.end(Shutdown::Both);
            }
        }
        self.state.changed.notify_all();
    }
}

impl Door {
    /// As our configuration writes it.
    pub fn endpoint(&self) -> String {
        match self {
            Self::Port(port) => format!("inet:127.0.0.1:{port}"),
            Self::Socket(path) => format!("unix:{}", path.display()),
        }
    }

    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(match self {
            Self::Port(port) => Box::new(TcpStream::connect(("127.0.0.1", *port))?),
            Self::Socket(path) => Box::new(UnixStream::connect(path)?),
        })
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    fn accept(&self) -> io::Result<Box<dyn Wire>> {
        Ok(match self {
            Self::Tcp(listener) => Box::new(listener.accept()?.0),
            Self::Unix(listener) => Box::new(listener.accept()?.0),
        })
    }
}

/// A connection of either sort.
trait Wire: Read + Write + Send {
    fn twin(&self) -> io::Result<Box<dyn Wire>>;
    fn end(&self, how: Shutdown);
}

macro_rules! wire {
    ($($stream:ty),*) => {$(
        impl Wire for $stream {
            fn twin(&self) -> io::Result<Box<dyn Wire>> {
                Ok(Box::new(self.try_clone()?))
            }

            fn end(&self, how: Shutdown) {
                // It may have ended already.
                let _ = self.shutdown(how);
            }
        }
    )*};
}

wire!(TcpStream, UnixStream);

fn lead(client: Box<dyn Wire>, server: &Door, state: &Arc<State>) -> io::Result<()> {
    let mut known = state.known.lock().expect("nobody panics with it");
    if known.mood == Mood::Away {
        return Ok(());
    }
    let server = server.connect()?;
    known.open.extend([client.twin()?, server.twin()?]);
    for (from, to) in [(client.twin()?, server.twin()?), (server, client)] {
        let state = Arc::clone(state);
        thread::spawn(move || copy(from, to, &state));
    }
    Ok(())
}

fn copy(mut from: Box<dyn Wire>, mut to: Box<dyn Wire>, state: &State) {
    let mut octets = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut octets) {
        let known = state.known.lock().expect("nobody panics with it");
        let known = state
            .changed
            .wait_while(known, |known| known.mood == Mood::Silent);
        let mood = known.expect("nobody panics with it").mood;
        if let Mood::Slow(pause) = mood {
            thread::sleep(pause);
        }
        if to.write_all(&octets[..read]).is_err() {
            break;
        }
    }
    to.end(Shutdown::Write);
}
