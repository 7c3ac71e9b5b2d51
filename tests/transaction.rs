//! One complete certified transaction (RFC 6109 §3.5), judged by programs that are not ours.

mod world;

use world::mail::{self, ID, Read, letter};
use world::oracles::{openssl_verifies, xmllint_validates};
use world::{ALDO, ANNA, BRUNO, CARLA, DARIO, START, World};

/// A message as a mail client makes it: encoded subject, two texts, an attachment.
fn offer() -> String {
    format!(
        "Received: from studio.example by smtp.pec.alfa.example; Sat, 19 Sep 2026 15:41:18 +0200\r\n\
         Date: Sat, 19 Sep 2026 15:41:17 +0200\r\n\
         From: \"Rossi, Anna\" <{ANNA}>\r\n\
         To: Bruno <{BRUNO}>,\r\n {DARIO}\r\n\
         Cc: {CARLA}\r\n\
         Subject: =?utf-8?Q?Offerta_per_la_citt=C3=A0?=\r\n\
         {ID}MIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"mua\"\r\n\r\n\
         --mua\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n\
         Gentile citt=C3=A0, \r\n\r\n\
         --mua\r\nContent-Type: application/pdf; name=\"offerta.pdf\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--mua--\r\n"
    )
}

#[test]
fn a_message_reaches_the_mailbox_and_the_sender_holds_both_receipts() {
    let Some(mut world) = World::new() else {
        return;
    };
    let committed = world.submit(ANNA, &[BRUNO, DARIO, CARLA], offer());
    assert_eq!(committed.reply.code, 250, "{:?}", committed.reply);

    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "delivery", "delivery"]
    );
    assert_eq!(world.kinds(BRUNO), ["transport-envelope"]);
    assert_eq!(world.kinds(CARLA), ["transport-envelope"]);
    // The presa in carico is for the provider, never for a user (I09).
    assert_eq!(
        world.kinds("ricevute@pec.alfa.example"),
        ["server-server-acceptance"]
    );
    let outside: Vec<_> = world.outside.iter().map(|l| l.recipients.clone()).collect();
    assert_eq!(outside, [[DARIO]]);

    // The signed bytes that leave are the signed bytes that arrive.
    let envelope = &world.mailbox(BRUNO)[0].octets;
    assert_eq!(*envelope, world.mailbox(CARLA)[0].octets);
    assert_eq!(*envelope, world.outside[0].octets);
}

#[test]
fn every_message_verifies_with_openssl_and_its_data_with_the_dtd() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(ANNA, &[BRUNO, DARIO, CARLA], offer());
    let all = [ANNA, BRUNO, "ricevute@pec.alfa.example"]
        .map(|m| world.mailbox(m))
        .concat();
    assert_eq!(all.len(), 5);
    for deposited in all {
        let kind = &deposited.kind;
        openssl_verifies(&deposited.octets, &world.roots(), START)
            .unwrap_or_else(|said| panic!("{kind:?}: {said}"));
        let read = Read::new(&deposited.octets);
        xmllint_validates(&read.daticert().expect("certification data"))
            .unwrap_or_else(|said| panic!("{kind:?}: {said}"));
        // PRACTICE 2: what is signed is 7-bit with short lines and CRLF throughout.
        assert!(deposited.octets.is_ascii(), "{kind:?}");
        for line in deposited.octets.split(|&b| b == b'\n') {
            assert!(
                line.len() <= 999 && (line.is_empty() || line.ends_with(b"\r")),
                "{kind:?}"
            );
        }
    }
}

/// PRACTICE 3: own Message-ID replaced, X-Riferimento-Message-ID appended, nothing else.
#[test]
fn the_original_goes_in_byte_for_byte_but_for_two_lines() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(ANNA, &[BRUNO, DARIO, CARLA], offer());
    let envelope = Read::new(&world.mailbox(BRUNO)[0].octets);
    let id = envelope.element("identificativo").unwrap();
    let (head, body) = offer()
        .split_once("\r\n\r\n")
        .map(|(h, b)| (h.to_owned(), b.to_owned()))
        .unwrap();
    let head = head.replace(ID.trim_end(), &format!("Message-ID: <{id}>"));
    let expected =
        format!("{head}\r\nX-Riferimento-Message-ID: <client-1@mua.example>\r\n\r\n{body}");
    assert_eq!(
        String::from_utf8(envelope.postacert().unwrap()).unwrap(),
        expected
    );
    // The complete receipt of the primary recipient encloses the same octets; that of the carbon
    // copy encloses nothing (I16).
    let receipts: Vec<Read> = world.mailbox(ANNA)[1..]
        .iter()
        .map(|d| Read::new(&d.octets))
        .collect();
    assert_eq!(receipts[0].element("consegna").as_deref(), Some(BRUNO));
    assert_eq!(receipts[0].postacert(), envelope.postacert());
    assert_eq!(receipts[1].element("consegna").as_deref(), Some(CARLA));
    assert_eq!(receipts[1].postacert(), None);
    assert!(
        receipts[1]
            .text()
            .starts_with("Ricevuta sintetica di avvenuta consegna")
    );
}

