//! Timers in simulated time (CASES T, RFC 6109 §3.1.6): months pass in milliseconds.

mod world;

use world::mail::{Read, letter};
use world::{ANNA, BRUNO, CARLA, DARIO, START, World};

const HOUR: u64 = 3_600;

/// Anna's message is accepted and then nothing reaches Beta.
fn lost_in_the_network() -> Option<World> {
    let mut world = World::new()?;
    world.network_down = true;
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "Dove sei?"));
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance"]);
    Some(world)
}

fn last(world: &World) -> Read {
    Read::new(&world.mailbox(ANNA).last().expect("a message").octets)
}

#[test]
fn t01_neither_presa_nor_delivery_12_h_and_24_h_notices() {
    let Some(mut world) = lost_in_the_network() else {
        return;
    };
    world.pass(12 * HOUR - 1);
    assert_eq!(world.kinds(ANNA).len(), 1, "not before 12 hours");
    world.pass(1);
    assert_eq!(world.kinds(ANNA).len(), 2);
    let first = last(&world);
    assert_eq!(
        first.raw_header("X-Ricevuta").as_deref(),
        Some("preavviso-errore-consegna")
    );
    // PRACTICE 1: To is the original sender.
    assert_eq!(first.raw_header("To").as_deref(), Some(ANNA));
    assert!(
        first
            .subject()
            .starts_with("AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO: ")
    );
    assert!(
        first
            .element("errore-esteso")
            .unwrap()
            .starts_with("4.4.1 - Alfa S.p.A. - ")
    );
    assert!(first.text().contains("nelle prime dodici ore"));
    world.pass(12 * HOUR);
    assert_eq!(world.kinds(ANNA).len(), 3);
    let second = last(&world);
    // PRACTICE 5: consumers tell the two apart by this code alone.
    assert_eq!(
        second.element("errore-esteso").unwrap(),
        "5.4.1 - Alfa S.p.A. - il messaggio non è stato consegnato nelle prime ventiquattro ore \
         dal suo invio"
    );
    assert_eq!(second.element("consegna").as_deref(), Some(BRUNO));
    assert!(
        second
            .daticert()
            .unwrap()
            .contains("tipo=\"preavviso-errore-consegna\"")
    );
    world.pass(30 * 24 * HOUR);
    assert_eq!(world.kinds(ANNA).len(), 3, "nothing more, ever");
}

#[test]
fn t02_presa_but_no_delivery_24_h_only() {
    let Some(mut world) = lost_in_the_network() else {
        return;
    };
    let envelope = world.alfa.letters().remove(0);
    // Beta takes charge, and its deposit never ends.
    let _ = world.beta.arrive(ANNA, &[BRUNO], &envelope.octets);
    world.beta.run();
    let presa = world.beta.letters().remove(0);
    let _ = world.alfa.arrive(
        &presa.reverse_path,
        &["ricevute@pec.alfa.example"],
        &presa.octets,
    );
    world.alfa.run();
    world.pass(12 * HOUR);
    assert_eq!(world.kinds(ANNA).len(), 1);
    world.pass(12 * HOUR);
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "timeout"]);
    assert!(
        last(&world)
            .element("errore-esteso")
            .unwrap()
            .starts_with("5.4.1")
    );
}

#[test]
fn t03_no_presa_and_delivery_at_13_h_12_h_only() {
    let Some(mut world) = lost_in_the_network() else {
        return;
    };
    world.pass(12 * HOUR);
    world.pass(HOUR);
    world.network_down = false;
    world.settle();
    world.pass(24 * HOUR);
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "timeout", "delivery"]
    );
}

#[test]
fn t04_a_late_delivery_is_still_forwarded_and_overrides() {
    let Some(mut world) = lost_in_the_network() else {
        return;
    };
    world.pass(12 * HOUR);
    world.pass(12 * HOUR);
    world.network_down = false;
    world.settle();
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "timeout", "timeout", "delivery"]
    );
    let status = world.alfa.host.status(None).expect("a status");
    let states: Vec<_> = status[0]
        .recipients
        .iter()
        .map(|r| r.recipient.state)
        .collect();
    assert_eq!(states, [ceralacca_host::pec::RecipientState::Delivered]);
}

#[test]
fn t05_one_notice_per_recipient_and_t11_none_for_external_ones() {
    let Some(mut world) = World::new() else {
        return;
    };
    world.network_down = true;
    let to = [BRUNO, CARLA, DARIO];
    let _ = world.submit(ANNA, &to, letter(ANNA, &to.join(", "), "A tutti"));
    world.pass(12 * HOUR);
    let notices: Vec<_> = world.mailbox(ANNA)[1..]
        .iter()
        .map(|d| Read::new(&d.octets).element("consegna").unwrap())
        .collect();
    assert_eq!(notices, [BRUNO, CARLA]);
    let ids: Vec<_> = world.mailbox(ANNA)[1..]
        .iter()
        .map(|d| Read::new(&d.octets).raw_header("Message-ID"))
        .collect();
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn t06_everything_in_time_and_nobody_is_told_anything() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x"));
    for _ in 0..30 {
        world.pass(HOUR);
    }
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "delivery"]);
}

