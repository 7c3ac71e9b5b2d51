//! What breaks nothing, but people should know: old algorithms, clocks that disagree, certificates
//! that have ended since, and mail that looks like PEC without claiming to be.

use memchr::memmem;

use crate::finding::Finding;
use crate::instant::Instant;
use crate::message::header::HeaderSection;
use crate::message::scan::Scan;
use crate::outcome::MessageKind;
use crate::wire;

use super::inspect::{daticert_parts, postacert_parts};

/// Adds them to a finding that is otherwise complete.
pub(super) fn add(
    message: &[u8],
    scan: &Scan,
    header: HeaderSection<'_>,
    now: Instant,
    finding: &mut Finding,
) {
    digest(scan, finding);
    clocks(header, finding);
    validity_now(now, finding);
    truncation(message, scan, finding);
    if finding.kind == MessageKind::Ordinary {
        likeness(message, scan, header, finding);
    }
}

fn digest(scan: &Scan, finding: &mut Finding) {
    let Some(signature) = &finding.signature else {
        return;
    };
    let used = signature.digest_algorithm.clone();
    if used == "sha1" {
        let text = "the signature is made with SHA-1, which no longer proves much";
        finding.remark("sha1-signature", "PRACTICE 1", text.to_owned());
    }
    let micalg = scan.parts[0].content_type.parameter("micalg");
    let Some(micalg) = micalg.map(str::to_ascii_lowercase) else {
        return;
    };
    // sha1, sha-1, sha256, sha-256 all run (PRACTICE 7).
    if micalg.replace('-', "") != used {
        let text = format!("micalg says {micalg}, the signature uses {used}");
        finding.remark("micalg-differs", "RFC 5751 §3.4.3.2", text);
    }
}

/// One time reference serves a whole transaction (PRACTICE 8.15), so its traces agree to the
/// second at good providers.
fn clocks(header: HeaderSection<'_>, finding: &mut Finding) {
    let signed = finding.signature.as_ref().and_then(|s| s.signing_time);
    let Some(signed) = signed else {
        return;
    };
    let dated = header
        .text("Date")
        .and_then(|text| mail_parser::DateTime::parse_rfc822(&text))
        .and_then(|date| u64::try_from(date.to_timestamp()).ok())
        .and_then(Instant::from_unix);
    let certified = finding.data.as_ref().map(|data| data.at);
    let before = finding.remarks.len();
    for (name, other) in [("Date", dated), ("daticert.xml", certified)] {
        let Some(other) = other else { continue };
        if signed.since(other).max(other.since(signed)) > CLOCK_TOLERANCE {
            let text = format!("signed at {signed} by its own account, {name} says {other}");
            finding.remark("time-differs", "PRACTICE 8.15", text);
        }
    }
    if finding.remarks.len() == before && (dated.is_some() || certified.is_some()) {
        let minutes = CLOCK_TOLERANCE / 60;
        let text = format!("signature, Date and daticert.xml agree within {minutes} minutes");
        finding.passed("times-agree", "PRACTICE 8.15", text);
    }
}

/// Mail that was good when it was made stays good; what has ended since is worth knowing.
fn validity_now(now: Instant, finding: &mut Finding) {
    let Some(signature) = finding.signature.as_ref().filter(|s| s.anchored) else {
        return;
    };
    let judged = finding.judged_at.unwrap_or(now);
    let outside = |at: Instant| {
        signature
            .chain
            .iter()
            .find(|facts| !(facts.not_before..=facts.not_after).contains(&at))
    };
    if outside(judged).is_some() {
        return;
    }
    if let Some(facts) = outside(now) {
        let (subject, from, to) = (&facts.subject, facts.not_before, facts.not_after);
        let text = format!(
            "“{subject}” is valid from {from} to {to}: good at {judged}, which was judged, but not now"
        );
        finding.remark("certificate-not-valid-now", "PRACTICE 7", text);
    }
}

/// What was cut off on its way fails for many reasons, all of them this one.
fn truncation(message: &[u8], scan: &Scan, finding: &mut Finding) {
    let top = &scan.parts[0];
    let Some(boundary) = top.content_type.boundary() else {
        return;
    };
    let closing = format!("--{boundary}--");
    if !finding.defects.is_empty() && memmem::rfind(message, closing.as_bytes()).is_none() {
        let text = format!(
            "the message ends after {} octets without its closing delimiter {closing}: it was cut off",
            message.len()
        );
        finding.remark("truncated", "RFC 2046 §5.1.1", text);
    }
}

/// Headers decide what a message is (PRACTICE 3); those who only see a subject may think otherwise.
fn likeness(message: &[u8], scan: &Scan, header: HeaderSection<'_>, finding: &mut Finding) {
    if finding.signature.is_some() {
        let text = "it is signed with S/MIME, as anybody may, and claims to be nothing of PEC";
        finding.remark("smime", "PRACTICE 3", text.to_owned());
    }
    let top = &scan.parts[0].content_type;
    if top.is("application", "pkcs7-mime") || top.is("application", "x-pkcs7-mime") {
        let form = top.parameter("smime-type").unwrap_or("form not stated");
        let text = format!(
            "it is opaque S/MIME ({top}, {form}), which was not opened: PEC signs in the clear              (multipart/signed)"
        );
        finding.remark("smime-opaque", "RFC 6109 §2.1", text);
    }
    let subject = header.text("Subject").unwrap_or_default();
    let mut traits = Vec::new();
    if SUBJECTS.iter().any(|prefix| subject.starts_with(prefix)) {
        traits.push("its subject");
    }
    let service = format!("{}@", wire::SERVICE_LOCAL_PART);
    if finding.from.contains(wire::ON_BEHALF_OF.trim_end()) || finding.from.contains(&service) {
        traits.push("its sender");
    }
    if !daticert_parts(message, scan).is_empty() {
        traits.push("a daticert.xml");
    }
    if !postacert_parts(message, scan).is_empty() {
        traits.push("a postacert.eml");
    }
    if !traits.is_empty() {
        let traits = traits.join(", ");
        let text = format!(
            "{traits} make it look like certified mail, but neither X-Trasporto nor X-Ricevuta says so"
        );
        finding.remark("looks-like-pec", "PRACTICE 3", text);
    }
}

/// A quarter of an hour: clocks are within a second (PRACTICE 9), queues before an HSM are not.
const CLOCK_TOLERANCE: u64 = 900;

/// What subjects of system messages begin with (PRACTICE 3).
const SUBJECTS: &[&str] = &[
    "POSTA CERTIFICATA:",
    "ACCETTAZIONE:",
    "CONSEGNA:",
    "ANOMALIA MESSAGGIO:",
    "AVVISO DI NON ACCETTAZIONE",
    "AVVISO DI MANCATA CONSEGNA",
    "PRESA IN CARICO:",
    "PROBLEMA DI SICUREZZA:",
];
