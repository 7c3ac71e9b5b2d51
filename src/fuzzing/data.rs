//! Promises of the readers of structured data: certification data, directories, templates.

use crate::daticert::{self, CertificationData};
use crate::directory;
use crate::hex;
use crate::limits::Limits;
use crate::settings::TextOverride;
use crate::smime;
use crate::texts::{Reason, TextKind, Texts, Values};

/// What was read, written and read again is the same, but for blanks that XML does not keep.
pub(super) fn daticert(xml: &[u8]) {
    let Ok(first) = daticert::read(xml, &Limits::DEFAULT) else {
        return;
    };
    let written = first.to_xml();
    let second = daticert::read(
        &written,
        &Limits {
            daticert: usize::MAX,
            ..Limits::DEFAULT
        },
    );
    let second = second.expect("what we write can be read");
    let expected = CertificationData {
        // Written as Italian legal time, whatever it was read as.
        zone: first.at.legal_time().zone(),
        ..one_line(first)
    };
    assert_eq!(second, expected);
}

/// Texts as the writer leaves them.
fn one_line(data: CertificationData) -> CertificationData {
    let line = |text: String| {
        let text: String = text
            .chars()
            .filter(|c| *c >= ' ' || "\t\r\n".contains(*c))
            .filter(|c| !['\u{fffe}', '\u{ffff}'].contains(c))
            .map(|c| if c < ' ' { ' ' } else { c })
            .collect();
        text.trim().to_owned()
    };
    let mut data = data;
    for recipient in &mut data.recipients {
        recipient.address = line(std::mem::take(&mut recipient.address));
    }
    CertificationData {
        sender: line(data.sender),
        reply_to: line(data.reply_to),
        subject: data.subject.map(line),
        provider: line(data.provider),
        pec_id: line(data.pec_id),
        message_id: data.message_id.map(line),
        delivery: data.delivery.map(line),
        taken_in_charge: data.taken_in_charge.into_iter().map(line).collect(),
        extended_error: data.extended_error.map(line),
        ..data
    }
}

/// A fault has a line of the file; a record's hashes are those of its certificates.
pub(super) fn ldif(content: &[u8]) {
    match directory::read(content) {
        Ok(records) => {
            for record in &records {
                let provider = &record.provider;
                let pairs = provider
                    .certificates
                    .iter()
                    .zip(&provider.certificate_hashes);
                for (certificate, hash) in pairs {
                    assert_eq!(*hash, hex::encode(&smime::sha1(certificate)));
                }
                assert_eq!(
                    provider.certificates.len(),
                    provider.certificate_hashes.len()
                );
                assert!(record.managed_domains.is_sorted_by(|a, b| a < b));
            }
        }
        Err(error) => {
            let lines = content.split(|&b| b == b'\n').count();
            assert!((1..=lines).contains(&error.line), "{error} of {lines}");
        }
    }
}

/// A template that passed its check tells all facts, and its HTML has no tag but ours.
pub(super) fn text_template(octets: &[u8]) {
    let template = String::from_utf8_lossy(octets).into_owned();
    let own = TextOverride {
        key: "non-delivery.it".to_owned(),
        template: template.clone(),
    };
    let Ok(texts) = Texts::new(true, &[own]) else {
        return;
    };
    // The template once more as hostile values.
    let values = Values {
        day: "19/09/2026".to_owned(),
        subject: template.clone(),
        sender: "anna@pec.alfa.example".to_owned(),
        recipient: "bruno@pec.beta.example".to_owned(),
        recipients: vec!["bruno@pec.beta.example".to_owned()],
        reason: Reason::same(&template),
        id: "1@pec.alfa.example".to_owned(),
        ..Values::default()
    };
    let rendered = texts.render(TextKind::NonDelivery, &values);
    for fact in [&values.id, &values.sender, &values.recipient, &values.day] {
        assert!(rendered.plain.contains(fact.as_str()), "{fact} is not told");
        assert!(rendered.html.contains(fact.as_str()), "{fact} is not shown");
    }
    for (at, _) in rendered.html.match_indices('<') {
        let tag = &rendered.html[at..];
        assert!(
            TAGS.iter().any(|ours| tag.starts_with(ours)),
            "a foreign tag"
        );
    }
    let (charset, plain, html) = rendered.encode();
    assert!(["iso-8859-1", "utf-8"].contains(&charset));
    for encoded in [plain, html] {
        super::mail::assert_seven_bit(encoded.as_bytes());
    }
}

/// What the HTML twin is made of.
const TAGS: [&str; 15] = [
    "<!DOCTYPE html>",
    "<html lang=\"it\">",
    "</html>",
    "<head>",
    "</head>",
    "<title>",
    "</title>",
    "<body>",
    "</body>",
    "<h3>",
    "</h3>",
    "<hr>",
    "<p>",
    "</p>",
    "<br>",
];
