//! SMTP and LMTP against a server that follows a script, for everything that a real one does only
//! on bad days. Real servers: `host-adapters/postfix/tests`.

mod support;

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ceralacca_host::*;
use support::*;

const ANNA: &str = "anna@here.example";
const BRUNO: &str = "bruno@there.example";
const CARLA: &str = "carla@there.example";
const DINO: &str = "dino@there.example";

const MESSAGE: &[u8] = b"Subject: x\r\n\r\n.\r\n..two\r\n";

const HELLO: &str = "S: 220 mail.test ESMTP
    C: EHLO us.example
    S: 250-mail.test greets us.example
    S: 250-SIZE 1000000
    S: 250-8BITMIME
    S: 250 PIPELINING";

const ASKED: &str = "C: MAIL FROM:<anna@here.example> SIZE=24
    C: RCPT TO:<bruno@there.example>
    C: DATA";

const AGREED: &str = "S: 250 2.1.0 Ok
    S: 250 2.1.5 Ok
    S: 354 go on";

const TAKEN: &str = "DATA
    S: 250 2.0.0 queued as 4X";

const QUIT: &str = "C: QUIT";

fn script(parts: &[&str]) -> String {
    parts.join("\n")
}

/// A server's part up to the end of one good transaction.
fn good() -> String {
    script(&[HELLO, ASKED, AGREED, TAKEN])
}

fn settings() -> SmtpSettings {
    SmtpSettings::named("us.example")
}

fn relay(peer: &MailPeer) -> SmtpRelay {
    SmtpRelay::new(peer.endpoint.clone(), settings())
}

fn send(relay: &SmtpRelay, to: &[&str]) -> RelayOutcome {
    let to: Vec<String> = to.iter().map(|t| (*t).to_owned()).collect();
    relay.send(ANNA, &to, &Body::from_octets(MESSAGE.to_vec()))
}

fn later(outcome: RelayOutcome) -> String {
    match outcome {
        RelayOutcome::Later(reason) => reason,
        other => panic!("{other:?}"),
    }
}

/// Whom a relay failed for, with code and status.
fn failed(outcome: RelayOutcome) -> Vec<(String, u16, String)> {
    match outcome {
        RelayOutcome::Failed(refusals) => refusals.into_iter().map(told).collect(),
        other => panic!("{other:?}"),
    }
}

fn told(refusal: Refusal) -> (String, u16, String) {
    let failure = refusal.failure;
    (refusal.recipient, failure.code, failure.status)
}

fn refusal(recipient: &str, code: u16, status: &str) -> (String, u16, String) {
    (recipient.to_owned(), code, status.to_owned())
}

#[test]
fn messages_go_in_one_group_over_one_connection() {
    let again = script(&[ASKED, AGREED, TAKEN]);
    let peer = MailPeer::start(&[&script(&[&good(), &again, &again, QUIT])]);
    let relay = relay(&peer);
    for _ in 0..3 {
        assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed);
    }
    drop(relay);
    peer.wait();
    assert_eq!(peer.connections(), 1);
    assert_eq!(peer.messages(), vec![MESSAGE.to_vec(); 3]);
}

