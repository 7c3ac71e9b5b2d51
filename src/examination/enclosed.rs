//! PEC messages that lie inside a message: forwarded as attachments, or wrapped by an anomaly.
//!
//! Only the outermost are found; what lies inside them is found when they are examined.

use std::borrow::Cow;

use super::{EnclosedMessage, contents};
use crate::incoming_point::inspect::claimed_kind;
use crate::limits::Limits;
use crate::message::scan::{Content, Part, Scan};
use crate::outcome::{MessageKind, Segment};

/// All of them, in their order, up to the limit.
pub(super) fn find(message: &[u8], scan: &Scan) -> Vec<EnclosedMessage> {
    let mut found = Vec::new();
    let paths = scan.paths();
    // What is inside a part that was taken, or inside what is.
    let mut taken = vec![false; scan.parts.len()];
    for index in 1..scan.parts.len() {
        let part = &scan.parts[index];
        if part.parent.is_some_and(|parent| taken[parent]) {
            taken[index] = true;
            continue;
        }
        if found.len() == Limits::DEFAULT.enclosed {
            break;
        }
        if let Some((kind, content)) = enclosed(message, scan, index) {
            taken[index] = true;
            found.push(EnclosedMessage {
                path: paths.of(index),
                name: contents::name(message, part),
                kind,
                content,
            });
        }
    }
    found
}

/// The message that a part is, if its headers say that it is PEC.
fn enclosed(message: &[u8], scan: &Scan, index: usize) -> Option<(MessageKind, Segment)> {
    let part = &scan.parts[index];
    if part.content == Content::Message {
        let kind = claimed_kind(scan.parts[index + 1].section(message));
        let content = Segment::Original(part.body.clone());
        return (kind != MessageKind::Ordinary).then_some((kind, content));
    }
    // Mail programs attach messages as files, too, in base64.
    if part.content != Content::Leaf || !looks_like_mail(message, part) {
        return None;
    }
    let content = part.decoded(message);
    let inner = Scan::new(&content, &Limits::DEFAULT).ok()?;
    let kind = claimed_kind(inner.parts[0].section(&content));
    let content = match content {
        Cow::Borrowed(_) => Segment::Original(part.body.clone()),
        Cow::Owned(octets) => Segment::Bytes(octets),
    };
    (kind != MessageKind::Ordinary).then_some((kind, content))
}

fn looks_like_mail(message: &[u8], part: &Part) -> bool {
    part.content_type.is("message", "rfc822")
        || contents::name(message, part)
            .is_some_and(|name| name.to_ascii_lowercase().ends_with(".eml"))
}
