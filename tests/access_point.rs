//! The access point: formal checks, case by case (CASES F).

mod world;

use ceralacca_host::pec;
use world::mail::{ID, Read, letter, with_headers};
use world::oracles::{openssl_verifies, xmllint_validates};
use world::{ALDO, ANNA, BRUNO, CARLA, DARIO, Difference, START, World};

/// Submits, and expects a notice of non-acceptance that names the reason; nothing else leaves.
fn refused(to: &[&str], message: impl AsRef<[u8]>, reason: &str) {
    let Some(mut world) = World::new() else {
        return;
    };
    refused_in(&mut world, to, message, reason);
}

fn refused_in(
    world: &mut World,
    to: &[&str],
    message: impl AsRef<[u8]>,
    reason: &str,
) -> Option<Read> {
    let committed = world.submit(ANNA, to, message);
    assert_eq!(committed.reply.code, 250, "{:?}", committed.reply);
    assert_eq!(world.kinds(ANNA), ["non-acceptance"]);
    assert!(world.outside.is_empty() && world.kinds(BRUNO).is_empty());
    let notice = Read::new(&world.mailbox(ANNA)[0].octets);
    assert_eq!(
        notice.raw_header("X-Ricevuta").as_deref(),
        Some("non-accettazione")
    );
    assert!(
        notice.subject().starts_with("AVVISO DI NON ACCETTAZIONE:"),
        "{}",
        notice.subject()
    );
    let text = notice.text();
    let line = text
        .lines()
        .find(|l| l.contains("a causa di"))
        .expect("a reason")
        .to_owned();
    assert!(line.contains(reason), "“{reason}” not in “{line}”");
    assert!(text.contains("Il messaggio non è stato accettato."));
    assert!(
        notice
            .daticert()
            .unwrap()
            .contains("tipo=\"non-accettazione\" errore=\"altro\"")
    );
    // PRACTICE 8.3: a PEC id although no envelope exists.
    assert!(
        notice
            .element("identificativo")
            .is_some_and(|id| id.ends_with("@pec.alfa.example"))
    );
    openssl_verifies(&notice.octets, &world.roots(), START).expect("a good signature");
    xmllint_validates(&notice.daticert().unwrap()).expect("valid data");
    Some(notice)
}

/// Submits, and expects acceptance and delivery; gives the world to look at.
fn accepted(to: &[&str], message: impl AsRef<[u8]>) -> Option<World> {
    let mut world = World::new()?;
    let committed = world.submit(ANNA, to, message);
    assert_eq!(committed.reply.code, 250, "{:?}", committed.reply);
    assert_eq!(
        world.kinds(ANNA).first().map(String::as_str),
        Some("server-user-acceptance")
    );
    Some(world)
}

fn envelope(world: &World) -> Read {
    Read::new(&world.mailbox(BRUNO)[0].octets)
}

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

/// RFC 6109 §3.1.3; the original is kept (§2.2.4).
#[test]
fn f13_a_virus_is_not_accepted() {
    let Some(mut world) = World::new() else {
        return;
    };
    world.alfa.infect(b"VIRUS", "Test.Virus");
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x") + "VIRUS\r\n");
    assert_eq!(world.kinds(ANNA), ["virus-non-acceptance"]);
    let notice = Read::new(&world.mailbox(ANNA)[0].octets);
    assert_eq!(
        notice.raw_header("X-VerificaSicurezza").as_deref(),
        Some("errore")
    );
    assert!(
        notice
            .subject()
            .starts_with("AVVISO DI NON ACCETTAZIONE PER VIRUS: ")
    );
    assert!(
        notice
            .daticert()
            .unwrap()
            .contains("tipo=\"non-accettazione\" errore=\"virus\"")
    );
    assert!(notice.text().contains("Test.Virus"));
    assert!(world.kinds(BRUNO).is_empty());
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

/// PRACTICE 8.13: forged fields stay inside and are never copied out.
#[test]
fn f17_forged_system_headers_stay_inside() {
    let forged = "X-Ricevuta: avvenuta-consegna\r\nX-Trasporto: errore\r\n\
                  X-Riferimento-Message-ID: <forged@x.example>\r\n";
    let message = with_headers(&format!("From: {ANNA}\r\nTo: {BRUNO}\r\n{forged}{ID}"));
    let Some(world) = accepted(&[BRUNO], message) else {
        return;
    };
    let envelope = envelope(&world);
    assert_eq!(envelope.raw_header("X-Ricevuta"), None);
    assert_eq!(
        envelope.raw_header("X-Trasporto").as_deref(),
        Some("posta-certificata")
    );
    assert_eq!(
        envelope.raw_header("X-Riferimento-Message-ID").as_deref(),
        Some("<client-1@mua.example>")
    );
    let inner = String::from_utf8(envelope.postacert().unwrap()).unwrap();
    assert!(inner.contains(forged));
}

#[test]
fn f18_receipt_type_absent_brief_concise_unknown_other_case() {
    for (asked, written) in [
        ("", "completa"),
        ("X-TipoRicevuta: breve\r\n", "breve"),
        ("X-TipoRicevuta: sintetica\r\n", "sintetica"),
        ("X-TipoRicevuta: complet\r\n", "completa"),
        ("x-tiporicevuta: SINTETICA\r\n", "sintetica"),
    ] {
        let message = with_headers(&format!("From: {ANNA}\r\nTo: {BRUNO}\r\n{asked}{ID}"));
        let Some(world) = accepted(&[BRUNO], message) else {
            return;
        };
        assert_eq!(
            envelope(&world).raw_header("X-TipoRicevuta").as_deref(),
            Some(written)
        );
        let receipt = Read::new(&world.mailbox(ANNA)[1].octets);
        assert!(
            receipt
                .daticert()
                .unwrap()
                .contains(&format!("<ricevuta tipo=\"{written}\"/>"))
        );
        assert_eq!(
            receipt.postacert().is_none(),
            written == "sintetica",
            "{asked}"
        );
    }
}

#[test]
fn f19_all_certified_all_external_mixed() {
    for to in [vec![BRUNO, CARLA], vec![DARIO], vec![BRUNO, DARIO]] {
        let Some(world) = accepted(&to, letter(ANNA, &to.join(", "), "x")) else {
            return;
        };
        let acceptance = Read::new(&world.mailbox(ANNA)[0].octets).text();
        for address in &to {
            let kind = if *address == DARIO {
                "posta ordinaria"
            } else {
                "posta certificata"
            };
            assert!(
                acceptance.contains(&format!("{address} (\"{kind}\")")),
                "{acceptance}"
            );
        }
        let external = to.contains(&DARIO);
        assert_eq!(world.outside.len(), usize::from(external));
    }
}

#[test]
fn f22_a_recipient_given_twice_counts_once() {
    let Some(world) = accepted(&[BRUNO, "BRUNO@pec.beta.example"], letter(ANNA, BRUNO, "x")) else {
        return;
    };
    assert_eq!(world.kinds(BRUNO), ["transport-envelope"]);
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "delivery"]);
    assert_eq!(envelope(&world).elements("destinatari"), [BRUNO]);
}

