//! Real servers and programs: found where administrators have them, started by a test, ended with it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Where a program is; where it is missing the test says so and is skipped, unless
/// `CERALACCA_REQUIRE_TOOLS` is set, as in CI.
pub fn program(name: &str) -> Option<PathBuf> {
    // Programs for administrators are not in everybody's PATH.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        skipped(name);
    }
    found
}

/// Says that a test is skipped for want of something; where all is required, it fails instead.
pub fn skipped(what: &str) {
    assert!(
        std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
        "{what} is not here"
    );
    println!("skipped: {what} is not here");
}

/// Runs a program to its end, which must be a good one; gives what it printed.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("the program is there");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A TCP port of 127.0.0.1 that the kernel has just given out, and that is free again.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A process of ours, which ends with the test, also when that fails.
pub struct Running(pub Child);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("the program starts"))
    }

    /// Waits until `ready` says so.
    pub fn wait_until(&mut self, what: &str, mut ready: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !ready() {
            let ended = self.0.try_wait().expect("a child");
            assert_eq!(ended, None, "it ended before {what}");
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "waits for {what}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until somebody listens on a Unix socket.
    pub fn wait_for_socket(&mut self, path: &Path) {
        self.wait_until(&path.display().to_string(), || {
            std::os::unix::net::UnixStream::connect(path).is_ok()
        });
    }
}

impl Drop for Running {
    /// Gently first: some have children of their own to end.
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
