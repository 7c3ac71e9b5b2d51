//! Mail that a provider signed and that is wrong all the same (CASES I07, I28).

mod world;

use ceralacca_harness::provider::settings::Settings;
use ceralacca_host::pec::MessageKind;
use world::forgery::{self, Draft};
use world::mail::{Read, letter, listed};
use world::oracles::{has, openssl_verifies, shared, xmllint_validates};
use world::{ANNA, BRUNO, Difference, START, World, caught, codes};

/// Anna's envelope on the wire, and the means to change it under Alfa's own signature.
fn forged() -> Option<(World, Draft)> {
    if !forgery::is_possible() {
        return None;
    }
    let (world, envelope) = caught()?;
    Some((world, Draft::of(&envelope)))
}

/// It comes from a provider, so it reaches Bruno, who is told why nobody vouches for it; nobody
/// else hears of it (RFC 6109 §2.2.2, third case; I26).
fn is_an_anomaly(world: &mut World, draft: Draft, code: &str, reason: &str) -> Vec<u8> {
    let message = draft.signed_by(&world.alfa);
    let before = world.kinds(BRUNO).len();
    let committed = world.arrive(ANNA, &[BRUNO], &message);
    assert_eq!(committed.reply.code, 250, "{code}: {:?}", committed.reply);
    let finding = committed.finding.expect("a finding");
    assert!(finding.from_provider && !finding.holds, "{code}");
    assert_eq!(codes(&finding), [code], "{:?}", finding.defects);
    assert_eq!(world.kinds(BRUNO)[before..], ["anomaly-envelope"], "{code}");
    let anomaly = Read::new(&world.mailbox(BRUNO)[before].octets);
    let line = "Tali dati non sono stati certificati per il seguente errore:";
    let text = anomaly.text();
    let told = text.split_once(line).expect("the line of PRACTICE 6").1;
    assert!(told.contains(reason), "{code}: “{reason}” not in “{told}”");
    assert_eq!(anomaly.daticert(), None);
    assert_eq!(anomaly.postacert().expect("the message"), message);
    openssl_verifies(&anomaly.octets, &world.roots(), START).expect("our own signature");
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance"], "{code}");
    assert!(world.kinds("ricevute@pec.alfa.example").is_empty());
    message
}

/// A receipt of success that names an error settles nothing, and one that tells of a virus says so
/// where it is signed: `errore`, not a header (RFC 6109 §4.4).
#[test]
fn i07_a_kind_and_an_error_that_contradict_each_other() {
    if !forgery::is_possible() {
        return;
    }
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x"));
    let error = |word: &'static str| {
        move |xml: &str| xml.replace("errore=\"nessuno\"", &format!("errore=\"{word}\""))
    };
    let [acceptance, delivery] = [0, 1].map(|n| Draft::of(&world.mailbox(ANNA)[n].octets));
    let envelope = Draft::of(&world.mailbox(BRUNO)[0].octets);
    let presa = Draft::of(&world.mailbox("ricevute@pec.alfa.example")[0].octets);
    for (draft, signer) in [
        (&acceptance, &world.alfa),
        (&envelope, &world.alfa),
        (&presa, &world.beta),
        (&delivery, &world.beta),
    ] {
        let lie = draft.clone().daticert(error("altro")).signed_by(signer);
        let finding = world.beta.examine(&lie);
        assert_eq!(codes(&finding), ["error-differs"], "{:?}", finding.kind);
    }
    let failed = delivery
        .clone()
        .header("avvenuta-consegna", "errore-consegna")
        .daticert(|xml| xml.replace("tipo=\"avvenuta-consegna\"", "tipo=\"errore-consegna\""));
    for (word, marked, expected, remark) in [
        ("no-dest", false, Ok(MessageKind::NonDelivery), None),
        ("no-dest", true, Err("error-differs"), None),
        ("virus", true, Ok(MessageKind::VirusNonDelivery), None),
        (
            "virus",
            false,
            Ok(MessageKind::VirusNonDelivery),
            Some("error-unmarked"),
        ),
        (
            "nessuno",
            false,
            Ok(MessageKind::NonDelivery),
            Some("error-unnamed"),
        ),
    ] {
        let draft = failed.clone().daticert(error(word));
        let mut notice = draft.signed_by(&world.beta);
        if marked {
            notice = [b"X-VerificaSicurezza: errore\r\n", &notice[..]].concat();
        }
        let finding = world.beta.examine(&notice);
        match expected {
            Ok(kind) => assert!(finding.holds && finding.kind == kind, "{word}: {finding:?}"),
            Err(code) => assert_eq!(codes(&finding), [code], "{word}"),
        }
        let remarks: Vec<_> = finding.remarks.iter().map(|r| r.code.as_str()).collect();
        assert_eq!(remarks, Vec::from_iter(remark), "{word}");
    }
}

