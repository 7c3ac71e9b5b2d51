//! The audit of the log (CASES L, RFC 6109 §2.3), through the component: real traffic breaks no
//! rule; rows that were lost, doubled or changed break one each, and the audit names it.

mod world;

use ceralacca_host::pec::{self, LogRule};
use ceralacca_host::{AuditReport, Engine as _};
use world::mail::{letter, with_headers};
use world::{ALDO, ANNA, BRUNO, CARLA, DARIO, START, Station, World};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// Anna writes to a colleague, to two people elsewhere of whom one has a full mailbox, and to
/// somebody without certified mail.
fn written() -> Option<(World, String)> {
    let mut world = World::new()?;
    world.beta.fill(CARLA);
    let to = [ALDO, BRUNO, CARLA, DARIO];
    let committed = world.submit(ANNA, &to, letter(ANNA, &to.join(", "), "A tutti"));
    let id = committed.messages[0].pec_id.clone().expect("an id");
    Some((world, id))
}

fn dossier(station: &Station, pec_id: &str) -> pec::Dossier {
    let status = station
        .host
        .status(Some(pec_id))
        .expect("a status")
        .remove(0);
    let recipients: Vec<_> = status
        .recipients
        .iter()
        .map(|r| r.recipient.clone())
        .collect();
    let tracked = (!recipients.is_empty()).then(|| pec::TrackedMessage {
        pec_id: pec_id.to_owned(),
        message_id: status.message_id.clone(),
        sender: status.sender.clone(),
        reply_to: status.sender.clone(),
        subject: status.subject.clone(),
        accepted_at: START,
        recipients,
    });
    pec::Dossier {
        pec_id: pec_id.to_owned(),
        entries: status.log,
        tracked,
    }
}

/// The rules that a dossier breaks two days later, each once.
fn broken(dossier: &pec::Dossier) -> Vec<LogRule> {
    let plugin = world::plugin().expect("it was there before");
    let findings = plugin.audit(START + 2 * DAY, dossier).expect("an audit");
    let mut rules: Vec<LogRule> = findings.into_iter().map(|f| f.rule).collect();
    rules.dedup();
    rules
}

fn row<'a>(dossier: &'a mut pec::Dossier, event: &str) -> &'a mut pec::LogEntry {
    let mut rows = dossier.entries.iter_mut();
    rows.find(|row| row.event == event).expect("such a row")
}

/// The dossier with a change.
fn with(dossier: &pec::Dossier, change: impl FnOnce(&mut pec::Dossier)) -> pec::Dossier {
    let mut changed = dossier.clone();
    change(&mut changed);
    assert_ne!(&changed, dossier, "something is changed");
    changed
}

fn without(dossier: &pec::Dossier, event: &str) -> pec::Dossier {
    with(dossier, |d| d.entries.retain(|row| row.event != event))
}

fn twice(dossier: &pec::Dossier, event: &str) -> pec::Dossier {
    with(dossier, |d| {
        let again = row(d, event).clone();
        d.entries.push(again);
    })
}

fn audit(station: &Station) -> (AuditReport, Vec<String>) {
    let mut told = Vec::new();
    let report = station
        .host
        .audit(None, &mut |found| told.push(format!("{found:?}")))
        .expect("an audit");
    (report, told)
}

/// Everything that the stories know of, and two days in which the timers do their work: at no time
/// is a rule broken, at either provider.
#[test]
fn what_happens_breaks_no_rule() {
    let Some((mut world, _)) = written() else {
        return;
    };
    // Refused for a formal exception, and for a virus.
    let _ = world.submit(
        ANNA,
        &[BRUNO],
        with_headers(&format!("From: {ANNA}\r\nSubject: x\r\n")),
    );
    world.alfa.infect(b"VIRUS", "Eicar-Signature");
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "v") + "VIRUS\r\n");
    // A virus that only Beta knows, and one that Alfa learns of after acceptance.
    world.alfa.infect(b"SIREN", "Eicar-Signature");
    world.beta.infect(b"VIRUS", "Eicar-Signature");
    let to = [BRUNO, CARLA];
    let _ = world.submit(ANNA, &to, letter(ANNA, &to.join(", "), "w") + "VIRUS\r\n");
    let to = [ALDO, ANNA];
    let _ = world.alfa.submit(
        ANNA,
        &to,
        (letter(ANNA, &to.join(", "), "u") + "BUG\r\n").as_bytes(),
    );
    world.alfa.infect(b"BUG", "Eicar-Signature");
    world.settle();
    // Refused by the next server; ordinary mail; a message to nowhere while the network is down.
    world.alfa.refuse("nessuno@pec.beta.example");
    let to = ["nessuno@pec.beta.example"];
    let _ = world.submit(ANNA, &to, letter(ANNA, to[0], "r"));
    let _ = world.arrive(
        "x@posta.example",
        &[BRUNO],
        letter("x@posta.example", BRUNO, "o"),
    );
    world.network_down = true;
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "late"));
    for hours in [1, 12, 12, 24] {
        for station in [&world.alfa, &world.beta] {
            assert_eq!(audit(station).1, Vec::<String>::new());
        }
        world.pass(hours * HOUR);
    }
    let (alfa, beta) = (audit(&world.alfa).0, audit(&world.beta).0);
    assert_eq!((alfa.findings, alfa.messages), (0, 7));
    assert_eq!((beta.findings, beta.messages), (0, 2));
    // Not only the sending: ends and notices are there.
    assert!(alfa.rows > 30 && beta.rows == 8, "{alfa:?} {beta:?}");
}

