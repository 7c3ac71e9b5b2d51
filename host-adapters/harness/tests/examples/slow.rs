//! The worker in workerd alone, with a store that takes its time, and clients who do not wait for it.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::common::succeed;
use super::example;
use super::server::Server;
use super::world::World;

/// Starts it in this folder.
pub fn start(world: &World, place: &TempDir) -> Server {
    let program = |name: &str| example("worker/node_modules/.bin").join(name);
    succeed(
        Command::new(program("esbuild"))
            .arg(example("worker/worker.js"))
            .args(["--bundle", "--format=esm", "--conditions=workerd"])
            .args(["--loader:.wasm=copy", "--asset-names=[name]"])
            .args(["--log-level=error", "--outdir=."])
            .current_dir(place),
    );
    let provider = world.demo.folder().join("providers/alfa");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples/slow");
    for (from, name) in [
        (&sources, "slow.capnp"),
        (&sources, "store.js"),
        (&provider, "certificate.pem"),
        (&provider, "directory.ldif"),
        (&provider, "key.pem"),
        (&provider, "roots.pem"),
    ] {
        fs::copy(from.join(name), place.path().join(name)).expect("a file");
    }
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let mut workerd = Command::new("sh");
    let said =
        "echo \"Ready on http://$1\"; exec \"$0\" serve slow.capnp --socket-addr \"http=$1\"";
    workerd.args(["-c", said]).arg(program("workerd"));
    workerd.arg(address).current_dir(place);
    Server::start(workerd)
}

/// A client hands in this message, and leaves while it is dealt with.
pub fn leaves(server: &Server, message: &[u8]) {
    let url = server.url();
    let address = url.strip_prefix("http://").expect("an address");
    let mut client = TcpStream::connect(address).expect("it listens");
    // With an answer that it has not read: whoever closes then is seen to leave (RFC 1122 §4.2.2.13).
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    client.peek(&mut [0]).expect("an answer");
    let size = message.len();
    let head =
        format!("POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n");
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(message).unwrap();
    // It is in the store's hands now.
    thread::sleep(Duration::from_millis(100));
}
