//! Real mail through a real Postfix: what becomes an event, and what the client is told.

mod rig;
mod support;
mod world;

use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ceralacca_host::pec::ArrivalSource;
use rig::{ANNA, BRUNO, DARIO, DOMAIN, Rig, letter};
use support::{Client, Postfix, PostfixSetup, Replied, installed};
use world::{PROGRAMS, World};

fn swaks(port: u16, arguments: &[&str]) -> String {
    let mut swaks = Command::new("swaks");
    swaks.args(["--server", "127.0.0.1", "--port", &port.to_string()]);
    let output = swaks.args(arguments).output().expect("swaks runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn code_of(reply: &Replied) -> (u16, &str) {
    (reply.code, reply.text.split(' ').next().unwrap_or_default())
}

#[test]
fn swaks_submits_and_the_sender_has_an_acceptance() {
    let Some(world) = World::new() else { return };
    let said = swaks(
        world.postfix.access,
        &[
            "--auth",
            "PLAIN",
            "--auth-user",
            ANNA,
            "--auth-password",
            "segreto",
            "--from",
            ANNA,
            "--to",
            DARIO,
            "--header",
            "Subject: Offerta",
            "--body",
            "Ecco.",
        ],
    );
    assert!(said.contains("<-  250 2.0.0 Ok: queued"), "{said}");
    let submission = &world.rig.submissions()[0];
    assert_eq!(submission.account.as_deref(), Some(ANNA));
    assert_eq!(submission.addresses, [ANNA]);
    assert_eq!(submission.reverse_path, ANNA);
    assert_eq!(submission.recipients, [DARIO]);
    // Nothing is in Postfix's queue; all of it is in our outbox.
    world.queue_is_empty();
    world.rig.settle();
    let inbox = world.rig.mailbox(ANNA);
    assert_eq!(inbox.len(), 1);
    assert!(
        inbox[0].contains("X-Ricevuta: accettazione"),
        "{}",
        inbox[0]
    );
    let sent = world.rig.sent();
    let envelope = sent.get("000001-transport-envelope.eml").expect("it left");
    assert!(String::from_utf8_lossy(envelope).contains("Ecco."));
}

#[test]
fn nobody_submits_who_has_not_logged_in() {
    let Some(world) = World::new() else { return };
    let mut client = Client::connect(world.postfix.access);
    let reply = client.message(ANNA, &[DARIO], letter(DARIO, "x").as_bytes());
    assert_eq!(code_of(&reply), (530, "5.7.0"));
    // The session goes on, and so does the next one who does log in.
    client.login(ANNA, "segreto");
    let reply = client.message(ANNA, &[DARIO], letter(DARIO, "x").as_bytes());
    assert_eq!(reply.code, 250, "{reply:?}");
    assert_eq!(world.rig.submissions().len(), 1);
}

#[test]
fn somebody_elses_address_is_refused_in_the_plugins_words() {
    let Some(world) = World::new() else { return };
    let reply = world.anna().message(
        BRUNO,
        &[DARIO],
        letter(DARIO, "x").replace(ANNA, BRUNO).as_bytes(),
    );
    assert!(reply.code >= 550, "{reply:?}");
    assert!(reply.text.starts_with("5."), "{reply:?}");
    world.rig.settle();
    assert!(world.rig.sent().is_empty() && world.rig.mailbox(BRUNO).is_empty());
}

#[test]
fn i14_an_unknown_mailbox_is_refused_at_rcpt_and_a_known_one_is_not() {
    let Some(world) = World::new() else { return };
    let mut client = Client::connect(world.postfix.incoming);
    client.command("MAIL FROM:<dario@posta.example>");
    let unknown = client.command(&format!("RCPT TO:<nessuno@{DOMAIN}>"));
    assert_eq!(code_of(&unknown), (550, "5.1.1"));
    let known = client.command(&format!("RCPT TO:<Anna@{DOMAIN}>"));
    assert_eq!(known.code, 250, "{known:?}");
    let service = client.command(&format!("RCPT TO:<posta-certificata@{DOMAIN}>"));
    assert_eq!(service.code, 250, "{service:?}");
    world.rig.watch.mailboxes_down.store(true, Ordering::SeqCst);
    let down = client.command(&format!("RCPT TO:<bruno@{DOMAIN}>"));
    assert_eq!(code_of(&down), (451, "4.3.0"));
    world
        .rig
        .watch
        .mailboxes_down
        .store(false, Ordering::SeqCst);
    client.command("DATA");
    client.data(b"Subject: x\r\n\r\nx\r\n");
    let arrival = &world.rig.arrivals()[0];
    let expected = [
        format!("Anna@{DOMAIN}"),
        format!("posta-certificata@{DOMAIN}"),
    ];
    assert_eq!(arrival.recipients, expected);
}

#[test]
fn i27_what_came_over_tls_is_told_from_what_came_in_the_clear() {
    let Some(world) = World::new() else { return };
    let common = ["--from", DARIO, "--to", ANNA, "--body", "x"];
    let plain = swaks(world.postfix.incoming, &common);
    let tls = swaks(world.postfix.incoming, &[&common[..], &["--tls"]].concat());
    assert!(tls.contains("TLS started"), "{tls}");
    // Ordinary mail, which this provider refuses: with code and words of the plug-in.
    for said in [plain, tls] {
        assert!(said.contains("554 5.7.1 "), "{said}");
    }
    let sources: Vec<_> = world.rig.arrivals().iter().map(|a| a.source).collect();
    assert_eq!(
        sources,
        [ArrivalSource::Plaintext, ArrivalSource::Encrypted]
    );
    world.queue_is_empty();
}

#[test]
fn several_messages_of_one_session_are_several_events() {
    let Some(world) = World::new() else { return };
    let mut client = world.anna();
    for subject in ["uno", "due"] {
        let reply = client.message(ANNA, &[DARIO], letter(DARIO, subject).as_bytes());
        assert_eq!(reply.code, 250, "{reply:?}");
        client.command(&format!("MAIL FROM:<{ANNA}>"));
        client.command(&format!("RCPT TO:<{BRUNO}>"));
        assert_eq!(client.command("RSET").code, 250);
    }
    let submissions = world.rig.submissions();
    assert_eq!(submissions.len(), 2);
    assert_eq!(submissions[1].recipients, [DARIO]);
    assert!(String::from_utf8_lossy(&submissions[1].message).contains("Subject: due"));
}

/// The client never hears the answer and comes again with the same octets.
#[test]
fn a_repetition_is_answered_again_and_acted_upon_once() {
    let Some(world) = World::new() else { return };
    let message = letter(DARIO, "una-volta");
    let mut deaf = world.anna();
    deaf.command(&format!("MAIL FROM:<{ANNA}>"));
    deaf.command(&format!("RCPT TO:<{DARIO}>"));
    deaf.command("DATA");
    deaf.send(&support::stuffed(message.as_bytes()));
    drop(deaf);
    // Committed although nobody listens any more.
    world.postfix.logged(&["cleanup", "milter-discard"]);
    let again = world.submit(&[DARIO], &message);
    assert_eq!(again.code, 250, "{again:?}");
    world.rig.settle();
    assert_eq!(world.rig.mailbox(ANNA).len(), 1, "one acceptance");
    assert_eq!(world.rig.sent().len(), 2, "one envelope, with its sidecar");
}

#[test]
fn while_the_plugin_works_postfix_stays_patient() {
    // Postfix gives up after 2 s without a word; the plug-in takes 5.
    let world = World::with(
        |limits| limits.progress = Duration::from_millis(500),
        |setup| {
            setup
                .main
                .push(("milter_content_timeout".to_owned(), "2s".to_owned()));
        },
    );
    let Some(world) = world else { return };
    *world.rig.watch.delay.lock().unwrap() = Duration::from_secs(5);
    let reply = world.submit(&[DARIO], &letter(DARIO, "lento"));
    assert_eq!(reply.code, 250, "{reply:?}");
}

#[test]
fn when_the_milter_is_gone_the_client_is_told_to_come_again() {
    let Some(mut world) = World::new() else {
        return;
    };
    world.rig.request_stop();
    world.rig.join();
    let mut client = Client::connect(world.postfix.incoming);
    let reply = client.message(DARIO, &[ANNA], b"Subject: x\r\n\r\nx\r\n");
    assert_eq!(reply.code / 100, 4, "{reply:?}");
    assert!(world.rig.arrivals().is_empty());
    world.queue_is_empty();
}

#[test]
fn a_port_without_a_role_takes_nothing() {
    let extra = |port: &str| format!("127.0.0.1:{port} inet n - n - - smtpd\n  -o smtpd_milters=");
    let Some(rig) = Rig::new() else { return };
    if !installed(PROGRAMS) {
        return;
    }
    let [port] = support::free_ports();
    let postfix = Postfix::start(&PostfixSetup {
        domains: vec![DOMAIN.to_owned()],
        milter: Some(rig.milter.to_string()),
        master: format!("{}{}\n", extra(&port.to_string()), rig.milter),
        ..PostfixSetup::default()
    });
    let _ = &postfix;
    let reply = Client::connect(port).message(DARIO, &[ANNA], b"Subject: x\r\n\r\nx\r\n");
    assert_eq!(code_of(&reply), (451, "4.3.5"));
}

#[test]
fn a_message_over_postfixs_own_limit_never_reaches_us() {
    let world = World::with(
        |_| {},
        |setup| {
            setup
                .main
                .push(("message_size_limit".to_owned(), "100000".to_owned()));
        },
    );
    let Some(world) = world else { return };
    let long = letter(DARIO, "x") + &"x".repeat(70).as_str().to_owned().repeat(2_000);
    let reply = world.submit(&[DARIO], &long);
    assert_eq!(reply.code, 552, "{reply:?}");
    assert!(world.rig.submissions().is_empty());
}

#[test]
fn messages_beyond_the_room_there_is_are_told_to_come_again() {
    let Some(world) = World::with(|limits| limits.octets_in_flight = 300_000, |_| {}) else {
        return;
    };
    let long = letter(DARIO, "x") + &format!("{}\r\n", "x".repeat(70)).repeat(10_000);
    let reply = world.submit(&[DARIO], &long);
    assert_eq!(code_of(&reply), (452, "4.3.1"));
    let mut client = world.anna();
    let announced = client.command(&format!("MAIL FROM:<{ANNA}> SIZE=500000"));
    assert_eq!(code_of(&announced), (452, "4.3.1"));
    let reply = world.submit(&[DARIO], &letter(DARIO, "y"));
    assert_eq!(reply.code, 250, "{reply:?}");
}