/// Without PIPELINING every command waits for the reply to the one before; what the server does
/// not offer is not used.
#[test]
fn a_plain_server_gets_one_command_at_a_time() {
    let peer = MailPeer::start(&["S: 220-x
        S: 220 y
        C. EHLO us.example
        S: 250 mail.test
        C. MAIL FROM:<anna@here.example>
        S: 250 Ok
        C. RCPT TO:<bruno@there.example>
        S: 250
        C. RCPT TO:<carla@there.example>
        S: 251 will forward
        C. DATA
        S: 354
        DATA
        S: 250-taken
        S: 250 and queued"]);
    assert_eq!(send(&relay(&peer), &[BRUNO, CARLA]), RelayOutcome::Handed);
    assert_eq!(peer.messages(), [MESSAGE]);
}

/// Also where the reply to EHLO forbids groups by its case, and where a group is too long for one.
#[test]
fn many_recipients_go_in_several_groups() {
    let to: Vec<String> = (0..120).map(|n| format!("r{n}@there.example")).collect();
    let mut acts = vec![HELLO.replace("PIPELINING", "pipelining")];
    acts.push("C: MAIL FROM:<> SIZE=24".to_owned());
    let heard = |n: std::ops::Range<usize>| n.map(|n| format!("C: RCPT TO:<r{n}@there.example>"));
    // 50 commands, then their replies.
    for group in [0..49, 49..99, 99..120] {
        let replies = group.len() + usize::from(group.start == 0);
        acts.extend(heard(group));
        if replies == 21 {
            acts.push("C: DATA".to_owned());
        }
        acts.push("REST".to_owned());
        acts.extend(vec!["S: 250 Ok".to_owned(); replies]);
    }
    acts.extend(["S: 354 go on".to_owned(), TAKEN.to_owned()]);
    let peer = MailPeer::start(&[&acts.join("\n")]);
    let outcome = relay(&peer).send("", &to, &Body::from_octets(MESSAGE.to_vec()));
    assert_eq!(outcome, RelayOutcome::Handed);
}

/// The connection breaks at each step: nothing is lost, and the reason names server and step.
#[test]
fn whatever_breaks_is_tried_again() {
    for (steps, named) in [
        (vec![], "waiting for the greeting"),
        (vec!["S: 220 mail.test\nC: EHLO us.example"], "saying hello"),
        (vec![HELLO], "giving the sender"),
        (vec![HELLO, ASKED], "giving the sender"),
        (vec![HELLO, ASKED, "S: 250 Ok"], "giving a recipient"),
        (vec![HELLO, ASKED, "S: 250 Ok\nS: 250 Ok"], "announcing"),
        (
            vec![HELLO, ASKED, "S: 250 Ok\nS: 250 Ok\nS> 35"],
            "announcing",
        ),
        (vec![HELLO, ASKED, AGREED, "DATA"], "may have the message"),
        (
            vec![HELLO, ASKED, AGREED, "DATA\nS: 250-half"],
            "may have the message",
        ),
    ] {
        let peer = MailPeer::start(&[&script(&steps)]);
        let reason = later(send(&relay(&peer), &[BRUNO]));
        assert!(reason.contains(named), "{reason} names {named}");
        assert!(reason.starts_with(&peer.endpoint.to_string()), "{reason}");
        assert!(reason.contains("closed"), "{reason}");
        peer.wait();
        assert_eq!(peer.connections(), 1, "{named}");
    }
}

/// A server that goes away while a large message comes; it may say why.
#[test]
fn a_message_that_is_cut_off_is_tried_again() {
    let large = Body::from_octets(b"0123456789\r\n".repeat(2_000_000));
    let asked = ASKED.replace("24", "24000000");
    for (parting, named) in [
        ("", "closed"),
        ("S: 452 4.3.1 disk full", "452 4.3.1 disk full"),
    ] {
        let peer = MailPeer::start(&[&script(&[HELLO, &asked, AGREED, parting])]);
        let reason = later(relay(&peer).send(ANNA, &[BRUNO.into()], &large));
        // A reset may overtake the words.
        let fits = reason.contains(named) || reason.contains("closed");
        assert!(fits && reason.contains("sending the message"), "{reason}");
    }
}

/// Every reply that is a no, at each step, to one recipient.
#[test]
fn a_no_counts_where_it_is_said() {
    let not_now = "4";
    for (said, expected) in [
        (vec!["S: 452 4.3.1 x", "S: 503 x", "S: 503 x"], not_now),
        (vec!["S: 552 5.3.4 x", "S: 503 x", "S: 503 x"], "552 5.3.4"),
        (
            vec!["S: 250 x", "S: 450 4.2.1 x", "S: 554 5.5.1 x"],
            not_now,
        ),
        (
            vec!["S: 250 x", "S: 550 5.1.1 x", "S: 554 5.5.1 x"],
            "550 5.1.1",
        ),
        (
            vec!["S: 250 x", "S: 550-x", "S: 550 y", "S: 554 5.5.1 x"],
            "550 ",
        ),
        (vec!["S: 250 x", "S: 250 x", "S: 451 4.3.0 x"], not_now),
        (vec!["S: 250 x", "S: 250 x", "S: 554 5.3.0 x"], "554 5.3.0"),
        (vec![AGREED, "DATA", "S: 451 4.3.0 x"], not_now),
        (vec![AGREED, "DATA", "S: 554 5.6.0 x"], "554 5.6.0"),
        // A quarrel between the programs, not a verdict on the message.
        (
            vec!["S: 530 5.7.0 STARTTLS first", "S: 503 x", "S: 503 x"],
            not_now,
        ),
        (vec!["S: 555 5.5.4 x", "S: 503 x", "S: 503 x"], not_now),
        (vec!["S: 250 x", "S: 501 5.5.2 x", "S: 503 x"], not_now),
        (vec!["S: 250 x", "S: 250 x", "S: 502 5.5.1 x"], not_now),
        // Our own port does not know us any more; what it says of a message it has seen is about that.
        (
            vec![
                "S: 250 x",
                "S: 554 5.7.1 Relay access denied",
                "S: 554 5.5.1 x",
            ],
            not_now,
        ),
        (vec!["S: 550 5.7.1 x", "S: 503 x", "S: 503 x"], not_now),
        (vec![AGREED, "DATA", "S: 550 5.7.1 x"], "550 5.7.1"),
    ] {
        // After a no the connection is cleared and serves for the next message.
        let again = script(&["C: RSET", "S: 250 Ok", ASKED, AGREED, TAKEN]);
        let again = if said.contains(&"DATA") {
            script(&[ASKED, AGREED, TAKEN])
        } else {
            again
        };
        let peer = MailPeer::start(&[&script(&[HELLO, ASKED, &script(&said), &again])]);
        let relay = relay(&peer);
        match (send(&relay, &[BRUNO]), expected) {
            (RelayOutcome::Later(_), "4") => {}
            (RelayOutcome::Failed(refusals), _) => {
                let failure = &refusals[0].failure;
                assert_eq!(format!("{} {}", failure.code, failure.status), expected);
                assert_eq!((refusals.len(), &*refusals[0].recipient), (1, BRUNO));
            }
            (outcome, _) => panic!("{said:?}: {outcome:?}"),
        }
        assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed, "{said:?}");
        assert_eq!(peer.connections(), 1);
    }
}

/// Before and during the greetings a refusal is about us, never about a message.
#[test]
fn a_server_that_does_not_want_us_is_no_verdict() {
    for text in [
        "S: 554 5.7.1 go away",
        "S: 421 4.3.2 too busy",
        "S: 220 mail.test\nC: EHLO us.example\nS: 502 5.5.2 what?",
        "S: 220 mail.test\nC: EHLO us.example\nS: 550 5.7.1 who?",
    ] {
        let peer = MailPeer::start(&[text]);
        let reason = later(send(&relay(&peer), &[BRUNO]));
        assert!(reason.contains(" it said “"), "{reason}");
    }
}

/// One transaction, one recipient taken, one refused, one to be asked about again.
#[test]
fn recipients_are_told_apart() {
    let asked = "C: MAIL FROM:<anna@here.example> SIZE=24
        C: RCPT TO:<bruno@there.example>
        C: RCPT TO:<carla@there.example>
        C: RCPT TO:<dino@there.example>
        C: DATA
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 550 5.1.1 no Carla
        S: 452 4.2.2 Dino is full
        S: 354 go on";
    let to = [BRUNO, CARLA, DINO];
    let peer = MailPeer::start(&[&script(&[HELLO, asked, TAKEN])]);
    let RelayOutcome::Partly {
        refusals,
        later,
        reason,
    } = send(&relay(&peer), &to)
    else {
        panic!("not partly");
    };
    let refusals: Vec<_> = refusals.into_iter().map(told).collect();
    assert_eq!(refusals, [refusal(CARLA, 550, "5.1.1")]);
    assert_eq!(later, [DINO]);
    assert!(reason.contains("“452 4.2.2 Dino is full”"), "{reason}");

    // The message as a whole must wait: Carla is refused all the same, and nobody is lost.
    for end in ["S: 451 4.3.0 wait", ""] {
        let peer = MailPeer::start(&[&script(&[HELLO, asked, "DATA", end])]);
        let RelayOutcome::Partly {
            refusals, later, ..
        } = send(&relay(&peer), &to)
        else {
            panic!("not partly");
        };
        assert_eq!(
            (refusals.len(), later),
            (1, vec![BRUNO.into(), DINO.into()])
        );
    }
    // It is refused as a whole.
    let peer = MailPeer::start(&[&script(&[HELLO, asked, "DATA\nS: 554 5.6.0 no"])]);
    let RelayOutcome::Partly {
        refusals, later, ..
    } = send(&relay(&peer), &to)
    else {
        panic!("not partly");
    };
    let refusals: Vec<_> = refusals.into_iter().map(told).collect();
    let expected = [refusal(BRUNO, 554, "5.6.0"), refusal(CARLA, 550, "5.1.1")];
    assert_eq!((refusals, later), (expected.to_vec(), vec![DINO.into()]));
}

/// All are refused, and the server wants the message nevertheless (RFC 2920 §3.1 warns of it):
/// nothing is sent, not even a dot.
#[test]
fn a_message_for_nobody_is_not_sent() {
    let all_refused = "S: 250 Ok\nS: 550 5.1.1 no\nS: 354 go on\nREST";
    let peer = MailPeer::start(&[&script(&[HELLO, ASKED, all_refused, "WAIT"]), &good()]);
    let relay = relay(&peer);
    assert_eq!(
        failed(send(&relay, &[BRUNO])),
        [refusal(BRUNO, 550, "5.1.1")]
    );
    assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed);
    assert_eq!((peer.connections(), peer.messages().len()), (2, 1));
}

