//! The page of the demonstration, from a story written by hand: it is self-contained, escapes what
//! it shows, and links every file.
//!
//! `CERALACCA_PAGE=FILE` also writes the page, for looking at it in a browser.

use ceralacca_harness::demo::page::page;
use ceralacca_harness::demo::story::{Chronicle, Event, Fate, Lane, Party, Role, Story};
use ceralacca_harness::moment::Moment;
use ceralacca_host::pec::MessageKind;

#[test]
fn the_page_needs_nothing_but_itself() {
    let html = page(&chronicle());
    for foreign in [
        "<script", "http://", "https://", "src=", "@import", "url(", "<link", "onload",
    ] {
        assert!(!html.contains(foreign), "{foreign}");
    }
}

#[test]
fn what_mail_says_is_text_and_never_markup() {
    let html = page(&chronicle());
    assert!(
        html.contains("Offerta &lt;b&gt; &amp; &quot;sconto&quot;"),
        "escaped subject"
    );
    assert!(!html.contains("<b>"));
}

#[test]
fn every_file_is_linked_from_both_drawings_and_the_table() {
    let chronicle = chronicle();
    let html = page(&chronicle);
    for event in chronicle.stories.iter().flat_map(|story| &story.events) {
        // The same file may stand behind several arrows (a relayed envelope, then deposited).
        let links = html.matches(&format!("href=\"{}\"", event.file)).count();
        assert!(links >= 3 && links % 3 == 0, "{}: {links}", event.file);
    }
    if let Ok(path) = std::env::var("CERALACCA_PAGE") {
        std::fs::write(path, html).unwrap();
    }
}

/// Where hours pass, both drawings and the table say so, once each.
#[test]
fn long_pauses_are_breaks() {
    let mut chronicle = chronicle();
    let events = &mut chronicle.stories[1].events;
    events[1].at = Moment(events[0].at.0 + 12 * 3_600);
    events[1].meanwhile = Some("16 more tries in vain".into());
    let html = page(&chronicle);
    assert_eq!(html.matches(">12 hours later, 20 September<").count(), 3);
    assert_eq!(html.matches("class=\"tear\"").count(), 4);
    assert_eq!(html.matches(">16 more tries in vain<").count(), 2);
}

/// What people who do not see the drawings are told instead of them.
#[test]
fn every_drawing_has_a_title_and_a_description_of_its_own() {
    let html = page(&chronicle());
    for drawing in html
        .split("<svg ")
        .skip(1)
        .filter(|svg| svg.contains("viewBox=\"0 0 "))
    {
        if drawing.starts_with("class=\"mark\"") {
            continue;
        }
        for attribute in ["aria-labelledby", "aria-describedby"] {
            let (_, rest) = drawing.split_once(&format!("{attribute}=\"")).unwrap();
            let (id, _) = rest.split_once('"').unwrap();
            assert_eq!(html.matches(&format!(" id=\"{id}\"")).count(), 1, "{id}");
        }
    }
}

fn chronicle() -> Chronicle {
    let party = |name: &str, domain: &str| Party {
        name: name.into(),
        domain: domain.into(),
        service_address: format!("posta-certificata@{domain}"),
        certificate_hash: "af63845c3e292c4239cf60a7816635024993f531".into(),
    };
    Chronicle {
        began: "2026-09-19T15:41:19+02:00".parse().unwrap(),
        providers: vec![
            party("Alfa PEC S.p.A.", "pec.alfa.example"),
            party("Beta Posta Sicura S.r.l.", "pec.beta.example"),
        ],
        stories: vec![delivered(), refused()],
    }
}

fn delivered() -> Story {
    use MessageKind::{
        Delivery, Ordinary, ServerServerAcceptance, ServerUserAcceptance, TransportEnvelope,
    };
    let (anna, alfa, beta, bruno, carla, dario) = (0, 1, 2, 3, 4, 5);
    let steps = [
        (0, anna, alfa, Ordinary, 1),
        (1, alfa, anna, ServerUserAcceptance, 2),
        (3, alfa, beta, TransportEnvelope, 3),
        (3, alfa, dario, TransportEnvelope, 3),
        (4, beta, alfa, ServerServerAcceptance, 4),
        (5, beta, bruno, TransportEnvelope, 3),
        (5, beta, carla, TransportEnvelope, 3),
        (6, beta, alfa, Delivery, 5),
        (7, alfa, anna, Delivery, 5),
        (8, beta, alfa, Delivery, 6),
        (9, alfa, anna, Delivery, 6),
    ];
    Story {
        chapter: "From sender to receipt".into(),
        proves: "Proof of sending and of delivery.".into(),
        proof: None,
        title: "An offer to two certified recipients and an ordinary one".into(),
        opening:
            "Anna sends an offer with a PDF to Bruno, with a copy to Carla, both customers of \
                  another provider, and to Dario, whose mailbox is not certified."
                .into(),
        outcome: "accepted; two delivery receipts".into(),
        moral: "Anna holds one acceptance receipt and two delivery receipts. From Dario’s side \
                nothing comes back: ordinary mail proves nothing."
            .into(),
        lanes: vec![
            lane("Anna Rossi", "pec.alfa.example", Role::User),
            lane("Alfa", "provider", Role::Provider),
            lane("Beta", "provider", Role::Provider),
            lane("Bruno Verdi", "pec.beta.example", Role::User),
            lane("Carla Neri", "pec.beta.example", Role::User),
            lane("Dario Blu", "posta.example", Role::Ordinary),
        ],
        events: steps.into_iter().map(event).collect(),
    }
}

fn refused() -> Story {
    Story {
        chapter: "Not accepted".into(),
        proves: "Nothing is kept secret.".into(),
        proof: None,
        title: "A hidden recipient".into(),
        opening: "Certified mail has no Bcc.".into(),
        outcome: "not accepted".into(),
        moral: "Nothing was sent to anybody.".into(),
        lanes: vec![
            lane("Anna Rossi", "pec.alfa.example", Role::User),
            lane("Alfa", "provider", Role::Provider),
            lane("Beta", "provider", Role::Provider),
        ],
        events: vec![
            event((60, 0, 1, MessageKind::Ordinary, 7)),
            event((61, 1, 0, MessageKind::NonAcceptance, 8)),
        ],
    }
}

fn lane(name: &str, detail: &str, role: Role) -> Lane {
    Lane {
        name: name.into(),
        detail: detail.into(),
        role,
    }
}

fn event((at, from, to, kind, number): (u64, usize, usize, MessageKind, u32)) -> Event {
    Event {
        at: Moment(1_789_825_279 + at),
        from,
        to,
        subject: "Offerta <b> & \"sconto\"".into(),
        file: format!(
            "{number:02}-{}.eml",
            ceralacca_harness::kind::file_stem(&kind)
        ),
        number,
        name: None,
        sentence: "something happens".into(),
        fate: Fate::Arrives,
        code: None,
        note: None,
        meanwhile: None,
        kind,
    }
}
