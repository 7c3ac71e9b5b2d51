//! What is this message, and does it hold? (RFC 6109 §2.2.2, PRACTICE 7)
//!
//! Trust needs all of: a signature exists and holds; its certificate is in the provider directory;
//! the path is good at the time of judgement; the From domain is managed by the record that holds
//! the certificate; the format is right. Headers alone prove nothing.

use std::ops::Range;

use super::{agreement, format, remarks, trust};
use crate::address::EmailAddress;
use crate::conversation::{Desk, Stop};
use crate::finding::{Finding, SignatureFacts};
use crate::hex;
use crate::instant::Instant;
use crate::limits::Limits;
use crate::message::header::HeaderSection;
use crate::message::scan::{Content, Scan};
use crate::message::system::{DATICERT, POSTACERT};
use crate::outcome::{Effect, MessageKind};
use crate::question::Provider;
use crate::settings::Trust;
use crate::smime::{self, Signature, certificate_facts};
use crate::wire;

/// When and how to judge.
#[derive(Clone, Copy)]
pub(crate) struct Judgement {
    /// Judge certificates at this instant; none: at signingTime, else now.
    pub at: Option<Instant>,
    pub now: Instant,
    /// It is an arrival: recall and remember verdicts on paths, and let the policy defer.
    pub remember: bool,
}

/// What was found, and where the parts are.
pub(crate) struct Inspection {
    pub finding: Finding,
    /// None for what is no mail at all.
    pub scan: Option<Scan>,
    /// The outer Message-ID without brackets, or empty.
    pub message_id: String,
    /// Verdicts worth remembering.
    pub memos: Vec<Effect>,
}

impl Inspection {
    /// The header section of the message; empty for what is no mail at all.
    pub fn section<'m>(&self, message: &'m [u8]) -> HeaderSection<'m> {
        match &self.scan {
            Some(scan) => scan.parts[0].section(message),
            None => HeaderSection::new(b""),
        }
    }
}

/// Looks at a message.
pub(crate) async fn inspect(
    message: &[u8],
    judgement: Judgement,
    trust: Trust<'_>,
    desk: &Desk,
) -> Result<Inspection, Stop> {
    let mut inspection = Inspection {
        finding: Finding::new(MessageKind::Ordinary),
        scan: None,
        message_id: String::new(),
        memos: Vec::new(),
    };
    let scan = match Scan::new(message, &Limits::DEFAULT) {
        Ok(scan) => scan,
        Err(why) => {
            inspection
                .finding
                .defect("not-mail", "RFC 5322 §2.1", why.to_string());
            return Ok(inspection);
        }
    };
    let header = scan.parts[0].section(message);
    inspection.message_id = header
        .first("Message-ID")
        .map(|field| field.unfolded().trim_matches(['<', '>']).to_owned())
        .unwrap_or_default();
    let finding = &mut inspection.finding;
    finding.kind = claimed_kind(header);
    finding.from = header
        .first("From")
        .map(|field| field.unfolded())
        .unwrap_or_default();
    if let Some(signature) = check_signature(message, &scan, finding, desk).await? {
        check_signer(&signature, header, judgement, finding, desk).await?;
        let at = judgement
            .at
            .or(signature.signing_time)
            .unwrap_or(judgement.now);
        finding.judged_at = Some(at);
        inspection.memos = trust::check(&signature, at, judgement, finding, trust, desk).await?;
    }
    let finding = &mut inspection.finding;
    finding.from_provider = finding.defects.is_empty() && finding.issuer.is_some();
    if finding.kind != MessageKind::Ordinary {
        format::check(message, &scan, header, finding);
        agreement::check(message, &scan, header, finding);
    }
    remarks::add(message, &scan, header, judgement.now, finding);
    inspection.scan = Some(scan);
    Ok(inspection)
}

