//! The changes an original needs before it may stand inside signed content, and no others
//! (PRACTICE 2 "8-bit originals", PRACTICE 3 "Inside postacert.eml").
//!
//! Changes are collected as edits of the original and applied while composing: octets that no
//! edit touches stay spans of the original, byte for byte.

use std::fmt;
use std::ops::Range;

use encodify::{base64, qp};

use super::compose::Composer;
use super::header::{HeaderSection, TransferEncoding};
use super::scan::{Content, Part, Scan};

/// Replacements of runs of the original.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    edits: Vec<(Range<usize>, Vec<u8>)>,
}

impl Edits {
    /// Replaces `span`; an empty span inserts.
    pub fn replace(&mut self, span: Range<usize>, with: impl Into<Vec<u8>>) {
        self.edits.push((span, with.into()));
    }

    /// Writes `whole` with the edits applied. Insertions at one place keep the order in which
    /// they were made.
    pub fn apply(mut self, whole: Range<usize>) -> Composer {
        self.edits.sort_by_key(|(span, _)| (span.start, span.end));
        let mut composer = Composer::new();
        let mut position = whole.start;
        for (span, with) in self.edits {
            composer.original(position..span.start).owned(with);
            position = span.end;
        }
        composer.original(position..whole.end);
        composer
    }
}

/// Why an original cannot be made fit for 7-bit transport without damage. The sender's fault:
/// each ends in a notice of non-acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotSevenBit {
    /// Octets above 127 in a header (RFC 5322 §2.2); the part and, where known, the field.
    Header { part: String, field: String },
    /// A header line over 998 octets (RFC 5322 §2.1.1).
    HeaderLine { part: String },
    /// Re-encoding would break a signature that the user made.
    Signed { part: String },
    /// Octets above 127, or long lines, between the parts of a multipart.
    Preamble { part: String },
}

impl fmt::Display for NotSevenBit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { part, field } => {
                write!(f, "8-bit octets in header {field} of part {part}")
            }
            Self::HeaderLine { part } => write!(f, "a header line over 998 octets, part {part}"),
            Self::Signed { part } => write!(f, "8-bit octets under a signature, part {part}"),
            Self::Preamble { part } => write!(f, "8-bit octets between the parts of part {part}"),
        }
    }
}

/// Finds what must be re-encoded.
pub(crate) fn to_seven_bit(
    message: &[u8],
    scan: &Scan,
    edits: &mut Edits,
) -> Result<(), NotSevenBit> {
    for (index, part) in scan.parts.iter().enumerate() {
        if part.header_8bit {
            return Err(NotSevenBit::Header {
                part: scan.path(index),
                field: eight_bit_field(&message[part.header.clone()]),
            });
        }
        if part.header_long_line {
            return Err(NotSevenBit::HeaderLine {
                part: scan.path(index),
            });
        }
        if !part.body_8bit && !part.body_long_line {
            continue;
        }
        if part.content != Content::Leaf {
            return Err(NotSevenBit::Preamble {
                part: scan.path(index),
            });
        }
        if scan.has_ancestor(index, |p| p.content_type.is("multipart", "signed")) {
            return Err(NotSevenBit::Signed {
                part: scan.path(index),
            });
        }
        recode_leaf(message, scan, index, edits);
    }
    Ok(())
}

