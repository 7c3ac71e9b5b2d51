//! What breaks nothing, and people should know (PRACTICE 3, 8.15).

mod world;

use world::forgery::{self, Draft};
use world::mail::letter;
use world::{BRUNO, World, caught};

/// PRACTICE 8.15: one time reference for everything. A provider whose clocks disagree is believed,
/// and its receivers may know.
#[test]
fn clocks_that_disagree_are_remarked() {
    if !forgery::is_possible() {
        return;
    }
    let Some((world, envelope)) = caught() else {
        return;
    };
    let draft = Draft::of(&envelope);
    let dated = draft
        .clone()
        .header("15:41:19 +0200", "16:41:19 +0200")
        .signed_by(&world.alfa);
    let certified = draft
        .clone()
        .daticert(|xml| xml.replace("15:41:19", "13:41:19"))
        .signed_by(&world.alfa);
    let within = draft
        .header("15:41:19 +0200", "15:50:00 +0200")
        .signed_by(&world.alfa);
    for (message, expected) in [
        (dated, Some("Date says")),
        (certified, Some("daticert.xml says")),
        (within, None),
    ] {
        let finding = world.beta.examine(&message);
        assert!(finding.holds, "{:?}", finding.defects);
        assert_eq!(finding.remarks.len(), usize::from(expected.is_some()));
        for (remark, expected) in finding.remarks.iter().zip(expected) {
            assert_eq!(remark.code, "time-differs");
            assert!(remark.text.contains(expected), "{}", remark.text);
        }
    }
}

/// Whoever only sees a subject or an attachment may take it for certified mail.
#[test]
fn i02_ordinary_mail_that_looks_like_pec_is_remarked() {
    let Some(world) = World::new() else { return };
    let plain = letter("x@posta.example", BRUNO, "Ciao");
    let with = |old: &str, new: &str| plain.replace(old, new);
    let service = "posta-certificata@pec.alfa.example";
    let attachment = "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\
                      Content-Type: application/xml; name=daticert.xml\r\n\r\n<x/>\r\n--m--";
    for (mail, expected) in [
        (plain.clone(), None),
        (with("Ciao", "CONSEGNA: Ciao"), Some("its subject")),
        (with("Ciao", "ACCETTAZIONE: Ciao"), Some("its subject")),
        (with("x@posta.example", service), Some("its sender")),
        (
            with(
                "x@posta.example",
                "\"Per conto di: a@b.example\" <x@posta.example>",
            ),
            Some("its sender"),
        ),
        (
            with("Content-Type: text/plain\r\n\r\nBuongiorno.", attachment),
            Some("a daticert.xml"),
        ),
    ] {
        let finding = world.beta.examine(mail.as_bytes());
        assert!(!finding.holds && finding.defects.is_empty());
        let told: Vec<_> = finding.remarks.iter().map(|r| (&r.code, &r.text)).collect();
        match (told.as_slice(), expected) {
            ([], None) => {}
            ([(code, text)], Some(expected)) => {
                assert_eq!(*code, "looks-like-pec");
                assert!(text.starts_with(expected), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
}