/// A virus notice that names nobody would end nobody's wait without a word.
#[test]
fn i07_a_virus_notice_names_whom_it_is_about() {
    if !forgery::is_possible() {
        return;
    }
    let Some(mut world) = World::new() else {
        return;
    };
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x"));
    let delivery = Draft::of(&world.mailbox(ANNA)[1].octets);
    let nobody = |xml: &str| {
        let (start, rest) = xml.split_once("<consegna>").expect("one");
        let end = rest.split_once("</consegna>").expect("its end").1;
        format!("{start}{end}").replace("errore=\"nessuno\"", "errore=\"virus\"")
    };
    let notice = delivery
        .header("avvenuta-consegna", "rilevazione-virus")
        .daticert(|xml| xml.replace("tipo=\"avvenuta-consegna\"", "tipo=\"rilevazione-virus\""));
    let named = notice
        .clone()
        .daticert(|xml| xml.replace("\"nessuno\"", "\"virus\""));
    assert!(world.alfa.examine(&named.signed_by(&world.beta)).holds);
    let finding = world
        .alfa
        .examine(&notice.daticert(nobody).signed_by(&world.beta));
    assert_eq!(codes(&finding), ["no-consegna"]);
}

// ---- I07: well signed, badly formed -----------------------------------------------------------

#[test]
fn i07_parts_that_are_missing_or_stand_twice() {
    let Some((mut world, draft)) = forged() else {
        return;
    };
    for (irregular, code, reason) in [
        (
            draft.clone().without("daticert.xml"),
            "no-daticert",
            "manca daticert.xml",
        ),
        (
            draft.clone().without("postacert.eml"),
            "no-postacert",
            "manca postacert.eml, o non è uno solo",
        ),
        (
            draft.clone().twice("daticert.xml"),
            "several-daticert",
            "più di un daticert.xml",
        ),
        (
            draft.clone().twice("postacert.eml"),
            "no-postacert",
            "manca postacert.eml, o non è uno solo",
        ),
    ] {
        is_an_anomaly(&mut world, irregular, code, reason);
    }
    // None of that took the place of the message as it was sent.
    let good = draft.signed_by(&world.alfa);
    assert_eq!(world.arrive(ANNA, &[BRUNO], &good).reply.code, 250);
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "delivery"]);
}

#[test]
fn i07_certification_data_that_are_no_xml_or_bring_their_own_entities() {
    let Some((mut world, draft)) = forged() else {
        return;
    };
    let after_declaration =
        |xml: &str, inserted: &str| xml.replacen("?>", &format!("?>\n{inserted}"), 1);
    type Change<'a> = &'a dyn Fn(&str) -> String;
    let bomb = "<!DOCTYPE postacert [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>";
    let cases: [(Change, &str); 8] = [
        (&|_| "Buongiorno.".to_owned(), "not well-formed XML"),
        (&|_| String::new(), "not well-formed XML"),
        (
            &|xml| xml[..xml.len() / 2].to_owned(),
            "not well-formed XML",
        ),
        (
            &|xml| xml.replace("</mittente>", "</destinatari>"),
            "not well-formed XML",
        ),
        (&|xml| format!("{xml}<postacert/>"), "not well-formed XML"),
        (
            &|xml| {
                after_declaration(
                    xml,
                    "<!DOCTYPE postacert SYSTEM \"http://x.example/a.dtd\">",
                )
            },
            "a DOCTYPE or entity",
        ),
        (
            &|xml| after_declaration(xml, bomb).replace("Raccomandata", "&b;"),
            "a DOCTYPE or entity",
        ),
        (
            &|xml| xml.replace("Raccomandata", "&raccomandata;"),
            "a DOCTYPE or entity",
        ),
    ];
    for (change, fact) in cases {
        let irregular = draft.clone().daticert(change);
        let irregular = is_an_anomaly(
            &mut world,
            irregular,
            "bad-daticert",
            "daticert.xml non è valido",
        );
        is_told(&world, &irregular, fact);
    }
}

/// The finding has the facts that the mailbox's owner is spared.
fn is_told(world: &World, message: &[u8], fact: &str) {
    let finding = world.beta.examine(message);
    let text = &finding.defects[0].text;
    assert!(text.contains(fact), "“{fact}” not in “{text}”");
}