/// A connection that died while it was not used is replaced, and nobody notices.
#[test]
fn a_stale_connection_is_replaced_once() {
    for end in [
        // Seen before anything is sent.
        "",
        "S: 421 4.4.2 too long idle",
        // Seen at the first reply, or in the middle of the envelope.
        "C: MAIL FROM:<anna@here.example> SIZE=24",
        "C: MAIL FROM:<anna@here.example> SIZE=24\nS: 421 4.4.2 bye",
        &script(&[ASKED, "S: 250 Ok\nS: 250 Ok"]),
    ] {
        let peer = MailPeer::start(&[&script(&[&good(), end]), &good()]);
        let relay = relay(&peer);
        assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed);
        if end.is_empty() {
            peer.wait();
        }
        thread::sleep(Duration::from_millis(20));
        assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed, "{end}");
        assert_eq!((peer.connections(), peer.messages().len()), (2, 2), "{end}");
    }
}

#[test]
fn a_new_connection_that_breaks_as_well_is_not_replaced() {
    let broken = script(&[HELLO, ASKED]);
    let peer = MailPeer::start(&[&script(&[&good(), ASKED]), &broken, &good()]);
    let relay = relay(&peer);
    assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed);
    later(send(&relay, &[BRUNO]));
    assert_eq!(peer.connections(), 2);
}

