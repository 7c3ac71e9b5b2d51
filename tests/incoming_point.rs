//! The incoming point: what is believed, what is doubted, what is refused (CASES I).

mod world;

use ceralacca_harness::provider::settings::OrdinaryMail;
use ceralacca_host::pec;
use world::mail::{ID, Read, letter};
use world::oracles::openssl_verifies;
use world::{ANNA, BRUNO, CARLA, Difference, START, World, caught, codes, tolerant};

fn replaced(octets: &[u8], old: &str, new: &str) -> Vec<u8> {
    let text = String::from_utf8(octets.to_vec()).expect("7-bit");
    assert!(text.contains(old), "{old}");
    text.replacen(old, new, 1).into_bytes()
}

#[test]
fn i01_a_good_envelope_one_presa_per_transaction_one_receipt_per_recipient() {
    let Some(mut world) = World::new() else {
        return;
    };
    let to = [BRUNO, CARLA];
    let _ = world.submit(ANNA, &to, letter(ANNA, &to.join(", "), "x"));
    let service = world.mailbox("ricevute@pec.alfa.example");
    assert_eq!(service.len(), 1);
    let presa = Read::new(&service[0].octets);
    assert_eq!(presa.elements("ricezione"), to);
    assert_eq!(
        presa.raw_header("X-Ricevuta").as_deref(),
        Some("presa-in-carico")
    );
    assert_eq!(
        presa.raw_header("From").as_deref(),
        Some("posta-certificata@pec.beta.example")
    );
    assert!(presa.subject().starts_with("PRESA IN CARICO: "));
    assert_eq!(
        world
            .kinds(ANNA)
            .iter()
            .filter(|k| *k == "delivery")
            .count(),
        2
    );
}

#[test]
fn i02_headers_without_a_signature_prove_nothing() {
    let forged = format!(
        "From: \"Per conto di: {ANNA}\" <posta-certificata@pec.alfa.example>\r\nTo: {BRUNO}\r\n\
         Subject: POSTA CERTIFICATA: x\r\nX-Trasporto: posta-certificata\r\n{ID}\r\nx\r\n"
    );
    let Some(mut world) = World::new() else {
        return;
    };
    let committed = world.arrive(ANNA, &[BRUNO], &forged);
    assert_eq!(
        committed.reply.code, 554,
        "ordinary mail, refused by default"
    );
    assert_eq!(codes(&committed.finding.unwrap())[0], "no-signature");
    assert!(world.kinds(BRUNO).is_empty() && world.kinds(ANNA).is_empty());
}

#[test]
fn i03_one_bit_or_one_blank_breaks_the_signature() {
    for (old, new) in [
        ("Raccomandata", "Raccomandatb"),
        ("Buongiorno.\r\n", "Buongiorno. \r\n"),
    ] {
        let Some((mut world, envelope)) = caught() else {
            return;
        };
        let committed = world.arrive(ANNA, &[BRUNO], broken_inside(&envelope, old, new));
        let finding = committed.finding.unwrap();
        assert_eq!(codes(&finding), ["content-altered"]);
        assert!(!finding.from_provider);
        assert_eq!(committed.reply.code, 554);
        assert!(world.kinds(BRUNO).is_empty());
    }
}

/// Changes the last occurrence, which is inside postacert.eml.
fn broken_inside(octets: &[u8], old: &str, new: &str) -> Vec<u8> {
    let text = String::from_utf8(octets.to_vec()).expect("7-bit");
    let at = text.rfind(old).expect("the text");
    format!("{}{new}{}", &text[..at], &text[at + old.len()..]).into_bytes()
}

#[test]
fn i04_a_signer_that_is_not_in_the_directory() {
    let Some((_, envelope)) = caught() else {
        return;
    };
    // Another world has other keys: its Beta knows neither this Alfa nor its root.
    let Some(mut stranger) = World::new() else {
        return;
    };
    let committed = stranger.arrive(ANNA, &[BRUNO], &envelope);
    let finding = committed.finding.unwrap();
    assert!(
        codes(&finding).contains(&"signer-not-in-directory"),
        "{:?}",
        finding.defects
    );
    assert_eq!(committed.reply.code, 554);
}