/// PRACTICE 3 and 4, field by field.
#[test]
fn the_envelope_has_the_headers_and_data_that_run() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(ANNA, &[BRUNO, DARIO, CARLA], offer());
    let envelope = Read::new(&world.mailbox(BRUNO)[0].octets);
    let header = |name| envelope.raw_header(name).unwrap_or_default();
    assert!(header("Received").starts_with("from studio.example"));
    assert_eq!(header("To"), format!("Bruno <{BRUNO}>, {DARIO}"));
    assert_eq!(header("Cc"), CARLA);
    assert_eq!(header("Reply-To"), ANNA);
    assert_eq!(header("X-Trasporto"), "posta-certificata");
    assert_eq!(header("X-TipoRicevuta"), "completa");
    assert_eq!(header("Date"), "Sat, 19 Sep 2026 15:41:19 +0200");
    assert_eq!(
        header("From"),
        format!("\"Per conto di: {ANNA}\" <posta-certificata@pec.alfa.example>")
    );
    assert!(
        header("Subject").starts_with("POSTA CERTIFICATA: "),
        "{}",
        header("Subject")
    );
    assert_eq!(
        envelope.subject(),
        "POSTA CERTIFICATA: Offerta per la città"
    );
    assert_eq!(header("X-Riferimento-Message-ID"), "<client-1@mua.example>");
    assert_eq!(envelope.raw_header("Sender"), None);
    assert_eq!(envelope.raw_header("Return-Path"), None);

    let data = envelope.daticert().unwrap();
    assert!(data.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
    assert!(!data.contains("DOCTYPE"));
    assert!(data.contains("<postacert tipo=\"posta-certificata\" errore=\"nessuno\">"));
    assert!(data.contains(&format!(
        "<destinatari tipo=\"certificato\">{BRUNO}</destinatari>"
    )));
    assert!(data.contains(&format!(
        "<destinatari tipo=\"esterno\">{DARIO}</destinatari>"
    )));
    assert!(data.contains("<data zona=\"+0200\">") && data.contains("<ora>15:41:19</ora>"));
    assert_eq!(envelope.element("giorno").as_deref(), Some("19/09/2026"));
    assert_eq!(
        envelope.element("oggetto").as_deref(),
        Some("Offerta per la città")
    );
    assert_eq!(
        envelope.element("msgid").as_deref(),
        Some("<client-1@mua.example>")
    );
    assert_eq!(
        envelope.elements("destinatari").join(" "),
        [BRUNO, DARIO, CARLA].join(" ")
    );
    let id = envelope.element("identificativo").unwrap();
    assert_eq!(header("Message-ID"), format!("<{id}>"));
}

/// PRACTICE 6, to the letter; the HTML says the same and refers to nothing (RFC 6109 §4.3.1).
#[test]
fn the_texts_are_the_ones_that_people_know() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(
        ANNA,
        &[BRUNO, DARIO],
        offer().replace(&format!("Cc: {CARLA}\r\n"), ""),
    );
    let acceptance = Read::new(&world.mailbox(ANNA)[0].octets);
    let id = acceptance.element("identificativo").unwrap();
    let text = acceptance.text().replace("\r\n", "\n");
    assert_eq!(
        text.trim_end(),
        format!(
            "Ricevuta di accettazione\n\n\
             Il giorno 19/09/2026 alle ore 15:41:19 (+0200) il messaggio \
             \"Offerta per la città\" proveniente da \"{ANNA}\" ed indirizzato a:\n\
             {BRUNO} (\"posta certificata\")\n{DARIO} (\"posta ordinaria\")\n\
             è stato accettato dal sistema ed inoltrato.\n\
             Identificativo messaggio: {id}"
        )
    );
    let delivery = Read::new(&world.mailbox(ANNA)[1].octets)
        .text()
        .replace("\r\n", "\n");
    assert_eq!(
        delivery.trim_end(),
        format!(
            "Ricevuta di avvenuta consegna\n\n\
             Il giorno 19/09/2026 alle ore 15:41:19 (+0200) il messaggio \
             \"Offerta per la città\" proveniente da \"{ANNA}\" ed indirizzato a \"{BRUNO}\" \
             è stato consegnato nella casella di destinazione.\nIdentificativo messaggio: {id}"
        )
    );
    let html = acceptance.html();
    for line in text.lines().filter(|line| !line.is_empty()) {
        assert!(
            html.contains(&line.replace('"', "&quot;")),
            "{line} not in {html}"
        );
    }
    for reference in ["src=", "href=", "<script", "url(", "<style"] {
        assert!(!html.contains(reference), "{reference}");
    }
}