/// By the outer headers only: an anomaly envelope may wrap a whole PEC message (PRACTICE 3).
pub(crate) fn claimed_kind(header: HeaderSection<'_>) -> MessageKind {
    let word = |name| header.text(name).unwrap_or_default().to_ascii_lowercase();
    let security = word(wire::X_VERIFICA_SICUREZZA) == "errore";
    // A message has one of the two headers; where a strange one has both, X-Trasporto decides.
    match word(wire::X_TRASPORTO).as_str() {
        "" => {}
        wire::TRASPORTO_ENVELOPE => return MessageKind::TransportEnvelope,
        wire::TRASPORTO_ANOMALY => return MessageKind::AnomalyEnvelope,
        other => return unknown(other),
    }
    match word(wire::X_RICEVUTA).as_str() {
        "" => MessageKind::Ordinary,
        "accettazione" => MessageKind::ServerUserAcceptance,
        "non-accettazione" if security => MessageKind::VirusNonAcceptance,
        "non-accettazione" => MessageKind::NonAcceptance,
        "presa-in-carico" => MessageKind::ServerServerAcceptance,
        "avvenuta-consegna" => MessageKind::Delivery,
        "errore-consegna" if security => MessageKind::VirusNonDelivery,
        "errore-consegna" => MessageKind::NonDelivery,
        "preavviso-errore-consegna" => MessageKind::Timeout,
        "rilevazione-virus" => MessageKind::VirusDetection,
        other => unknown(other),
    }
}

/// No rule knows a word of this kind.
fn unknown(word: &str) -> MessageKind {
    MessageKind::Other(word.chars().take(80).collect())
}

/// Signature existence, and its arithmetic. None if there is none to speak of.
async fn check_signature(
    message: &[u8],
    scan: &Scan,
    finding: &mut Finding,
    desk: &Desk,
) -> Result<Option<Signature>, Stop> {
    const EXISTENCE: &str = "RFC 6109 §2.2.2 signature existence";
    let Some((content, octets)) = signed_parts(message, scan) else {
        // Ordinary mail claims nothing, so that it lacks a signature is no defect.
        if finding.kind != MessageKind::Ordinary {
            let text = format!(
                "the message is {}, not multipart/signed with an S/MIME signature",
                scan.parts[0].content_type
            );
            finding.defect("no-signature", EXISTENCE, text);
        }
        return Ok(None);
    };
    let signature = match Signature::read(&octets, &Limits::DEFAULT) {
        Ok(signature) => signature,
        Err(why) => {
            finding.defect("signature-unreadable", EXISTENCE, why.to_string());
            return Ok(None);
        }
    };
    let text = format!(
        "multipart/signed, with a detached CMS signature of {} octets",
        octets.len()
    );
    finding.passed("signature-found", EXISTENCE, text);
    let signed_octets = content.len();
    let computed = smime::digest(signature.digest_algorithm, &message[content]);
    finding.signature = Some(SignatureFacts {
        digest_algorithm: signature.digest_algorithm.name().to_owned(),
        message_digest: hex::encode(&signature.message_digest),
        computed_digest: hex::encode(&computed),
        signing_time: signature.signing_time,
        anchored: false,
        revocation: Vec::new(),
        chain: std::iter::once(&signature.signer)
            .chain(&signature.others)
            .filter_map(|der| certificate_facts(der))
            .collect(),
    });
    const VALIDITY: &str = "RFC 6109 §2.2.2 signature validity";
    if computed != signature.message_digest {
        let text = format!(
            "the signed part was altered on its way: its {} is {}, the signature has {}",
            signature.digest_algorithm.name(),
            hex::encode(&computed),
            hex::encode(&signature.message_digest)
        );
        finding.defect("content-altered", VALIDITY, text);
    } else {
        let text = format!(
            "the {} of the signed part, {signed_octets} octets, is the one that was signed: {}",
            signature.digest_algorithm.name(),
            hex::encode(&computed)
        );
        finding.passed("content-intact", VALIDITY, text);
    }
    if !desk.verify(signature.bare_check()).await? {
        let text = "the RSA value does not match the signed attributes and the certificate's key";
        finding.defect("signature-broken", VALIDITY, text.to_owned());
    } else {
        let text = "the RSA value matches the signed attributes and the certificate's key";
        finding.passed("signature-good", VALIDITY, text.to_owned());
    }
    Ok(Some(signature))
}

