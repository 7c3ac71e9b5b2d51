//! A message as its reader finds it: headers, texts and attachments.

use sha2::{Digest as _, Sha256};

use super::{MailFacts, PartFacts, TransferEncoding};
use crate::hex;
use crate::limits::Limits;
use crate::message::header;
use crate::message::scan::{Content, Part, Scan};

/// The facts of the message that begins at `original`, a part of `message`.
pub(super) fn facts(message: &[u8], scan: &Scan, original: usize) -> MailFacts {
    let header = scan.parts[original].section(message);
    let text = |name| header.text(name).unwrap_or_default();
    let unfolded = |name| header.first(name).map(|f| f.unfolded()).unwrap_or_default();
    let listed: Vec<usize> = visible(scan, original).collect();
    let shown = listed.len().min(Limits::DEFAULT.listed);
    let paths = scan.paths();
    MailFacts {
        from: text("From"),
        to: text("To"),
        cc: text("Cc"),
        subject: text("Subject"),
        date: text("Date"),
        message_id: unfolded("Message-ID"),
        parts: listed[..shown]
            .iter()
            .map(|&part| part_facts(message, &scan.parts[part], paths.of(part)))
            .collect(),
        unlisted: listed.len() - shown,
        whole: super::whole(scan, original),
    }
}

/// Leaves and attached messages of the message at `original`; an attached message is one file,
/// and what is inside it belongs to it.
pub(super) fn visible(scan: &Scan, original: usize) -> impl Iterator<Item = usize> + '_ {
    // Parts stand behind their parents: one pass tells for each whether it is in sight.
    let mut open = vec![false; scan.parts.len()];
    (original..scan.parts.len()).filter(move |&index| {
        let part = &scan.parts[index];
        let in_sight = index == original || part.parent.is_some_and(|parent| open[parent]);
        open[index] = in_sight && part.content == Content::Multipart;
        in_sight && part.content != Content::Multipart
    })
}

/// The name that a reader shows for a part.
pub(super) fn name(message: &[u8], part: &Part) -> Option<String> {
    part.section(message).file_names().into_iter().next()
}

/// The SHA-1 in a `.hash` file of a brief receipt (RFC 6109 §3.3.2.2): 40 hex digits.
pub(super) fn hash(name: Option<&str>, content: &[u8]) -> Option<String> {
    let named = name.is_some_and(|name| name.to_ascii_lowercase().ends_with(HASH_SUFFIX));
    let text = std::str::from_utf8(content).ok()?.trim();
    let digits = text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    (named && digits).then(|| text.to_ascii_lowercase())
}

fn part_facts(message: &[u8], part: &Part, path: String) -> PartFacts {
    let content = part.decoded(message);
    let name = name(message, part);
    PartFacts {
        path,
        content_type: part.content_type.to_string(),
        size: content.len(),
        sha256: hex::encode(&Sha256::digest(&content)),
        hash: hash(name.as_deref(), &content),
        charset: part.content_type.parameter("charset").map(str::to_owned),
        body: part.body.clone(),
        encoding: match part.encoding {
            header::TransferEncoding::Base64 => TransferEncoding::Base64,
            header::TransferEncoding::QuotedPrintable => TransferEncoding::QuotedPrintable,
            _ => TransferEncoding::Identity,
        },
        name,
    }
}

/// What is appended to the name of an attachment that its hash replaces.
pub(super) const HASH_SUFFIX: &str = ".hash";