/// From the first octet of content on, a kept connection is like any other: the message might
/// arrive twice.
#[test]
fn what_was_sent_on_a_kept_connection_is_not_sent_again_at_once() {
    for end in ["DATA", "DATA\nS: 421 4.3.2 going down"] {
        let second = script(&[ASKED, AGREED, end]);
        let peer = MailPeer::start(&[&script(&[&good(), &second]), &good()]);
        let relay = relay(&peer);
        assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed);
        let reason = later(send(&relay, &[BRUNO]));
        assert!(reason.contains("may have the message"), "{reason}");
        assert_eq!(peer.connections(), 1);
    }
}

#[test]
fn what_is_no_reply_is_named_and_ends_the_connection() {
    let long = format!("S: 250 {}", "x".repeat(5000));
    let endless = format!("S> {}", "x".repeat(5000));
    let many = "S: 250-x\n".repeat(101);
    for (said, named) in [
        (
            "S: HTTP/1.1 400 Bad Request",
            "\"HTTP/1.1 400 Bad Request\"",
        ),
        ("S: 250-x\nS: 251 y", "one line says 250 and the next 251"),
        ("S: 999 x", "\"999 x\""),
        ("S: 354 go on", "“354 go on” does not fit"),
        (&long, "longer than"),
        (&endless, "longer than"),
        (&many, "more than 100 lines"),
    ] {
        let peer = MailPeer::start(&[&script(&[HELLO, ASKED, said, "WAIT"]), &good()]);
        let relay = relay(&peer);
        let reason = later(send(&relay, &[BRUNO]));
        assert!(reason.contains(named), "{reason}");
        assert!(reason.starts_with(&peer.endpoint.to_string()), "{reason}");
        assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed);
    }
}

