//! Scanning with clamd: a scripted one for what goes wrong, and ClamAV's own with one signature.

mod support;

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ceralacca_host::pec::ScanVerdict;
use ceralacca_host::*;
use support::{Peer, Running, free_port, program};

// ---- a scripted one ---------------------------------------------------------------------------

#[test]
fn the_message_arrives_whole_and_the_verdict_comes_back() {
    // Over one chunk, so that there are several.
    let message: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
    let expected = message.clone();
    let peer = Peer::new(move |mut client| {
        let verdict: &[u8] = if read_stream(&mut client) == expected {
            b"stream: OK\0"
        } else {
            b"stream: Garbled FOUND\0"
        };
        client.write_all(verdict).unwrap();
    });
    let scanner = scanner(peer.address(), WhenScannerDown::Defer);
    assert_eq!(scanner.scan(&mut &message[..]), Ok(ScanVerdict::Clean));
    assert_eq!(
        scanner.scan(&mut &message[1..]),
        Ok(ScanVerdict::Infected("Garbled".to_owned()))
    );
}

/// Clean is a promise: only one reply says it.
#[test]
fn nothing_but_ok_is_clean() {
    for (reply, reason) in [
        (&b""[..], "closed"),
        (b"stream: OK", "closed"),
        (b"OK\0", "says \"OK\""),
        (b"stream: NOT OK\0", "says"),
        (b"stream: OK \0", "says"),
        (b"stream: ok\0", "says"),
        (b"stream:  FOUND\0", "says"),
        (b"stream: Can't allocate memory ERROR\0", "allocate memory"),
        (b"UNKNOWN COMMAND\0", "UNKNOWN"),
        (b"\xff\xfe\0", r"\\xff"),
        (&[b'x'; 20_000], "no end"),
    ] {
        let peer = Peer::new(move |mut client| {
            read_stream(&mut client);
            let _ = client.write_all(reply);
        });
        let said = reason_of(scanner(peer.address(), WhenScannerDown::Defer).scan(&mut &b"x"[..]));
        assert!(said.contains(reason), "{reply:?}: {said}");
        assert!(
            said.contains("clamd at unix:/"),
            "names the culprit: {said}"
        );
    }
}

/// It is not down, but will not look: no setting makes that clean, and nobody is told of a virus.
#[test]
fn a_message_over_its_limits_is_neither_clean_nor_infected() {
    for reply in [
        &b"INSTREAM size limit exceeded. ERROR\0"[..],
        b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0",
    ] {
        for when_down in [WhenScannerDown::Defer, WhenScannerDown::Accept] {
            let peer = Peer::new(move |mut client| {
                // It says so in the middle of the message, and closes.
                let _ = client.read_exact(&mut [0; 1000]);
                let _ = client.write_all(reply);
            });
            let mut large = io::repeat(b'x').take(10_000_000);
            let said = reason_of(scanner(peer.address(), when_down).scan(&mut large));
            assert!(said.contains("StreamMaxLength"), "{said}");
        }
    }
}

