//! Promises of the readers of structured data: certification data, directories, templates.

use super::host::{LEAF, NOW, ROOT, Station, converse};
use crate::daticert::{self, CertificationData};
use crate::directory::{self, ProviderRecord};
use crate::event::DirectoryUpdate;
use crate::hex;
use crate::instant::Instant;
use crate::limits::Limits;
use crate::outcome::Effect;
use crate::question::DigestAlgorithm;
use crate::settings::TextOverride;
use crate::smime::{self, Signature, SignerIdentity, Unsigned};
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

/// A fault has a line of the file; a record's hashes are those of its certificates; what was read,
/// written and read again is the same.
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
            let written = directory::write(&records);
            assert_eq!(directory::read(&written), Ok(records));
        }
        Err(error) => {
            let lines = content.split(|&b| b == b'\n').count();
            assert!((1..=lines).contains(&error.line), "{error} of {lines}");
        }
    }
}

/// A file as it is, its signer pinned, and as what a pinned signer encloses. Nothing is installed
/// but what a digest vouches for, and that is what is enclosed; no signature makes of an LDIF file
/// what it is not.
pub(super) fn signed_directory(content: &[u8]) {
    let signature = Signature::read_enclosing(content, &Limits::DEFAULT).ok();
    let signer = signature
        .as_ref()
        .map(|(signature, _)| signature.signer.clone());
    let installed = load(content, signer.as_slice());
    if let (Some(installed), Some((signature, ldif))) = (installed, signature) {
        let digest = smime::digest(signature.digest_algorithm, &ldif);
        assert_eq!(digest, signature.message_digest);
        assert_eq!(directory::read(&ldif), Ok(installed));
    }
    let enclosed = enclose(content);
    assert_eq!(load(&enclosed, &[]), None, "nobody is pinned");
    assert_eq!(load(&enclosed, &[ROOT.to_vec()]), None, "somebody else is");
    let installed = load(&enclosed, &[LEAF.to_vec()]);
    assert_eq!(installed, directory::read(content).ok());
}

/// What loading it installs.
fn load(content: &[u8], signers: &[Vec<u8>]) -> Option<Vec<ProviderRecord>> {
    let mut context = Station::Alfa.context();
    context.settings.directory_signers = signers.to_vec();
    let event = DirectoryUpdate {
        content: content.to_vec(),
    };
    let outcome = converse(crate::load_directory(context, event), &[]).expect("an outcome");
    let text = &outcome.reply.text;
    assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)), "{text}");
    let mut effects = outcome.effects.into_iter();
    match effects.next() {
        Some(Effect::InstallDirectory(records)) => Some(records),
        other => {
            assert!(other.is_none() && outcome.reply.code == 554);
            None
        }
    }
}

/// Signed by Alfa, whose RSA values nobody checks here.
fn enclose(content: &[u8]) -> Vec<u8> {
    let now = Instant::from_unix(NOW).expect("a legal instant");
    let digest = smime::digest(DigestAlgorithm::Sha256, content);
    let unsigned = Unsigned::new(digest.try_into().expect("32 octets"), now);
    let signer = SignerIdentity::new(&[LEAF.to_vec()]).expect("a certificate");
    let enclosed = unsigned.and_then(|unsigned| unsigned.enclose(&signer, &[0x5a; 256], content));
    enclosed.expect("what can be encoded")
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