/// A server that says nothing, and one that says an octet now and then.
#[test]
fn slow_servers_do_not_hold_a_worker_for_ever() {
    for slowness in ["WAIT", "SLOW"] {
        let peer = MailPeer::start(&[&script(&[HELLO, ASKED, slowness])]);
        let mut settings = settings();
        settings.timeout_scale = 0.001;
        let begun = Instant::now();
        let relay = SmtpRelay::new(peer.endpoint.clone(), settings);
        let reason = later(send(&relay, &[BRUNO]));
        assert!(
            reason.contains("nothing came or went for 0.3 s"),
            "{reason}"
        );
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

/// A server that takes the message very slowly is given up as well.
#[test]
fn a_server_that_stops_reading_is_given_up() {
    let asked = ASKED.replace("24", "24000000");
    let peer = MailPeer::start(&[&script(&[HELLO, &asked, AGREED, &"REST\n".repeat(20)])]);
    let mut settings = settings();
    settings.timeout_scale = 0.001;
    let relay = SmtpRelay::new(peer.endpoint.clone(), settings);
    let large = Body::from_octets(b"0123456789\r\n".repeat(2_000_000));
    let reason = later(relay.send(ANNA, &[BRUNO.into()], &large));
    assert!(
        reason.contains("0.18 s, while sending the message"),
        "{reason}"
    );
}

/// A server that takes connections and says nothing costs one of us at a time, and not for ever.
#[test]
fn a_silent_server_does_not_keep_everybody_waiting() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint::Inet(server.local_addr().unwrap().to_string());
    let mut settings = settings();
    settings.timeout_scale = 0.005;
    let relay = SmtpRelay::new(endpoint, settings);
    let reason = later(send(&relay, &[BRUNO]));
    assert!(reason.contains("nothing came or went"), "{reason}");
    thread::scope(|scope| {
        let trying = scope.spawn(|| later(send(&relay, &[BRUNO])));
        // It is being tried once both connections have come.
        server.accept().unwrap();
        let (mut wire, _) = server.accept().unwrap();
        let reason = later(send(&relay, &[BRUNO]));
        assert!(reason.contains("somebody is trying it already"), "{reason}");
        assert!(!trying.is_finished());
        // It is well again.
        wire.write_all(b"421 4.3.2 restarting\r\n").unwrap();
        assert!(trying.join().unwrap().contains("restarting"));
        let trying = [(); 2].map(|()| scope.spawn(|| later(send(&relay, &[BRUNO]))));
        for _ in &trying {
            let (mut wire, _) = server.accept().unwrap();
            wire.write_all(b"421 4.3.2 restarting\r\n").unwrap();
        }
        for trying in trying {
            assert!(trying.join().unwrap().contains("restarting"));
        }
    });
}

#[test]
fn nobody_listens() {
    let endpoint = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("inet:{}", listener.local_addr().unwrap())
    };
    let relay = SmtpRelay::new(endpoint.parse().unwrap(), settings());
    let reason = later(send(&relay, &[BRUNO]));
    assert!(
        reason.starts_with(&endpoint) && reason.contains("while connecting"),
        "{reason}"
    );
    let depot = LmtpDepot::new("unix:/nowhere/lmtp".parse().unwrap(), settings());
    let outcome = depot.deliver("", BRUNO, &Body::default());
    let DepositOutcome::Later(reason) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(reason.starts_with("unix:/nowhere/lmtp: "), "{reason}");
    assert!(depot.probe().unwrap_err().0.contains("while connecting"));
}

