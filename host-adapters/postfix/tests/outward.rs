//! The way out, against the real servers: messages handed to Postfix's injection port and put into
//! Dovecot's mailboxes arrive octet for octet, and what the servers refuse comes back as it was
//! said.

mod support;

use std::time::{Duration, Instant};

use ceralacca_host::{
    Body, DepositOutcome, DoveadmLookup, Endpoint, LmtpDepot, MailboxLookup as _, RelayOutcome,
    SmtpRelay, SmtpSettings, pec,
};
use support::{Dovecot, Postfix, PostfixSetup, installed};

const ANNA: &str = "anna@here.example";
const BRUNO: &str = "bruno@here.example";
const PROGRAMS: &[&str] = &["postfix", "postconf", "openssl", "dovecot", "doveadm"];

/// Dovecot stores what it was given, line ends included.
const AS_GIVEN: &str = "mail_save_crlf = yes\n";

fn settings() -> SmtpSettings {
    SmtpSettings::named("ceralacca.test")
}

fn at(port: u16) -> Endpoint {
    format!("127.0.0.1:{port}").parse().unwrap()
}

fn dovecot(extra: &str) -> Dovecot {
    Dovecot::start(&[(ANNA, "a"), (BRUNO, "b")], extra)
}

/// Messages that careless software changes. All end in CR LF, which SMTP cannot do without.
fn awkward() -> Vec<(&'static str, Vec<u8>)> {
    let header = b"From: <anna@here.example>\r\nSubject:  two  blanks \r\n\r\n".to_vec();
    let with = |body: &[u8]| [&header[..], body].concat();
    vec![
        ("plain", with(b"text\r\n")),
        ("dots", with(b".\r\n..\r\n.x\r\nx.\r\n...\r\n.\r\n")),
        ("no body", header.clone()),
        ("no header", b"\r\n.\r\n".to_vec()),
        ("blank lines at the end", with(b"x\r\n\r\n\r\n")),
        ("trailing blanks", with(b"x \r\n\t\r\n")),
        ("From at a line's start", with(b"From here on\r\n")),
        ("8-bit", with("perch\u{e9}\r\n".as_bytes())),
        ("Latin-1", with(b"perch\xe9\r\n")),
        ("a carriage return of its own", with(b"a\rb\r\n")),
        (
            "998 octets in a line",
            with(&[&[b'x'; 998][..], b"\r\n"].concat()),
        ),
        (
            "one megabyte",
            with(&b".23456789 123456789\r\n".repeat(50_000)),
        ),
    ]
}

/// What follows the trace fields that the servers put in front.
fn without_trace<'a>(stored: &'a [u8], sent: &[u8]) -> &'a [u8] {
    let (trace, rest) = stored.split_at(stored.len().saturating_sub(sent.len()));
    let trace = std::str::from_utf8(trace).unwrap();
    for line in trace.split_inclusive("\r\n") {
        let known = ["Return-Path: <", "Delivered-To: ", "Received: ", "\t"];
        assert!(
            known.iter().any(|k| line.starts_with(k)) && line.ends_with("\r\n"),
            "{line:?}"
        );
    }
    rest
}

/// The message that comes after `before` others; a queue needs its time.
fn next_message(dovecot: &Dovecot, user: &str, before: usize) -> Vec<u8> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut inbox = dovecot.inbox(user);
        if inbox.len() > before {
            return inbox.remove(before);
        }
        assert!(Instant::now() < deadline, "nothing came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn deposits_are_octet_for_octet() {
    if !installed(PROGRAMS) {
        return;
    }
    let dovecot = dovecot(AS_GIVEN);
    let socket = Endpoint::Unix(dovecot.lmtp_socket());
    for endpoint in [at(dovecot.lmtp), socket] {
        let depot = LmtpDepot::new(endpoint, settings());
        for (name, octets) in awkward() {
            let before = dovecot.inbox(BRUNO).len();
            let outcome = depot.deliver(ANNA, BRUNO, &Body::from_octets(octets.clone()));
            assert_eq!(outcome, DepositOutcome::Stored, "{name}");
            let inbox = dovecot.inbox(BRUNO);
            // It is there when the proof is.
            assert_eq!(inbox.len(), before + 1, "{name}");
            assert_eq!(without_trace(&inbox[before], &octets), octets, "{name}");
        }
    }
    // One connection each, 12 messages.
    let connects = dovecot.log().matches("Connect from").count();
    assert!(connects <= 4, "{connects} connections");
}

