//! Old mail that comes again (CASES I20, I30).

mod world;

use ceralacca_host::pec::MessageKind;
use world::forgery::{self, Draft};
use world::mail::Read;
use world::{ANNA, BRUNO, CARLA, START, caught, codes};

const DAY: u64 = 86_400;

/// Whoever has an envelope can send it again: from anywhere, after months, to anybody. The
/// signature still holds. For whom it was here, nothing happens a second time.
#[test]
fn i30_a_replay_brings_no_second_delivery_and_no_second_receipt() {
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    let _ = world.arrive(ANNA, &[BRUNO], &envelope);
    let settled = ["server-user-acceptance", "delivery"];
    assert_eq!(world.kinds(ANNA), settled);
    for days in [1, 2, 30, 300] {
        world.clock.set(START + days * DAY);
        // The tick forgets replies to repeated transactions; the transaction itself stays.
        world.tick();
        for reverse_path in [ANNA, "", "mallory@posta.example", BRUNO] {
            let reply = world.arrive(reverse_path, &[BRUNO], &envelope).reply;
            assert_eq!(reply.code, 250, "{days}: {reply:?}");
        }
        assert_eq!(
            world.kinds(BRUNO),
            ["transport-envelope"],
            "after {days} days"
        );
        assert_eq!(world.kinds(ANNA), settled, "after {days} days");
    }
    // A recipient that never had it is new: the provider says when it came (I23).
    let _ = world.arrive("mallory@posta.example", &[CARLA], &envelope);
    assert_eq!(world.kinds(CARLA), ["transport-envelope"]);
    let receipt = Read::new(&world.mailbox(ANNA).last().expect("a receipt").octets);
    assert_eq!(receipt.element("consegna").as_deref(), Some(CARLA));
    assert_eq!(receipt.element("giorno").as_deref(), Some("16/07/2027"));
    // Once the certificate has ended, it is no certified mail any more.
    world.clock.set(START + 4 * 365 * DAY);
    let committed = world.arrive(ANNA, &["elsa@pec.beta.example"], &envelope);
    assert_eq!(committed.reply.code, 554);
    assert_eq!(
        codes(&committed.finding.expect("one")),
        ["certificate-expired"]
    );
}

/// Another provider wraps what it got hold of in its own signature. A PEC id is unique within a
/// provider only: whoever comes first, Alfa's own envelope reaches Bruno, with one receipt.
#[test]
fn i30_an_envelope_signed_again_by_another_provider() {
    if !forgery::is_possible() {
        return;
    }
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    let gamma = world.join("Gamma S.p.A.", "pec.gamma.example");
    let again = Draft::of(&envelope)
        .header("posta-certificata@pec.alfa", "posta-certificata@pec.gamma")
        .daticert(|xml| xml.replace("Alfa S.p.A.", "Gamma S.p.A."))
        .signed_with(&gamma);
    assert!(world.beta.examine(&again).holds);
    let _ = world.arrive(ANNA, &[BRUNO], &again);
    let reply = world.arrive(ANNA, &[BRUNO], &envelope).reply;
    assert!(
        reply.code == 250 && reply.text.starts_with("Took charge of"),
        "{reply:?}"
    );
    let delivered: Vec<_> = world
        .mailbox(BRUNO)
        .iter()
        .map(|letter| letter.octets.clone())
        .collect();
    assert_eq!(
        delivered,
        [again.clone(), envelope.clone()],
        "both, under their names"
    );
    // Beyond the window in which the host itself recognises a repetition.
    world.clock.set(START + 2 * DAY);
    for repeated in [&again, &envelope] {
        let reply = world.arrive(ANNA, &[BRUNO], repeated).reply;
        assert!(
            reply.code == 250 && reply.text.ends_with("was here already"),
            "{reply:?}"
        );
    }
    assert_eq!(world.kinds(BRUNO).len(), 2);
}

/// A receipt that comes again is shown again, and changes nothing.
#[test]
fn i30_a_replayed_receipt_settles_nothing() {
    let Some((mut world, envelope)) = caught() else {
        return;
    };
    let _ = world.beta.arrive(ANNA, &[BRUNO], &envelope);
    world.beta.run();
    let letters = world.beta.letters();
    let delivery = |l: &&world::Letter| l.kind == MessageKind::Delivery;
    let receipt = letters.iter().find(delivery).expect("a receipt").clone();
    for days in [0, 90] {
        world.clock.set(START + days * DAY);
        let _ = world.arrive(&receipt.reverse_path, &[ANNA], &receipt.octets);
    }
    let id = receipt.pec_id.expect("an id");
    let status = world
        .alfa
        .host
        .status(Some(&id))
        .expect("a status")
        .remove(0);
    assert_eq!(status.recipients[0].changed_at, START);
    let told: Vec<_> = status
        .log
        .iter()
        .filter(|row| row.event == "notification-received")
        .map(|row| row.error.as_deref())
        .collect();
    assert_eq!(
        told,
        [None, Some("settles nothing: no news of a recipient")]
    );
}
