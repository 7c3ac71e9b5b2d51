//! The real plug-in in a host: a letter from Anna to Bruno, both ours, and the limits that hold a
//! plug-in that wants too much. Needs `make component`.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use ceralacca_host::pec::{MessageKind, RecipientState};
use ceralacca_host::*;
use support::*;

fn letter_to_bruno(size: usize) -> pec::Submission {
    submission(&["bruno@here.example"], &letter(size))
}

fn host(limits: Limits) -> (tempfile::TempDir, Host) {
    let folder = tempfile::tempdir().unwrap();
    let plugin = load(limits);
    let store = Store::open(folder.path()).unwrap();
    let host = real_host(plugin, store, folder.path());
    (folder, host)
}

#[test]
fn a_letter_is_accepted_carried_and_delivered() {
    let (_folder, host) = host(Limits::default());
    let committed = host.submit(letter_to_bruno(3_000));
    assert_eq!(committed.reply.code, 250, "{:?}", committed.reply);
    let kinds: Vec<_> = committed.messages.iter().map(|m| m.kind.clone()).collect();
    assert!(kinds.contains(&MessageKind::TransportEnvelope), "{kinds:?}");
    assert!(
        kinds.contains(&MessageKind::ServerUserAcceptance),
        "{kinds:?}"
    );
    let (report, story) = run(&host);
    assert_eq!((report.postponed, report.failed), (0, 0), "{story:#?}");
    let status = host.status(None).unwrap();
    assert_eq!(status.len(), 1);
    assert_eq!(
        status[0].recipients[0].recipient.state,
        RecipientState::Delivered
    );
}

/// All tests share what is compiled: in a debug build that takes minutes.
fn load(limits: Limits) -> Plugin {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("component-cache");
    Plugin::load(&component(), Some(&cache), limits).unwrap()
}

/// The second start finds the component compiled.
#[test]
fn a_compiled_component_is_kept() {
    let mut found = Duration::MAX;
    // Once in case nobody has compiled it yet, and once more to see how long finding it takes.
    for _ in 0..2 {
        let begun = Instant::now();
        load(Limits::default());
        found = begun.elapsed();
    }
    assert!(
        found < Duration::from_secs(1),
        "{found:?}: compiling takes longer"
    );
}

#[test]
fn wrong_settings_are_named() {
    let plugin = load(Limits::default());
    assert!(plugin.check_settings(&real_settings()).is_ok());
    let settings = pec::Settings {
        certificates: vec![],
        ..real_settings()
    };
    let error = plugin.check_settings(&settings).unwrap_err();
    assert!(error.to_string().contains("certificates"), "{error}");
}

/// A message that does not fit costs one 451; the next one is taken.
#[test]
fn a_plug_in_that_wants_too_much_memory_is_stopped() {
    let mut limits = Limits::default();
    limits.memory = 8 << 20;
    let (_folder, host) = host(limits);
    assert_eq!(host.submit(letter_to_bruno(9 << 20)).reply.code, 451);
    assert_eq!(host.submit(letter_to_bruno(3_000)).reply.code, 250);
}

#[test]
fn the_limit_that_stopped_it_is_named() {
    let mut limits = Limits::default();
    limits.memory = 8 << 20;
    assert!(matches!(
        judge(limits, 9 << 20),
        PluginError::OutOfMemory {
            limit: 8_388_608,
            ..
        }
    ));
    let mut limits = Limits::default();
    limits.time = Duration::ZERO;
    assert!(matches!(
        judge(limits, 60 << 20),
        PluginError::OutOfTime { .. }
    ));
}

/// How a conversation about a letter of this size ends.
fn judge(limits: Limits, size: usize) -> PluginError {
    let plugin = load(limits);
    let context = pec::Context {
        now: real_now(),
        entropy: vec![7; 32],
        settings: real_settings(),
        largest: None,
    };
    let examination = pec::Examination {
        message: letter(size),
        at: None,
        contents: None,
    };
    let mut dialogue = match plugin.begin(&context, Event::Examine(examination)) {
        Ok(dialogue) => dialogue,
        Err(error) => return error,
    };
    let submission = Event::Submit(letter_to_bruno(size));
    drop(dialogue.advance(Vec::new()));
    drop(dialogue);
    let mut dialogue = match plugin.begin(&context, submission) {
        Ok(dialogue) => dialogue,
        Err(error) => return error,
    };
    let mut answers = Vec::new();
    loop {
        match dialogue.advance(std::mem::take(&mut answers)) {
            Err(error) => return error,
            Ok(pec::Step::Done(outcome)) => panic!("{:?}", outcome.reply),
            Ok(pec::Step::Ask(questions)) => {
                let answer = |question: &pec::Question| match question {
                    pec::Question::Scan => pec::Answer::Scanned(pec::ScanVerdict::Clean),
                    pec::Question::Sign(_) => pec::Answer::Signature(vec![0; 256]),
                    _ => pec::Answer::Providers(vec![]),
                };
                answers = questions.iter().map(answer).collect();
            }
        }
    }
}

/// More sessions than places: they wait for each other.
#[test]
fn conversations_take_turns() {
    let mut limits = Limits::default();
    limits.conversations = 2;
    let (_folder, host) = host(limits);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let host = &host;
            scope.spawn(move || {
                for m in 0..4 {
                    let mut submission = letter_to_bruno(3_000);
                    submission
                        .message
                        .extend_from_slice(format!("{n} {m}\r\n").as_bytes());
                    assert_eq!(host.submit(submission).reply.code, 250);
                }
            });
        }
    });
    assert_eq!(host.status(None).unwrap().len(), 32);
}

/// 100 MB through the whole of it, in a process of its own: at no time does that take more than
/// three times the message, and what is left is as it was sent.
#[test]
fn a_large_letter_takes_little_memory() {
    // Compiling takes more memory than the letter, and is done once: not by the process measured.
    load(Limits::default());
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "large_letter", "--ignored", "--nocapture"])
        .env("CERALACCA_TEST_FOLDER", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let (_, peak) = text.split_once("peak: ").unwrap();
    let peak: usize = peak.split_whitespace().next().unwrap().parse().unwrap();
    println!("{text}");
    assert!(
        peak * 1024 < 3 * LARGE,
        "peak memory {peak} KiB for {LARGE} octets"
    );
}

/// Not a test by itself: the process that is measured.
#[test]
#[ignore = "run by the test above"]
#[cfg(target_os = "linux")]
fn large_letter() {
    let folder = std::env::var_os("CERALACCA_TEST_FOLDER").unwrap();
    let folder = Path::new(&folder);
    let host = real_host(
        load(Limits::default()),
        Store::open(folder).unwrap(),
        folder,
    );
    let submission = letter_to_bruno(LARGE);
    let begun = Instant::now();
    let committed = host.submit(submission);
    println!("submitted: {:?}, {:?}", begun.elapsed(), peak());
    assert_eq!(committed.reply.code, 250);
    let begun = Instant::now();
    let (report, story) = run(&host);
    println!("carried out: {:?}", begun.elapsed());
    assert_eq!((report.postponed, report.failed), (0, 0), "{story:#?}");
    println!("peak: {}", peak());
}

/// The most memory that this process ever had, KiB.
#[cfg(target_os = "linux")]
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

const LARGE: usize = 100_000_000;