/// Gives one leaf a 7-bit transfer encoding. What a reader decodes stays the same octets.
fn recode_leaf(message: &[u8], scan: &Scan, index: usize, edits: &mut Edits) {
    let part = &scan.parts[index];
    let body = &message[part.body.clone()];
    let (encoding, encoded) = match part.encoding {
        // RFC 2045 §6.8: anything outside the alphabet is to be ignored, so only the line breaks
        // of the encoded text change.
        TransferEncoding::Base64 => ("base64", rewrap_base64(body)),
        // Escapes stay escapes: only octets above 127 and line lengths change.
        TransferEncoding::QuotedPrintable => ("quoted-printable", rewrap_quoted_printable(body)),
        _ => match readable(part, body) {
            Some(text) => ("quoted-printable", text.into_bytes()),
            None => ("base64", base64::MIME.encode(body).into_bytes()),
        },
    };
    let replacement = match part.separator() {
        "" => encoded,
        separator => [separator.as_bytes(), &encoded].concat(),
    };
    edits.replace(part.body.clone(), replacement);

    let section = part.section(message);
    let at = part.header.start;
    let field = format!("Content-Transfer-Encoding: {encoding}\r\n");
    match section.first("Content-Transfer-Encoding") {
        Some(old) if part.encoding.is_identity() || part.encoding == TransferEncoding::Unknown => {
            edits.replace(at + old.span.start..at + old.span.end, field);
        }
        Some(_) => {}
        None => {
            // An enclosed message may begin with a line that ended the header above.
            let above = scan.ancestors(index).map(|above| &scan.parts[above]);
            let begins_here = |above: &&Part| above.header.end == part.header.start;
            let mut added: String = above.take_while(begins_here).map(Part::separator).collect();
            let is_entity_of_a_multipart = part.parent.is_some();
            if !is_entity_of_a_multipart && section.first("MIME-Version").is_none() {
                added.push_str("MIME-Version: 1.0\r\n");
            }
            added.push_str(&field);
            if section.first("Content-Type").is_none() {
                // The sender declared nothing; claim no more than can be seen (RFC 1428 §3).
                let charset = if std::str::from_utf8(body).is_ok() {
                    "utf-8"
                } else {
                    "unknown-8bit"
                };
                added.push_str(&format!("Content-Type: text/plain; charset={charset}\r\n"));
            }
            edits.replace(part.header.end..part.header.end, added);
        }
    }
}

/// A text in quoted-printable, where that is of use to somebody and begins no line as a boundary
/// begins, which the original did not.
fn readable(part: &Part, body: &[u8]) -> Option<String> {
    if part.content_type.essence() != "text" || !stays_readable(body) {
        return None;
    }
    let text = qp::BODY.encode(body);
    (!text.contains("=\r\n--")).then_some(text)
}

/// Quoted-printable takes three octets for one above 127, base64 four for any three: from one in six
/// on, base64 is shorter, and nobody could read the other in a text editor either. In a short text
/// that hardly matters.
fn stays_readable(body: &[u8]) -> bool {
    let foreign = body.iter().filter(|octet| !octet.is_ascii()).count();
    foreign <= SHORT + body.len() / 6
}

fn rewrap_base64(body: &[u8]) -> Vec<u8> {
    let symbols: Vec<u8> = body
        .iter()
        .copied()
        .filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
        .collect();
    symbols
        .chunks(ENCODED_LINE)
        .collect::<Vec<_>>()
        .join(&b"\r\n"[..])
}

fn rewrap_quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + body.len() / 16);
    let mut rest = body;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        // Blanks at the end of a line are no content (RFC 2045 §6.7 rule 3), and would be some if
        // the line were broken among them.
        let line = &rest[..end];
        let blank = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r');
        let length = line.iter().rposition(|octet| !blank(octet));
        wrap_quoted_printable(&line[..length.map_or(0, |last| last + 1)], &mut out);
        out.extend_from_slice(b"\r\n");
        rest = &rest[end + 1..];
    }
    wrap_quoted_printable(rest, &mut out);
    out
}

fn wrap_quoted_printable(line: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    let mut rest = line;
    while let Some(&octet) = rest.first() {
        // An escape, a soft line break's `=`, or one plain octet: never split.
        let escape = octet == b'='
            && rest
                .get(1..3)
                .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let (mut token, length): (std::borrow::Cow<'_, [u8]>, usize) = match octet {
            b'=' if escape => (rest[..3].into(), 3),
            0x80.. => (qp::BODY.encode_byte(octet).as_bytes().into(), 1),
            _ => (rest[..1].into(), 1),
        };
        let ends_line = rest.len() == length;
        if column + token.len() > ENCODED_LINE - usize::from(!ends_line) {
            out.extend_from_slice(b"=\r\n");
            column = 0;
            if octet == b'-' {
                // At the beginning of a line it could begin a boundary.
                token = b"=2D"[..].into();
            }
        }
        out.extend_from_slice(&token);
        column += token.len();
        rest = &rest[length..];
    }
}

