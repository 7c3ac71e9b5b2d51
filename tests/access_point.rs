//! The access point: what becomes of submissions that are mail (CASES F).

mod world;

use ceralacca_harness::provider::settings::{MailboxList, Settings};
use ceralacca_host::pec;
use world::mail::{ID, Read, letter, listed, with_headers};
use world::oracles::{has, openssl_verifies};
use world::verdicts::{accepted, envelope, refused_in};
use world::{ALDO, ANNA, BRUNO, CARLA, DARIO, Difference, START, World};

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

/// The sender's own signature goes through byte for byte, so it still verifies.
#[test]
fn f28_an_original_that_is_signed() {
    let Some(mut world) = World::new() else {
        return;
    };
    let Some(signed) = openssl_cms(
        &world,
        &[
            "-sign",
            "-signer",
            "certificate.pem",
            "-inkey",
            "key.pem",
            "-certfile",
            "issuers.pem",
        ],
    ) else {
        return;
    };
    let message = [headers().into_bytes(), signed].concat();
    openssl_verifies(&message, &world.roots(), START).expect("the user's signature");
    assert_eq!(world.submit(ANNA, &[BRUNO], &message).reply.code, 250);
    let envelope = envelope(&world);
    openssl_verifies(&envelope.octets, &world.roots(), START).expect("the provider's signature");
    let inner = envelope.postacert().expect("the original");
    openssl_verifies(&inner, &world.roots(), START).expect("the user's signature, still");
}

/// What nobody can read is nobody's to change.
#[test]
fn f28_an_original_that_is_encrypted() {
    let Some(mut world) = World::new() else {
        return;
    };
    let Some(sealed) = openssl_cms(&world, &["-encrypt", "-aes256", "certificate.pem"]) else {
        return;
    };
    let at = sealed
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .expect("a blank line");
    let body = &sealed[at..];
    let message = [headers().as_bytes(), &sealed].concat();
    assert_eq!(world.submit(ANNA, &[BRUNO], &message).reply.code, 250);
    let inner = envelope(&world).postacert().expect("the original");
    assert!(inner.ends_with(body), "the encrypted octets are untouched");
}

fn headers() -> String {
    format!("From: {ANNA}\r\nTo: {BRUNO}\r\nSubject: riservato\r\n{ID}")
}