#[test]
fn l01_all_rows_name_the_same_sender_and_recipients() {
    let Some((world, id)) = written() else { return };
    let sent = dossier(&world.alfa, &id);
    assert_eq!(broken(&sent), []);
    let other = with(&sent, |d| row(d, "delivery").sender = ALDO.into());
    assert_eq!(broken(&other), [LogRule::OneStory]);
    let fewer = with(&sent, |d| {
        row(d, "transport-envelope").recipients.pop();
    });
    assert_eq!(broken(&fewer), [LogRule::OneStory]);
    let exchanged = with(&sent, |d| {
        row(d, "server-user-acceptance").recipients[1] = "x@pec.beta.example".into();
    });
    assert_eq!(broken(&exchanged), [LogRule::OneStory]);
    // Case and order make no difference, and what others claim proves nothing.
    let same = with(&sent, |d| {
        row(d, "delivery").sender = ANNA.to_uppercase();
        row(d, "transport-envelope").recipients.reverse();
        let mut claim = row(d, "notification-received").clone();
        claim.sender = "x@pec.gamma.example".into();
        claim.error = Some("settles nothing: its mittente is not the sender".into());
        d.entries.push(claim);
        let mut anomaly = row(d, "delivery").clone();
        anomaly.event = "anomaly-envelope".into();
        anomaly.sender = "x@posta.example".into();
        d.entries.push(anomaly);
    });
    assert_eq!(broken(&same), []);
}

#[test]
fn l02_what_is_sent_has_one_envelope_and_one_acceptance() {
    let Some((mut world, id)) = written() else {
        return;
    };
    let sent = dossier(&world.alfa, &id);
    for event in ["server-user-acceptance", "transport-envelope"] {
        assert_eq!(
            broken(&without(&sent, event)),
            [LogRule::SentOnce],
            "no {event}"
        );
        assert_eq!(
            broken(&twice(&sent, event)),
            [LogRule::SentOnce],
            "two {event}"
        );
    }
    let refused = world.submit(ANNA, &[BRUNO], with_headers(&format!("From: {ANNA}\r\n")));
    let id = refused.messages[0].pec_id.clone().expect("an id");
    let refused = dossier(&world.alfa, &id);
    assert_eq!(broken(&refused), []);
    assert_eq!(
        broken(&twice(&refused, "non-acceptance")),
        [LogRule::SentOnce]
    );
    let sent_too = with(&refused, |d| {
        let mut row = row(d, "non-acceptance").clone();
        row.event = "transport-envelope".into();
        d.entries.push(row);
    });
    assert_eq!(broken(&sent_too), [LogRule::SentOnce]);
}

#[test]
fn l03_what_is_received_has_one_envelope_and_no_acceptance() {
    let Some((world, id)) = written() else { return };
    let received = dossier(&world.beta, &id);
    assert_eq!(broken(&received), []);
    for tampered in [
        without(&received, "envelope-received"),
        twice(&received, "envelope-received"),
        with(&received, |d| {
            let mut row = row(d, "delivery").clone();
            row.event = "server-user-acceptance".into();
            d.entries.push(row);
        }),
    ] {
        assert_eq!(broken(&tampered), [LogRule::ReceivedOnce]);
    }
    // Within the provider the envelope is received as well.
    let sent = dossier(&world.alfa, &id);
    assert!(broken(&without(&sent, "envelope-received")).contains(&LogRule::ReceivedOnce));
}