#[test]
fn t07_ticks_late_twice_and_with_a_clock_that_jumps() {
    let Some(mut world) = lost_in_the_network() else {
        return;
    };
    world.pass(12 * HOUR);
    world.tick();
    world.tick();
    assert_eq!(world.kinds(ANNA).len(), 2, "a tick said twice is said once");
    world.clock.set(START + HOUR);
    world.tick();
    assert_eq!(
        world.kinds(ANNA).len(),
        2,
        "a clock set back brings nothing again"
    );
    world.clock.set(START + 100 * HOUR);
    world.tick();
    assert_eq!(world.kinds(ANNA).len(), 3);
    // The first tick comes after both deadlines: only the last notice, which says more.
    let Some(mut late) = lost_in_the_network() else {
        return;
    };
    late.pass(100 * HOUR);
    assert_eq!(late.kinds(ANNA), ["server-user-acceptance", "timeout"]);
    assert!(
        last(&late)
            .element("errore-esteso")
            .unwrap()
            .starts_with("5.4.1")
    );
}

/// The timers are rows of the store, not of a process.
#[test]
fn t07_a_restart_in_between_neither_forgets_nor_repeats() {
    let Some(mut world) = lost_in_the_network() else {
        return;
    };
    world.pass(6 * HOUR);
    let mut world = world.restart();
    // Anna's client never heard the reply, and tries again.
    let again = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "Dove sei?"));
    assert!(again.repeated && again.reply.code == 250);
    assert_eq!(world.kinds(ANNA).len(), 1);
    world.pass(6 * HOUR);
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "timeout"]);
    let mut world = world.restart();
    world.tick();
    assert_eq!(world.kinds(ANNA).len(), 2, "a restart repeats nothing");
    // The host is away when the second notice is due, and says it when it is back.
    let mut world = {
        world.clock.advance(30 * HOUR);
        world.restart()
    };
    assert_eq!(world.kinds(ANNA).len(), 2);
    world.tick();
    assert_eq!(world.kinds(ANNA)[2..], ["timeout"]);
    assert!(
        last(&world)
            .element("errore-esteso")
            .unwrap()
            .starts_with("5.4.1")
    );
    // The envelope arrives after all, at a Beta that has been restarted as well.
    let mut world = world.restart();
    world.network_down = false;
    world.settle();
    assert_eq!(world.kinds(ANNA)[3..], ["delivery"]);
    assert_eq!(world.kinds(BRUNO), ["transport-envelope"]);
    let mut world = world.restart();
    world.pass(100 * HOUR);
    assert_eq!(world.kinds(ANNA).len(), 4);
}

/// A clock set wrong and set right again: what is sent is sent once, and what is due comes.
#[test]
fn t07_a_clock_that_jumps_forward_and_back() {
    let Some(mut world) = World::new() else {
        return;
    };
    world.network_down = true;
    // Before the jump, during it, and after it.
    let submit = |world: &mut World, number: u32| {
        let message = letter(ANNA, BRUNO, &format!("n. {number}"));
        let message = message.replace("client-1", &format!("client-{number}"));
        let _ = world.submit(ANNA, &[BRUNO], message);
    };
    submit(&mut world, 1);
    world.clock.set(START + 20 * HOUR);
    submit(&mut world, 2);
    // The clock is back before anybody ticked: nothing has happened yet.
    world.clock.set(START + HOUR);
    world.tick();
    let notices = |world: &World| -> Vec<String> {
        let told = world.mailbox(ANNA).into_iter();
        told.filter(|d| ceralacca_host::kind_name(&d.kind) == "timeout")
            .map(|d| Read::new(&d.octets).element("oggetto").unwrap())
            .collect()
    };
    assert!(notices(&world).is_empty());
    submit(&mut world, 3);
    // The first and the third are due by the right clock; the second by the clock it was given.
    world.clock.set(START + 13 * HOUR);
    world.tick();
    assert_eq!(notices(&world), ["n. 1", "n. 3"]);
    // A day ahead for one tick: every notice that this clock makes due goes out, once.
    world.clock.set(START + 50 * HOUR);
    world.tick();
    let mut told = notices(&world);
    told.sort();
    assert_eq!(told, ["n. 1", "n. 1", "n. 2", "n. 3", "n. 3"]);
    for hour in [14, 26, 36, 48, 200] {
        world.clock.set(START + hour * HOUR);
        world.tick();
        world.tick();
    }
    assert_eq!(notices(&world).len(), 5, "{:?}", notices(&world));
    // Delivery still overrides (PRACTICE 8.4), for all three.
    world.network_down = false;
    world.settle();
    let deliveries = world.kinds(ANNA).into_iter().filter(|k| k == "delivery");
    assert_eq!(deliveries.count(), 3);
}