/// `openssl cms` in Alfa's folder, over a short text; an S/MIME entity with CRLF.
fn openssl_cms(world: &World, arguments: &[&str]) -> Option<Vec<u8>> {
    if !has("openssl") {
        return None;
    }
    let folder = world.alfa.folder.root();
    let chain = std::fs::read_to_string(folder.join("certificate.pem")).expect("certificates");
    let (_, issuers) = chain
        .split_once("-----END CERTIFICATE-----")
        .expect("a leaf");
    std::fs::write(folder.join("issuers.pem"), issuers).expect("a file");
    let text = folder.join("text");
    std::fs::write(&text, "Content-Type: text/plain\r\n\r\nFirmato da me.\r\n").expect("a file");
    let (mode, rest) = arguments.split_first().expect("a mode");
    let output = std::process::Command::new("openssl")
        .current_dir(folder)
        .args(["cms", mode, "-in", "text"])
        .args(rest)
        .output()
        .expect("openssl runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let entity = String::from_utf8(output.stdout).expect("7-bit");
    Some(
        entity
            .replace("\r\n", "\n")
            .replace('\n', "\r\n")
            .into_bytes(),
    )
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

/// 450 with the figures; nothing is made or kept, so the same message passes a day later.
#[test]
fn f30_the_rate_limit_of_an_account() {
    let limited = |settings: &mut Settings| settings.limits.daily_recipients = Some(50);
    let Some(mut world) = World::with(Difference {
        alfa: Some(&limited),
        ..Default::default()
    }) else {
        return;
    };
    let submit = |world: &mut World, count: usize| {
        let to: Vec<String> = (0..count)
            .map(|n| format!("r{n}@pec.beta.example"))
            .collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        world
            .submit(ANNA, &to, letter(ANNA, &to.join(", "), "x"))
            .reply
    };
    assert_eq!(submit(&mut world, 30).code, 250);
    let made = world.kinds(ANNA).len();
    let reply = submit(&mut world, 21);
    assert_eq!((reply.code, reply.status.as_str()), (450, "4.7.1"));
    assert!(
        reply
            .text
            .contains("30 in the last 24 hours and 21 now exceed 50"),
        "{reply:?}"
    );
    assert_eq!(world.kinds(ANNA).len(), made, "nothing happened");
    assert_eq!(
        submit(&mut world, 20).code,
        250,
        "what is left of the limit"
    );
    world.pass(86_401);
    assert_eq!(submit(&mut world, 21).code, 250);
    // More than a day's worth would never pass: a notice, not a 450 for ever.
    assert_eq!(submit(&mut world, 51).status, "2.6.0");
}

/// PRACTICE 8.5: the sending provider says so itself.
#[test]
fn f32_a_domain_that_does_not_exist() {
    let Some(mut world) = World::new() else {
        return;
    };
    world.alfa.lose("pec.beta.example");
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x"));
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "non-delivery"]
    );
    let notice = Read::new(&world.mailbox(ANNA)[1].octets);
    let data = notice.daticert().expect("data");
    assert!(
        data.contains("tipo=\"errore-consegna\" errore=\"no-dominio\""),
        "{data}"
    );
    let said = notice.element("errore-esteso").expect("a reason");
    assert_eq!(said, "5.1.2 - Alfa S.p.A. - dominio non valido");
}

/// The domain is there, and nobody takes its mail: no MX to be found, or one that says so (RFC 7505).
#[test]
fn f32_a_domain_without_mx() {
    for (status, text) in [
        (
            "5.4.4",
            "Name service error for name=pec.beta.example type=MX",
        ),
        (
            "5.1.10",
            "Domain pec.beta.example does not accept mail (nullMX)",
        ),
    ] {
        let Some(mut world) = World::new() else {
            return;
        };
        world.alfa.cut_off("pec.beta.example", status, text, false);
        let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x"));
        let kinds = ["server-user-acceptance", "non-delivery"];
        assert_eq!(world.kinds(ANNA), kinds, "{status}");
        let notice = Read::new(&world.mailbox(ANNA)[1].octets);
        let data = notice.daticert().expect("data");
        let kind = "tipo=\"errore-consegna\" errore=\"altro\"";
        assert!(data.contains(kind), "{data}");
        let said = notice.element("errore-esteso").expect("a reason");
        assert_eq!(said, format!("{status} - Alfa S.p.A. - {text}"));
    }
}

/// "PEC chiusa"; and who has no mailbox here could not get receipts.
#[test]
fn f35_a_mailbox_that_may_write_to_certified_recipients_only() {
    let closed = |settings: &mut Settings| {
        let mut list = listed(&[ANNA]);
        if let MailboxList::Listed(mailboxes) = &mut list {
            mailboxes[0].certified_only = true;
        }
        settings.mailboxes = list;
    };
    let Some(mut world) = World::with(Difference {
        alfa: Some(&closed),
        ..Default::default()
    }) else {
        return;
    };
    let both = letter(ANNA, &format!("{BRUNO}, {DARIO}"), "x");
    let reason = format!("certificata; non lo sono: {DARIO}");
    refused_in(&mut world, &[BRUNO, DARIO], both, &reason);
    assert_eq!(
        world
            .submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x"))
            .reply
            .status,
        "2.0.0"
    );
    assert_eq!(world.kinds(BRUNO), ["transport-envelope"]);
    let reply = world.submit(ALDO, &[BRUNO], letter(ALDO, BRUNO, "x")).reply;
    assert_eq!((reply.code, reply.status.as_str()), (553, "5.1.8"));
}
