//! The shape of every signed system message (PRACTICE 2), from its parts to the finished octets.

use super::compose::Composer;
use crate::conversation::{Desk, Stop};
use crate::daticert::CertificationData;
use crate::fault::Fault;
use crate::ids::{Identifiers, PecId};
use crate::instant::Instant;
use crate::outcome::{Message, MessageKind};
use crate::settings::Profile;
use crate::smime::Unsigned;
use crate::texts::Rendered;

/// What goes into a system message.
pub(crate) struct Draft {
    pub kind: MessageKind,
    pub pec_id: Option<PecId>,
    /// Without brackets.
    pub message_id: String,
    /// The header fields that come before the MIME ones, complete lines.
    pub header: Composer,
    pub text: Rendered,
    /// `daticert.xml`; an anomaly envelope has none (RFC 6109 §3.2.2).
    pub data: Option<CertificationData>,
    /// `postacert.eml`: a whole message, where the kind has it.
    pub attached: Option<Composer>,
    /// What the attached message is, so that its Content-Transfer-Encoding tells the truth.
    pub attached_encoding: AttachedEncoding,
    /// Names the message within its transaction: boundaries derive from it.
    pub label: String,
}

/// Transfer encoding of an attached message: message/rfc822 may have no other (RFC 2046 §5.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttachedEncoding {
    SevenBit,
    EightBit,
}

impl AttachedEncoding {
    /// What `octets` need, or a part of them.
    pub fn of(octets: &[u8]) -> Self {
        if octets.is_ascii() {
            Self::SevenBit
        } else {
            Self::EightBit
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::EightBit => "8bit",
        }
    }
}

/// Signs drafts, all in one batch of questions, in their order. `original` is the event's
/// message, whose spans the drafts may hold.
pub(crate) async fn seal(
    drafts: Vec<Draft>,
    original: &[u8],
    ids: &Identifiers,
    now: Instant,
    profile: &Profile,
    desk: &Desk,
) -> Result<Vec<Message>, Stop> {
    let mut opened = Vec::with_capacity(drafts.len());
    for mut draft in drafts {
        let signed_part = signed_part(&mut draft, ids);
        let unsigned = Unsigned::new(signed_part.sha256(original), now).map_err(encoding)?;
        opened.push((draft, signed_part, unsigned));
    }
    let questions = opened
        .iter()
        .map(|(_, _, unsigned)| unsigned.to_be_signed())
        .collect();
    let signatures = desk.sign(questions).await?;
    let mut messages = Vec::with_capacity(opened.len());
    for ((draft, signed_part, unsigned), signature) in opened.into_iter().zip(signatures) {
        let cms = unsigned
            .finish(&profile.signer, &signature)
            .map_err(encoding)?;
        messages.push(finish(draft, signed_part, &cms, ids));
    }
    Ok(messages)
}

/// The first part of `multipart/signed`: canonical, 7-bit, without the line break that belongs
/// to the delimiter behind it.
fn signed_part(draft: &mut Draft, ids: &Identifiers) -> Composer {
    let mixed = ids.boundary(&format!("{}/mixed", draft.label));
    let alternative = ids.boundary(&format!("{}/alternative", draft.label));
    let (charset, plain, html) = draft.text.encode();
    let mut part = Composer::new();
    part.text(&format!(
        "Content-Type: multipart/mixed; boundary=\"{mixed}\"\r\n\r\n\
         --{mixed}\r\n\
         Content-Type: multipart/alternative; boundary=\"{alternative}\"\r\n\r\n"
    ));
    for (subtype, encoded) in [("plain", &plain), ("html", &html)] {
        part.text(&format!(
            "--{alternative}\r\n\
             Content-Type: text/{subtype}; charset=\"{charset}\"\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\
             Content-Disposition: inline\r\n\r\n{encoded}\r\n"
        ));
    }
    part.text(&format!("--{alternative}--\r\n"));
    if let Some(data) = &draft.data {
        part.text(&format!(
            "\r\n--{mixed}\r\n\
             Content-Type: application/xml; name=\"{DATICERT}\"\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: inline; filename=\"{DATICERT}\"\r\n\r\n"
        ))
        .base64(&data.to_xml());
    }
    if let Some(attached) = draft.attached.take() {
        part.text(&format!(
            "\r\n--{mixed}\r\n\
             Content-Type: message/rfc822; name=\"{POSTACERT}\"\r\n\
             Content-Transfer-Encoding: {}\r\n\
             Content-Disposition: inline; filename=\"{POSTACERT}\"\r\n\r\n",
            draft.attached_encoding.word()
        ))
        .append(attached);
    }
    part.text(&format!("\r\n--{mixed}--\r\n"));
    part
}

fn finish(draft: Draft, signed_part: Composer, cms: &[u8], ids: &Identifiers) -> Message {
    let outer = ids.boundary(&format!("{}/signed", draft.label));
    let mut whole = draft.header;
    whole
        .text(&format!(
            "MIME-Version: 1.0\r\n\
             Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n \
             micalg=\"sha-256\"; boundary=\"{outer}\"\r\n\r\n\
             This is an S/MIME signed message\r\n\r\n\
             --{outer}\r\n"
        ))
        .append(signed_part)
        .text(&format!(
            "\r\n--{outer}\r\n\
             Content-Type: application/pkcs7-signature; name=\"{SIGNATURE}\"\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"{SIGNATURE}\"\r\n\r\n"
        ))
        .base64(cms)
        .text(&format!("\r\n--{outer}--\r\n"));
    Message {
        kind: draft.kind,
        pec_id: draft.pec_id,
        message_id: draft.message_id,
        segments: whole.into_segments(),
    }
}

/// DER of our own values failed: a bug of ours, or a signature no key makes; never the mail.
fn encoding(error: der::Error) -> Stop {
    Fault::Settings(format!(
        "certificates: a signature cannot be encoded: {error}"
    ))
    .into()
}

/// PRACTICE 1: the names that consumers look for.
pub(crate) const DATICERT: &str = "daticert.xml";
pub(crate) const POSTACERT: &str = "postacert.eml";
const SIGNATURE: &str = "smime.p7s";
