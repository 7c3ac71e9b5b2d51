//! Formal correctness of PEC messages (RFC 6109 §2.2.2 "Formal correctness", §3, §4).
//!
//! A defect found here, on a message whose origin is good, makes it an anomaly, not a forgery.

use super::inspect::{daticert_parts, postacert_parts};
use crate::address::EmailAddress;
use crate::daticert::{self, CertificationData, DaticertKind, ErrorKind};
use crate::finding::Finding;
use crate::ids::PecId;
use crate::limits::Limits;
use crate::message::header::HeaderSection;
use crate::message::scan::{Content, Scan};
use crate::outcome::MessageKind;

/// Adds what is wrong with the form to the finding, and the certification data it read.
pub(super) fn check(message: &[u8], scan: &Scan, header: HeaderSection<'_>, finding: &mut Finding) {
    // It certifies nothing but that its provider made it (RFC 6109 §3.2.2), so nothing of its
    // content can be wrong.
    if finding.kind == MessageKind::AnomalyEnvelope {
        return;
    }
    let Some(expected) = expected_kind(&finding.kind) else {
        let text = "no rule knows a message of this kind";
        finding.defect("kind-unknown", "RFC 6109 §2.1.1", text.to_owned());
        return;
    };
    let data = match read_data(message, scan) {
        Ok(data) => data,
        Err((code, text)) => return finding.defect(code, "RFC 6109 §4.3.3, §4.4", text),
    };
    report_data(&data, finding);
    check_data(&data, expected, header, finding);
    check_error(&data, expected, finding);
    check_addressees(&data, expected, finding);
    if finding.kind == MessageKind::TransportEnvelope {
        check_original(message, scan, finding);
    }
    finding.data = Some(data);
}

fn expected_kind(kind: &MessageKind) -> Option<DaticertKind> {
    Some(match kind {
        MessageKind::TransportEnvelope => DaticertKind::TransportEnvelope,
        MessageKind::ServerUserAcceptance => DaticertKind::Acceptance,
        MessageKind::NonAcceptance | MessageKind::VirusNonAcceptance => DaticertKind::NonAcceptance,
        MessageKind::ServerServerAcceptance => DaticertKind::ServerServerAcceptance,
        MessageKind::Delivery => DaticertKind::Delivery,
        MessageKind::NonDelivery | MessageKind::VirusNonDelivery => DaticertKind::NonDelivery,
        MessageKind::Timeout => DaticertKind::Timeout,
        MessageKind::VirusDetection => DaticertKind::VirusDetection,
        MessageKind::AnomalyEnvelope | MessageKind::Ordinary | MessageKind::Other(_) => {
            return None;
        }
    })
}

/// Reads the one `daticert.xml`.
pub(crate) fn read_data(
    message: &[u8],
    scan: &Scan,
) -> Result<CertificationData, (&'static str, String)> {
    match daticert_parts(message, scan).as_slice() {
        [] => Err(("no-daticert", "there is no daticert.xml".to_owned())),
        &[part] => daticert::read(&scan.parts[part].decoded(message), &Limits::DEFAULT)
            .map_err(|why| ("bad-daticert", format!("daticert.xml: {why}"))),
        several => Err((
            "several-daticert",
            format!("there are {} daticert.xml", several.len()),
        )),
    }
}

fn check_data(
    data: &CertificationData,
    expected: DaticertKind,
    header: HeaderSection<'_>,
    finding: &mut Finding,
) {
    let (claimed, found) = (expected.word(), data.kind.word());
    if data.kind != expected {
        let text = format!("the header says {claimed}, daticert.xml says {found}");
        finding.defect("kind-differs", "RFC 6109 §4.4", text);
    } else {
        let text = format!("header and daticert.xml say the same: {claimed}");
        finding.passed("kind-agrees", "RFC 6109 §4.4", text);
    }
    if PecId::try_from(data.pec_id.as_str()).is_err() {
        let text = format!("“{}” is no message identifier", data.pec_id);
        finding.defect("bad-identifier", "RFC 6109 §2.2.1", text);
    }
    if expected == DaticertKind::TransportEnvelope {
        let id = header
            .first("Message-ID")
            .map(|f| f.unfolded())
            .unwrap_or_default();
        if id.trim_matches(['<', '>']) != data.pec_id {
            let text = format!("Message-ID is {id}, identificativo is {}", data.pec_id);
            finding.defect("identifier-differs", "PRACTICE 3", text);
        } else {
            let text = format!("Message-ID is identificativo: {}", data.pec_id);
            finding.passed("identifier-agrees", "PRACTICE 3", text);
        }
    }
}

