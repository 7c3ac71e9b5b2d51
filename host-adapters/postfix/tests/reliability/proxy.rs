//! A server's port through which a test can reach, or not, or slowly.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How the server behind it seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Connections end as soon as they are made, and those there were have ended.
    Away,
    /// Every piece of what it says and hears takes its time.
    Slow,
}

/// Leads from its port to a server's, as long as the test lives.
pub struct Proxy {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    mood: Mood,
    open: Vec<TcpStream>,
}

impl Proxy {
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(Mutex::new(State {
            mood: Mood::Well,
            open: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // What cannot be led on is closed, which is what the client must bear anyway.
                let _ = lead(&client, server, &shared);
            }
        });
        Self { port, state }
    }

    pub fn set(&self, mood: Mood) {
        let mut state = self.state.lock().expect("nobody panics with it");
        state.mood = mood;
        if mood == Mood::Away {
            for stream in state.open.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}

fn lead(client: &TcpStream, server: u16, state: &Arc<Mutex<State>>) -> io::Result<()> {
    let mut known = state.lock().expect("nobody panics with it");
    if known.mood == Mood::Away {
        return Ok(());
    }
    let server = TcpStream::connect(("127.0.0.1", server))?;
    known
        .open
        .extend([client.try_clone()?, server.try_clone()?]);
    for (from, to) in [
        (client.try_clone()?, server.try_clone()?),
        (server, client.try_clone()?),
    ] {
        let state = Arc::clone(state);
        thread::spawn(move || copy(from, to, &state));
    }
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream, state: &Mutex<State>) {
    let mut octets = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut octets) {
        if state.lock().expect("nobody panics with it").mood == Mood::Slow {
            thread::sleep(SLOWNESS);
        }
        if to.write_all(&octets[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A dozen replies make a message wait for seconds.
const SLOWNESS: Duration = Duration::from_millis(300);