/// Each of these is well-formed, and not what the DTD of RFC 6109 §4.4 allows, which xmllint says.
#[test]
fn i07_certification_data_of_another_shape() {
    let Some((mut world, draft)) = forged() else {
        return;
    };
    let has_dtd = shared("spec/rfc6109.dtd").is_some() && has("xmllint");
    let cases: [(&str, &str, &str); 11] = [
        ("<postacert ", "<ricevuta ", "root element"),
        (
            "</mittente>",
            "</mittente><mittente>x@y.example</mittente>",
            "mittente",
        ),
        ("<mittente>anna@pec.alfa.example</mittente>", "", "mittente"),
        (
            "tipo=\"posta-certificata\"",
            "tipo=\"busta\"",
            "postacert/@tipo",
        ),
        (
            "errore=\"nessuno\"",
            "errore=\"qualcuno\"",
            "postacert/@errore",
        ),
        ("<giorno>19/09/2026</giorno>", "", "giorno"),
        ("<data zona=\"+0200\">", "<data>", "data"),
        (
            "tipo=\"certificato\"",
            "tipo=\"raccomandato\"",
            "destinatari/@tipo",
        ),
        (
            "<gestore-emittente>Alfa S.p.A.</gestore-emittente>",
            "",
            "gestore-emittente",
        ),
        (
            "<intestazione>",
            "<intestazione><intestazione>",
            "intestazione",
        ),
        (
            "<mittente>",
            "<consegna>carla@pec.beta.example</consegna><mittente>",
            "consegna stands in intestazione",
        ),
    ];
    for (old, new, fact) in cases {
        let change = |xml: &str| {
            assert!(xml.contains(old), "{old} in {xml}");
            let mut changed = xml.replacen(old, new, 1);
            if old == "<postacert " {
                changed = changed.replace("</postacert>", "</ricevuta>");
            }
            if new == "<intestazione><intestazione>" {
                changed = changed.replace("</intestazione>", "</intestazione></intestazione>");
            }
            changed
        };
        let irregular = draft.clone().daticert(change);
        let irregular = is_an_anomaly(
            &mut world,
            irregular,
            "bad-daticert",
            "daticert.xml non è valido",
        );
        let xml = Read::new(&irregular).daticert().expect("data");
        assert!(!has_dtd || xmllint_validates(&xml).is_err(), "{new}");
        is_told(&world, &irregular, fact);
    }
}

#[test]
fn i07_headers_and_data_that_contradict_each_other() {
    let Some((mut world, draft)) = forged() else {
        return;
    };
    let id = Read::new(draft.head.as_bytes());
    let id = id.raw_header("Message-ID").expect("an id");
    let bare = id.trim_matches(['<', '>']).to_owned();
    for (irregular, code, reason) in [
        (
            draft.clone().header(
                &format!("Message-ID: {id}"),
                "Message-ID: <other@pec.alfa.example>",
            ),
            "identifier-differs",
            "l'identificativo in daticert.xml non è quello del messaggio",
        ),
        (
            draft.clone().header(&format!("Message-ID: {id}\r\n"), ""),
            "identifier-differs",
            "l'identificativo in daticert.xml non è quello del messaggio",
        ),
        (
            draft
                .clone()
                .daticert(|xml| xml.replace(&bare, "other@pec.alfa.example")),
            "identifier-differs",
            "l'identificativo in daticert.xml non è quello del messaggio",
        ),
        (
            draft
                .clone()
                .daticert(|xml| xml.replace("\"posta-certificata\"", "\"avvenuta-consegna\"")),
            "kind-differs",
            "il tipo in daticert.xml non è quello del messaggio",
        ),
        (
            draft
                .clone()
                .header("X-Trasporto: posta-certificata", "X-Trasporto: per-nave"),
            "kind-unknown",
            "X-Trasporto o X-Ricevuta ha un valore sconosciuto",
        ),
        (
            draft
                .clone()
                .header("X-Trasporto: posta-certificata", "X-Ricevuta: di-ritorno"),
            "kind-unknown",
            "X-Trasporto o X-Ricevuta ha un valore sconosciuto",
        ),
    ] {
        is_an_anomaly(&mut world, irregular, code, reason);
    }
}

/// What claims nothing has no defect: it is signed mail of a provider, and none of its PEC
/// messages. Bruno gets it, and is told so.
#[test]
fn i07_a_provider_that_does_not_say_what_it_sends() {
    let Some((mut world, draft)) = forged() else {
        return;
    };
    let silent = draft
        .header("X-Trasporto: posta-certificata\r\n", "")
        .signed_by(&world.alfa);
    let committed = world.arrive(ANNA, &[BRUNO], &silent);
    assert_eq!(committed.reply.code, 250);
    let finding = committed.finding.expect("a finding");
    assert_eq!(finding.kind, MessageKind::Ordinary);
    assert!(finding.from_provider && !finding.holds);
    assert_eq!(
        finding
            .remarks
            .iter()
            .map(|r| r.code.as_str())
            .collect::<Vec<_>>(),
        ["smime", "looks-like-pec"]
    );
    assert_eq!(world.kinds(BRUNO), ["anomaly-envelope"]);
    let text = Read::new(&world.mailbox(BRUNO)[0].octets).text();
    assert!(text.contains("mancano X-Trasporto e X-Ricevuta"), "{text}");
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance"]);
}