#[test]
fn i05_a_certificate_that_is_expired_or_not_yet_valid() {
    for (at, code) in [
        (START + 20 * 365 * 86_400, "certificate-expired"),
        (START - 400 * 86_400, "certificate-expired"),
    ] {
        let Some((mut world, envelope)) = caught() else {
            return;
        };
        world.clock.set(at);
        let committed = world.arrive(ANNA, &[BRUNO], &envelope);
        let finding = committed.finding.unwrap();
        assert_eq!(codes(&finding), [code], "{:?}", finding.defects);
        assert_eq!(committed.reply.code, 554);
        // The same message judged at its signing time holds: old mail stays provable.
        let finding = world.beta.host.examine(pec::Examination {
            message: envelope,
            at: None,
            contents: None,
        });
        assert!(finding.unwrap().holds);
    }
}

#[test]
fn i06_a_good_signer_speaking_for_a_domain_that_it_does_not_manage() {
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    let forged = replaced(
        &envelope,
        "<posta-certificata@pec.alfa.example>",
        "<posta-certificata@pec.beta.example>",
    );
    let committed = world.arrive(ANNA, &[BRUNO], forged);
    assert_eq!(codes(&committed.finding.unwrap()), ["from-not-managed"]);
    assert_eq!(committed.reply.code, 554);
}

/// RFC 6109 §2.2.2, third case: it comes from a provider, so it must reach the recipient.
#[test]
fn i07_a_good_signer_with_a_bad_format_ends_in_an_anomaly_envelope() {
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    // Outer headers are not signed: without the right Message-ID the form is wrong.
    let id = Read::new(&envelope).raw_header("Message-ID").unwrap();
    let irregular = replaced(
        &envelope,
        &format!("Message-ID: {id}"),
        "Message-ID: <other@pec.alfa.example>",
    );
    let committed = world.arrive(ANNA, &[BRUNO], &irregular);
    assert_eq!(committed.reply.code, 250);
    let finding = committed.finding.unwrap();
    assert!(finding.from_provider && !finding.holds);
    assert_eq!(codes(&finding), ["identifier-differs"]);
    assert_eq!(world.kinds(BRUNO), ["anomaly-envelope"]);
    // No receipt of any kind (I26).
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance"]);
    assert!(world.kinds("ricevute@pec.alfa.example").is_empty());
    let anomaly = Read::new(&world.mailbox(BRUNO)[0].octets);
    assert_eq!(anomaly.raw_header("X-Trasporto").as_deref(), Some("errore"));
    assert!(anomaly.subject().starts_with("ANOMALIA MESSAGGIO: "));
    assert_eq!(
        anomaly.raw_header("From").unwrap(),
        "\"Per conto di: posta-certificata@pec.alfa.example\" <posta-certificata@pec.beta.example>"
    );
    assert!(
        anomaly
            .text()
            .contains("Tali dati non sono stati certificati per il seguente errore: ")
    );
    assert_eq!(anomaly.daticert(), None);
    assert_eq!(anomaly.postacert().unwrap(), irregular);
    openssl_verifies(&anomaly.octets, &world.roots(), START).expect("our own signature");
    // Its owner may ask what it is: genuine, and certifying nothing (I28).
    let examination = pec::Examination {
        message: anomaly.octets,
        at: None,
        contents: None,
    };
    let finding = world.beta.host.examine(examination).unwrap();
    assert!(finding.holds && finding.data.is_none());
    assert_eq!(finding.kind, pec::MessageKind::AnomalyEnvelope);
}

#[test]
fn i08_a_good_receipt_reaches_the_mailbox_unchanged() {
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    let _ = world.beta.arrive(ANNA, &[BRUNO], &envelope);
    world.beta.run();
    let letters = world.beta.letters();
    let receipt = letters
        .iter()
        .find(|l| l.kind == pec::MessageKind::Delivery)
        .unwrap();
    let _ = world.arrive(&receipt.reverse_path, &[ANNA], &receipt.octets);
    assert_eq!(world.mailbox(ANNA)[1].octets, receipt.octets);
}

#[test]
fn i11_a_virus_in_ordinary_mail_is_refused() {
    let Some(mut world) = tolerant() else { return };
    world.beta.infect(b"VIRUS", "Test.Virus");
    let mail = letter("x@posta.example", BRUNO, "x") + "VIRUS\r\n";
    let reply = world.arrive("x@posta.example", &[BRUNO], mail).reply;
    assert_eq!(
        (reply.code, reply.text.as_str()),
        (554, "Virus found: Test.Virus")
    );
    assert!(world.kinds(BRUNO).is_empty());
}

