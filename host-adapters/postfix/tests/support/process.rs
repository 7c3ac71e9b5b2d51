//! Programs that a test starts and is certain to end.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program in the foreground, ended with SIGTERM when this is dropped, or when the test process
/// is gone for whatever reason: a shell in between ends it once its own stdin is closed.
pub struct Running {
    shell: Child,
}

impl Running {
    /// Starts it. What it prints goes where the test's output goes.
    pub fn start(command: &[&str]) -> Self {
        let shell = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .args(command)
            .stdin(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        Self { shell }
    }

    /// Has it ended by itself?
    pub fn has_ended(&mut self) -> bool {
        self.shell.try_wait().expect("it is our child").is_some()
    }

    /// Ends it and waits until it is gone.
    pub fn stop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Are all of these programs there, and may we start them? Where one is missing the test says so
/// and is skipped, unless `CERALACCA_REQUIRE_TOOLS` is set, as in CI.
pub fn installed(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| find(program).is_none());
    let servers = programs
        .iter()
        .any(|name| ["postfix", "dovecot"].contains(name));
    let missing = match missing {
        Some(missing) => missing,
        None if servers && !is_root() => "root, whom Postfix and Dovecot want to be started by,",
        None => return true,
    };
    assert!(
        std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
        "{missing} not found"
    );
    eprintln!("skipped: {missing} not found");
    false
}

fn is_root() -> bool {
    succeed(Command::new("id").arg("-u")).trim() == "0"
}

/// Where a program is; servers live outside the usual PATH of people who are not root.
pub fn find(program: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/usr/lib/postfix/sbin"])
        .map(|folder| format!("{folder}/{program}"))
        .find(|file| std::path::Path::new(file).exists())
}

/// Ports of 127.0.0.1 that nobody uses now. Somebody may take one before the server does, so who
/// starts a server tries again with others.
pub fn free_ports<const N: usize>() -> [u16; N] {
    // All are held until all are chosen, or the kernel might give one twice.
    let held: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    held.map(|listener| listener.local_addr().expect("it is bound").port())
}

/// Does this port greet with `greeting` before the deadline?
pub fn greets(
    port: u16,
    greeting: &str,
    deadline: Instant,
    mut gone: impl FnMut() -> bool,
) -> bool {
    while Instant::now() < deadline && !gone() {
        if let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let mut first = vec![0; greeting.len()];
            if stream.read_exact(&mut first).is_ok() {
                return first == greeting.as_bytes();
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Runs a program to its end; its exit must be 0. What it printed.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("the program was found");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Passes the end of stdin on as SIGTERM, and the program's end as its own. The program leads a
/// process group: Postfix's `master` ends its daemons by that.
const KEEPER: &str = r#"
exec 3<&0
setsid "$@" 3<&- </dev/null & program=$!
(read -r _ <&3; kill "$program" 2>/dev/null) & keeper=$!
exec 2>/dev/null
wait "$program"; status=$?
kill "$keeper" 2>/dev/null
exit "$status"
"#;
