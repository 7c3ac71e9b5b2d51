//! Writing messages as segments, so that the original is neither copied nor held twice
//! (ARCHITECTURE, decision 5).

use std::ops::Range;

use encodify::base64;
use mail_builder::headers::Header as _;
use mail_builder::headers::text::Text;
use sha2::{Digest, Sha256};

use crate::limits::Limits;
use crate::outcome::Segment;

/// A message, or a part of one, being written. Line breaks are the caller's, CRLF always.
#[derive(Clone, Debug, Default)]
pub(crate) struct Composer {
    segments: Vec<Segment>,
}

impl Composer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends text as it is.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends octets as they are.
    pub fn bytes(&mut self, octets: &[u8]) -> &mut Self {
        self.buffer().extend_from_slice(octets);
        self
    }

    /// Appends octets as they are. Many of them are not copied.
    pub fn owned(&mut self, octets: Vec<u8>) -> &mut Self {
        if octets.len() < LARGE {
            return self.bytes(&octets);
        }
        self.segments.push(Segment::Bytes(octets));
        self
    }

    /// Appends a run of the original.
    pub fn original(&mut self, span: Range<usize>) -> &mut Self {
        if !span.is_empty() {
            self.segments.push(Segment::Original(span));
        }
        self
    }

    /// Appends what another composer has written.
    pub fn append(&mut self, other: Composer) -> &mut Self {
        for segment in other.segments {
            match segment {
                Segment::Bytes(octets) => self.owned(octets),
                Segment::Original(span) => self.original(span),
            };
        }
        self
    }

    /// `Name: value`, the value as it is (folded by whoever made it).
    pub fn field(&mut self, name: &str, value: &str) -> &mut Self {
        self.text(name).text(": ").text(value).text("\r\n")
    }

    /// A field whose value came from outside and is passed on unchanged or not at all: what does
    /// not fit into one line of printable ASCII would be a field that somebody else wrote.
    pub fn foreign_field(&mut self, name: &str, value: &str) -> &mut Self {
        if fits_in_field(name, value) {
            self.field(name, value);
        }
        self
    }

    /// A field of free text: encoded words where needed, folded. `prefix` stays literal at the
    /// start, because consumers match it (PRACTICE 3).
    pub fn unstructured(&mut self, name: &str, prefix: &str, text: &str) -> &mut Self {
        self.text(name).text(": ").text(prefix);
        if text.is_empty() {
            return self.text("\r\n");
        }
        // An encoded word may hide anything; terminals act on escapes.
        let text = text.replace(char::is_control, " ");
        Text::new(text).write_header(self.buffer(), name.len() + 2 + prefix.len());
        self
    }

    /// Base64 in lines of 76, with a final line break.
    pub fn base64(&mut self, octets: &[u8]) -> &mut Self {
        base64::MIME.encode_append(octets, self.buffer());
        self.end_line()
    }

    /// SHA-256 over everything written so far.
    pub fn sha256(&self, original: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for segment in &self.segments {
            match segment {
                Segment::Bytes(octets) => hash.update(octets),
                Segment::Original(span) => hash.update(&original[span.clone()]),
            }
        }
        hash.finalize().into()
    }

    pub fn into_segments(self) -> Vec<Segment> {
        self.segments
    }

    fn end_line(&mut self) -> &mut Self {
        match self.segments.last() {
            Some(Segment::Bytes(octets)) if octets.ends_with(b"\r\n") => self,
            _ => self.text("\r\n"),
        }
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        // What is large stays as it is: to grow, it would have to move.
        if !matches!(self.segments.last(), Some(Segment::Bytes(octets)) if octets.len() < LARGE) {
            self.segments.push(Segment::Bytes(Vec::new()));
        }
        match self.segments.last_mut() {
            Some(Segment::Bytes(octets)) => octets,
            _ => unreachable!("a bytes segment was pushed above"),
        }
    }
}

/// Octets that are worth a segment of their own.
const LARGE: usize = 65_536;

/// Can a field have this value without folding and encoding (RFC 5322 §2.1.1, §2.2)?
pub(crate) fn fits_in_field(name: &str, value: &str) -> bool {
    let printable = |octet: u8| octet == b'\t' || (b' '..=b'~').contains(&octet);
    value.bytes().all(printable) && name.len() + 2 + value.len() <= Limits::DEFAULT.line
}
