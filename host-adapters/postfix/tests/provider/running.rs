//! The service as a process, as systemd would have it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::Provider;

/// The service, with somebody who plays systemd.
pub struct Running {
    child: Mutex<Child>,
    lines: Arc<Mutex<Vec<String>>>,
    manager: UnixDatagram,
    heard: Mutex<String>,
    _folder: tempfile::TempDir,
}

impl Running {
    /// Starts it.
    pub fn start(provider: &Provider) -> Self {
        Self::start_with(provider, |_| {})
    }

    /// Starts it in an environment that the test wants.
    pub fn start_with(provider: &Provider, prepare: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket: PathBuf = folder.path().join("notify");
        let manager = UnixDatagram::bind(&socket).unwrap();
        manager
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let mut program = provider.program();
        prepare(&mut program);
        let mut child = program
            .env("NOTIFY_SOCKET", &socket)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (stderr, kept) = (child.stderr.take().unwrap(), Arc::clone(&lines));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Self {
            child: Mutex::new(child),
            lines,
            manager,
            heard: Mutex::default(),
            _folder: folder,
        }
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Waits until systemd has heard it.
    pub fn told(&self, state: &str) {
        self.until(state, || self.times_told(state) > 0);
    }

    /// How often systemd has heard it.
    pub fn times_told(&self, state: &str) -> usize {
        let mut octets = [0; 4096];
        let mut heard = self.heard.lock().unwrap();
        while let Ok(read) = self.manager.recv(&mut octets) {
            heard.push_str(&String::from_utf8_lossy(&octets[..read]));
            heard.push('\n');
        }
        heard.matches(state).count()
    }

    /// Waits until it has logged these words.
    pub fn logged(&self, words: &str) {
        self.until(words, || self.log().contains(words));
    }

    /// Waits until it is so.
    pub fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < deadline, "no {what:?} in\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// A page; its address is in the log.
    pub fn get(&self, path: &str) -> (u16, String) {
        self.logged("metrics and health");
        let log = self.log();
        let line = log
            .lines()
            .find(|line| line.contains("metrics and health"))
            .unwrap();
        let at = line.find("127.0.0.1:").unwrap();
        let address: String = line[at..]
            .chars()
            .take_while(|c| !c.is_whitespace() && *c != '"')
            .collect();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (
            head.split(' ').nth(1).unwrap().parse().unwrap(),
            body.to_owned(),
        )
    }

    /// Sends it a signal, by its name without SIG.
    pub fn signal(&self, name: &str) {
        let pid = self.child.lock().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{name}"), &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end, and gives its exit code.
    pub fn ends(&self) -> Option<i32> {
        self.status().code()
    }

    /// Waits until it has ended, or was killed.
    pub fn status(&self) -> ExitStatus {
        self.until("end", || {
            self.child.lock().unwrap().try_wait().unwrap().is_some()
        });
        // The reader of stderr sees its end a moment later.
        thread::sleep(Duration::from_millis(50));
        self.child.lock().unwrap().wait().unwrap()
    }

    /// A number of its metrics, labels and all: 0 where there is none yet.
    pub fn metric(&self, name: &str) -> f64 {
        let metrics = self.get("/metrics").1;
        let of = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
        metrics.lines().find_map(of).unwrap_or(0.0)
    }

    /// The sum over all labels.
    pub fn metric_sum(&self, name: &str) -> f64 {
        let metrics = self.get("/metrics").1;
        let of = |line: &str| {
            line.strip_prefix(name)?
                .rsplit(' ')
                .next()?
                .parse::<f64>()
                .ok()
        };
        metrics.lines().filter_map(of).sum()
    }

    /// The most memory that it has ever had, in octets.
    pub fn peak_memory(&self) -> u64 {
        let pid = self.child.lock().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kilobytes.unwrap() * 1024
    }

    /// Counts [`Self::peak_memory`] from what it has now.
    pub fn forget_peak_memory(&self) {
        let pid = self.child.lock().unwrap().id();
        std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the service's log ---\n{}", self.log());
        }
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