/// Origin: in the directory, and speaking for a domain of that record.
async fn check_signer(
    signature: &Signature,
    header: HeaderSection<'_>,
    judgement: Judgement,
    finding: &mut Finding,
    desk: &Desk,
) -> Result<(), Stop> {
    const ORIGIN: &str = "RFC 6109 §2.2.2 signature origin";
    let hash = hex::encode(&smime::sha1(&signature.signer));
    let records = match desk.providers_of_certificate(hash.clone()).await {
        // An arrival can come again; whoever asks about a message wants to hear the rest.
        Err(Stop::Unavailable(why)) if !judgement.remember => {
            let why = why.trim_start_matches("provider-of-certificate: ");
            let text = format!("whether the signer is a provider of the directory: {why}");
            finding.unchecked("signer-not-looked-up", ORIGIN, text);
            let text =
                "whether the signer's provider manages the domain in From: no provider is known";
            finding.unchecked("from-not-looked-up", "PRACTICE 7", text.to_owned());
            return Ok(());
        }
        records => records?,
    };
    // The hash finds, the certificate itself decides: SHA-1 proves nothing any more.
    let holders: Vec<Provider> = records
        .into_iter()
        .filter(|r| r.certificates.contains(&signature.signer))
        .collect();
    if holders.is_empty() {
        let text = format!("no provider in the directory has the certificate {hash}");
        finding.defect("signer-not-in-directory", ORIGIN, text);
        return Ok(());
    }
    let text = format!(
        "the provider directory has the signer's certificate, SHA-1 {hash}, under “{}” ({})",
        holders[0].name, holders[0].dn
    );
    finding.passed("signer-in-directory", ORIGIN, text);
    let from = header
        .first("From")
        .map(|field| field.addresses())
        .unwrap_or_default();
    let [from] = from.addresses.as_slice() else {
        let text = format!("From has {} addresses instead of one", from.addresses.len());
        finding.defect("from-not-single", "RFC 6109 §2.1", text);
        finding.issuer = holders.into_iter().next();
        return Ok(());
    };
    let managing = desk.providers_of_domains(&[from.domain()]).await?;
    let manages = |record: &Provider| {
        managing
            .iter()
            .flatten()
            .any(|manager| manager.dn == record.dn)
    };
    // One certificate may stand in the records of a main and a secondary environment (I29).
    let managing_holder = holders.iter().position(manages);
    if managing_holder.is_none() {
        let text = format!("{from} is not in a domain of {}", holders[0].name);
        finding.defect("from-not-managed", "PRACTICE 7", text);
    }
    finding.issuer = holders.into_iter().nth(managing_holder.unwrap_or(0));
    if let (Some(issuer), Some(_)) = (&finding.issuer, managing_holder) {
        let text = format!("{from}: {} is a domain of “{}”", from.domain(), issuer.name);
        finding.passed("from-managed", "PRACTICE 7", text);
    }
    Ok(())
}

/// The signed part and the decoded signature of a `multipart/signed` message (RFC 1847 §2.1).
fn signed_parts(message: &[u8], scan: &Scan) -> Option<(Range<usize>, Vec<u8>)> {
    let top = &scan.parts[0];
    if !top.content_type.is("multipart", "signed") {
        return None;
    }
    let children: Vec<usize> = scan.children(0).collect();
    let &[content, signature] = children.as_slice() else {
        return None;
    };
    let part = &scan.parts[signature];
    let is_signature = part.content_type.is("application", "pkcs7-signature")
        || part.content_type.is("application", "x-pkcs7-signature");
    is_signature.then(|| {
        (
            scan.parts[content].whole(),
            part.decoded(message).into_owned(),
        )
    })
}

/// The parts of this name inside the signed content, those of enclosed messages left out.
pub(crate) fn named_parts(message: &[u8], scan: &Scan, name: &str) -> Vec<usize> {
    (1..scan.parts.len())
        .filter(|&index| {
            let part = &scan.parts[index];
            let header = part.section(message);
            let disposition = header.content_disposition();
            let by_type = part.content_type.parameter("name");
            let by_disposition = disposition.as_ref().and_then(|d| d.parameter("filename"));
            [by_type, by_disposition]
                .into_iter()
                .flatten()
                .any(|n| n.eq_ignore_ascii_case(name))
                && !scan.has_ancestor(index, |above| above.content == Content::Message)
        })
        .collect()
}

/// `daticert.xml` parts.
pub(crate) fn daticert_parts(message: &[u8], scan: &Scan) -> Vec<usize> {
    named_parts(message, scan, DATICERT)
}

/// `postacert.eml` parts.
pub(crate) fn postacert_parts(message: &[u8], scan: &Scan) -> Vec<usize> {
    named_parts(message, scan, POSTACERT)
}

/// The addresses of an outer header.
pub(crate) fn header_addresses(message: &[u8], scan: &Scan, name: &str) -> Vec<EmailAddress> {
    let header = scan.parts[0].section(message);
    header
        .first(name)
        .map(|field| field.addresses().addresses)
        .unwrap_or_default()
}