/// Four at once over two connections; whoever finds both busy for too long comes again.
#[test]
fn connections_are_shared_and_counted() {
    let slowly = script(&[HELLO, ASKED, AGREED, "REST", TAKEN]);
    let peer = MailPeer::start(&[&slowly, &slowly, &slowly, &slowly]);
    let mut settings = settings();
    settings.max_connections = 2;
    let relay = Arc::new(SmtpRelay::new(peer.endpoint.clone(), settings.clone()));
    let start = Arc::new(Barrier::new(4));
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let (relay, start) = (Arc::clone(&relay), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                send(&relay, &[BRUNO])
            })
        })
        .collect();
    for sender in senders {
        assert_eq!(sender.join().unwrap(), RelayOutcome::Handed);
    }
    assert_eq!((peer.messages().len(), peer.most_open()), (4, 2));

    let peer = MailPeer::start(&[&script(&[HELLO, ASKED, "REST\nREST\nREST\nREST"])]);
    settings.max_connections = 1;
    settings.max_wait = Duration::from_millis(50);
    let relay = SmtpRelay::new(peer.endpoint.clone(), settings);
    thread::scope(|scope| {
        let first = scope.spawn(|| later(send(&relay, &[BRUNO])));
        thread::sleep(Duration::from_millis(100));
        let reason = later(send(&relay, &[BRUNO]));
        assert!(reason.contains("all 1 connections are busy"), "{reason}");
        assert!(first.join().unwrap().contains("closed"));
    });
}

#[test]
fn connections_are_closed_when_used_up_or_old() {
    let closed = script(&[&good(), QUIT]);
    let peer = MailPeer::start(&[&closed, &closed, &closed]);
    let mut settings = settings();
    settings.max_uses = 1;
    let relay = SmtpRelay::new(peer.endpoint.clone(), settings.clone());
    for connections in 1..=2 {
        assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed);
        peer.wait();
        assert_eq!(peer.connections(), connections);
    }
    let peer = MailPeer::start(&[&closed, &closed]);
    settings.max_uses = 9;
    settings.max_idle = Duration::from_millis(1);
    let relay = SmtpRelay::new(peer.endpoint.clone(), settings);
    assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed);
    thread::sleep(Duration::from_millis(5));
    assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed);
    assert_eq!(peer.connections(), 2);
}