#[test]
fn l04_each_certified_recipient_is_taken_in_charge_once_and_ends_once() {
    let Some((world, id)) = written() else { return };
    // Aldo's at Alfa; Bruno's and Carla's at Beta.
    for (station, events) in [
        (&world.alfa, &["server-server-acceptance", "delivery"][..]),
        (
            &world.beta,
            &["server-server-acceptance", "delivery", "non-delivery"],
        ),
    ] {
        let whole = dossier(station, &id);
        for event in events {
            assert_eq!(
                broken(&without(&whole, event)),
                [LogRule::OneEnd],
                "no {event}"
            );
            assert_eq!(
                broken(&twice(&whole, event)),
                [LogRule::OneEnd],
                "two {event}"
            );
        }
        let both = with(&whole, |d| {
            let mut row = row(d, "delivery").clone();
            row.event = "virus-detection".into();
            // Alfa's own sender is told, so that only one rule is broken.
            let mut told = row.clone();
            told.event = "virus-non-delivery".into();
            d.entries.extend([row, told]);
        });
        assert_eq!(broken(&both), [LogRule::OneEnd]);
        // A deposit may take its time, until it is too late for it.
        let plugin = world::plugin().expect("it was there before");
        let open = without(&whole, "delivery");
        assert_eq!(plugin.audit(START + DAY - 1, &open).expect("an audit"), []);
        assert_eq!(plugin.audit(START + DAY, &open).expect("an audit").len(), 1);
    }
    // Of those elsewhere the state tells.
    let silent = with(&dossier(&world.alfa, &id), |d| {
        let tracked = d.tracked.as_mut().expect("it is ours");
        tracked.recipients[1].state = pec::RecipientState::TakenInCharge;
    });
    assert_eq!(broken(&silent), [LogRule::OneEnd]);
}

#[test]
fn l05_an_ordinary_recipient_has_nothing_of_that() {
    let Some((world, id)) = written() else { return };
    let sent = dossier(&world.alfa, &id);
    for event in ["server-server-acceptance", "delivery"] {
        let tampered = with(&sent, |d| row(d, event).recipients.push(DARIO.into()));
        assert_eq!(broken(&tampered), [LogRule::OrdinaryRecipient], "{event}");
    }
}

#[test]
fn l06_every_virus_is_told_to_the_sender() {
    let Some(mut world) = World::new() else {
        return;
    };
    // Bruno's provider finds one; Aldo's, our own, another.
    world.beta.infect(b"VIRUS", "Eicar-Signature");
    let to = [ALDO, BRUNO];
    // From now on our own certificate is known not to be revoked, as far as can be known.
    let first = letter(ANNA, ALDO, "first");
    let _ = world.alfa.submit(ANNA, &[ALDO], first.as_bytes());
    world.settle();
    // Only the envelope has it, so only our incoming point finds it.
    world.alfa.infect(b"postacert.eml", "Eicar-Signature");
    let committed = world.alfa.submit(
        ANNA,
        &to,
        (letter(ANNA, &to.join(", "), "x") + "VIRUS\r\n").as_bytes(),
    );
    assert!(!committed.at_once.is_empty(), "it was found at once");
    world.alfa.infect(b"VIRUS", "Eicar-Signature");
    world.settle();
    let id = committed.messages[0].pec_id.clone().expect("an id");
    let sent = dossier(&world.alfa, &id);
    assert_eq!(broken(&sent), []);
    let told: Vec<_> = sent
        .entries
        .iter()
        .filter(|row| row.event == "virus-non-delivery")
        .flat_map(|row| row.recipients.clone())
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        broken(&without(&sent, "virus-non-delivery")),
        [LogRule::VirusTold]
    );
    assert_eq!(
        broken(&twice(&sent, "virus-non-delivery")),
        [LogRule::VirusTold]
    );
    // The row alone demands it as well, where the state has moved on.
    let moved = with(&without(&sent, "virus-non-delivery"), |d| {
        for recipient in &mut d.tracked.as_mut().expect("it is ours").recipients {
            recipient.state = pec::RecipientState::Delivered;
        }
    });
    assert_eq!(broken(&moved), [LogRule::VirusTold]);
    // Beta found it and is not the one to tell.
    assert_eq!(broken(&dossier(&world.beta, &id)), []);
}

#[test]
fn l07_only_recipients_are_taken_in_charge_or_delivered_to() {
    let Some((world, id)) = written() else { return };
    for station in [&world.alfa, &world.beta] {
        let whole = dossier(station, &id);
        for event in ["server-server-acceptance", "delivery"] {
            let stranger = "estranea@pec.beta.example";
            let tampered = with(&whole, |d| row(d, event).recipients.push(stranger.into()));
            assert_eq!(broken(&tampered), [LogRule::Stranger], "{event}");
        }
    }
}

/// The row of a notification names the original's recipients that it tells of (RFC 6109 §2.3), not
/// the mailbox that it goes to.
#[test]
fn a_notification_is_logged_with_the_recipients_that_it_tells_of() {
    let Some((world, id)) = written() else { return };
    let sent = dossier(&world.alfa, &id);
    let rows = sent.entries.iter();
    let mut told: Vec<Vec<String>> = rows
        .filter(|row| row.event == "notification-received")
        .map(|row| row.recipients.clone())
        .collect();
    told.sort();
    let both = vec![BRUNO.to_owned(), CARLA.to_owned()];
    // Aldo's delivery; Beta's presa in carico for two, one delivery, one non-delivery.
    assert_eq!(
        told,
        [
            vec![ALDO.to_owned()],
            vec![BRUNO.to_owned()],
            both,
            vec![CARLA.to_owned()]
        ]
    );
}