#[test]
fn t08_the_second_notice_leaves_between_22_h_and_24_h() {
    let Some(mut world) = lost_in_the_network() else {
        return;
    };
    let mut left = None;
    for minute in 1..=(25 * 60) {
        world.clock.set(START + minute * 60);
        if minute % 10 == 0 {
            world.tick();
        }
        if world.kinds(ANNA).len() == 3 && left.is_none() {
            left = Some(minute);
        }
    }
    let left = left.expect("a second notice");
    assert!(
        (22 * 60..=24 * 60).contains(&left),
        "left after {left} minutes"
    );
}

#[test]
fn t09_errore_consegna_stops_the_timers() {
    let Some(mut world) = World::new() else {
        return;
    };
    world.beta.fill(BRUNO);
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x"));
    world.pass(48 * HOUR);
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "non-delivery"]
    );
}

/// RFC 6109 §3.2.3, §3.2.4: a notice to the provider, and from it to the user (I10).
#[test]
fn t10_the_virus_notice_stops_the_timers() {
    let Some(mut world) = World::new() else {
        return;
    };
    world.beta.infect(b"VIRUS", "Test.Virus");
    let to = [BRUNO, CARLA];
    let _ = world.submit(ANNA, &to, letter(ANNA, &to.join(", "), "x") + "VIRUS\r\n");
    let notices = [
        "server-user-acceptance",
        "virus-non-delivery",
        "virus-non-delivery",
    ];
    assert_eq!(world.kinds(ANNA), notices);
    assert!(world.kinds(BRUNO).is_empty() && world.kinds(CARLA).is_empty());
    assert_eq!(
        world.kinds("ricevute@pec.alfa.example"),
        [
            "server-server-acceptance",
            "virus-detection",
            "virus-detection"
        ]
    );
    let notice = Read::new(&world.mailbox(ANNA)[1].octets);
    assert!(
        notice
            .subject()
            .starts_with("AVVISO DI MANCATA CONSEGNA PER VIRUS: ")
    );
    assert_eq!(
        notice.raw_header("X-VerificaSicurezza").as_deref(),
        Some("errore")
    );
    assert!(
        notice
            .daticert()
            .unwrap()
            .contains("tipo=\"errore-consegna\" errore=\"virus\"")
    );
    assert!(
        notice
            .element("errore-esteso")
            .unwrap()
            .starts_with("5.5.1 - Beta S.p.A. - presenza di un virus")
    );
    world.pass(48 * HOUR);
    assert_eq!(world.kinds(ANNA), notices);
}

/// Twelve hours later the clocks of Italy show eleven hours more in autumn, thirteen in spring; a
/// leap day is a day.
#[test]
fn t12_elapsed_time_counts_and_text_shows_legal_time() {
    for (evening, accepted, warned) in [
        // The Saturday before winter time, 20:00 in Italy (GNU date gives the seconds).
        (
            1_792_864_800,
            "24/10/2026 alle ore 20:00:00 (+0200)",
            "25/10/2026 alle ore 07:00:00 (+0100)",
        ),
        // The Saturday before summer time.
        (
            1_806_174_000,
            "27/03/2027 alle ore 20:00:00 (+0100)",
            "28/03/2027 alle ore 09:00:00 (+0200)",
        ),
        // The evening before 29 February.
        (
            1_835_377_200,
            "28/02/2028 alle ore 20:00:00 (+0100)",
            "29/02/2028 alle ore 08:00:00 (+0100)",
        ),
    ] {
        let Some(mut world) = World::new() else {
            return;
        };
        world.clock.set(evening);
        world.network_down = true;
        let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "Ora legale"));
        let acceptance = last(&world).text();
        assert!(acceptance.contains(accepted), "{acceptance}");
        world.clock.set(evening + 12 * HOUR - 1);
        world.tick();
        assert_eq!(world.kinds(ANNA).len(), 1);
        world.clock.set(evening + 12 * HOUR);
        world.tick();
        let notice = last(&world).text();
        assert!(notice.contains(warned), "{notice}");
    }
}

/// PRACTICE 8.5: the sending provider itself tells its user.
#[test]
fn a_relay_refused_for_good_becomes_errore_consegna() {
    let Some(mut world) = World::new() else {
        return;
    };
    world.alfa.refuse(BRUNO);
    let to = [BRUNO, CARLA];
    let _ = world.submit(ANNA, &to, letter(ANNA, &to.join(", "), "x"));
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "non-delivery", "delivery"]
    );
    let notice = Read::new(&world.mailbox(ANNA)[1].octets);
    assert_eq!(
        notice.element("errore-esteso").unwrap(),
        "5.1.1 - Alfa S.p.A. - indirizzo non valido"
    );
    world.pass(48 * HOUR);
    assert_eq!(world.kinds(ANNA).len(), 3);
}
