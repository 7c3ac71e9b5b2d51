//! Programs that serve HTTP until they are ended.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use memchr::memmem;
use serde_json::Value;
use tempfile::TempDir;

use super::common::succeed;
use super::world::ANNA;

/// A program that says `token of ACCOUNT: TOKEN` and `Ready on URL` and serves until it is ended.
pub struct Server {
    child: Child,
    place: TempDir,
}

impl Server {
    /// Starts it, and waits until it is ready.
    pub fn start(mut command: Command) -> Self {
        let place = TempDir::new().unwrap();
        let log = File::create(place.path().join("log")).unwrap();
        // A group of its own: some of these programs have children who do the work.
        command.process_group(0).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().expect("it runs");
        let server = Self { child, place };
        server.wait_for(0, "Ready on http");
        server
    }

    /// What curl gets for a file: the status, and JSON.
    pub fn post(&self, path: &str, file: &Path, options: &[&str]) -> (u16, Value) {
        let url = self.url();
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-w", "%{http_code}", "--data-binary"]);
        curl.arg(format!("@{}", file.display())).args(options);
        let said = succeed(curl.arg(format!("{url}{path}")));
        let (body, status) = said.split_at(said.len() - 3);
        let body = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body));
        (status.parse().expect("a status"), body)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        let log = self.log();
        let (_, url) = log.rsplit_once("Ready on ").expect("it is ready");
        url.split_whitespace()
            .next()
            .expect("an address")
            .to_owned()
    }

    /// Anna's.
    pub fn token(&self) -> String {
        let log = self.log();
        let start = format!("token of {ANNA}: ");
        let line = log.lines().find_map(|line| line.strip_prefix(&start));
        line.expect("a token").to_owned()
    }

    /// Those of its processes that have this name.
    pub fn processes(&self, name: &str) -> Vec<u32> {
        let group = format!("{}", self.child.id());
        let processes = fs::read_dir("/proc").expect("Linux").flatten();
        let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let fits = |id: &u32| {
            // "ID (NAME) STATE PARENT GROUP …"
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let rest = stat.split_once(&format!("({name}) "));
            rest.and_then(|(_, rest)| rest.split(' ').nth(2)) == Some(&group)
        };
        ids.filter(fits).collect()
    }

    /// All that it has said.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.said()).into_owned()
    }

    /// The same, as octets: the last character may not have been written whole.
    pub fn said(&self) -> Vec<u8> {
        fs::read(self.place.path().join("log")).unwrap()
    }

    /// Waits until the log has these words after its first octets.
    pub fn wait_for(&self, after: usize, words: &str) {
        let end = Instant::now() + Duration::from_secs(180);
        while memmem::find(&self.said()[after..], words.as_bytes()).is_none() {
            assert!(Instant::now() < end, "no {words:?} in {}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        let _ = self.child.wait();
    }
}