/// RFC 6109 §3.4, case F20: the same provider takes no short cut.
#[test]
fn f20_same_domain_passes_through_all_the_points() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(ANNA, &[ALDO], letter(ANNA, ALDO, "Tra noi"));
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "delivery"]);
    assert_eq!(world.kinds(ALDO), ["transport-envelope"]);
    // PRACTICE 8.8: inside one provider presa in carico is only logged.
    assert!(world.kinds("ricevute@pec.alfa.example").is_empty());
    let id = Read::new(&world.mailbox(ALDO)[0].octets)
        .element("identificativo")
        .unwrap();
    assert_eq!(
        world.alfa.events(&id),
        [
            "server-user-acceptance",
            "transport-envelope",
            "envelope-received",
            "server-server-acceptance",
            "delivery",
            "notification-received",
        ]
    );
}

#[test]
fn f21_a_sender_may_write_to_itself() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(ANNA, &[ANNA], letter(ANNA, ANNA, "Promemoria"));
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "transport-envelope", "delivery"]
    );
}

/// Case I14, PRACTICE 5.
#[test]
fn i14_an_unknown_recipient_ends_in_a_notice_with_its_code() {
    let Some(mut world) = World::with(world::Difference {
        beta: Some(&|settings| settings.mailboxes = mail::listed(&[BRUNO])),
        ..Default::default()
    }) else {
        return;
    };
    let to = "nessuno@pec.beta.example";
    let _ = world.submit(ANNA, &[to], letter(ANNA, to, "Ci sei?"));
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "non-delivery"]
    );
    let notice = Read::new(&world.mailbox(ANNA)[1].octets);
    assert_eq!(
        notice.raw_header("X-Ricevuta").as_deref(),
        Some("errore-consegna")
    );
    assert!(notice.subject().starts_with("AVVISO DI MANCATA CONSEGNA: "));
    let error = notice.element("errore-esteso").unwrap();
    assert_eq!(error, "5.1.1 - Beta S.p.A. - indirizzo non valido");
    assert!(notice.text().contains(&format!(
        "e destinato all'utente \"{to}\" è stato rilevato un errore {error}. \
         Il messaggio è stato rifiutato dal sistema."
    )));
    assert!(
        notice
            .daticert()
            .unwrap()
            .contains("tipo=\"errore-consegna\" errore=\"no-dest\"")
    );
    assert_eq!(notice.element("consegna").as_deref(), Some(to));
}

#[test]
fn i15_a_full_mailbox_has_its_own_code() {
    let Some(mut world) = World::new() else {
        return;
    };
    world.beta.fill(BRUNO);
    let _ = world.submit(
        ANNA,
        &[BRUNO, CARLA],
        letter(ANNA, &format!("{BRUNO}, {CARLA}"), "Pieno"),
    );
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "non-delivery", "delivery"]
    );
    let notice = Read::new(&world.mailbox(ANNA)[1].octets);
    let error = notice.element("errore-esteso").unwrap();
    assert_eq!(error, "5.2.2 - Beta S.p.A. - casella piena");
    assert!(notice.daticert().unwrap().contains("errore=\"altro\""));
}

/// ARCHITECTURE, decision 4: the same keys, clock, entropy and messages, in a world that never
/// heard of the first one.
#[test]
fn the_same_input_gives_the_same_bytes() {
    let Some(mut one) = World::new() else { return };
    let mut two = one.twin();
    let everything = |world: &mut World| {
        let _ = world.submit(ANNA, &[BRUNO, DARIO, CARLA], offer());
        let _ = world.submit(ANNA, &[ALDO], letter(ANNA, ALDO, "Tra noi"));
        [ANNA, ALDO, BRUNO].map(|m| world.mailbox(m)).concat()
    };
    let (first, second) = (everything(&mut one), everything(&mut two));
    assert_eq!(first.len(), 7);
    for (a, b) in first.iter().zip(&second) {
        assert!(a.octets == b.octets, "{:?} differs", a.kind);
    }
}
