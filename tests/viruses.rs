//! Viruses that get past the sending provider, and notices between providers (CASES I09, I10;
//! RFC 6109 §3.2.3, §3.2.4).

mod world;

use ceralacca_harness::provider::settings::Settings;
use ceralacca_host::pec::MessageKind;
use world::mail::{Read, letter, listed};
use world::oracles::{openssl_verifies, xmllint_validates};
use world::{ANNA, BRUNO, CARLA, Difference, Letter, START, World};

const SERVICE: &str = "ricevute@pec.alfa.example";
const HOUR: u64 = 3_600;

/// Beta's scanner knows a virus that Alfa's does not; Anna sends it to Bruno and Carla.
fn infected() -> Option<World> {
    let mut world = World::new()?;
    world.beta.infect(b"VIRUS", "Eicar-Signature");
    world.network_down = true;
    let to = [BRUNO, CARLA];
    let _ = world.submit(ANNA, &to, letter(ANNA, &to.join(", "), "x") + "VIRUS\r\n");
    world.network_down = false;
    Some(world)
}

/// What Beta answers to Anna's envelope, still on the wire.
fn answers(world: &mut World) -> (Vec<u8>, Vec<Letter>) {
    let envelope = world.alfa.letters().remove(0);
    let to: Vec<&str> = envelope.recipients.iter().map(String::as_str).collect();
    let reply = world.beta.arrive(ANNA, &to, &envelope.octets).reply;
    assert_eq!(reply.code, 250, "{reply:?}");
    world.beta.run();
    (envelope.octets, world.beta.letters())
}

#[test]
fn i10_a_virus_in_a_valid_envelope_a_notice_per_recipient_and_nothing_delivered() {
    let Some(mut world) = infected() else { return };
    let (envelope, answers) = answers(&mut world);
    assert!(world.kinds(BRUNO).is_empty() && world.kinds(CARLA).is_empty());
    let kinds: Vec<_> = answers.iter().map(|l| l.kind.clone()).collect();
    let virus = MessageKind::VirusDetection;
    // PRACTICE 8.14: presa in carico goes out all the same.
    assert_eq!(
        kinds,
        [MessageKind::ServerServerAcceptance, virus.clone(), virus]
    );
    for (letter, about) in answers[1..].iter().zip([BRUNO, CARLA]) {
        assert_eq!(letter.recipients, [SERVICE]);
        let notice = Read::new(&letter.octets);
        let header = |name| notice.raw_header(name).unwrap_or_default();
        assert_eq!(header("X-Ricevuta"), "rilevazione-virus");
        assert_eq!(header("X-Mittente"), ANNA);
        assert_eq!(header("To"), SERVICE);
        assert_eq!(header("From"), "posta-certificata@pec.beta.example");
        assert!(notice.subject().starts_with("PROBLEMA DI SICUREZZA: "));
        let data = notice.daticert().expect("data");
        assert!(
            data.contains("tipo=\"rilevazione-virus\" errore=\"virus\""),
            "{data}"
        );
        assert_eq!(notice.element("consegna").as_deref(), Some(about));
        assert_eq!(
            notice.element("errore-esteso").as_deref(),
            Some("Eicar-Signature")
        );
        assert!(notice.text().contains(about) && notice.text().contains("Eicar-Signature"));
        // The original must not travel again.
        assert_eq!(notice.postacert(), None);
        assert!(!letter.octets.windows(5).any(|w| w == b"VIRUS"));
        openssl_verifies(&letter.octets, &world.roots(), START).expect("a good signature");
        xmllint_validates(&data).expect("valid data");
    }
    assert_ne!(answers[1].octets, answers[2].octets);
    kept_for_30_months(&world, &envelope);
}

/// RFC 6109 §2.2.4, PRACTICE 9: what Beta keeps apart is the envelope as it came.
fn kept_for_30_months(world: &World, envelope: &[u8]) {
    let rows = world
        .beta
        .query("SELECT name, at, until, lower(hex(octets)) FROM infected ORDER BY id");
    let Some(rows) = rows else { return };
    let [row] = rows.as_slice() else {
        panic!("{} messages kept", rows.len())
    };
    let [name, at, until, octets] = row.as_slice() else {
        panic!("four columns")
    };
    assert_eq!(name, "Eicar-Signature");
    assert_eq!(*at, START.to_string());
    // 19 March 2029 at the same hour, by the calendar; `date -d` gives the seconds.
    let months = 1_868_622_079;
    let until: u64 = until.parse().expect("an instant");
    assert!((months..months + 32 * 86_400).contains(&until), "{until}");
    let hex: String = envelope.iter().map(|o| format!("{o:02x}")).collect();
    assert_eq!(*octets, hex);
    // Until then nobody forgets it.
    world.clock.set(months);
    world.beta.host.tick(&mut |_| {}).expect("a tick");
    let count = || world.beta.query("SELECT count(*) FROM infected");
    assert_eq!(count(), Some(vec![vec!["1".to_owned()]]));
    world.clock.set(until);
    world.beta.host.tick(&mut |_| {}).expect("a tick");
    assert_eq!(count(), Some(vec![vec!["0".to_owned()]]));
}

