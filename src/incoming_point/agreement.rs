//! Do headers, certification data, certificate and original say the same? (PRACTICE 1, 3)
//!
//! The signature covers the certification data and the original, not the headers: people read the
//! headers. Where they disagree nothing is refused, because providers differ in them; it is said.

use super::inspect::postacert_parts;
use crate::daticert::{CertificationData, ReceiptType};
use crate::finding::Finding;
use crate::message::header::HeaderSection;
use crate::message::scan::{Content, Scan};
use crate::outcome::MessageKind;
use crate::wire;

/// Compares what can be compared; each comparison passes, or becomes a remark.
pub(super) fn check(message: &[u8], scan: &Scan, header: HeaderSection<'_>, finding: &mut Finding) {
    certified_address(header, finding);
    repetitions(header, finding);
    let Some(data) = finding.data.take() else {
        return;
    };
    reference(header, &data, finding);
    parties(header, &data, finding);
    subject(header, &data, finding);
    if finding.kind == MessageKind::TransportEnvelope {
        receipt_type(header, &data, finding);
    }
    if finding.kind == MessageKind::Delivery {
        delivered_to(&data, finding);
    }
    original(message, scan, &data, finding);
    finding.data = Some(data);
}

/// Mail clients show a signature as good only if From is the address in the certificate.
fn certified_address(header: HeaderSection<'_>, finding: &mut Finding) {
    let signer = finding.signature.as_ref().and_then(|s| s.chain.first());
    let Some(certified) = signer.map(|facts| facts.address.clone().unwrap_or_default()) else {
        return;
    };
    let from = header.first("From").map(|field| field.addresses());
    let from = from.as_ref().and_then(|list| list.addresses.first());
    let from = from.map_or("", |address| address.as_str());
    let same = !from.is_empty() && from.eq_ignore_ascii_case(&certified);
    let text = if same {
        format!("From is the address in the signer's certificate: {from}")
    } else {
        format!("From is “{from}”, the signer's certificate is for “{certified}”")
    };
    note(
        same,
        "from-certified",
        "from-not-certified",
        "PRACTICE 1",
        text,
        finding,
    );
}

/// Of a field that stands twice we read the first, a mail program may show the other.
fn repetitions(header: HeaderSection<'_>, finding: &mut Finding) {
    for name in READ_ONCE {
        let count = header.named(name).count();
        if count > 1 {
            let text = format!("{name} stands {count} times in the header; the first was judged");
            finding.remark("field-repeated", "RFC 5322 §3.6", text);
        }
    }
}

/// Consumers match receipts to what they sent by it.
fn reference(header: HeaderSection<'_>, data: &CertificationData, finding: &mut Finding) {
    let field = header.first(wire::X_RIFERIMENTO).map(|f| f.unfolded());
    let (Some(field), Some(message_id)) = (field, &data.message_id) else {
        return;
    };
    let same = bare(&field) == bare(message_id);
    let text = if same {
        format!("X-Riferimento-Message-ID and msgid name the same message: {message_id}")
    } else {
        format!("X-Riferimento-Message-ID is {field}, msgid is {message_id}")
    };
    note(
        same,
        "reference-agrees",
        "reference-differs",
        "PRACTICE 3",
        text,
        finding,
    );
}

/// An envelope is from its sender, on whose behalf it goes; what comes back is to the sender.
fn parties(header: HeaderSection<'_>, data: &CertificationData, finding: &mut Finding) {
    let field = match finding.kind {
        MessageKind::TransportEnvelope => "From",
        MessageKind::ServerUserAcceptance
        | MessageKind::NonAcceptance
        | MessageKind::VirusNonAcceptance
        | MessageKind::Delivery
        | MessageKind::NonDelivery
        | MessageKind::VirusNonDelivery
        | MessageKind::Timeout => "To",
        _ => return,
    };
    let value = header.text(field).unwrap_or_default();
    let sender = data.sender.to_ascii_lowercase();
    let same = !sender.is_empty() && value.to_ascii_lowercase().contains(&sender);
    let text = if same {
        format!("{field} names the sender of daticert.xml: {}", data.sender)
    } else {
        format!("{field} is “{value}”, mittente is “{}”", data.sender)
    };
    note(
        same,
        "sender-agrees",
        "sender-differs",
        "PRACTICE 3",
        text,
        finding,
    );
}