#[test]
fn f23_domain_in_upper_case_is_certified_all_the_same() {
    let to = "bruno@PEC.BETA.EXAMPLE";
    let Some(world) = World::new() else { return };
    let committed = world
        .alfa
        .submit(ANNA, &[to], letter(ANNA, to, "x").as_bytes());
    assert_eq!(committed.reply.code, 250);
    world.alfa.run();
    let sent = world.alfa.letters();
    let data = Read::new(&sent[0].octets).daticert().unwrap();
    assert!(data.contains(&format!(
        "<destinatari tipo=\"certificato\">{to}</destinatari>"
    )));
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
fn f25_reply_to_present_absent_several() {
    for (header, replies, outer) in [
        ("", ANNA, ANNA),
        (
            "Reply-To: Studio <studio@posta.example>\r\n",
            "studio@posta.example",
            "Studio <studio@posta.example>",
        ),
        (
            "Reply-To: a@posta.example, b@posta.example\r\n",
            "a@posta.example, b@posta.example",
            "a@posta.example, b@posta.example",
        ),
    ] {
        let message = with_headers(&format!("From: {ANNA}\r\nTo: {BRUNO}\r\n{header}{ID}"));
        let Some(world) = accepted(&[BRUNO], message) else {
            return;
        };
        assert_eq!(
            envelope(&world).element("risposte").as_deref(),
            Some(replies)
        );
        assert_eq!(
            envelope(&world).raw_header("Reply-To").as_deref(),
            Some(outer)
        );
        // Notifications go to the reverse path, never to Reply-To (RFC 6109 §2.1).
        assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "delivery"]);
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

/// An envelope may wrap what is itself an envelope; only outer headers classify (PRACTICE 3).
#[test]
fn f27_an_original_that_holds_an_envelope() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "primo"));
    let first = world.mailbox(BRUNO)[0].octets.clone();
    let mut forward = format!(
        "From: {BRUNO}\r\nTo: {ANNA}\r\nSubject: inoltro\r\n{ID}MIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=fwd\r\n\r\n--fwd\r\n\
         Content-Type: message/rfc822; name=\"postacert.eml\"\r\n\r\n"
    )
    .into_bytes();
    forward.extend_from_slice(&first);
    forward.extend_from_slice(b"\r\n--fwd--\r\n");
    let committed = world.submit(BRUNO, &[ANNA], &forward);
    assert_eq!(committed.reply.code, 250);
    let envelope = world.mailbox(ANNA).pop().expect("the second envelope");
    assert_eq!(envelope.kind, pec::MessageKind::TransportEnvelope);
    openssl_verifies(&envelope.octets, &world.roots(), START).expect("the outer signature holds");
    assert_eq!(
        world.kinds(BRUNO)[1..],
        ["server-user-acceptance", "delivery"]
    );
}

#[test]
fn f29_nobody_submits_unauthenticated_or_as_somebody_else() {
    let Some(world) = World::new() else { return };
    let submit = |account: Option<&str>, addresses: &[&str], from: &str| {
        let reply = world.alfa.host.submit(pec::Submission {
            account: account.map(str::to_owned),
            addresses: addresses.iter().map(|a| (*a).to_owned()).collect(),
            reverse_path: from.to_owned(),
            recipients: vec![BRUNO.to_owned()],
            message: letter(from, BRUNO, "x").into_bytes(),
        });
        reply.reply.code
    };
    assert_eq!(submit(None, &[ANNA], ANNA), 530);
    assert_eq!(submit(Some("anna"), &[ANNA], ALDO), 553);
    assert_eq!(submit(Some("anna"), &[ANNA], ""), 553);
    let service = "posta-certificata@pec.alfa.example";
    assert_eq!(submit(Some("root"), &[service], service), 553);
    assert!(world.kinds(ANNA).is_empty());
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
    let header = format!("X-Long: {}\r\n", "y".repeat(60_000));
    let message = with_headers(&format!("From: {ANNA}\r\nTo: {BRUNO}\r\n{header}{ID}"));
    refused(&[BRUNO], message, "supera i 998 caratteri");
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