/// PRACTICE 8.14: the presa says that it arrived, the notice an hour later that it never will be
/// delivered; the timers end with the notice.
#[test]
fn i10_a_virus_notice_after_the_presa_ends_the_timers() {
    let Some(mut world) = infected() else { return };
    let (_, answers) = answers(&mut world);
    let deliver = |world: &mut World, letter: &Letter| {
        let to: Vec<&str> = letter.recipients.iter().map(String::as_str).collect();
        let _ = world.arrive(&letter.reverse_path, &to, &letter.octets);
    };
    deliver(&mut world, &answers[0]);
    world.pass(HOUR);
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance"]);
    deliver(&mut world, &answers[1]);
    let told = ["server-user-acceptance", "virus-non-delivery"];
    assert_eq!(world.kinds(ANNA), told);
    let notice = Read::new(&world.mailbox(ANNA)[1].octets);
    assert_eq!(notice.element("consegna").as_deref(), Some(BRUNO));
    // The same notice again, in another SMTP transaction, is the same news.
    deliver(&mut world, &answers[1]);
    assert_eq!(world.kinds(ANNA), told);
    // Of Carla nothing was heard: presa in carico stops the first timer only.
    world.pass(12 * HOUR);
    assert_eq!(world.kinds(ANNA), told);
    world.pass(11 * HOUR);
    assert_eq!(world.kinds(ANNA)[2..], ["timeout"]);
    let late = Read::new(&world.mailbox(ANNA)[2].octets);
    assert_eq!(late.element("consegna").as_deref(), Some(CARLA));
    // Her virus notice comes late, and is news all the same.
    deliver(&mut world, &answers[2]);
    assert_eq!(world.kinds(ANNA)[3..], ["virus-non-delivery"]);
    world.pass(100 * HOUR);
    assert_eq!(world.kinds(ANNA).len(), 4);
}

/// The notices name the provider's service address; whoever else SMTP names, a user never sees
/// them (RFC 6109 §2.2.5, §3.2.1: "the end user knows nothing about it").
#[test]
fn i09_prese_in_carico_and_virus_notices_go_to_the_service_mailbox_whoever_they_are_sent_to() {
    let Some(mut world) = infected() else { return };
    let (_, answers) = answers(&mut world);
    for letter in &answers {
        let _ = world.arrive(&letter.reverse_path, &[ANNA], &letter.octets);
    }
    assert_eq!(
        world.kinds(SERVICE),
        [
            "server-server-acceptance",
            "virus-detection",
            "virus-detection"
        ]
    );
    for (deposited, letter) in world.mailbox(SERVICE).iter().zip(&answers) {
        assert_eq!(deposited.octets, letter.octets, "unchanged");
    }
    // Anna reads what Alfa makes of them.
    assert_eq!(
        world.kinds(ANNA),
        [
            "server-user-acceptance",
            "virus-non-delivery",
            "virus-non-delivery"
        ]
    );
    assert_eq!(world.kinds("posta-certificata@pec.alfa.example").len(), 0);
}

/// Whatever address the directory gives, they lie where the provider wants them.
#[test]
fn i09_the_service_mailbox_is_a_setting() {
    let other = "protocollo@pec.alfa.example";
    let alfa = |settings: &mut Settings| {
        settings.service_mailbox = world::address(other);
        settings.mailboxes = listed(&[ANNA, other]);
    };
    let Some(mut world) = World::with(Difference {
        alfa: Some(&alfa),
        ..Default::default()
    }) else {
        return;
    };
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x"));
    // The directory still says `ricevute@`, so that is where Beta sends it.
    assert_eq!(world.kinds(other), ["server-server-acceptance"]);
    assert!(world.kinds(SERVICE).is_empty());
}