/// A message whose last line has no end gets one: SMTP cannot say it otherwise.
#[test]
fn the_last_line_gets_its_end() {
    if !installed(PROGRAMS) {
        return;
    }
    let dovecot = dovecot(AS_GIVEN);
    let depot = LmtpDepot::new(at(dovecot.lmtp), settings());
    let outcome = depot.deliver("", BRUNO, &Body::from_octets(b"A: b\r\n\r\nend".to_vec()));
    assert_eq!(outcome, DepositOutcome::Stored);
    let stored = dovecot.inbox(BRUNO).remove(0);
    assert_eq!(
        without_trace(&stored, b"A: b\r\n\r\nend\r\n"),
        b"A: b\r\n\r\nend\r\n"
    );
    assert!(stored.starts_with(b"Return-Path: <>\r\n"));
}

fn failure(outcome: DepositOutcome) -> pec::Failure {
    match outcome {
        DepositOutcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn dovecots_refusals_come_back_as_they_were_said() {
    if !installed(PROGRAMS) {
        return;
    }
    let dovecot = dovecot(
        "mail_plugins = quota
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=20K
  quota_grace = 0
}
",
    );
    let depot = LmtpDepot::new(at(dovecot.lmtp), settings());
    let small = Body::from_octets(b"Subject: x\r\n\r\nx\r\n".to_vec());
    let unknown = failure(depot.deliver(ANNA, "nobody@here.example", &small));
    assert_eq!(
        (unknown.code, &*unknown.status),
        (550, "5.1.1"),
        "{unknown:?}"
    );
    let large = Body::from_octets(b"0123456789 123456789 123456789\r\n".repeat(1_000));
    let full = failure(depot.deliver(ANNA, BRUNO, &large));
    assert_eq!((full.code, &*full.status), (552, "5.2.2"), "{full:?}");
    assert!(full.text.contains("uota"), "{full:?}");
    // The same connection goes on.
    assert_eq!(depot.deliver(ANNA, BRUNO, &small), DepositOutcome::Stored);
    assert_eq!(dovecot.inbox(BRUNO).len(), 1);
}

#[test]
fn a_dovecot_that_is_away_or_in_trouble_is_asked_again() {
    if !installed(PROGRAMS) {
        return;
    }
    let mut dovecot = dovecot("");
    let depot = LmtpDepot::new(at(dovecot.lmtp), settings());
    let small = Body::from_octets(b"Subject: x\r\n\r\nx\r\n".to_vec());
    assert_eq!(depot.deliver(ANNA, BRUNO, &small), DepositOutcome::Stored);
    // The mailbox cannot be opened: not the message's fault.
    let mailbox = dovecot.folder().join("mail").join(ANNA);
    std::fs::write(&mailbox, "a file where a folder should be").unwrap();
    let outcome = depot.deliver(BRUNO, ANNA, &small);
    assert!(
        matches!(&outcome, DepositOutcome::Later(why) if why.contains("451 4.")),
        "{outcome:?}"
    );
    dovecot.stop();
    let outcome = depot.deliver(ANNA, BRUNO, &small);
    assert!(matches!(&outcome, DepositOutcome::Later(_)), "{outcome:?}");
    assert_eq!(dovecot.inbox(BRUNO).len(), 1);
}

fn postfix(dovecot: &Dovecot, main: &[(&str, &str)]) -> Postfix {
    let transport = (
        "virtual_transport",
        format!("lmtp:inet:127.0.0.1:{}", dovecot.lmtp),
    );
    let more = main
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    Postfix::start(&PostfixSetup {
        domains: vec!["here.example".to_owned()],
        main: [transport]
            .into_iter()
            .chain(more)
            .map(|(n, v)| (n.to_owned(), v))
            .collect(),
        ..PostfixSetup::default()
    })
}

/// Through Postfix's queue and its own LMTP client to Dovecot: two servers' hands.
#[test]
fn what_is_injected_arrives_octet_for_octet() {
    if !installed(PROGRAMS) {
        return;
    }
    let dovecot = dovecot(AS_GIVEN);
    let postfix = postfix(&dovecot, &[]);
    let relay = SmtpRelay::new(at(postfix.injection), settings());
    let mut count = 0;
    for (name, octets) in awkward() {
        // The injection port of a plain Postfix replaces it by a blank (POSTFIX.md).
        if name == "a carriage return of its own" {
            continue;
        }
        let body = Body::from_octets(octets.clone());
        let to = [ANNA.to_owned(), BRUNO.to_owned()];
        assert_eq!(
            relay.send("x@there.example", &to, &body),
            RelayOutcome::Handed,
            "{name}"
        );
        for user in [ANNA, BRUNO] {
            let stored = next_message(&dovecot, user, count);
            assert_eq!(without_trace(&stored, &octets), octets, "{name}");
            assert!(stored.starts_with(b"Return-Path: <x@there.example>\r\n"));
        }
        count += 1;
    }
    let log = postfix.log();
    let sessions = log
        .lines()
        .filter(|l| l.contains("injection/smtpd") && l.contains(": connect from"));
    // The test's own look at the port, and ours.
    assert!(sessions.count() <= 2, "{log}");
}

#[test]
fn postfixs_refusals_come_back_for_whom_they_were_said() {
    if !installed(PROGRAMS) {
        return;
    }
    let dovecot = dovecot("");
    let postfix = postfix(
        &dovecot,
        &[
            ("message_size_limit", "100000"),
            ("smtpd_recipient_limit", "2"),
            (
                "smtpd_recipient_restrictions",
                "inline:{{no@here.example=REJECT 5.1.1 not her}}",
            ),
        ],
    );
    let relay = SmtpRelay::new(at(postfix.injection), settings());
    let small = Body::from_octets(b"Subject: x\r\n\r\nx\r\n".to_vec());
    let to: Vec<String> = [ANNA, "no@here.example", BRUNO, "dino@here.example"]
        .map(Into::into)
        .into();
    let RelayOutcome::Partly {
        refusals,
        later,
        reason,
    } = relay.send("x@there.example", &to, &small)
    else {
        panic!("not partly\n{}", postfix.log());
    };
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(
        (&*refusals[0].recipient, refusals[0].failure.code),
        ("no@here.example", 554)
    );
    assert_eq!(later, ["dino@here.example"]);
    assert!(reason.contains("452 4.5.3"), "{reason}");
    for user in [ANNA, BRUNO] {
        next_message(&dovecot, user, 0);
    }
    // Refused at MAIL, before a single octet of it travels.
    let large = Body::from_octets(b"0123456789\r\n".repeat(10_000));
    let RelayOutcome::Failed(refusals) = relay.send(ANNA, &[BRUNO.into()], &large) else {
        panic!("not failed");
    };
    let failure = &refusals[0].failure;
    assert_eq!(
        (failure.code, &*failure.status),
        (552, "5.3.4"),
        "{failure:?}"
    );
}

/// Postfix closes what is idle; the next message takes another connection and nobody waits.
#[test]
fn an_idle_connection_that_postfix_closed_is_replaced() {
    if !installed(PROGRAMS) {
        return;
    }
    let dovecot = dovecot("");
    let postfix = postfix(&dovecot, &[("smtpd_timeout", "1s")]);
    let relay = SmtpRelay::new(at(postfix.injection), settings());
    let small = Body::from_octets(b"Subject: x\r\n\r\nx\r\n".to_vec());
    for count in 0..2 {
        assert_eq!(
            relay.send("", &[BRUNO.into()], &small),
            RelayOutcome::Handed
        );
        next_message(&dovecot, BRUNO, count);
        std::thread::sleep(Duration::from_millis(1500));
    }
    assert!(relay.probe().unwrap().contains("220 mx.here.example"));
}

/// What Dovecot holds is found, wherever its owner has put it, and nothing else is.
#[test]
fn dovecot_knows_what_it_holds() {
    if !installed(PROGRAMS) {
        return;
    }
    let [port] = support::free_ports();
    let dovecot = dovecot(&format!(
        "doveadm_api_key = secret
service doveadm {{
  inet_listener http {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"
    ));
    let depot = LmtpDepot::new(at(dovecot.lmtp), settings());
    let body = b"Subject: x\r\nMessage-ID: <opec1.2@here.example>\r\n\r\nx\r\n".to_vec();
    assert_eq!(
        depot.deliver(ANNA, BRUNO, &Body::from_octets(body)),
        DepositOutcome::Stored
    );
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let lookup = DoveadmLookup::new(&format!("http://127.0.0.1:{port}"), "secret");
    let asked = |mailbox, id, since| lookup.is_there(mailbox, id, since);
    assert_eq!(asked(BRUNO, "opec1.2@here.example", now), Ok(true));
    assert_eq!(asked(ANNA, "opec1.2@here.example", now), Ok(false));
    assert_eq!(asked(BRUNO, "opec1.3@here.example", now), Ok(false));
    // A part of it is another id, and quotes in one do not end it.
    assert_eq!(asked(BRUNO, "1.2@here.example", now), Ok(false));
    assert_eq!(asked(BRUNO, "\"]}x", now), Ok(false));
    // Put there before that time, it is an older one.
    assert_eq!(asked(BRUNO, "opec1.2@here.example", now + 7_200), Ok(false));
    dovecot.doveadm(&["mailbox", "create", "-u", BRUNO, "Archivio"]);
    dovecot.doveadm(&["move", "-u", BRUNO, "Archivio", "mailbox", "INBOX", "all"]);
    assert_eq!(asked(BRUNO, "opec1.2@here.example", now), Ok(true));
    // Nobody knows: neither yes nor no.
    let error = asked("nobody@here.example", "x", now).unwrap_err();
    assert!(error.0.contains("nobody@here.example"), "{error}");
    let stranger = DoveadmLookup::new(&format!("http://127.0.0.1:{port}"), "guess");
    assert!(
        stranger
            .is_there(BRUNO, "x", now)
            .unwrap_err()
            .0
            .contains("401")
    );
    assert!(!format!("{lookup:?}").contains("secret"));
}

/// A message of 100 MB goes to both servers without a copy of it in our memory.
#[test]
fn a_large_message_is_not_copied() {
    if !installed(PROGRAMS) {
        return;
    }
    let dovecot = dovecot("");
    let postfix = postfix(&dovecot, &[]);
    let large = Body::from_octets(b".23456789 123456789 123456789 123456789\r\n".repeat(2_500_000));
    let before = peak_memory();
    let relay = SmtpRelay::new(at(postfix.injection), settings());
    assert_eq!(
        relay.send(ANNA, &[BRUNO.into()], &large),
        RelayOutcome::Handed
    );
    let depot = LmtpDepot::new(at(dovecot.lmtp), settings());
    assert_eq!(depot.deliver(ANNA, ANNA, &large), DepositOutcome::Stored);
    let grown = peak_memory() - before;
    // Other tests may run beside this one, with messages of a few megabytes.
    assert!(grown < 30_000, "{grown} kB more");
}

/// The most memory that this process has ever had, in kB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
