//! The server without a mail server: many connections, slow ones, broken ones, and its end.

mod rig;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ceralacca_postfix::server::Limits;
use ceralacca_postfix::{Listen, Server};
use rig::wire::Wire;
use rig::{ANNA, DARIO, Rig, letter};

fn path_of(rig: &Rig) -> std::path::PathBuf {
    match &rig.milter {
        Listen::Unix { path, .. } => path.clone(),
        Listen::Tcp(_) => panic!("it is a Unix socket"),
    }
}

/// Everything up to the end of the message; the answer is still to come.
fn submit(wire: &mut Wire, subject: &str) {
    wire.envelope(ANNA, &[DARIO]);
    wire.content(&letter(DARIO, subject));
    wire.say(b'E', b"");
}

#[test]
fn a_thousand_connections_each_hand_in_a_message() {
    let Some(rig) = Rig::new() else { return };
    let mut wires: Vec<Wire> = (0..1_000)
        .map(|_| Wire::open(&rig.milter, "PEC-ACCESS", ANNA))
        .collect();
    // All are there at once, and half of them are inside a message.
    for (n, wire) in wires.iter_mut().enumerate() {
        submit(wire, &format!("n{n}"));
    }
    for wire in &mut wires {
        assert_eq!(wire.hear().expect("an answer").0, b'd');
    }
    assert_eq!(rig.submissions().len(), 1_000);
}

#[test]
fn one_connection_too_many_waits_until_another_ends() {
    let Some(rig) = Rig::with(|limits| limits.connections = 2) else {
        return;
    };
    let first = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    let _second = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    let to = rig.milter.clone();
    let third = std::thread::spawn(move || {
        let mut wire = Wire::open(&to, "PEC-ACCESS", ANNA);
        submit(&mut wire, "third");
        (wire.hear().expect("an answer").0, Instant::now())
    });
    std::thread::sleep(Duration::from_millis(300));
    assert!(!third.is_finished(), "it waits");
    let ended = Instant::now();
    drop(first);
    let (answer, when) = third.join().expect("it is served");
    assert_eq!(answer, b'd');
    assert!(when > ended);
}

#[test]
fn who_dribbles_a_packet_or_says_nothing_is_let_go_and_the_others_are_served() {
    let rig = Rig::with(|limits| {
        limits.packet = Duration::from_secs(1);
        limits.idle = Duration::from_secs(4);
    });
    let Some(rig) = rig else { return };
    let mut silent = Wire::connect(&rig.milter).expect("open");
    let begun = Instant::now();
    // An octet now and then of a packet that would take a day.
    let mut dribbling = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    dribbling.send(b"\0\0\xff\xffB").expect("it is read");
    while dribbling.send(b"x").is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it goes on");
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut good = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    submit(&mut good, "good");
    assert_eq!(good.hear().expect("an answer").0, b'd');
    assert!(silent.is_closed());
    assert!(
        begun.elapsed() >= Duration::from_secs(4),
        "not before its time"
    );
}

/// Postfix says nothing while its client sends the text, which may take hours.
#[test]
fn a_slow_upload_is_waited_for() {
    let rig = Rig::with(|limits| {
        limits.idle = Duration::from_millis(500);
        limits.upload = Duration::from_secs(4);
    });
    let Some(rig) = rig else { return };
    let mut slow = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    slow.envelope(ANNA, &[DARIO]);
    std::thread::sleep(Duration::from_secs(2));
    slow.content(&letter(DARIO, "slow"));
    slow.say(b'E', b"");
    assert_eq!(slow.hear().expect("an answer").0, b'd');
    // Not for ever.
    let mut dead = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    dead.envelope(ANNA, &[DARIO]);
    assert!(dead.is_closed());
}

#[test]
fn a_connection_that_is_no_mail_servers_is_closed_and_costs_nobody_else() {
    let Some(rig) = Rig::new() else { return };
    let hostile: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\0\0\0\0",
        b"\xff\xff\xff\xffO",
        b"\0\0\0\x02M\0",
        b"\0\0\0\x05O\0\0\0\x06",
        b"\0\0\0\x0dO\0\0\0\x02\0\0\0\x3f\0\0\0\x7f",
    ];
    for octets in hostile {
        let mut wire = Wire::connect(&rig.milter).expect("open");
        wire.send(octets).expect("it is read");
        assert!(wire.is_closed(), "{}", octets.escape_ascii());
    }
    // In the middle of a message.
    let mut wire = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    wire.envelope(ANNA, &[DARIO]);
    wire.say(b'L', b"Subject\0 x");
    assert!(wire.is_closed());
    let mut good = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    submit(&mut good, "good");
    assert_eq!(good.hear().expect("an answer").0, b'd');
    assert_eq!(rig.submissions().len(), 1);
}

#[test]
fn over_tcp_it_is_the_same_with_a_few_more_answers() {
    let here = Listen::Tcp(([127, 0, 0, 1], 0).into());
    let Some(rig) = Rig::listening(Some(here), |_| {}) else {
        return;
    };
    let mut wire = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    submit(&mut wire, "tcp");
    assert_eq!(wire.hear().expect("an answer").0, b'd');
    assert_eq!(
        rig.submissions()[0].message,
        letter(DARIO, "tcp").as_bytes()
    );
}