#[test]
fn eight_bit_content_goes_where_it_is_welcome() {
    let body = Body::from_octets("Subject: perché\r\n\r\nx\r\n".as_bytes().to_vec());
    let to = [BRUNO.to_owned()];
    let asked = ASKED.replace("24", "23 BODY=8BITMIME");
    let peer = MailPeer::start(&[&script(&[HELLO, &asked, AGREED, TAKEN])]);
    assert_eq!(relay(&peer).send(ANNA, &to, &body), RelayOutcome::Handed);
    assert_eq!(peer.messages(), [body.read_whole().unwrap()]);
    // Elsewhere it would be changed, and its signature broken. The connection has seen nothing.
    let deaf = HELLO.replace("    S: 250-8BITMIME\n", "");
    let peer = MailPeer::start(&[&script(&[&deaf, ASKED, AGREED, TAKEN])]);
    let relay = relay(&peer);
    assert_eq!(
        failed(relay.send(ANNA, &to, &body)),
        [refusal(BRUNO, 554, "5.6.3")]
    );
    assert_eq!(send(&relay, &[BRUNO]), RelayOutcome::Handed);
}

/// What SMTP cannot say is refused before anybody is asked: no script, no connection.
#[test]
fn what_smtp_cannot_carry_is_refused() {
    let peer = MailPeer::start(&[]);
    let relay = relay(&peer);
    for octets in [&b"a\n.\nb\r\n"[..], b"\r\n.\n", b"\n"] {
        let outcome = relay.send(ANNA, &[BRUNO.into()], &Body::from_octets(octets.to_vec()));
        assert_eq!(failed(outcome), [refusal(BRUNO, 554, "5.6.0")]);
    }
    let smuggled = "x@there.example>\r\nRCPT TO:<carla@there.example";
    assert_eq!(
        failed(send(&relay, &[smuggled])),
        [refusal(smuggled, 553, "5.1.3")]
    );
    let outcome = relay.send(
        smuggled,
        &[BRUNO.into()],
        &Body::from_octets(MESSAGE.to_vec()),
    );
    assert_eq!(failed(outcome), [refusal(BRUNO, 553, "5.1.7")]);
    assert_eq!(peer.connections(), 0);
    // The others get it.
    let peer = MailPeer::start(&[&good()]);
    let outcome = send(&self::relay(&peer), &[smuggled, BRUNO]);
    assert_eq!(failed(outcome), [refusal(smuggled, 553, "5.1.3")]);
    assert_eq!(peer.messages().len(), 1);
}

/// 192.0.2.0/24 is for documentation (RFC 5737).
#[test]
fn another_machine_is_not_spoken_to_in_the_clear() {
    let relay = SmtpRelay::new("192.0.2.1:25".parse().unwrap(), settings());
    let reason = later(send(&relay, &[BRUNO]));
    assert!(
        reason.contains("in the clear") && reason.contains("Unix socket"),
        "{reason}"
    );
}

#[test]
fn probing_shows_what_the_server_says() {
    let peer = MailPeer::start(&[&script(&[HELLO, QUIT])]);
    assert_eq!(
        relay(&peer).probe().unwrap(),
        "“220 mail.test ESMTP”, offers PIPELINING SIZE 8BITMIME"
    );
    peer.wait();
}

const LHLO: &str = "S: 220 mail.test LMTP
    C: LHLO us.example
    S: 250-mail.test
    S: 250-PIPELINING
    S: 250 8BITMIME
    C: MAIL FROM:<anna@here.example>
    C: RCPT TO:<bruno@there.example>
    C: DATA";

