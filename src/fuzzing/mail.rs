//! Promises of the mail parsers: scanner, recoding, brief receipts, address lists.

use mail_parser::MessageParser;

use crate::address::EmailAddress;
use crate::delivery_point::brief::abbreviate;
use crate::limits::Limits;
use crate::message::compose::Composer;
use crate::message::header::{Field, TransferEncoding};
use crate::message::octets::Irregular;
use crate::message::recode::{Edits, to_seven_bit};
use crate::message::scan::{Content, Part, Scan};
use crate::outcome::{Message, MessageKind};

/// Parts tile the message: inside it, inside their parents, in order, none overlapping.
pub(super) fn mime_scan(message: &[u8]) {
    let limits = Limits::DEFAULT;
    let Ok(scan) = Scan::new(message, &limits) else {
        return;
    };
    let parts = &scan.parts;
    assert!((1..=limits.parts).contains(&parts.len()));
    assert_eq!(parts[0].whole(), 0..message.len(), "part 0 is the message");
    // Where the next part may begin: behind its elder sibling, or at its parent's body.
    let mut free: Vec<usize> = parts.iter().map(|part| part.body.start).collect();
    for (index, part) in parts.iter().enumerate() {
        assert!(part.header.start <= part.header.end, "header of {index}");
        assert!(part.body.start <= part.body.end, "body of {index}");
        let between = part.header.end..part.body.start;
        let blank_line = &message[between];
        assert!(
            matches!(blank_line, b"" | b"\n" | b"\r\n"),
            "{index}: {blank_line:?} between header and body"
        );
        assert!(scan.ancestors(index).count() < limits.depth, "depth");
        let Some(parent) = part.parent else {
            assert_eq!(index, 0, "only the message has no parent");
            continue;
        };
        assert!(parent < index, "a parent comes first");
        assert!(part.header.start >= free[parent], "{index} overlaps");
        assert!(
            part.body.end <= parts[parent].body.end,
            "{index} sticks out"
        );
        free[parent] = part.body.end;
        match parts[parent].content {
            Content::Leaf => panic!("{index} inside a leaf"),
            Content::Multipart => {}
            Content::Message => {
                assert_eq!(index, parent + 1);
                assert_eq!(part.whole(), parts[parent].body);
            }
        }
    }
}

/// What comes out is 7-bit with short lines, has the same parts, and decodes to the same octets
/// for a reader that is not ours.
pub(super) fn recode(message: &[u8]) {
    let Ok(scan) = Scan::new(message, &Limits::DEFAULT) else {
        return;
    };
    // Bare line ends are refused before anything is recoded.
    if scan.irregular != Irregular::default() {
        return;
    }
    let mut edits = Edits::default();
    if to_seven_bit(message, &scan, &mut edits).is_err() {
        return;
    }
    let recoded = splice(edits.apply(0..message.len()), message);
    assert_seven_bit(&recoded);
    let again = Scan::new(&recoded, &Limits::DEFAULT).expect("recoded mail is still mail");
    assert_eq!(again.parts.len(), scan.parts.len(), "parts");
    for (old, new) in scan.parts.iter().zip(&again.parts) {
        assert_eq!((old.parent, old.content), (new.parent, new.content));
        if old.content == Content::Leaf
            && let Some(before) = decoded(message, old)
        {
            let after = decoded(&recoded, new);
            assert_eq!(Some(before), after, "content of a leaf");
        }
    }
}