#[test]
fn while_a_transaction_takes_its_time_the_mail_server_hears_of_it() {
    let Some(rig) = Rig::with(|limits| limits.progress = Duration::from_millis(100)) else {
        return;
    };
    *rig.watch.delay.lock().expect("nobody panics") = Duration::from_secs(1);
    let mut wire = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    submit(&mut wire, "slow");
    let mut progress = 0;
    let answer = loop {
        match wire.hear().expect("an answer").0 {
            b'p' => progress += 1,
            answer => break answer,
        }
    };
    assert_eq!(answer, b'd');
    assert!(progress >= 5, "{progress}");
}

#[test]
fn beyond_the_workers_messages_wait_and_who_waits_too_long_is_told_to_come_again() {
    let rig = Rig::with(|limits| {
        limits.transactions = 1;
        limits.patience = Duration::from_millis(500);
    });
    let Some(rig) = rig else { return };
    *rig.watch.delay.lock().expect("nobody panics") = Duration::from_secs(2);
    let mut first = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    let mut second = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    submit(&mut first, "first");
    std::thread::sleep(Duration::from_millis(200));
    submit(&mut second, "second");
    assert_eq!(first.hear().expect("an answer").0, b'd');
    let (answer, text) = second.hear().expect("an answer");
    assert_eq!((answer, &text[..9]), (b'y', &b"451 4.3.2"[..]));
    assert_eq!(rig.submissions().len(), 1);
}

/// Whatever hangs, the client hears of it.
#[test]
fn who_has_waited_long_enough_for_an_answer_is_told_to_come_again() {
    let rig = Rig::with(|limits| limits.answer = Duration::from_millis(500));
    let Some(rig) = rig else { return };
    *rig.watch.delay.lock().expect("nobody panics") = Duration::from_secs(2);
    let mut wire = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    let begun = Instant::now();
    submit(&mut wire, "late");
    let (answer, text) = wire.hear().expect("an answer");
    assert_eq!((answer, &text[..9]), (b'y', &b"451 4.3.2"[..]));
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn told_to_stop_it_finishes_what_has_begun_and_lets_the_others_go() {
    let Some(mut rig) = Rig::new() else { return };
    *rig.watch.delay.lock().expect("nobody panics") = Duration::from_secs(1);
    let mut resting = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    let mut working = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    submit(&mut working, "working");
    let mut beginning = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    beginning.envelope(ANNA, &[DARIO]);
    std::thread::sleep(Duration::from_millis(200));
    rig.request_stop();
    assert!(resting.is_closed());
    assert_eq!(working.hear().expect("an answer").0, b'd');
    beginning.content(&letter(DARIO, "beginning"));
    beginning.say(b'E', b"");
    assert_eq!(beginning.hear().expect("an answer").0, b'd');
    assert!(beginning.is_closed());
    rig.join();
    assert!(Wire::connect(&rig.milter).is_err());
    assert!(!path_of(&rig).exists(), "the socket is gone");
    assert_eq!(rig.submissions().len(), 2);
}

#[test]
fn who_does_not_end_is_cut_after_a_while() {
    let Some(mut rig) = Rig::with(|limits| limits.drain = Duration::from_secs(1)) else {
        return;
    };
    let mut stuck = Wire::open(&rig.milter, "PEC-ACCESS", ANNA);
    stuck.envelope(ANNA, &[DARIO]);
    let begun = Instant::now();
    rig.request_stop();
    rig.join();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(stuck.is_closed());
}

#[test]
fn a_socket_that_a_crash_left_behind_is_replaced_and_nothing_else_is() {
    let Some(rig) = Rig::new() else { return };
    let hosts = || Arc::new(Arc::clone(&rig.host));
    let at = |path: std::path::PathBuf| Listen::Unix {
        path,
        mode: 0o600,
        group: None,
    };
    let bind = |path| Server::bind(&[at(path)], hosts(), Limits::default());
    // Somebody listens.
    let error = bind(path_of(&rig)).err().expect("it is in use").to_string();
    assert!(error.contains("another process listens there"), "{error}");
    // Nobody does any more.
    let stale = rig.folder.path().join("stale.sock");
    drop(UnixListener::bind(&stale).expect("a socket"));
    assert!(stale.exists());
    let server = bind(stale.clone()).expect("it is replaced");
    let mode = fs::metadata(&stale)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(server);
    // Not a socket at all.
    let file = rig.folder.path().join("letter");
    fs::write(&file, "dear").expect("written");
    let error = bind(file.clone()).err().expect("it is a file").to_string();
    assert!(
        error.contains("no socket") && error.contains("remove it"),
        "{error}"
    );
    assert_eq!(fs::read(&file).expect("it stays"), b"dear");
    // Nowhere.
    let error = bind("/nonexistent/x.sock".into()).err().expect("nowhere");
    assert!(error.to_string().contains("folder exists"), "{error}");
}

#[test]
fn places_to_listen_at_are_written_as_postfix_writes_them() {
    for text in [
        "unix:/pec/milter.sock",
        "inet:127.0.0.1:8891",
        "inet:[::1]:8891",
    ] {
        assert_eq!(text.parse::<Listen>().expect("good").to_string(), text);
    }
    for text in [
        "unix:pec",
        "inet:8891",
        "inet:localhost:1",
        "/pec",
        "",
        "tcp:1.2.3.4:5",
    ] {
        let error = text.parse::<Listen>().expect_err("bad").to_string();
        assert!(error.contains("unix:/PATH"), "{error}");
    }
}
