//! The access point's formal checks, case by case (CASES F; RFC 6109 §3.1.1).

mod world;

use world::mail::{ID, Read, letter, with_headers};
use world::oracles::openssl_verifies;
use world::verdicts::{accepted, envelope, refused, refused_in};
use world::{ALDO, ANNA, BRUNO, CARLA, Difference, START, World};

#[test]
fn f01_no_from() {
    refused(
        &[BRUNO],
        with_headers(&format!("To: {BRUNO}\r\n{ID}")),
        "From assente",
    );
}

#[test]
fn f02_two_from_addresses() {
    let message = letter(&format!("{ANNA}, {ALDO}"), BRUNO, "x");
    refused(&[BRUNO], message, "From contiene 2 indirizzi");
}

#[test]
fn f03_from_differs_from_the_reverse_path() {
    refused(
        &[BRUNO],
        letter(ALDO, BRUNO, "x"),
        "differisce da quello della busta SMTP",
    );
    // Case-only differences pass.
    accepted(&[BRUNO], letter("ANNA@PEC.alfa.example", BRUNO, "x"));
}

#[test]
fn f04_no_to() {
    refused(
        &[BRUNO],
        with_headers(&format!("From: {ANNA}\r\nCc: {BRUNO}\r\n{ID}")),
        "To assente",
    );
}

#[test]
fn f05_groups_and_undisclosed_recipients() {
    refused(
        &[BRUNO],
        letter(ANNA, "undisclosed-recipients:;", "x"),
        "un gruppo",
    );
    refused(
        &[BRUNO],
        letter(ANNA, &format!("ufficio: {BRUNO};"), "x"),
        "un gruppo",
    );
}

#[test]
fn f06_recipient_in_neither_to_nor_cc() {
    let reason = format!("destinatari non presenti in To o Cc: {CARLA}");
    refused(&[BRUNO, CARLA], letter(ANNA, BRUNO, "x"), &reason);
}

#[test]
fn f07_address_without_rcpt_passes() {
    let world = accepted(&[BRUNO], letter(ANNA, &format!("{BRUNO}, {CARLA}"), "x"));
    assert!(world.is_none_or(|w| w.kinds(CARLA).is_empty() && w.kinds(BRUNO).len() == 1));
}

#[test]
fn f08_bcc_with_a_value() {
    let message = with_headers(&format!(
        "From: {ANNA}\r\nTo: {BRUNO}\r\nBcc: {CARLA}\r\n{ID}"
    ));
    refused(&[BRUNO], message, "Bcc contiene destinatari nascosti");
}

#[test]
fn f09_empty_bcc_passes() {
    accepted(
        &[BRUNO],
        with_headers(&format!("From: {ANNA}\r\nTo: {BRUNO}\r\nBcc: \r\n{ID}")),
    );
}

/// Both size cases at the legal floor, which is as small as a limit may be.
#[test]
fn f10_f11_over_the_soft_and_the_hard_limit() {
    let small = |settings: &mut ceralacca_harness::provider::settings::Settings| {
        settings.limits.max_size = 30_000_000;
        settings.limits.hard_size = 31_000_000;
    };
    let Some(mut world) = World::with(Difference {
        alfa: Some(&small),
        ..Default::default()
    }) else {
        return;
    };
    let big = |size: usize| {
        let head = letter(ANNA, BRUNO, "grande");
        let line = "x".repeat(76) + "\r\n";
        head + &line.repeat(size / line.len())
    };
    let committed = world.submit(ANNA, &[BRUNO], big(31_100_000));
    assert_eq!(
        (committed.reply.code, committed.reply.status.as_str()),
        (552, "5.3.4")
    );
    assert!(
        world.kinds(ANNA).is_empty(),
        "no notice beyond the hard limit"
    );
    refused_in(
        &mut world,
        &[BRUNO],
        big(30_500_000),
        "supera il limite (30000000 byte)",
    );
}

#[test]
fn f12_size_times_recipients() {
    let small = |settings: &mut ceralacca_harness::provider::settings::Settings| {
        settings.limits.max_product = 30_000_000;
    };
    let Some(mut world) = World::with(Difference {
        alfa: Some(&small),
        ..Default::default()
    }) else {
        return;
    };
    let message = letter(ANNA, &format!("{BRUNO}, {CARLA}"), "x") + &"riga\r\n".repeat(3_000_000);
    refused_in(
        &mut world,
        &[BRUNO, CARLA],
        message,
        "moltiplicata per i destinatari",
    );
}

#[test]
fn f15_no_client_message_id() {
    let message = with_headers(&format!("From: {ANNA}\r\nTo: {BRUNO}\r\nSubject: x\r\n"));
    let Some(world) = accepted(&[BRUNO], message) else {
        return;
    };
    let envelope = envelope(&world);
    assert_eq!(envelope.element("msgid"), None);
    assert_eq!(envelope.raw_header("X-Riferimento-Message-ID"), None);
    let inner = String::from_utf8(envelope.postacert().unwrap()).unwrap();
    let id = envelope.element("identificativo").unwrap();
    assert!(
        inner.contains(&format!("Message-ID: <{id}>\r\n\r\n")),
        "{inner}"
    );
}