#[test]
fn without_an_answer_the_patience_ends() {
    // One that is silent, one that drips, and one that does not read.
    let peers = [
        Peer::new(|mut client| {
            read_stream(&mut client);
            std::thread::sleep(Duration::from_secs(3));
        }),
        Peer::new(|mut client| {
            read_stream(&mut client);
            while client.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }),
        Peer::new(|_client| std::thread::sleep(Duration::from_secs(3))),
    ];
    for peer in peers {
        let mut settings = settings(peer.address(), WhenScannerDown::Defer);
        settings.patience = Duration::from_millis(300);
        let begun = Instant::now();
        let mut large = io::repeat(b'x').take(10_000_000);
        let said = reason_of(ClamdScanner::new(settings).scan(&mut large));
        assert!(said.contains("timed out"), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn while_it_is_down_messages_wait_or_pass_as_the_settings_say() {
    let nobody = Endpoint::Unix("/nowhere/clamd.ctl".into());
    let defer = scanner(nobody.clone(), WhenScannerDown::Defer);
    let said = reason_of(defer.scan(&mut &b"x"[..]));
    assert!(
        said.contains("unix:/nowhere/clamd.ctl") && said.contains("clamav-daemon"),
        "{said}"
    );
    let accept = scanner(nobody, WhenScannerDown::Accept);
    assert_eq!(accept.scan(&mut &b"x"[..]), Ok(ScanVerdict::Clean));
    // That the message cannot be read is no fault of the scanner.
    let peer = Peer::new(|mut client| drop(read_stream(&mut client)));
    let accept = scanner(peer.address(), WhenScannerDown::Accept);
    let said = reason_of(accept.scan(&mut Broken));
    assert!(said.contains("cannot be read"), "{said}");
}

// ---- ClamAV's ---------------------------------------------------------------------------------

#[test]
fn clamav_finds_eicar_in_a_message_and_nothing_in_another() {
    let Some(clamd) = Clamd::start(&eicar(), "StreamMaxLength 1M\n") else {
        return;
    };
    let scanner = scanner(clamd.address.clone(), WhenScannerDown::Defer);
    let clean = b"From: anna@pec.alfa.example\r\nSubject: Prova\r\n\r\nCiao\r\n";
    assert_eq!(scanner.scan(&mut &clean[..]), Ok(ScanVerdict::Clean));
    let infected = [&clean[..], eicar().as_bytes(), b"\r\n"].concat();
    assert_eq!(
        scanner.scan(&mut &infected[..]),
        Ok(ScanVerdict::Infected("Eicar-Test.UNOFFICIAL".to_owned()))
    );
    let said = reason_of(scanner.scan(&mut io::repeat(b' ').take(20_000_000)));
    assert!(said.contains("StreamMaxLength"), "{said}");
    assert!(scanner.check(1_000_000).unwrap().contains("ClamAV"));
    let said = scanner.check(1_100_000).unwrap_err().to_string();
    assert!(said.contains("StreamMaxLength"), "{said}");
}

#[test]
fn clamav_by_tcp() {
    let port = free_port();
    let config = format!("TCPSocket {port}\nTCPAddr 127.0.0.1\n");
    let Some(_clamd) = Clamd::start(&eicar(), &config) else {
        return;
    };
    let address = format!("inet:127.0.0.1:{port}");
    let scanner = scanner(address.parse().unwrap(), WhenScannerDown::Defer);
    assert_eq!(scanner.scan(&mut &b"x"[..]), Ok(ScanVerdict::Clean));
    assert!(scanner.check(1_000_000).unwrap().contains("ClamAV"));
}

#[test]
fn a_scanner_without_the_usual_signatures_fails_the_check() {
    let Some(clamd) = Clamd::start("something else", "") else {
        return;
    };
    let scanner = scanner(clamd.address.clone(), WhenScannerDown::Defer);
    let said = scanner.check(1000).unwrap_err().to_string();
    assert!(
        said.contains("EICAR") && said.contains("freshclam"),
        "{said}"
    );
}

// ---- the scene --------------------------------------------------------------------------------

fn settings(address: Endpoint, when_down: WhenScannerDown) -> ClamdSettings {
    ClamdSettings {
        address,
        patience: Duration::from_secs(30),
        when_down,
    }
}

fn scanner(address: Endpoint, when_down: WhenScannerDown) -> ClamdScanner {
    ClamdScanner::new(settings(address, when_down))
}

fn reason_of(verdict: Result<ScanVerdict, Unavailable>) -> String {
    verdict.expect_err("no verdict").to_string()
}

/// Reads a command and a stream as clamd(8) has them.
fn read_stream(client: &mut UnixStream) -> Vec<u8> {
    let mut command = [0; 10];
    client.read_exact(&mut command).unwrap();
    assert_eq!(&command, b"zINSTREAM\0");
    let mut message = Vec::new();
    loop {
        let mut length = [0; 4];
        if client.read_exact(&mut length).is_err() || length == [0; 4] {
            return message;
        }
        let mut chunk = vec![0; u32::from_be_bytes(length) as usize];
        client.read_exact(&mut chunk).unwrap();
        message.extend(chunk);
    }
}

/// The EICAR test file, backwards, so that this file is none.
fn eicar() -> String {
    r"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\4[PA@%P!O5X"
        .chars()
        .rev()
        .collect()
}

/// A message that the disk refuses.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is broken"))
    }
}

/// ClamAV's daemon with a database of one signature.
struct Clamd {
    _running: Running,
    address: Endpoint,
    _folder: tempfile::TempDir,
}

impl Clamd {
    fn start(finds: &str, more: &str) -> Option<Self> {
        let clamd = program("clamd")?;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("db")).unwrap();
        let signature: String = finds.bytes().map(|octet| format!("{octet:02x}")).collect();
        fs::write(path("db/test.ndb"), format!("Eicar-Test:0:*:{signature}\n")).unwrap();
        let config = format!(
            "DatabaseDirectory {}\nLocalSocket {}\nTemporaryDirectory {}\nForeground yes\n{more}",
            path("db").display(),
            path("clamd.ctl").display(),
            folder.path().display(),
        );
        fs::write(path("clamd.conf"), config).unwrap();
        let mut running = Running::start(
            Command::new(clamd)
                .arg("--config-file")
                .arg(path("clamd.conf"))
                .stdout(Stdio::null()),
        );
        let socket: &Path = &path("clamd.ctl");
        running.wait_for_socket(socket);
        Some(Self {
            _running: running,
            address: Endpoint::Unix(socket.to_owned()),
            _folder: folder,
        })
    }
}
