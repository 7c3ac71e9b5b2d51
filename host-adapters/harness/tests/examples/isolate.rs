//! The memory of a worker in workerd, which sets no limit when it is run by hand.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use memchr::memmem;

use super::server::Server;

/// The process in which the worker runs, and its inspector.
pub struct Isolate {
    process: u32,
    inspector: u16,
    /// Before the worker was asked anything.
    idle: u64,
}

impl Isolate {
    /// The worker of a server that has just started.
    pub fn of(server: &Server) -> Self {
        let inspected = |process: &u32| {
            let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            memmem::find(&line, b"--inspector-addr").is_some()
        };
        let processes = server.processes("workerd");
        let process = processes.into_iter().find(inspected).expect("it runs");
        let inspector = ports(process)
            .into_iter()
            .find(|&port| inspect(port).is_some());
        Self {
            process,
            inspector: inspector.expect("wrangler makes workerd listen"),
            idle: memory(process, "VmRSS"),
        }
    }

    /// How much more memory it has at most while something is done than it had at the start.
    ///
    /// Garbage is collected before: without a limit V8 takes its time for that, and how much it
    /// lets lie depends on the machine.
    pub fn grows(&self, doing: impl FnOnce()) -> u64 {
        self.collect();
        // Forgets the peak.
        fs::write(format!("/proc/{}/clear_refs", self.process), "5").expect("it is ours");
        doing();
        memory(self.process, "VmHWM").saturating_sub(self.idle)
    }

    /// workerd does not obey `HeapProfiler.collectGarbage`, but before a snapshot V8 collects all.
    fn collect(&self) {
        let mut inspector = inspect(self.inspector).expect("it is there");
        for message in [
            r#"{"id":1,"method":"HeapProfiler.enable"}"#,
            r#"{"id":2,"method":"HeapProfiler.takeHeapSnapshot"}"#,
            r#"{"id":3,"method":"Runtime.getHeapUsage"}"#,
        ] {
            // A text frame, masked with zeros (RFC 6455 §5.2).
            let length = u8::try_from(message.len()).expect("short");
            let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], message.as_bytes()].concat();
            inspector.write_all(&frame).expect("it listens");
        }
        let mut said = Vec::new();
        while memmem::find(&said, br#"{"id":3,"#).is_none() {
            let mut piece = [0; 65536];
            let read = inspector.read(&mut piece).expect("an answer");
            assert!(read > 0, "the inspector has gone");
            said.drain(..said.len().saturating_sub(16));
            said.extend(&piece[..read]);
        }
        // Memory is given back in the background.
        thread::sleep(Duration::from_millis(300));
    }
}

/// A conversation with the worker's inspector, if that is what listens there.
fn inspect(port: u16) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    let request = "GET /core:user:ceralacca-example HTTP/1.1\r\nHost: localhost\r\n\
                   Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n";
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).ok()?;
        answer.extend(octet);
    }
    answer.starts_with(b"HTTP/1.1 101 ").then_some(stream)
}

/// Where a process listens.
fn ports(process: u32) -> Vec<u16> {
    let handles = fs::read_dir(format!("/proc/{process}/fd")).expect("it is ours");
    let links = handles.filter_map(|handle| fs::read_link(handle.ok()?.path()).ok());
    let sockets: Vec<String> = links
        .filter_map(|link| Some(link.to_str()?.to_owned()))
        .collect();
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp")).expect("Linux");
    let lines = table.lines().filter_map(|line| {
        // "0: 0100007F:B571 00000000:0000 0A …": 0A listens; the tenth word is the inode.
        let words: Vec<&str> = line.split_whitespace().collect();
        let listens = words.get(3) == Some(&"0A");
        let its = sockets.contains(&format!("socket:[{}]", words.get(9)?));
        let port = words[1].split_once(':')?.1;
        (listens && its).then(|| u16::from_str_radix(port, 16).ok())?
    });
    lines.collect()
}

/// What the kernel says of the memory of a process: `VmRSS`, now, or `VmHWM`, at most.
fn memory(process: u32, of: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(of));
    let kibibytes = line.and_then(|line| line.trim_matches(|c| !char::is_numeric(c)).parse().ok());
    kibibytes.map(|k: u64| k * 1024).expect("a size")
}
