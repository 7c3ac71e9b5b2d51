//! F31: the provider's own troubles. Whoever hands in a message is told to come back; nothing is
//! sent, nothing is lost, and the retry that succeeds makes one receipt. Needs `make component`.

mod support;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ceralacca_host::*;
use support::*;

const FOLDER: &str = "CERALACCA_TEST_FOLDER";

/// A key that is away at times, as an HSM behind a network is.
struct Fickle {
    inner: Box<dyn Signer>,
    away: Arc<AtomicBool>,
}

impl Signer for Fickle {
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, Unavailable> {
        if self.away.load(Ordering::Relaxed) {
            return Err(Unavailable("the HSM does not answer".to_owned()));
        }
        self.inner.sign(octets)
    }
}

fn plugin() -> Plugin {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("component-cache");
    Plugin::load(&component(), Some(&cache), Limits::default()).unwrap()
}

fn submit(host: &Host, size: usize) -> u16 {
    let committed = host.submit(submission(&["bruno@here.example"], &letter(size)));
    committed.reply.code
}

/// Nothing was sent, nothing is remembered.
fn assert_nothing_happened(host: &Host, folder: &Path) {
    run(host);
    assert!(host.status(None).unwrap().is_empty());
    assert!(tree(&folder.join("mail")).is_empty() && tree(&folder.join("outbox")).is_empty());
    assert!(tree(&folder.join("spool")).is_empty());
}

/// One message, with one acceptance and one delivery for Anna and one envelope for Bruno.
fn assert_happened_once(host: &Host, folder: &Path) {
    run(host);
    assert_eq!(host.status(None).unwrap().len(), 1);
    let subjects = |address: &str| {
        let mails = tree(&folder.join("mail").join(address));
        let subject = |octets: &Vec<u8>| {
            let text = String::from_utf8_lossy(octets);
            let line = text.lines().find(|l| l.starts_with("Subject: ")).unwrap();
            line.to_owned()
        };
        let mut subjects: Vec<String> = mails.values().map(subject).collect();
        subjects.sort();
        subjects
    };
    assert_eq!(
        subjects("anna@here.example"),
        ["Subject: ACCETTAZIONE: Prova", "Subject: CONSEGNA: Prova"]
    );
    assert_eq!(
        subjects("bruno@here.example"),
        ["Subject: POSTA CERTIFICATA: Prova"]
    );
}

#[test]
fn f31_the_signer_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let away = Arc::new(AtomicBool::new(true));
    let signer = Fickle {
        inner: real_signer(),
        away: Arc::clone(&away),
    };
    let store = Store::open(folder.path()).unwrap();
    let host = real_host_signed_by(Box::new(signer), plugin(), store, folder.path());
    assert_eq!(submit(&host, 3_000), 451);
    assert_nothing_happened(&host, folder.path());
    away.store(false, Ordering::Relaxed);
    assert_eq!(submit(&host, 3_000), 250);
    assert_happened_once(&host, folder.path());
}

/// Not a test by itself: the process whose files may not grow.
#[test]
#[ignore = "run by the test below"]
fn child() {
    let folder = std::env::var_os(FOLDER).unwrap();
    let folder = Path::new(&folder);
    let store = Store::open(folder).unwrap();
    let host = real_host(plugin(), store, folder);
    assert_eq!(submit(&host, 4 << 20), 451);
    assert_nothing_happened(&host, folder);
}

/// A full disk, as the process sees it: writes beyond a size fail (`ulimit -f`, with the signal
/// ignored so that `write` returns the error).
#[test]
fn f31_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    // What a provider has before its disk fills: a database and a compiled component.
    drop(real_host(
        plugin(),
        Store::open(folder.path()).unwrap(),
        folder.path(),
    ));
    let output = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --exact child --ignored --nocapture",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let host = real_host(plugin(), Store::open(folder.path()).unwrap(), folder.path());
    assert_eq!(submit(&host, 4 << 20), 250);
    assert_happened_once(&host, folder.path());
}