/// LMTP over a Unix socket: the reply after the message is the mailbox's own.
#[test]
fn a_mailbox_says_yes_no_or_not_now() {
    let folder = tempfile::tempdir().unwrap();
    let body = Body::from_octets(MESSAGE.to_vec());
    for (said, stored) in [
        (
            vec![
                AGREED,
                "DATA",
                "S: 250 2.0.0 <bruno@there.example> abc Saved",
            ],
            true,
        ),
        (
            vec![AGREED, "DATA", "S: 452 4.2.2 <bruno@there.example> full"],
            false,
        ),
        (vec![AGREED, "DATA", ""], false),
        (vec![AGREED, "DATA", "S: 421 4.3.2 going down"], false),
        (vec![AGREED, "DATA", "S: 354 go on"], false),
        (vec!["S: 250 x", "S: 451 4.3.0 x", "S: 503 5.5.1 x"], false),
    ] {
        let path = folder.path().join("lmtp");
        let peer = MailPeer::start_unix(&path, &[&script(&[LHLO, &script(&said)])]);
        let depot = LmtpDepot::new(peer.endpoint.clone(), settings());
        match depot.deliver(ANNA, BRUNO, &body) {
            DepositOutcome::Stored => assert!(stored, "{said:?}"),
            DepositOutcome::Later(_) => assert!(!stored, "{said:?}"),
            outcome @ DepositOutcome::Failed(_) => panic!("{outcome:?}"),
        }
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_mailbox_that_will_never_take_it_says_why() {
    for (said, code, status, text) in [
        (
            vec![AGREED, "DATA", "S: 552 5.2.2 <b> Quota exceeded"],
            552,
            "5.2.2",
            "<b> Quota exceeded",
        ),
        (
            vec![
                "S: 250 x",
                "S: 550 5.1.1 <b> User doesn't exist",
                "S: 503 5.5.1 x",
            ],
            550,
            "5.1.1",
            "<b> User doesn't exist",
        ),
    ] {
        let peer = MailPeer::start(&[&script(&[LHLO, &script(&said)])]);
        let depot = LmtpDepot::new(peer.endpoint.clone(), settings());
        let body = Body::from_octets(MESSAGE.to_vec());
        let failure = pec::Failure {
            status: status.into(),
            code,
            text: text.into(),
            no_such_domain: false,
        };
        assert_eq!(
            depot.deliver(ANNA, BRUNO, &body),
            DepositOutcome::Failed(failure)
        );
    }
}

/// Knows what it is told, and notes what it is asked.
#[derive(Clone, Default)]
struct Knows(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// The next answer is the last.
    answers: Vec<Result<bool, Unavailable>>,
    asked: Vec<String>,
}

impl MailboxLookup for Knows {
    fn is_there(&self, mailbox: &str, message_id: &str, since: u64) -> Result<bool, Unavailable> {
        let mut known = self.0.lock().unwrap();
        known.asked.push(format!("{mailbox} {message_id} {since}"));
        known.answers.pop().expect("it is not asked without need")
    }
}

/// A deposit whose answer does not come is looked for before it is made again; while nobody knows,
/// it waits.
#[test]
fn a_deposit_in_doubt_is_looked_for() {
    let lhlo = "S: 220 x\nC: LHLO us.example\nS: 250 x";
    let doubt =
        "C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<anna@here.example>\nS: 250\nC: DATA\nS: 354\nDATA";
    for (there, connections) in [(true, 1), (false, 2)] {
        let script = script(&[lhlo, doubt]);
        let stored = format!("{script}\nS: 250 Saved");
        let peer = MailPeer::start(&[&script, &stored]);
        let folder = tempfile::tempdir().unwrap();
        let mut provider = Provider::at(folder.path());
        let knows = Knows::default();
        // From the last on: nobody knows; then it is there, or not.
        knows.0.lock().unwrap().answers = vec![Ok(there), Err(Unavailable("away".into()))];
        let depot = LmtpDepot::new(peer.endpoint.clone(), settings());
        provider.depot = Some(Box::new(depot.looking_first(Box::new(knows.clone()))));
        let host = provider.start();
        // Whatever is made after the start has not been tried before.
        provider.clock.advance(1);
        let _ = host.submit(submission(&[CARLA], b"x"));
        for pause in [60, 120] {
            assert_eq!(run(&host).0.postponed, 1);
            provider.clock.advance(pause);
        }
        assert_eq!(run(&host).0.next_at, None);
        assert_eq!(peer.connections(), connections, "there: {there}");
        let asked = knows.0.lock().unwrap().asked.clone();
        assert_eq!(asked.len(), 2);
        assert!(asked[0].starts_with("anna@here.example "), "{asked:?}");
        assert!(asked[0].ends_with(&format!(" {}", NOON + 1)), "{asked:?}");
    }
}