#[test]
fn i12_ordinary_mail_under_each_mailbox_policy() {
    let mail = letter("x@posta.example", BRUNO, "Ciao");
    let Some(mut world) = World::new() else {
        return;
    };
    assert_eq!(
        world.arrive("x@posta.example", &[BRUNO], &mail).reply.code,
        554
    );

    let Some(mut world) = tolerant() else { return };
    assert_eq!(
        world.arrive("x@posta.example", &[BRUNO], &mail).reply.code,
        250
    );
    assert_eq!(world.kinds(BRUNO), ["anomaly-envelope"]);
    let anomaly = Read::new(&world.mailbox(BRUNO)[0].octets);
    assert!(
        anomaly
            .text()
            .contains("il messaggio non è un messaggio di posta certificata")
    );
    assert_eq!(
        anomaly.raw_header("Reply-To").as_deref(),
        Some("x@posta.example")
    );
    assert_eq!(
        anomaly.raw_header("Message-ID").as_deref(),
        Some("<client-1@mua.example>")
    );

    let redirect = |s: &mut ceralacca_harness::provider::settings::Settings| {
        s.ordinary_mail = OrdinaryMail::Redirect(world::address("bruno@posta.example"));
    };
    let Some(mut world) = World::with(Difference {
        beta: Some(&redirect),
        ..Default::default()
    }) else {
        return;
    };
    assert_eq!(
        world.arrive("x@posta.example", &[BRUNO], &mail).reply.code,
        250
    );
    assert_eq!(world.outside[0].recipients, ["bruno@posta.example"]);
    assert_eq!(world.outside[0].octets, mail.as_bytes());
}

/// PRACTICE 8.6: exempt from refusal, for otherwise nobody would learn of bounces.
#[test]
fn i13_a_dsn_with_a_null_reverse_path() {
    let Some(mut world) = World::new() else {
        return;
    };
    let dsn = letter("mailer-daemon@posta.example", BRUNO, "Undelivered Mail");
    assert_eq!(world.arrive("", &[BRUNO], dsn).reply.code, 250);
    assert_eq!(world.kinds(BRUNO), ["anomaly-envelope"]);
}

#[test]
fn i20_the_same_envelope_twice_one_presa_one_receipt() {
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    for _ in 0..3 {
        assert_eq!(world.arrive(ANNA, &[BRUNO], &envelope).reply.code, 250);
    }
    // A server that retries may leave other traces in the header; the PEC id is the same.
    let traced = [
        &b"Received: from retry by mx; Sat, 19 Sep 2026 16:00:00 +0200\r\n"[..],
        &envelope,
    ]
    .concat();
    assert_eq!(world.arrive(ANNA, &[BRUNO], &traced).reply.code, 250);
    assert_eq!(world.kinds(BRUNO), ["transport-envelope"]);
    assert_eq!(world.kinds("ricevute@pec.alfa.example").len(), 1);
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "delivery"]);
    // A recipient that was not there the first time is new.
    assert_eq!(
        world.arrive(ANNA, &[BRUNO, CARLA], &envelope).reply.code,
        250
    );
    assert_eq!(world.kinds(CARLA), ["transport-envelope"]);
    assert_eq!(world.kinds(BRUNO).len(), 1);
}

/// PRACTICE 8.12: deliver, log, settle nothing.
#[test]
fn i21_a_receipt_for_an_unknown_id() {
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    let _ = world.beta.arrive(ANNA, &[BRUNO], &envelope);
    world.beta.run();
    let letters = world.beta.letters();
    let receipt = letters
        .iter()
        .find(|l| l.kind == pec::MessageKind::Delivery)
        .unwrap();
    let other = "aldo@pec.alfa.example";
    // Beta's receipt of a transaction that Beta's own store never accepted.
    let committed = world
        .beta
        .arrive(&receipt.reverse_path, &[CARLA], &receipt.octets);
    assert_eq!(committed.reply.code, 250);
    world.settle();
    assert_eq!(world.kinds(CARLA), ["delivery"]);
    assert!(world.kinds(other).is_empty());
}

#[test]
fn i27_certified_mail_is_only_taken_over_tls() {
    let Some((world, envelope)) = caught() else {
        return;
    };
    let reply = world
        .beta
        .arrive_by(pec::ArrivalSource::Plaintext, ANNA, &[BRUNO], &envelope)
        .reply;
    assert_eq!((reply.code, reply.status.as_str()), (530, "5.7.10"));
    assert!(world.kinds(BRUNO).is_empty());
}