fn subject(header: HeaderSection<'_>, data: &CertificationData, finding: &mut Finding) {
    let (Some(found), Some(original)) = (header.text("Subject"), &data.subject) else {
        return;
    };
    // Folding and encoded words may change runs of blanks.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let same = words(&found).ends_with(&words(original));
    let text = if same {
        format!("Subject ends in oggetto: “{original}”")
    } else {
        format!("Subject is “{found}”, oggetto is “{original}”")
    };
    note(
        same,
        "subject-agrees",
        "subject-differs",
        "PRACTICE 3",
        text,
        finding,
    );
}

fn receipt_type(header: HeaderSection<'_>, data: &CertificationData, finding: &mut Finding) {
    let field = header.text(wire::X_TIPO_RICEVUTA);
    let asked = ReceiptType::requested(field.as_deref());
    let Some(certified) = data.receipt_type else {
        return;
    };
    let same = asked == certified;
    let text = format!(
        "X-TipoRicevuta asks for {}, ricevuta is {}",
        asked.word(),
        certified.word()
    );
    note(
        same,
        "receipt-type-agrees",
        "receipt-type-differs",
        "PRACTICE 8.9",
        text,
        finding,
    );
}

fn delivered_to(data: &CertificationData, finding: &mut Finding) {
    let Some(delivered) = &data.delivery else {
        return;
    };
    let same = data
        .recipients
        .iter()
        .any(|recipient| recipient.address.eq_ignore_ascii_case(delivered));
    let text = if same {
        format!("consegna is one of the recipients: {delivered}")
    } else {
        format!("consegna is {delivered}, which is none of the recipients")
    };
    note(
        same,
        "recipient-agrees",
        "recipient-unknown",
        "RFC 6109 §4.4",
        text,
        finding,
    );
}

/// Envelope Message-ID = identificativo = Message-ID of the original inside.
fn original(message: &[u8], scan: &Scan, data: &CertificationData, finding: &mut Finding) {
    let parts = postacert_parts(message, scan);
    let &[part] = parts.as_slice() else { return };
    if scan.parts[part].content != Content::Message {
        return;
    }
    let section = scan.parts[part + 1].section(message);
    let inner = section.first("Message-ID").map(|f| f.unfolded());
    let inner = inner.unwrap_or_default();
    let same = bare(&inner) == data.pec_id;
    let text = if same {
        format!(
            "the original inside has identificativo as its Message-ID: {}",
            data.pec_id
        )
    } else {
        format!(
            "the original inside has the Message-ID {inner}, identificativo is {}",
            data.pec_id
        )
    };
    note(
        same,
        "inner-identifier-agrees",
        "inner-identifier-differs",
        "PRACTICE 3",
        text,
        finding,
    );
}

fn note(
    same: bool,
    agrees: &'static str,
    differs: &'static str,
    clause: &'static str,
    text: String,
    finding: &mut Finding,
) {
    if same {
        finding.passed(agrees, clause, text);
    } else {
        finding.remark(differs, clause, text);
    }
}

/// What this module and its neighbours read of the header.
const READ_ONCE: &[&str] = &[
    "From",
    "Subject",
    "Date",
    "Message-ID",
    "Content-Type",
    wire::X_TRASPORTO,
    wire::X_RICEVUTA,
    wire::X_RIFERIMENTO,
];

fn bare(id: &str) -> &str {
    id.trim().trim_matches(['<', '>'])
}
