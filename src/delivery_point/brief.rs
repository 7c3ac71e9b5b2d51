//! The brief delivery receipt (RFC 6109 §3.3.2.2): the original's structure with every attachment
//! replaced by its hash. Large automated senders ask for it: a main path (PRACTICE 8.10).

use mail_builder::headers::Header as _;
use mail_builder::headers::content_type::ContentType as Value;

use crate::hex;
use crate::message::compose::Composer;
use crate::message::recode::Edits;
use crate::message::scan::{Content, Part, Scan};
use crate::smime;

/// The original inside `postacert` (index of the part), attachments replaced.
pub(crate) fn abbreviate(message: &[u8], scan: &Scan, postacert: usize) -> Composer {
    let original = postacert + 1;
    let mut edits = Edits::default();
    // Of each part: is it inside one that was replaced? Parts stand behind their parents, so one look
    // at the parent tells; there may be thousands, deep inside each other.
    let mut gone = vec![false; scan.parts.len()];
    let signatures = signatures(scan);
    // An S/MIME object cannot be taken apart: the receipt is then as a complete one.
    let opaque = ["pkcs7-mime", "x-pkcs7-mime"];
    let is_opaque = |part: usize| {
        opaque
            .iter()
            .any(|subtype| scan.parts[part].content_type.is("application", subtype))
    };
    for index in original..scan.parts.len() {
        gone[index] = index != original
            && scan.parts[index]
                .parent
                .is_none_or(|parent| parent < original || gone[parent]);
        if gone[index] || is_opaque(index) || signatures[index] {
            continue;
        }
        if let Some(name) = file_name(message, scan, index) {
            replace(message, scan, index, &name, &mut edits);
            gone[index] = true;
        }
    }
    edits.apply(scan.parts[postacert].body.clone())
}

/// Named parts and attached messages are files; the rest is text to be kept. The original itself
/// is a message, not an attached one.
fn file_name(message: &[u8], scan: &Scan, index: usize) -> Option<String> {
    let part = &scan.parts[index];
    let header = part.section(message);
    let disposition = header.content_disposition();
    let by_disposition = disposition.as_ref().and_then(|d| d.parameter("filename"));
    let name = by_disposition
        .or(part.content_type.parameter("name"))
        .map(str::to_owned);
    if part.content == Content::Message || part.content_type.is("message", "rfc822") {
        return Some(name.unwrap_or_else(|| UNNAMED_MESSAGE.to_owned()));
    }
    name.filter(|_| part.content == Content::Leaf)
}

/// SHA-1 over the body as it travels, encoding included, as 40 hex digits (PRACTICE 8.10).
fn replace(message: &[u8], scan: &Scan, index: usize, name: &str, edits: &mut Edits) {
    let part = &scan.parts[index];
    let hash = hex::encode(&smime::sha1(&message[part.body.clone()]));
    let hash_name = format!("{name}.hash");
    let start = part.header.start;
    let section = part.section(message);
    let mut last_kept: &[u8] = b"\n";
    for field in section.fields() {
        let about_content = [
            "Content-Type",
            "Content-Transfer-Encoding",
            "Content-Disposition",
        ];
        if about_content
            .iter()
            .any(|name| field.name.eq_ignore_ascii_case(name))
        {
            edits.replace(start + field.span.start..start + field.span.end, "");
        } else {
            last_kept = &message[part.header.clone()][field.span];
        }
    }
    // The line break behind the last field may belong to a boundary, and the blank line be missing.
    let mut fields = match last_kept.ends_with(b"\n") {
        true => Vec::new(),
        false => b"\r\n".to_vec(),
    };
    fields.extend_from_slice(b"Content-Type: ");
    Value::new("text/plain")
        .attribute("charset", "us-ascii")
        .attribute("name", hash_name.as_str())
        .write_header(&mut fields, "Content-Type: ".len());
    fields.extend_from_slice(b"Content-Transfer-Encoding: 7bit\r\nContent-Disposition: ");
    Value::new("attachment")
        .attribute("filename", hash_name.as_str())
        .write_header(&mut fields, "Content-Disposition: ".len());
    edits.replace(part.header.end..part.header.end, fields);
    // The line break before the next boundary may have been the last one of a header.
    let is_boundarys_own = !message[part.body.end..].starts_with(b"--");
    let end = if is_boundarys_own { "" } else { "\r\n" };
    edits.replace(part.body.clone(), [part.separator(), &hash, end].concat());
}

/// Of each part: is it the signature of a `multipart/signed`, its second part? That one stays, though
/// it no longer fits (RFC 6109 §3.3.2.2).
fn signatures(scan: &Scan) -> Vec<bool> {
    let mut siblings = vec![0_u8; scan.parts.len()];
    let is_second = |part: &Part| {
        let Some(parent) = part.parent else {
            return false;
        };
        siblings[parent] = siblings[parent].saturating_add(1);
        siblings[parent] == 2 && scan.parts[parent].content_type.is("multipart", "signed")
    };
    scan.parts.iter().map(is_second).collect()
}

const UNNAMED_MESSAGE: &str = "message.eml";