/// It is for every mailbox that there is, whatever it thinks of ordinary mail; of those that are
/// not there the sender hears, as SMTP has it.
#[test]
fn i07_irregular_mail_for_mailboxes_that_do_not_exist() {
    let nobody = "nobody@pec.beta.example";
    let beta = |settings: &mut Settings| settings.mailboxes = listed(&[BRUNO]);
    let difference = Difference {
        beta: Some(&beta),
        ..Default::default()
    };
    if !forgery::is_possible() {
        return;
    }
    let Some(mut world) = World::with(difference) else {
        return;
    };
    let draft = Draft::of(&world.catch(letter(ANNA, BRUNO, "x")));
    let irregular = draft.without("daticert.xml").signed_by(&world.alfa);
    let reply = world.arrive(ANNA, &[nobody], &irregular).reply;
    assert_eq!((reply.code, reply.status.as_str()), (550, "5.1.1"));
    let sender = "x@posta.example";
    let reply = world.arrive(sender, &[BRUNO, nobody], &irregular).reply;
    assert_eq!(reply.code, 250);
    assert_eq!(world.kinds(BRUNO), ["anomaly-envelope"]);
    let [dsn] = world.outside.as_slice() else {
        panic!("{:?}", world.outside)
    };
    assert_eq!(
        (dsn.reverse_path.as_str(), &dsn.recipients[..]),
        ("", &[sender.to_owned()][..])
    );
    let text = String::from_utf8_lossy(&dsn.octets);
    assert!(text.contains(&format!("Final-Recipient: rfc822; {nobody}")));
    assert!(!text.contains(&format!("Final-Recipient: rfc822; {BRUNO}")));
}

/// RFC 6109 §3.2.3: infected mail is never forwarded. No notice could name its transaction, so the
/// reply says it, and the sending provider tells its user (PRACTICE 8.5).
#[test]
fn i07_i10_irregular_and_infected() {
    let Some((mut world, draft)) = forged() else {
        return;
    };
    world.beta.infect(b"Buongiorno.", "Test.Virus");
    let irregular = draft.without("daticert.xml").signed_by(&world.alfa);
    let committed = world.arrive(ANNA, &[BRUNO], &irregular);
    let reply = &committed.reply;
    assert_eq!(
        (reply.code, reply.text.as_str()),
        (554, "Virus found: Test.Virus")
    );
    assert!(world.kinds(BRUNO).is_empty());
    let [notice] = committed.notices.as_slice() else {
        panic!("{:?}", committed.notices)
    };
    assert!(notice.recipient.is_empty() && notice.text.contains("Alfa S.p.A."));
    let kept = world.beta.query("SELECT name FROM infected");
    assert!(kept.is_none_or(|rows| rows == [["Test.Virus"]]));
}

// ---- I28: an anomaly envelope around a PEC message --------------------------------------------

/// Bruno's provider forwards what it was sent to his address at Alfa: outside an anomaly envelope,
/// inside a whole envelope with good data. Only the outer headers count (PRACTICE 3).
#[test]
fn i28_an_anomaly_envelope_that_wraps_a_whole_pec_message() {
    let Some((mut world, draft)) = forged() else {
        return;
    };
    let irregular = draft
        .clone()
        .header("X-Trasporto: posta-certificata\r\n", "")
        .signed_by(&world.alfa);
    let _ = world.arrive(ANNA, &[BRUNO], &irregular);
    let anomaly = world.mailbox(BRUNO)[0].octets.clone();
    let finding = world.alfa.examine(&anomaly);
    assert_eq!(finding.kind, MessageKind::AnomalyEnvelope);
    assert!(finding.holds && finding.data.is_none());

    let _ = world.arrive(BRUNO, &[ANNA], &anomaly);
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "anomaly-envelope"]
    );
    let outer = Read::new(&world.mailbox(ANNA)[1].octets);
    assert_eq!(outer.postacert().expect("the message"), anomaly);
    assert!(
        outer
            .text()
            .contains("è una busta di anomalia, che non certifica nulla"),
        "{}",
        outer.text()
    );
    // The transaction inside was settled by nobody, and is still open.
    assert!(world.kinds("ricevute@pec.alfa.example").is_empty());
    world.pass(12 * 3_600);
    assert_eq!(
        world.kinds(ANNA).last().map(String::as_str),
        Some("timeout")
    );
}
