//! Examinations: what is this message, does it hold, and what is inside? With no effect.
//!
//! For people who receive PEC and are no provider: of the settings only what trust rests on is
//! read. The judgement is the incoming point's own; this adds what an arrival has no use for: the
//! content as a reader finds it ([`contents`]), PEC messages enclosed in it ([`enclosed`]), and
//! whether the original inside is a given one ([`compare`]).

mod compare;
mod contents;
mod enclosed;

use std::ops::Range;

use serde::Serialize;

use crate::conversation::{Desk, Stop};
use crate::event::{Context, Examination};
use crate::finding::Check;
use crate::incoming_point::inspect::{Judgement, inspect, postacert_parts};
use crate::message::scan::{Content, Scan};
use crate::outcome::{MessageKind, Outcome, Reply, Segment};
use crate::plain;

/// What is inside a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// The original inside `postacert.eml`; of ordinary mail, the message itself.
    pub original: Option<MailFacts>,
    /// PEC messages that lie inside, the outermost ones.
    pub enclosed: Vec<EnclosedMessage>,
    /// How the original compares with the one given; empty where none was.
    pub comparison: Vec<Check>,
}

/// A mail message as its reader knows it. Header values are decoded; empty where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "named as the header fields")]
#[serde(rename_all = "camelCase")]
pub struct MailFacts {
    pub from: String,
    pub to: String,
    pub cc: String,
    pub subject: String,
    pub date: String,
    pub message_id: String,
    /// Its leaves and attached messages, in their order.
    pub parts: Vec<PartFacts>,
    /// Parts that are not listed, being too many ([`crate::limits::Limits::listed`]).
    pub unlisted: usize,
    /// All of it, in the message that was examined.
    #[serde(serialize_with = "plain::span::serialize")]
    pub whole: Range<usize>,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartFacts {
    /// Where it stands in the whole message: `1.3.2`.
    pub path: String,
    /// `type/subtype`.
    pub content_type: String,
    /// The file name, where it has one.
    pub name: Option<String>,
    /// Octets, transfer encoding undone.
    pub size: usize,
    /// SHA-256 of these, hex.
    pub sha256: String,
    /// In a brief receipt: the SHA-1 that stands in the place of the attachment.
    pub hash: Option<String>,
    /// `charset` of Content-Type, as written.
    pub charset: Option<String>,
    /// Its body as it travels, in the message that was examined.
    #[serde(serialize_with = "plain::span::serialize")]
    pub body: Range<usize>,
    /// What that body is encoded with.
    pub encoding: TransferEncoding,
}

/// What undoes the transfer encoding of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferEncoding {
    /// Nothing need be done, or nobody knows what (RFC 2045 §6.4).
    Identity,
    /// Base64.
    Base64,
    /// Quoted-printable.
    QuotedPrintable,
}

/// A PEC message inside another message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnclosedMessage {
    /// Where it stands: `2.1`.
    pub path: String,
    /// Its file name, where it has one.
    pub name: Option<String>,
    /// What it is by its headers.
    pub kind: MessageKind,
    /// Its octets.
    pub content: Segment,
}

/// Judges a message, with no effect.
pub(crate) async fn examine(
    context: Context,
    event: Examination,
    desk: Desk,
) -> Result<Outcome, Stop> {
    let judgement = Judgement {
        at: event.at,
        now: context.now,
        remember: false,
    };
    let message = &event.message;
    let trust = context.settings.trust();
    let inspection = inspect(message, judgement, trust, &desk).await?;
    let mut finding = inspection.finding;
    if let (Some(scan), Some(query)) = (&inspection.scan, &event.contents) {
        let original = original_part(message, scan, &finding.kind);
        finding.contents = Some(Contents {
            original: original.map(|part| contents::facts(message, scan, part)),
            enclosed: enclosed::find(message, scan),
            comparison: query.original.as_ref().map_or_else(Vec::new, |given| {
                let inside = original.map(|part| &message[whole(scan, part)]);
                compare::compare(&finding, inside, given)
            }),
        });
    }
    let mut outcome = Outcome::only(Reply::new(250, "2.0.0", "Examined"));
    outcome.finding = Some(finding);
    Ok(outcome)
}

/// The part that is the original: inside `postacert.eml`, or ordinary mail itself.
fn original_part(message: &[u8], scan: &Scan, kind: &MessageKind) -> Option<usize> {
    if *kind == MessageKind::Ordinary {
        return Some(0);
    }
    match postacert_parts(message, scan).as_slice() {
        &[part] if scan.parts[part].content == Content::Message => Some(part + 1),
        _ => None,
    }
}

/// All octets of a message that is a part; it ends where what contains it ends.
fn whole(scan: &Scan, part: usize) -> Range<usize> {
    let part = &scan.parts[part];
    match part.parent {
        Some(parent) => scan.parts[parent].body.clone(),
        None => part.whole(),
    }
}
