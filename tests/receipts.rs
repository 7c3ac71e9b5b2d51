//! Delivery receipts: whom they are for, what they enclose, and from whom they are believed (CASES
//! I16, I17, I19, I22, I23, I29; RFC 6109 §3.3.2).

mod world;

use ceralacca_host::pec::MessageKind;
use world::forgery::{self, ALFAS_EXTENSIONS, Draft};
use world::mail::{Read, letter};
use world::verdicts::receipt_of;
use world::{ANNA, BRUNO, CARLA, World, caught};

fn is_complete(receipt: &Read) -> bool {
    let title = receipt.text().lines().next().map(str::to_owned);
    match title.as_deref().map(str::trim) {
        Some("Ricevuta di avvenuta consegna") => {
            assert!(receipt.postacert().is_some());
            true
        }
        Some("Ricevuta sintetica di avvenuta consegna") => {
            assert!(receipt.postacert().is_none());
            false
        }
        other => panic!("{other:?}"),
    }
}

// ---- whom they are for ------------------------------------------------------------------------

#[test]
fn i16_carbon_copies_are_concise_and_whoever_is_in_both_fields_is_primary() {
    let elsa = "elsa@pec.beta.example";
    let to = format!("{BRUNO}, {elsa}");
    let message =
        letter(ANNA, &to, "x").replace("Subject:", &format!("Cc: {CARLA}, {elsa}\r\nSubject:"));
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(ANNA, &[BRUNO, CARLA, elsa], &message);
    for (recipient, complete) in [(BRUNO, true), (CARLA, false), (elsa, true)] {
        let receipt = receipt_of(&world, recipient);
        assert_eq!(is_complete(&receipt), complete, "{recipient}");
        // What was asked for is written in either (PRACTICE 4).
        let data = receipt.daticert().expect("data");
        assert!(data.contains("<ricevuta tipo=\"completa\"/>"), "{data}");
    }
    // The same in another case, with names and comments around the addresses.
    let message = format!(
        "From: {ANNA}\r\nTo: Bruno <BRUNO@PEC.beta.example> (ufficio)\r\n\
         Cc: =?utf-8?q?Perch=C3=A9?= <{}>\r\nMessage-ID: <client-2@mua.example>\r\n\r\nx\r\n",
        CARLA.to_ascii_uppercase()
    );
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(ANNA, &[BRUNO, CARLA], &message);
    assert!(is_complete(&receipt_of(&world, BRUNO)));
    assert!(!is_complete(&receipt_of(&world, CARLA)));
}

#[test]
fn i17_a_recipient_in_neither_to_nor_cc_gets_a_complete_receipt() {
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    // The sender's provider would refuse this; a receiving one must cope.
    let _ = world.arrive(ANNA, &[CARLA], &envelope);
    assert!(is_complete(&receipt_of(&world, CARLA)));
}

/// RFC 6109 §3.3.2.3: to primary recipients and carbon copies alike.
#[test]
fn i19_concise_receipts_enclose_nothing() {
    for word in ["sintetica", "SINTETICA"] {
        let headers = format!("Cc: {CARLA}\r\nX-TipoRicevuta: {word}\r\nSubject:");
        let message = letter(ANNA, BRUNO, "x").replace("Subject:", &headers);
        let Some(mut world) = World::new() else {
            return;
        };
        let _ = world.submit(ANNA, &[BRUNO, CARLA], &message);
        for recipient in [BRUNO, CARLA] {
            let receipt = receipt_of(&world, recipient);
            assert!(!is_complete(&receipt));
            let data = receipt.daticert().expect("data");
            assert!(data.contains("<ricevuta tipo=\"sintetica\"/>"), "{data}");
        }
    }
}

/// RCPT decides whom it is for; the data say whom it was certified for, and a receipt repeats them.
#[test]
fn i23_recipients_of_the_data_and_of_the_smtp_transaction_differ() {
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    let elsa = "elsa@pec.beta.example";
    let committed = world.arrive(ANNA, &[CARLA, elsa], &envelope);
    assert!(committed.finding.expect("a finding").holds);
    assert!(world.kinds(BRUNO).is_empty());
    for recipient in [CARLA, elsa] {
        assert_eq!(world.kinds(recipient), ["transport-envelope"]);
        let receipt = receipt_of(&world, recipient);
        assert_eq!(receipt.elements("destinatari"), [BRUNO]);
    }
    let presa = world.mailbox("ricevute@pec.alfa.example");
    assert_eq!(
        Read::new(&presa[0].octets).elements("ricezione"),
        [CARLA, elsa]
    );
    // Anna's message was for Bruno: of the others nobody keeps a timer, and his runs.
    world.pass(12 * 3_600);
    let notice = Read::new(&world.mailbox(ANNA).last().expect("one").octets);
    assert_eq!(
        notice.raw_header("X-Ricevuta").as_deref(),
        Some("preavviso-errore-consegna")
    );
    assert_eq!(notice.element("consegna").as_deref(), Some(BRUNO));
}

// ---- from whom they are believed --------------------------------------------------------------

