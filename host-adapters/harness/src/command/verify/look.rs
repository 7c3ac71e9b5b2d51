//! What a file is before anybody judges it: mail with one kind of line ends or another, or something
//! that is no mail at all, by its first octets.

use std::borrow::Cow;

use crate::command::with_crlf;

/// A file as a message, in one of the ways in which it may be meant.
pub struct Reading<'a> {
    /// The message.
    pub octets: Cow<'a, [u8]>,
    /// What was done to the file.
    pub line_ends: LineEnds,
}

/// Mail travels with CRLF, and a signature is over that; what lies on disks often has LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnds {
    /// All lines end in CRLF, and were left.
    Crlf,
    /// This many end in a bare LF, and were left.
    Left(usize),
    /// This many ended in a bare LF, and were changed.
    Changed(usize),
    /// All ended in a bare CR, and were changed.
    FromCr,
}

/// The way in which a file is meant, and the other way where there are two.
pub fn readings(octets: &[u8]) -> (Reading<'_>, Option<Reading<'_>>) {
    let as_it_is = |line_ends| Reading {
        octets: Cow::Borrowed(octets),
        line_ends,
    };
    let changed = |octets: &[u8], line_ends| Reading {
        octets: Cow::Owned(with_crlf(octets)),
        line_ends,
    };
    let all = octets.iter().filter(|&&octet| octet == b'\n').count();
    if all == 0 && octets.contains(&b'\r') {
        let lf = |octet: &u8| if *octet == b'\r' { b'\n' } else { *octet };
        let lines: Vec<u8> = octets.iter().map(lf).collect();
        return (changed(&lines, LineEnds::FromCr), None);
    }
    let bare = bare_line_feeds(octets);
    let left = as_it_is(LineEnds::Left(bare));
    match bare {
        0 => (as_it_is(LineEnds::Crlf), None),
        _ if bare == all => (changed(octets, LineEnds::Changed(bare)), Some(left)),
        // Some among many are more likely to have been sent that way.
        _ => (left, Some(changed(octets, LineEnds::Changed(bare)))),
    }
}

fn bare_line_feeds(octets: &[u8]) -> usize {
    let mut before = 0;
    let mut count = 0;
    for &octet in octets {
        count += usize::from(octet == b'\n' && before != b'\r');
        before = octet;
    }
    count
}

/// What programs put above a message when they store it, taken off; and what that was.
pub fn beginning(octets: &[u8]) -> (&[u8], Vec<String>) {
    let mut rest = octets;
    let mut notes = Vec::new();
    if let Some(after) = rest.strip_prefix(b"\xef\xbb\xbf") {
        rest = after;
        notes.push("a byte order mark (UTF-8) above the message was left out".to_owned());
    }
    let start = rest.iter().position(|octet| !b"\r\n".contains(octet));
    if let Some(start @ 1..) = start {
        rest = &rest[start..];
        notes.push("blank lines above the message were left out".to_owned());
    }
    if rest.starts_with(b"From ")
        && let Some(end) = rest.iter().position(|&octet| octet == b'\n')
    {
        rest = &rest[end + 1..];
        let note = "the line “From …” above the message, as mbox files have it, was left out";
        notes.push(note.to_owned());
    }
    (rest, notes)
}

/// What a file is that cannot be mail, and what to do about it; none if it may be mail.
pub fn stranger(octets: &[u8]) -> Option<String> {
    if octets.is_empty() {
        return Some("the file is empty".to_owned());
    }
    SIGNATURES
        .iter()
        .find(|(magic, ..)| octets.starts_with(magic))
        .map(|(_, what, remedy)| format!("the file is {what}; {remedy}"))
}

/// What a file is that turned out to be no mail, with the reason of whoever tried to read it.
pub fn unreadable(octets: &[u8], why: &str) -> String {
    let odd = |octet: &&u8| **octet >= 0x80 || (**octet < 0x20 && !b"\t\r\n\x0c".contains(octet));
    let first = &octets[..octets.len().min(4096)];
    let what = if first.iter().filter(odd).count() * 10 > first.len() {
        "binary data"
    } else {
        "text"
    };
    format!("the file is {what}, but no message (RFC 5322): {why}")
}

/// First octets, what has them, and what to do. None of them can begin a header field, or else
/// no mail program would write it.
const SIGNATURES: &[(&[u8], &str, &str)] = &[
    (
        b"\x1f\x8b",
        "a gzip archive",
        "unpack it (gunzip) and name the message in it",
    ),
    (
        b"PK\x03\x04",
        "a zip archive",
        "unpack it and name the messages in it",
    ),
    (
        b"Rar!",
        "a RAR archive",
        "unpack it and name the messages in it",
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        "a 7z archive",
        "unpack it and name the messages in it",
    ),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an Office or Outlook .msg file",
        "what was signed is lost in it: save the message as .eml from the mailbox",
    ),
    (
        b"\x78\x9f\x3e\x22",
        "a TNEF file (winmail.dat)",
        "name the message it was attached to",
    ),
    (
        b"%PDF-",
        "a PDF document",
        "name the message it was attached to",
    ),
    (b"\x89PNG", "an image (PNG)", "name a message"),
    (b"\xff\xd8\xff", "an image (JPEG)", "name a message"),
    (
        b"\x30\x80",
        "a CMS or other BER file (.p7m, .p7s)",
        "a signed document or directory is no message: name the message it came with",
    ),
    (
        b"\x30\x82",
        "a CMS, certificate or other DER file (.p7m, .p7s, .cer)",
        "a signed document or directory is no message: name the message it came with",
    ),
    (
        b"\x30\x83",
        "a CMS or other DER file (.p7m)",
        "a signed document or directory is no message: name the message it came with",
    ),
    (b"-----BEGIN ", "a PEM file", "name a message"),
    (
        b"<?xml",
        "an XML document",
        "daticert.xml alone proves nothing: name the message it came with",
    ),
    (
        b"\xff\xfe",
        "UTF-16 text",
        "save the message with its own octets, as .eml",
    ),
    (
        b"\xfe\xff",
        "UTF-16 text",
        "save the message with its own octets, as .eml",
    ),
];