/// The name of the first field with octets above 127; the message is shown to people, so no more
/// of it than the name.
fn eight_bit_field(header: &[u8]) -> String {
    HeaderSection::new(header)
        .fields()
        .find(|field| !field.value.is_ascii())
        .map_or_else(
            || "?".to_owned(),
            |field| field.name.chars().take(80).collect(),
        )
}

/// Two lines of it.
const SHORT: usize = 160;
/// RFC 2045 §6.7, §6.8.
const ENCODED_LINE: usize = 76;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::outcome::{Message, MessageKind};
    use mail_parser::{MessageParser, MimeHeaders};

    fn recoded(message: &[u8]) -> Result<Vec<u8>, NotSevenBit> {
        let scan = Scan::new(message, &Limits::DEFAULT).unwrap();
        let mut edits = Edits::default();
        to_seven_bit(message, &scan, &mut edits)?;
        let segments = edits.apply(0..message.len()).into_segments();
        let kind = MessageKind::Ordinary;
        let whole = Message {
            kind,
            pec_id: None,
            message_id: String::new(),
            segments,
        };
        Ok(whole.splice(message))
    }

    #[test]
    fn a_seven_bit_original_stays_one_span() {
        let message = b"From: a@b.example\r\n\r\nplain\r\n";
        let scan = Scan::new(message, &Limits::DEFAULT).unwrap();
        let mut edits = Edits::default();
        to_seven_bit(message, &scan, &mut edits).unwrap();
        let segments = edits.apply(0..message.len()).into_segments();
        assert_eq!(
            segments,
            [crate::outcome::Segment::Original(0..message.len())]
        );
    }

    /// mail-parser decodes both: what a reader sees must not change.
    #[test]
    fn f26_recoded_parts_decode_to_the_same_content() {
        let long = "x".repeat(5000);
        let message = format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n\
             --o\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\nperché = così \r\nsì\r\n\
             --o\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{long}\r\n\
             --o\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
             {long}=3D=\r\nend\r\n\
             --o\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n\
             {}\r\n--o--\r\n",
            "QUJD".repeat(600)
        );
        let out = recoded(message.as_bytes()).unwrap();
        assert!(out.is_ascii());
        assert!(out.split(|&b| b == b'\n').all(|line| line.len() <= 999));
        let (old, new) = (
            MessageParser::new().parse(message.as_bytes()).unwrap(),
            MessageParser::new().parse(&out).unwrap(),
        );
        assert_eq!(new.parts.len(), 5);
        for (before, after) in old.parts.iter().zip(&new.parts).skip(1) {
            assert_eq!(
                before.contents(),
                after.contents(),
                "{:?}",
                before.content_type()
            );
        }
    }

    #[test]
    fn f26_a_body_without_any_mime_header_gets_them() {
        let out = recoded("Subject: a\r\n\r\nperché\r\n".as_bytes()).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "Subject: a\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\nperch=C3=A9\r\n"
        );
    }

    #[test]
    fn f26_what_would_be_damaged_is_refused() {
        let header = recoded("Subject: perché\r\n\r\n\r\n".as_bytes()).unwrap_err();
        assert_eq!(
            header,
            NotSevenBit::Header {
                part: "0".into(),
                field: "Subject".into()
            }
        );
        let signed = recoded(
            "Content-Type: multipart/signed; boundary=o\r\n\r\n--o\r\n\r\nperché\r\n--o--\r\n"
                .as_bytes(),
        );
        assert_eq!(
            signed.unwrap_err(),
            NotSevenBit::Signed { part: "1".into() }
        );
    }
}
