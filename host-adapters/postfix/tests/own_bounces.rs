//! Postfix's own bounces: what becomes of mail that it could not hand on for us (PRACTICE 8.5, 8.6).

mod rig;
mod support;
mod world;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;

use ceralacca_host::pec::ArrivalSource;
use rig::{ANNA, CARLA, DARIO, letter};
use support::{Client, PostfixSetup};
use world::World;

/// A mail server of the world outside that knows nobody. Its port.
fn nobody_is_here() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(refuse));
    port
}

fn refuse(stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().expect("a clone"));
    let mut writer = stream;
    let mut line = String::from("220");
    loop {
        let reply = match line.split_whitespace().next() {
            Some("220") => "220 outside.example ESMTP",
            Some("RCPT") => "550 5.1.1 nobody of that name",
            Some("DATA") => "503 5.5.1 for whom?",
            _ => "250 outside.example",
        };
        if writer.write_all(format!("{reply}\r\n").as_bytes()).is_err() {
            return;
        }
        line.clear();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
    }
}

fn world(change: impl FnOnce(&mut PostfixSetup)) -> Option<World> {
    World::with(
        |_| {},
        |setup| {
            setup.next_hop = Some(nobody_is_here());
            change(setup);
        },
    )
}

/// Anna writes, and our outbox hands the envelope to Postfix, as the service would.
fn send(world: &World, to: &str) {
    let reply = world.submit(&[to], &letter(to, "Offerta"));
    assert_eq!(reply.code, 250, "{reply:?}");
    world.rig.settle();
    let sent = world.rig.sent();
    let (_, envelope) = sent
        .iter()
        .find(|(name, _)| name.ends_with("transport-envelope.eml"))
        .expect("it left");
    inject(world, ANNA, to, envelope);
}

fn inject(world: &World, from: &str, to: &str, octets: &[u8]) {
    let mut client = Client::connect(world.postfix.injection);
    let reply = client.message(from, &[to], octets);
    assert_eq!(reply.code, 250, "{reply:?}");
}

/// Waits until Postfix has our reply to the bounce, before which all is committed, and carries out
/// what follows.
fn bounced(world: &World) {
    world
        .postfix
        .logged(&["milter-discard", "from=<> to=<anna@"]);
    assert_eq!(world.rig.arrivals().len(), 1);
    world.rig.settle();
}

/// What Anna has after her acceptance: the `X-Ricevuta` of each message, or "dsn".
fn annas_news(world: &World) -> Vec<String> {
    let kind = |message: &String| {
        let line = message
            .lines()
            .find(|line| line.starts_with("X-Ricevuta: "));
        let anomaly = message.contains("X-Trasporto: errore");
        match line {
            Some(line) => line[12..].to_owned(),
            None if anomaly => "anomalia".to_owned(),
            None => "?".to_owned(),
        }
    };
    let mut news: Vec<String> = world.rig.mailbox(ANNA).iter().map(kind).collect();
    news.retain(|kind| kind != "accettazione");
    news
}

/// Postfix hands the bounce to its own user by way of the port for bounces.
#[test]
fn a_bounce_about_a_certified_recipient_becomes_errore_consegna() {
    let Some(world) = world(|_| {}) else { return };
    send(&world, CARLA);
    bounced(&world);
    let arrival = &world.rig.arrivals()[0];
    assert_eq!(arrival.source, ArrivalSource::OwnMailServer);
    assert_eq!(arrival.reverse_path, "");
    assert_eq!(arrival.recipients, [ANNA]);
    assert_eq!(annas_news(&world), ["errore-consegna"]);
    world.queue_is_empty();
}

/// The same where the bounce is made: it never enters the queue.
#[test]
fn a_bounce_meets_the_milter_where_it_is_made() {
    let Some(world) = world(|setup| setup.bounces_at_the_source = true) else {
        return;
    };
    send(&world, CARLA);
    bounced(&world);
    assert_eq!(world.rig.arrivals()[0].source, ArrivalSource::OwnMailServer);
    assert_eq!(annas_news(&world), ["errore-consegna"]);
    assert!(
        !world
            .postfix
            .log()
            .contains("postfix/bounces/smtpd[0-9]*: client=")
    );
    world.queue_is_empty();
}

/// PRACTICE 8.6: about an ordinary recipient the user hears from the mail server itself.
#[test]
fn a_bounce_about_an_ordinary_recipient_reaches_the_user_in_an_anomaly_envelope() {
    let Some(world) = world(|_| {}) else { return };
    send(&world, DARIO);
    bounced(&world);
    assert_eq!(annas_news(&world), ["anomalia"]);
    let told = |message: &String| message.contains("nobody of that name");
    assert!(world.rig.mailbox(ANNA).iter().any(told));
}

/// Nothing is lost while we cannot say whose mailbox it is: at the source it goes through, at the port
/// it waits in Postfix's queue.
#[test]
fn a_bounce_that_cannot_be_taken_now_is_taken_later() {
    let Some(world) = world(|setup| setup.bounces_at_the_source = true) else {
        return;
    };
    let reply = world.submit(&[CARLA], &letter(CARLA, "Offerta"));
    assert_eq!(reply.code, 250, "{reply:?}");
    world.rig.settle();
    let sent = world.rig.sent();
    let envelope = &sent["000001-transport-envelope.eml"];
    world.rig.watch.mailboxes_down.store(true, Ordering::SeqCst);
    inject(&world, ANNA, CARLA, envelope);
    world
        .postfix
        .logged(&["status=deferred", "to=<anna@", "451 4.3.0"]);
    assert!(world.rig.arrivals().is_empty());
    world
        .rig
        .watch
        .mailboxes_down
        .store(false, Ordering::SeqCst);
    world.postfix.flush();
    bounced(&world);
    assert_eq!(annas_news(&world), ["errore-consegna"]);
}

/// A bounce to somebody who is not ours is none of our business.
#[test]
fn a_bounce_to_somebody_else_goes_its_way() {
    let Some(world) = world(|setup| setup.bounces_at_the_source = true) else {
        return;
    };
    inject(&world, DARIO, CARLA, b"Subject: x\r\n\r\nx\r\n");
    // It goes to the world outside, which knows no Dario either, and ends there.
    world.postfix.logged(&["from=<>", "nrcpt=1"]);
    world
        .postfix
        .logged(&["to=<dario@posta.example>", "status=bounced"]);
    assert!(world.rig.arrivals().is_empty());
}

/// Whoever comes to the port for bounces with a reverse path is no bounce.
#[test]
fn other_mail_at_the_port_for_bounces_proves_nothing() {
    let Some(world) = world(|_| {}) else { return };
    let mut client = Client::connect(world.postfix.bounces);
    let reply = client.message(DARIO, &[ANNA], b"Subject: x\r\n\r\nx\r\n");
    assert_eq!(reply.code, 554, "{reply:?}");
    assert_eq!(world.rig.arrivals()[0].source, ArrivalSource::Plaintext);
}