/// The content of a leaf as `mail-parser` decodes it. None where it is not encoded as the header
/// says: each reader makes something else of that.
fn decoded(message: &[u8], part: &Part) -> Option<Vec<u8>> {
    let body = &message[part.body.clone()];
    let encoding = match part.encoding {
        TransferEncoding::QuotedPrintable => {
            if !is_quoted_printable(body) {
                return None;
            }
            "quoted-printable"
        }
        TransferEncoding::Base64 => {
            let known = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/=\r\n".contains(octet);
            if !body.iter().all(known) {
                return None;
            }
            "base64"
        }
        _ => return Some(body.to_vec()),
    };
    let mut alone = format!(
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    .into_bytes();
    alone.extend_from_slice(body);
    let parsed = MessageParser::new().parse(&alone).expect("a header");
    Some(parsed.parts[0].contents().to_vec())
}

/// Behind each `=` two hexadecimal digits or a line break (RFC 2045 §6.7).
fn is_quoted_printable(body: &[u8]) -> bool {
    memchr::memchr_iter(b'=', body).all(|at| match &body[at + 1..] {
        [b'\r', b'\n', ..] => true,
        [high, low, ..] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    })
}

/// The shortened original has the same header, is mail still, and as 7-bit as it was.
pub(super) fn brief(original: &[u8]) {
    // What is no mail has no Message-ID that an envelope could name.
    if Scan::new(original, &Limits::DEFAULT).is_err() {
        return;
    }
    let message = [b"Content-Type: message/rfc822\r\n\r\n", original].concat();
    let Ok(scan) = Scan::new(&message, &Limits::DEFAULT) else {
        return;
    };
    if scan.parts.len() < 2 {
        return;
    }
    let short = splice(abbreviate(&message, &scan, 0), &message);
    let again = Scan::new(&short, &Limits::DEFAULT).expect("a shortened original is still mail");
    assert!(again.parts.len() < scan.parts.len(), "parts appeared");
    if is_seven_bit(original) {
        assert_seven_bit(&short);
    }
    let subject =
        |octets: &[u8], scan: &Scan, part: usize| scan.parts[part].section(octets).text("Subject");
    assert_eq!(subject(&short, &again, 0), subject(&message, &scan, 1));
}

/// Addresses that were found are addresses and stand in the field, and a field written from them
/// says the same: in brackets, for bare quoted local parts are too much for some readers; and without
/// what may begin an encoded word.
pub(super) fn address_list(value: &[u8]) {
    let field = |value| Field {
        name: "To",
        value,
        span: 0..0,
    };
    let list = field(value).addresses();
    for address in &list.addresses {
        let again = EmailAddress::try_from(address.as_str());
        assert_eq!(again.as_ref(), Ok(address));
        assert!(address.as_str().bytes().all(|b| (b' '..=b'~').contains(&b)));
        assert!(memchr::memmem::find(value, address.as_str().as_bytes()).is_some());
    }
    assert!(list.malformed.iter().all(|text| text.chars().count() <= 80));
    let plain = |address: &&EmailAddress| !address.as_str().contains("=?");
    let plain: Vec<_> = list.addresses.iter().filter(plain).cloned().collect();
    let texts: Vec<_> = plain.iter().map(|a| format!("<{a}>")).collect();
    let written = texts.join(",\r\n ");
    let again = field(written.as_bytes()).addresses();
    assert_eq!(again.addresses, plain);
    assert!(again.malformed.is_empty() && !again.has_group);
}

/// PRACTICE 2: CRLF throughout, octets below 128, lines of at most 998.
pub(super) fn assert_seven_bit(octets: &[u8]) {
    assert!(octets.is_ascii(), "8-bit octets");
    for line in lines(octets) {
        let length = line.len();
        assert!(length <= Limits::DEFAULT.line, "a line of {length}");
        assert!(
            !line.contains(&b'\n') && !line.contains(&b'\r'),
            "bare CR or LF"
        );
    }
}

/// Is it as [`assert_seven_bit`] wants it?
pub(super) fn is_seven_bit(octets: &[u8]) -> bool {
    let good = |line: &[u8]| {
        line.len() <= Limits::DEFAULT.line && !line.contains(&b'\n') && !line.contains(&b'\r')
    };
    octets.is_ascii() && lines(octets).all(good)
}

/// Lines without their CRLF.
fn lines(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(octets);
    std::iter::from_fn(move || {
        let octets = rest?;
        let end = memchr::memmem::find(octets, b"\r\n");
        rest = end.map(|end| &octets[end + 2..]);
        Some(&octets[..end.unwrap_or(octets.len())])
    })
}

fn splice(composer: Composer, original: &[u8]) -> Vec<u8> {
    let message = Message {
        kind: MessageKind::Ordinary,
        pec_id: None,
        message_id: String::new(),
        segments: composer.into_segments(),
    };
    message.splice(original)
}