#[test]
fn f16_two_message_id_headers() {
    let headers = format!("From: {ANNA}\r\nTo: {BRUNO}\r\n{ID}Message-ID: <other@mua.example>\r\n");
    refused(
        &[BRUNO],
        with_headers(&headers),
        "Message-ID è presente più di una volta",
    );
}

#[test]
fn f24_subjects_encoded_folded_empty_missing_foreign_and_long() {
    let long = "perché ".repeat(1_500);
    let long_encoded = format!("=?utf-8?Q?{}?=", "perch=C3=A9_".repeat(1_500));
    for (header, subject) in [
        ("Subject: =?iso-8859-1?Q?Perch=E9?=\r\n", Some("Perché")),
        (
            "Subject: una\r\n riga piegata\r\n",
            Some("una riga piegata"),
        ),
        ("Subject: \r\n", Some("")),
        ("", None),
        (
            "Subject: =?utf-8?B?4oKsIDEwMCDQn9GA0LjQstC10YI=?=\r\n",
            Some("€ 100 Привет"),
        ),
        (
            &format!("Subject: {long_encoded}\r\n")[..],
            Some(long.trim_end()),
        ),
    ] {
        // One header line of 10 kB is over RFC 5322's 998 octets; clients fold, so do we.
        let header = header.replace("_perch", "?=\r\n =?utf-8?Q?_perch");
        let message = with_headers(&format!("From: {ANNA}\r\nTo: {BRUNO}\r\n{header}{ID}"));
        let Some(world) = accepted(&[BRUNO], message) else {
            return;
        };
        let envelope = envelope(&world);
        let shown = subject.unwrap_or_default();
        assert_eq!(envelope.element("oggetto").as_deref(), subject);
        assert_eq!(
            envelope.subject().trim_end(),
            format!("POSTA CERTIFICATA: {shown}").trim_end()
        );
        assert!(envelope.text().contains(&format!("\"{shown}\"")));
        let raw = envelope.raw_header("Subject").unwrap();
        assert!(raw.starts_with("POSTA CERTIFICATA:"), "{raw}");
    }
}

#[test]
fn f26_eight_bit_bodies_are_re_encoded_and_eight_bit_headers_refused() {
    let body = format!(
        "From: {ANNA}\r\nTo: {BRUNO}\r\n{ID}MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         perché no?\r\n"
    );
    let Some(world) = accepted(&[BRUNO], &body) else {
        return;
    };
    let envelope = envelope(&world);
    assert!(envelope.octets.is_ascii());
    let inner = Read::new(&envelope.postacert().unwrap());
    assert_eq!(inner.text(), "perché no?\r\n");
    openssl_verifies(&envelope.octets, &world.roots(), START).expect("a good signature");
    let subject = with_headers(&format!(
        "From: {ANNA}\r\nTo: {BRUNO}\r\nSubject: perché\r\n{ID}"
    ));
    refused(
        &[BRUNO],
        subject,
        "l'intestazione Subject (parte 0) contiene caratteri a 8 bit",
    );
}

/// An encoded word may hide line breaks and terminal escapes; no header or text repeats them.
#[test]
fn f24_control_characters_in_a_subject() {
    let hidden = "Subject: =?utf-8?Q?a=0D=0AX-Ricevuta:_x=1B[2Jz?=\r\n";
    let message = with_headers(&format!("From: {ANNA}\r\nTo: {BRUNO}\r\n{hidden}{ID}"));
    let Some(world) = accepted(&[BRUNO], message) else {
        return;
    };
    let envelope = envelope(&world);
    assert_eq!(envelope.raw_header("X-Ricevuta"), None);
    let outer = envelope.raw_header("Subject").expect("a subject");
    assert!(outer.starts_with("POSTA CERTIFICATA: a"), "{outer}");
    assert!(!outer.contains(char::is_control), "{outer:?}");
    let is_bare = |line: &str| line.contains(|c: char| c.is_control());
    assert!(
        !envelope.text().lines().any(is_bare),
        "{:?}",
        envelope.text()
    );
    assert!(
        envelope.text().contains("X-Ricevuta: x [2Jz\""),
        "{}",
        envelope.text()
    );
}

