//! The transport envelope (busta di trasporto, RFC 6109 §3.1.5, PRACTICE 3).

use super::original::Original;
use crate::daticert::{CertificationData, ReceiptType};
use crate::instant::Instant;
use crate::message::compose::Composer;
use crate::message::system::{AttachedEncoding, Draft};
use crate::notification::{Facts, on_behalf_of};
use crate::outcome::MessageKind;
use crate::settings::Profile;
use crate::texts::{TextKind, Values};
use crate::wire;

/// Writes the envelope, all but the signature.
pub(super) fn draft(
    facts: &Facts,
    original: &Original<'_>,
    receipt_type: ReceiptType,
    postacert: Composer,
    now: Instant,
    profile: &Profile,
) -> Draft {
    let legal = now.legal_time();
    let values = Values {
        day: legal.day(),
        time: legal.time(),
        zone: legal.zone(),
        subject: facts.subject.clone().unwrap_or_default(),
        sender: facts.sender.clone(),
        recipients: facts.recipients.iter().map(|r| r.address.clone()).collect(),
        id: facts.pec_id.to_string(),
        ..Values::default()
    };
    Draft {
        kind: MessageKind::TransportEnvelope,
        pec_id: Some(facts.pec_id.clone()),
        message_id: facts.pec_id.to_string(),
        header: header(facts, original, receipt_type, now, profile),
        text: profile.texts.render(TextKind::TransportEnvelope, &values),
        data: Some(CertificationData {
            receipt_type: Some(receipt_type),
            ..facts.data(now, profile)
        }),
        attached: Some(postacert),
        attached_encoding: AttachedEncoding::SevenBit,
        label: "posta-certificata".to_owned(),
    }
}

fn header(
    facts: &Facts,
    original: &Original<'_>,
    receipt_type: ReceiptType,
    now: Instant,
    profile: &Profile,
) -> Composer {
    let mut header = original.header().inherited(INHERITED);
    if original.header().first("Reply-To").is_none() {
        header.field("Reply-To", &facts.sender);
    }
    header
        .field(wire::X_TRASPORTO, wire::TRASPORTO_ENVELOPE)
        .field("Date", &now.legal_time().rfc5322())
        .unstructured(
            "Subject",
            wire::SUBJECT_ENVELOPE,
            facts.subject.as_deref().unwrap_or_default(),
        )
        .field("From", &on_behalf_of(&facts.sender, profile))
        .field("Message-ID", &format!("<{}>", facts.pec_id))
        .field(wire::X_TIPO_RICEVUTA, receipt_type.word());
    if let Some(id) = &facts.message_id {
        header.foreign_field(wire::X_RIFERIMENTO, id);
    }
    header
}

/// RFC 6109 §2.1.1.2 without Return-Path, which final delivery adds (PRACTICE 1).
const INHERITED: &[&str] = &["Received", "To", "Cc", "Reply-To"];