/// `errore` is signed, the header that tells a virus is not: the signed word decides which notice
/// it is, and a header that claims a virus without it is a defect.
fn check_error(data: &CertificationData, expected: DaticertKind, finding: &mut Finding) {
    let (claims_virus, is_virus) = match finding.kind {
        MessageKind::VirusNonAcceptance | MessageKind::VirusNonDelivery => {
            (true, data.error == ErrorKind::Virus)
        }
        _ => (false, data.error == ErrorKind::Virus),
    };
    let text = |why: &str| {
        let (kind, error) = (expected.word(), data.error.word());
        format!("tipo={kind}, errore={error}: {why}")
    };
    match expected {
        DaticertKind::NonAcceptance | DaticertKind::NonDelivery if claims_virus && !is_virus => {
            let text = text("the header claims a virus that daticert.xml does not know");
            finding.defect("error-differs", RFC_DATA, text);
        }
        DaticertKind::NonAcceptance | DaticertKind::NonDelivery if !claims_virus && is_virus => {
            finding.kind = match expected {
                DaticertKind::NonDelivery => MessageKind::VirusNonDelivery,
                _ => MessageKind::VirusNonAcceptance,
            };
            let text = text("it tells of a virus, and X-VerificaSicurezza is missing");
            finding.remark("error-unmarked", "RFC 6109 §3.1.4, §3.2.4", text);
        }
        DaticertKind::NonAcceptance | DaticertKind::NonDelivery | DaticertKind::VirusDetection
            if data.error == ErrorKind::None =>
        {
            finding.remark("error-unnamed", RFC_DATA, text("a failure names its kind"));
        }
        DaticertKind::TransportEnvelope
        | DaticertKind::Acceptance
        | DaticertKind::ServerServerAcceptance
        | DaticertKind::Delivery
            if data.error != ErrorKind::None =>
        {
            let text = text("nothing can have failed where this is told");
            finding.defect("error-differs", RFC_DATA, text);
        }
        _ => {}
    }
}

/// Those it is about are there. What is no address is remarked only: the others of a presa in carico
/// are news all the same.
fn check_addressees(data: &CertificationData, expected: DaticertKind, finding: &mut Finding) {
    let about: Vec<&str> = match expected {
        DaticertKind::ServerServerAcceptance => {
            data.taken_in_charge.iter().map(String::as_str).collect()
        }
        DaticertKind::Delivery
        | DaticertKind::NonDelivery
        | DaticertKind::Timeout
        | DaticertKind::VirusDetection => data.delivery.as_deref().into_iter().collect(),
        _ => return,
    };
    let (code, element) = match expected {
        DaticertKind::ServerServerAcceptance => ("no-ricezione", "ricezione"),
        _ => ("no-consegna", "consegna"),
    };
    if about.is_empty() {
        let text = format!("a message of type {} names no {element}", expected.word());
        finding.defect(code, "RFC 6109 §4.4, PRACTICE 4", text);
    }
    let unreadable = |text: &&&str| EmailAddress::try_from(**text).is_err();
    if let Some(text) = about.iter().find(unreadable) {
        let text = format!("{element} is “{text}”, which is no address");
        finding.remark("bad-address", RFC_DATA, text);
    }
}

fn check_original(message: &[u8], scan: &Scan, finding: &mut Finding) {
    let parts = postacert_parts(message, scan);
    let right = matches!(parts.as_slice(), &[part] if scan.parts[part].content == Content::Message);
    if !right {
        let text = format!("{} readable postacert.eml instead of one", parts.len());
        finding.defect("no-postacert", "RFC 6109 §3.1.5", text);
    } else {
        let text = "the original is there, as the one readable postacert.eml";
        finding.passed("postacert", "RFC 6109 §3.1.5", text.to_owned());
    }
}

fn report_data(data: &CertificationData, finding: &mut Finding) {
    let text = format!(
        "one daticert.xml, well-formed and complete: tipo={}, errore={}",
        data.kind.word(),
        data.error.word()
    );
    finding.passed("daticert", "RFC 6109 §4.3.3, §4.4", text);
}

const RFC_DATA: &str = "RFC 6109 §4.4";