/// PRACTICE 8.12. Gamma is a good provider, and Bruno is not its customer.
#[test]
fn i22_a_receipt_from_a_provider_that_does_not_manage_the_recipient() {
    if !forgery::is_possible() {
        return;
    }
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    let gamma = world.join("Gamma S.p.A.", "pec.gamma.example");
    let _ = world.beta.arrive(ANNA, &[BRUNO], &envelope);
    world.beta.run();
    let letters = world.beta.letters();
    let delivery = |l: &&world::Letter| l.kind == MessageKind::Delivery;
    let receipt = letters.iter().find(delivery).expect("a receipt");
    let forged = Draft::of(&receipt.octets)
        .header("posta-certificata@pec.beta", "posta-certificata@pec.gamma")
        .daticert(|xml| xml.replace("Beta S.p.A.", "Gamma S.p.A."))
        .signed_with(&gamma);
    let service = "posta-certificata@pec.gamma.example";
    let committed = world.arrive(service, &[ANNA], &forged);
    assert!(
        committed.finding.expect("a finding").holds,
        "a receipt by its form"
    );
    // Delivered as it came…
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "delivery"]);
    assert_eq!(world.mailbox(ANNA)[1].octets, forged);
    // …logged, with an eye of the operators on it…
    let id = receipt.pec_id.as_deref().expect("an id");
    let status = world
        .alfa
        .host
        .status(Some(id))
        .expect("a status")
        .remove(0);
    let row = status.log.last().expect("a row");
    assert_eq!(row.event, "notification-received");
    assert_eq!(
        row.error.as_deref(),
        Some("settles nothing: no news of a recipient")
    );
    let notices: Vec<_> = committed.notices.iter().map(|n| n.text.as_str()).collect();
    assert!(
        notices.len() == 1 && notices[0].contains("Gamma S.p.A."),
        "{notices:?}"
    );
    // …and settling nothing: Anna is warned, and then the true receipt comes.
    world.pass(12 * 3_600);
    assert_eq!(world.kinds(ANNA)[2..], ["timeout"]);
    let _ = world.arrive(&receipt.reverse_path, &[ANNA], &receipt.octets);
    world.pass(24 * 3_600);
    assert_eq!(world.kinds(ANNA)[3..], ["delivery"]);
}

/// RFC 6109 §4.5: a record holds the old certificate and the new one while a provider renews.
#[test]
fn i29_a_provider_that_renews_its_certificate_signs_with_either() {
    if !forgery::is_possible() {
        return;
    }
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    let ca = forgery::authority(&world, "ca");
    let renewed = forgery::issue(world.scratch(), "rinnovato", &ca, ALFAS_EXTENSIONS);
    let by_the_new =
        |message: &[u8]| Draft::of(message).signed(&renewed, &ca.0, "-md|sha256", "\"sha-256\"");
    // Not yet in the directory: nobody's.
    let reply = world.arrive(ANNA, &[BRUNO], by_the_new(&envelope)).reply;
    assert_eq!(reply.code, 554);
    world.publish(|ldif| forgery::with_certificate(ldif, "Alfa S.p.A.", &renewed.0));
    let other = world.catch(letter(ANNA, BRUNO, "Seconda").replace("client-1", "client-2"));
    for message in [by_the_new(&envelope), other.clone()] {
        let committed = world.arrive(ANNA, &[BRUNO], &message);
        let finding = committed.finding.expect("a finding");
        assert!(finding.holds, "{:?}", finding.defects);
        assert_eq!(finding.issuer.expect("a provider").name, "Alfa S.p.A.");
    }
    assert_eq!(world.kinds(BRUNO), ["transport-envelope"; 2]);
    assert_eq!(
        world.kinds("ricevute@pec.alfa.example"),
        ["server-server-acceptance"; 2]
    );
    let settled = |k: &&String| *k == "delivery";
    assert_eq!(world.kinds(ANNA).iter().filter(settled).count(), 2);
    world.pass(48 * 3_600);
    assert_eq!(
        world.kinds(ANNA).len(),
        4,
        "all settled: {:?}",
        world.kinds(ANNA)
    );
}

/// RFC 6109 §4.5.7 and its example: a secondary environment has a record of its own, with the
/// certificate of the main one. Beta signs for both, from the one address its certificate names.
#[test]
fn i29_a_secondary_environment_with_the_certificate_of_the_main_one() {
    let Some(mut world) = World::with(world::Difference {
        beta: Some(&|settings| {
            settings
                .domains
                .push("interna.beta.example".parse().expect("a domain"));
        }),
        ..Default::default()
    }) else {
        return;
    };
    world.publish(|ldif| {
        forgery::with_secondary_environment(ldif, "Beta S.p.A.", "Interna", "interna.beta.example")
    });
    let elsa = "elsa@interna.beta.example";
    let to = [BRUNO, elsa];
    world.network_down = true;
    let _ = world.submit(ANNA, &to, letter(ANNA, &to.join(", "), "x"));
    let envelope = world.alfa.letters().remove(0);
    assert_eq!(envelope.recipients, to, "both are certified");
    world.network_down = false;
    let _ = world.beta.arrive(ANNA, &to, &envelope.octets);
    world.settle();
    let [bruno, also] = [BRUNO, elsa].map(|recipient| receipt_of(&world, recipient));
    assert_eq!(bruno.raw_header("From"), also.raw_header("From"));
    // Both receipts settle: nobody is warned.
    world.pass(48 * 3_600);
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "delivery", "delivery"]
    );
    let status = world.alfa.host.status(None).expect("a status").remove(0);
    let unsettled: Vec<_> = status
        .log
        .iter()
        .filter_map(|row| row.error.clone())
        .collect();
    assert!(unsettled.is_empty(), "{unsettled:?}");
}