/// RFC 6531 has no place in daticert.xml: SMTP refuses in the envelope, a notice in the header.
#[test]
fn f26_addresses_outside_ascii() {
    let Some(world) = World::new() else { return };
    let foreign = "perché@pec.beta.example";
    let message = letter(ANNA, foreign, "x");
    let reply = world
        .alfa
        .submit(ANNA, &[foreign], message.as_bytes())
        .reply;
    assert_eq!((reply.code, reply.status.as_str()), (553, "5.6.7"));
    let reply = world.alfa.host.submit(ceralacca_host::pec::Submission {
        account: Some("anna".into()),
        addresses: vec![ANNA.into()],
        reverse_path: "però@pec.alfa.example".into(),
        recipients: vec![BRUNO.into()],
        message: letter(ANNA, BRUNO, "x").into_bytes(),
    });
    assert_eq!(
        (reply.reply.code, reply.reply.status.as_str()),
        (553, "5.6.7")
    );
    assert!(world.kinds(ANNA).is_empty());
    let from = letter("però@pec.alfa.example", BRUNO, "x");
    refused(
        &[BRUNO],
        from,
        "l'intestazione From contiene un indirizzo non valido",
    );
    let to = letter(ANNA, &format!("{BRUNO}, {foreign}"), "x");
    refused(
        &[BRUNO],
        to,
        "l'intestazione To contiene un indirizzo non valido",
    );
}

/// NUL is no octet of mail (RFC 5322 §2.1): no notice could quote such a message.
#[test]
fn f33_nul_octets() {
    let Some(mut world) = World::new() else {
        return;
    };
    let reply = world
        .submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x") + "\0\r\n")
        .reply;
    assert_eq!((reply.code, reply.status.as_str()), (554, "5.6.0"));
    assert!(reply.text.contains("NUL") && world.kinds(ANNA).is_empty());
}

#[test]
fn f33_bare_line_breaks_and_long_header_lines_are_formal_exceptions() {
    refused(
        &[BRUNO],
        letter(ANNA, BRUNO, "x") + "bare\nLF\r\n",
        "CR o LF isolati",
    );
    refused(
        &[BRUNO],
        letter(ANNA, BRUNO, "x") + "bare\rCR\r\n",
        "CR o LF isolati",
    );
    let with = |header: &str| with_headers(&format!("From: {ANNA}\r\nTo: {BRUNO}\r\n{header}{ID}"));
    let line = format!("X-Long: {}\r\n", "y".repeat(1_000));
    refused(&[BRUNO], with(&line), "supera i 998 caratteri");
    // Folded as it should be, but of the length at which Postfix cuts.
    let field = format!(
        "X-Long:{}\r\n",
        format!("\r\n {}", "y".repeat(97)).repeat(600)
    );
    refused(
        &[BRUNO],
        with(&field),
        "l'intestazione X-Long è troppo lunga (60009 byte)",
    );
    // A body line of 100,000 octets is re-encoded, not refused.
    let body = letter(ANNA, BRUNO, "x") + &"z".repeat(100_000) + "\r\n";
    let Some(world) = accepted(&[BRUNO], body) else {
        return;
    };
    let inner = Read::new(&envelope(&world).postacert().unwrap()).text();
    assert_eq!(inner, format!("Buongiorno.\r\n{}\r\n", "z".repeat(100_000)));
}

/// What is no mail at all is refused by SMTP, with the reason; no notice is made.
#[test]
fn f34_what_is_not_mail_is_refused_clearly() {
    let deep = (0..1000).fold(String::new(), |text, n| {
        text + &format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")
    });
    let wide = format!(
        "From: {ANNA}\r\nTo: {BRUNO}\r\nContent-Type: multipart/mixed; boundary=w\r\n\r\n{}",
        "--w\r\n\r\nx\r\n".repeat(100_000)
    );
    for (message, why) in [
        (&b"Just some words\r\n"[..], "no header section"),
        (b"", "no header section"),
        (b"From: a\r\n\r\n\0\r\n", "NUL"),
        (deep.as_bytes(), "nested over 100 deep"),
        (wide.as_bytes(), "over 10000 parts"),
    ] {
        let Some(mut world) = World::new() else {
            return;
        };
        let reply = world.submit(ANNA, &[BRUNO], message).reply;
        assert_eq!(
            (reply.code, reply.status.as_str()),
            (554, "5.6.0"),
            "{reply:?}"
        );
        assert!(reply.text.contains(why), "{reply:?}");
        assert!(world.kinds(ANNA).is_empty());
    }
    // An unterminated multipart is sloppy, not hostile.
    let open = format!(
        "From: {ANNA}\r\nTo: {BRUNO}\r\n{ID}Content-Type: multipart/mixed; boundary=o\r\n\r\n\
         --o\r\n\r\ntext\r\n"
    );
    accepted(&[BRUNO], open);
}

#[test]
fn several_reasons_are_told_at_once() {
    let Some(mut world) = World::new() else {
        return;
    };
    let message = with_headers(&format!("From: {ALDO}\r\nBcc: {CARLA}\r\n{ID}"));
    let notice = refused_in(&mut world, &[BRUNO], message, "differisce").unwrap();
    let reason = notice.element("errore-esteso").unwrap();
    for part in ["To assente", "destinatari non presenti", "Bcc contiene"] {
        assert!(reason.contains(part), "{part} not in {reason}");
    }
}
