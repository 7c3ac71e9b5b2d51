//! A peer on a Unix socket that says what a test has it say.

use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ceralacca_host::Endpoint;
use tempfile::TempDir;

/// Listens as long as it lives; each connection is given to the script, in a thread of its own.
pub struct Peer {
    folder: TempDir,
    connections: Arc<AtomicUsize>,
}

impl Peer {
    pub fn new(script: impl Fn(UnixStream) + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("socket")).expect("a socket");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let script = Arc::new(script);
        // Ends with the process: nobody can connect once the folder is gone.
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let script = Arc::clone(&script);
                thread::spawn(move || script(connection));
            }
        });
        Self {
            folder,
            connections,
        }
    }

    pub fn address(&self) -> Endpoint {
        Endpoint::Unix(self.folder.path().join("socket"))
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}
