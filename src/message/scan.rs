//! The MIME scanner: finds the parts of a message and what is irregular in them.
//!
//! Cost is linear in the octets whatever the nesting. Bodies are not read line by line: lines that
//! begin with `--` are searched for, and each is looked up in one table of all open boundaries;
//! what else must be known of a body is found by [`super::octets`], many octets at a time.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use foldhash::fast::FixedState;
use memchr::memchr;
use memchr::memmem::Finder;

use super::content;
use super::header::{ContentType, HeaderSection, TransferEncoding};
use super::octets::{self, Irregular};
use crate::limits::Limits;

/// A message taken apart. Part 0 is the message itself; parts stand in the order of their
/// headers, so a parent always comes before its children.
#[derive(Debug)]
pub(crate) struct Scan {
    pub parts: Vec<Part>,
    /// Octets that no line of mail may have (RFC 5321 §4.1.1.4, RFC 5322 §2.1).
    pub irregular: Irregular,
}

/// One entity: the message, a body part, or a message inside `message/rfc822`.
#[derive(Debug)]
pub(crate) struct Part {
    /// Index of the part that contains this one; none for the message itself.
    pub parent: Option<usize>,
    /// Header section without the blank line behind it.
    pub header: Range<usize>,
    /// What follows the blank line. For a body part it ends before the line break that belongs
    /// to the next delimiter (RFC 2046 §5.1.1).
    pub body: Range<usize>,
    pub content_type: ContentType,
    pub encoding: TransferEncoding,
    pub content: Content,
    /// Octets above 127 in the header section.
    pub header_8bit: bool,
    /// A header line over the limit.
    pub header_long_line: bool,
    /// Octets above 127 in the body proper: of a multipart, preamble and epilogue.
    pub body_8bit: bool,
    /// A body line over the limit, as above.
    pub body_long_line: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Leaf,
    Multipart,
    /// `message/rfc822`: the next part is the message inside.
    Message,
}

/// Why something is not mail, or more of it than we will look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanError {
    /// The first line is no header field, or there is none.
    NoHeaderSection,
    /// A line of the header section is no field; its number, from 1.
    MalformedHeader(usize),
    /// A header section over the limit, in octets.
    HeaderTooLarge(usize),
    /// All header sections together over the limit, in octets.
    HeadersTooLarge(usize),
    /// More header fields than the limit.
    TooManyFields(usize),
    /// Parts nested deeper than the limit.
    TooDeep(usize),
    /// More parts than the limit.
    TooManyParts(usize),
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeaderSection => f.write_str("no header section"),
            Self::MalformedHeader(line) => write!(f, "line {line} of a header is no field"),
            Self::HeaderTooLarge(limit) => write!(f, "a header section over {limit} octets"),
            Self::HeadersTooLarge(limit) => write!(f, "over {limit} octets of headers in all"),
            Self::TooManyFields(limit) => write!(f, "over {limit} header fields"),
            Self::TooDeep(limit) => write!(f, "parts nested over {limit} deep"),
            Self::TooManyParts(limit) => write!(f, "over {limit} parts"),
        }
    }
}

impl Scan {
    /// Takes `message` apart.
    pub fn new(message: &[u8], limits: &Limits) -> Result<Self, ScanError> {
        Scanner {
            message,
            limits,
            position: 0,
            parts: Vec::new(),
            open: Vec::new(),
            boundaries: HashMap::default(),
            firsts: Firsts::default(),
            header_octets: 0,
            line_of_dashes: Finder::new(b"\n--"),
        }
        .run()
    }

    /// The direct children of a part, in order.
    pub fn children(&self, parent: usize) -> impl Iterator<Item = usize> + '_ {
        // Children stand behind their parent, so the search may start there.
        (parent + 1..self.parts.len()).filter(move |&i| self.parts[i].parent == Some(parent))
    }

    /// Is the part inside a part for which `holds`?
    pub fn has_ancestor(&self, part: usize, holds: impl Fn(&Part) -> bool) -> bool {
        self.ancestors(part).any(|index| holds(&self.parts[index]))
    }

    /// The parts that contain a part, innermost first.
    pub fn ancestors(&self, part: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.parts[part].parent, |&index| self.parts[index].parent)
    }

    /// Where the part stands, as people count: `1`, `1.2`, `1.2.1`; the message is `0`. For one
    /// part; whoever wants many takes [`Self::paths`].
    pub fn path(&self, part: usize) -> String {
        self.paths().of(part)
    }

    /// Where each part stands.
    pub fn paths(&self) -> Paths<'_> {
        let mut children = vec![0; self.parts.len()];
        let numbers = self.parts.iter().map(|part| match part.parent {
            Some(parent) => {
                children[parent] += 1;
                children[parent]
            }
            None => 0,
        });
        Paths {
            numbers: numbers.collect(),
            scan: self,
        }
    }
}

/// Where the parts of a message stand.
pub(crate) struct Paths<'s> {
    scan: &'s Scan,
    /// Of each part, its place among the children of its parent, from 1.
    numbers: Vec<usize>,
}

impl Paths<'_> {
    /// As [`Scan::path`].
    pub fn of(&self, part: usize) -> String {
        let within = std::iter::once(part).chain(self.scan.ancestors(part));
        let numbers = within.filter(|&index| self.scan.parts[index].parent.is_some());
        let mut numbers: Vec<String> = numbers
            .map(|index| self.numbers[index].to_string())
            .collect();
        numbers.reverse();
        match numbers.as_slice() {
            [] => "0".to_owned(),
            some => some.join("."),
        }
    }
}

impl Part {
    /// The header section; `message` is the one that was scanned, here and below.
    pub fn section<'m>(&self, message: &'m [u8]) -> HeaderSection<'m> {
        HeaderSection::new(&message[self.header.clone()])
    }

    /// The body, its transfer encoding undone.
    pub fn decoded<'m>(&self, message: &'m [u8]) -> Cow<'m, [u8]> {
        content::decoded(&message[self.body.clone()], self.encoding)
    }

    /// What must be written between a changed header and a changed body: a line that is no field
    /// ends a header, too, and what it is changed into may look like one.
    pub fn separator(&self) -> &'static str {
        let has_blank_line = self.header.end < self.body.start;
        if has_blank_line { "" } else { "\r\n" }
    }

    /// Header section, blank line and body together.
    pub fn whole(&self) -> Range<usize> {
        self.header.start..self.body.end
    }
}

struct Scanner<'a> {
    message: &'a [u8],
    limits: &'a Limits,
    position: usize,
    parts: Vec<Part>,
    /// Parts that are not finished, outermost first.
    open: Vec<usize>,
    /// Boundary → the open multipart it belongs to. An inner multipart that repeats an outer
    /// boundary hides it until it is closed.
    boundaries: HashMap<&'a [u8], Vec<usize>, FixedState>,
    firsts: Firsts,
    /// All header sections so far.
    header_octets: usize,
    line_of_dashes: Finder<'static>,
}

/// A line without its line break, and where the next one begins.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a [u8],
    start: usize,
    next: usize,
}

/// What a delimiter line says.
struct Delimiter {
    multipart: usize,
    closing: bool,
}

/// The first octets of all open boundaries: most lines of dashes need no closer look.
#[derive(Default)]
struct Firsts([u64; 4]);

impl Firsts {
    fn of<'b>(boundaries: impl Iterator<Item = &'b &'b [u8]>) -> Self {
        let mut set = Self::default();
        for first in boundaries.filter_map(|boundary| boundary.first()) {
            set.0[usize::from(first >> 6)] |= 1 << (first & 63);
        }
        set
    }

    fn contains(&self, octet: Option<&u8>) -> bool {
        octet.is_some_and(|octet| self.0[usize::from(octet >> 6)] >> (octet & 63) & 1 == 1)
    }
}

impl<'a> Scanner<'a> {
    fn run(mut self) -> Result<Scan, ScanError> {
        self.begin_part(None)?;
        loop {
            let begin = self.position;
            let Some((line, delimiter)) = self.next_delimiter() else {
                self.note_body(begin..self.message.len());
                break;
            };
            self.note_body(begin..line.start);
            self.position = line.next;
            self.end_parts_inside(delimiter.multipart, line.start);
            if delimiter.closing {
                self.forget_boundary(delimiter.multipart);
            } else {
                self.begin_part(Some(delimiter.multipart))?;
            }
        }
        self.end_all();
        Ok(Scan {
            parts: self.parts,
            irregular: Irregular::of(self.message),
        })
    }

    /// Reads a header section at the current position and opens its part; descends at once into
    /// the message inside a `message/rfc822`.
    fn begin_part(&mut self, mut parent: Option<usize>) -> Result<(), ScanError> {
        loop {
            if self.open.len() >= self.limits.depth {
                return Err(ScanError::TooDeep(self.limits.depth));
            }
            if self.parts.len() >= self.limits.parts {
                return Err(ScanError::TooManyParts(self.limits.parts));
            }
            let part = self.read_header(parent)?;
            let index = self.parts.len();
            let content = part.content;
            self.open.push(index);
            if content == Content::Multipart
                && let Some(boundary) = self.boundary_of(&part)
            {
                self.boundaries.entry(boundary).or_default().push(index);
                self.firsts = Firsts::of(self.boundaries.keys());
            }
            self.parts.push(part);
            if content != Content::Message {
                return Ok(());
            }
            parent = Some(index);
        }
    }

    fn read_header(&mut self, parent: Option<usize>) -> Result<Part, ScanError> {
        let start = self.position;
        let (mut end, mut fields, mut number) = (start, 0, 0);
        let (mut header_8bit, mut header_long_line) = (false, false);
        loop {
            let before = self.position;
            let Some(line) = self.next_line() else { break };
            if self.delimiter(line.text).is_some() {
                // The part has no body, perhaps no header: the delimiter is read again outside.
                self.position = before;
                break;
            }
            if line.text.is_empty() {
                break;
            }
            number += 1;
            end = line.next;
            if end - start > self.limits.header_section {
                return Err(ScanError::HeaderTooLarge(self.limits.header_section));
            }
            if self.header_octets + (end - start) > self.limits.header_sections {
                return Err(ScanError::HeadersTooLarge(self.limits.header_sections));
            }
            let continued = matches!(line.text[0], b' ' | b'\t') && fields > 0;
            if !continued {
                if !is_field(line.text) {
                    if parent.is_none() {
                        return Err(if number == 1 {
                            ScanError::NoHeaderSection
                        } else {
                            ScanError::MalformedHeader(number)
                        });
                    }
                    // A body part may lack its header section (RFC 2046 §5.1); what follows is
                    // its body then.
                    self.position = before;
                    end = if fields == 0 { start } else { line.start };
                    break;
                }
                fields += 1;
                if fields > self.limits.header_fields {
                    return Err(ScanError::TooManyFields(self.limits.header_fields));
                }
            }
            header_8bit |= !line.text.is_ascii();
            header_long_line |= line.text.len() > self.limits.line;
        }
        if parent.is_none() && fields == 0 {
            return Err(ScanError::NoHeaderSection);
        }
        self.header_octets += end - start;
        let header = start..end;
        let section = HeaderSection::new(&self.message[header.clone()]);
        let content_type = section.content_type();
        let encoding = section.transfer_encoding();
        let content = match content_type.essence() {
            "multipart" if content_type.boundary().is_some() => Content::Multipart,
            // Encoded against RFC 2046 §5.2.1: opaque to us, so it counts as a leaf.
            "message" if content_type.is("message", "rfc822") && encoding.is_identity() => {
                Content::Message
            }
            _ => Content::Leaf,
        };
        Ok(Part {
            parent,
            header,
            body: self.position..self.position,
            content_type,
            encoding,
            content,
            header_8bit,
            header_long_line,
            body_8bit: false,
            body_long_line: false,
        })
    }

    /// The boundary as it stands in the message: `mail-parser` hands out copies, the table wants
    /// octets that live as long as the message.
    fn boundary_of(&self, part: &Part) -> Option<&'a [u8]> {
        let wanted = part.content_type.boundary()?.as_bytes();
        let header = &self.message[part.header.clone()];
        let at = memchr::memmem::find(header, wanted)? + part.header.start;
        Some(&self.message[at..at + wanted.len()])
    }

    /// The line at the current position, which moves behind it.
    fn next_line(&mut self) -> Option<Line<'a>> {
        let line = self.line_at(self.position)?;
        self.position = line.next;
        Some(line)
    }

    fn line_at(&self, start: usize) -> Option<Line<'a>> {
        let rest = &self.message[start..];
        let (text, next) = match memchr(b'\n', rest) {
            Some(at) => (&rest[..at], start + at + 1),
            None if rest.is_empty() => return None,
            None => {
                return Some(Line {
                    text: rest,
                    start,
                    next: self.message.len(),
                });
            }
        };
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        Some(Line { text, start, next })
    }

    /// The next delimiter line of any open multipart, from the line at the current position on.
    fn next_delimiter(&self) -> Option<(Line<'a>, Delimiter)> {
        if self.boundaries.is_empty() {
            return None;
        }
        let mut start = self.position;
        loop {
            if self.message[start..].starts_with(b"--") {
                let line = self.line_at(start)?;
                if self.firsts.contains(line.text.get(2))
                    && let Some(delimiter) = self.delimiter(line.text)
                {
                    return Some((line, delimiter));
                }
                if self.message[line.next..].starts_with(b"--") {
                    start = line.next;
                    continue;
                }
                // The line break may be the one before the next candidate.
                start = line.next.saturating_sub(1).max(start + 1);
            }
            start += self.line_of_dashes.find(&self.message[start..])? + 1;
        }
    }

    /// ```text
    /// delimiter       = "--" boundary, transport-padding      ; RFC 2046 §5.1.1
    /// close-delimiter = delimiter "--"
    /// ```
    fn delimiter(&self, line: &[u8]) -> Option<Delimiter> {
        let text = line.strip_prefix(b"--")?.trim_ascii_end();
        let of = |name: &[u8]| {
            self.boundaries
                .get(name)
                .and_then(|owners| owners.last())
                .copied()
        };
        if let Some(multipart) = of(text) {
            return Some(Delimiter {
                multipart,
                closing: false,
            });
        }
        let multipart = of(text.strip_suffix(b"--")?)?;
        Some(Delimiter {
            multipart,
            closing: true,
        })
    }

    /// Closes everything inside the multipart. A delimiter of an outer multipart closes inner
    /// ones that were never terminated (RFC 2046 §5.1.2).
    fn end_parts_inside(&mut self, multipart: usize, delimiter_start: usize) {
        let mut end = self.before_line_break(delimiter_start);
        while let Some(&last) = self.open.last() {
            if last == multipart {
                break;
            }
            let body = &mut self.parts[last].body;
            body.end = end.max(body.start);
            // An empty body begins behind the line break that ends the others; nothing sticks out of
            // what it lies in.
            end = body.end;
            self.forget_boundary(last);
            self.open.pop();
        }
    }

    fn end_all(&mut self) {
        for &index in &self.open {
            self.parts[index].body.end = self.message.len();
        }
    }

    fn forget_boundary(&mut self, multipart: usize) {
        if let Some(boundary) = self.boundary_of(&self.parts[multipart])
            && let Some(owners) = self.boundaries.get_mut(boundary)
        {
            owners.retain(|&owner| owner != multipart);
            if owners.is_empty() {
                self.boundaries.remove(boundary);
                self.firsts = Firsts::of(self.boundaries.keys());
            }
        }
    }

    /// The line break before a delimiter belongs to the delimiter.
    fn before_line_break(&self, at: usize) -> usize {
        let before = &self.message[..at];
        let cut = if before.ends_with(b"\r\n") {
            2
        } else {
            usize::from(before.ends_with(b"\n"))
        };
        at - cut
    }

    /// Notes what is irregular in a run of whole lines that belongs to the innermost open part.
    fn note_body(&mut self, run: Range<usize>) {
        if let Some(&last) = self.open.last() {
            let (part, text) = (&mut self.parts[last], &self.message[run]);
            part.body_8bit |= octets::has_8bit(text);
            part.body_long_line |= octets::has_long_line(text, self.limits.line);
        }
    }
}

/// ```text
/// field = field-name *WSP ":" …             ; RFC 5322 §2.2, blanks before the colon: §4.5
/// ```
fn is_field(line: &[u8]) -> bool {
    match memchr(b':', line) {
        Some(colon) => {
            let name = line[..colon].trim_ascii_end();
            !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Result<Scan, ScanError> {
        Scan::new(text.replace('\n', "\r\n").as_bytes(), &Limits::DEFAULT)
    }

    #[test]
    fn parts_end_before_the_delimiters_line_break() {
        let text = "Content-Type: multipart/mixed; boundary=\"a b\"\n\npre\n--a b\n\none\n--a b  \n\
                    Content-Type: text/html\n\ntwo\n\n--a b--\nepilogue\n";
        let message = text.replace('\n', "\r\n");
        let scan = Scan::new(message.as_bytes(), &Limits::DEFAULT).unwrap();
        let bodies: Vec<_> = scan.parts[1..]
            .iter()
            .map(|p| &message[p.body.clone()])
            .collect();
        assert_eq!(bodies, ["one", "two\r\n"]);
        assert_eq!(scan.path(2), "2");
        assert_eq!(scan.irregular, Irregular::default());
    }

    #[test]
    fn an_outer_delimiter_closes_unterminated_inner_parts() {
        let message = scan(
            "Content-Type: multipart/mixed; boundary=o\n\n--o\n\
             Content-Type: multipart/mixed; boundary=i\n\n--i\n\nin\n--o\n\nout\n--o--\n",
        )
        .unwrap();
        let parents: Vec<_> = message.parts.iter().map(|p| p.parent).collect();
        assert_eq!(parents, [None, Some(0), Some(1), Some(0)]);
    }

    #[test]
    fn a_message_inside_is_a_part_of_its_own() {
        let message = scan(
            "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\n\
             Subject: in\n\nbody\n--o--\n",
        )
        .unwrap();
        assert_eq!(message.parts.len(), 3);
        assert_eq!(message.parts[1].content, Content::Message);
        assert_eq!(message.parts[1].body, message.parts[2].whole());
    }

    #[test]
    fn what_is_not_mail_is_refused() {
        assert_eq!(
            scan("Hello there\n").unwrap_err(),
            ScanError::NoHeaderSection
        );
        assert_eq!(
            scan("Subject: a\nHello\n").unwrap_err(),
            ScanError::MalformedHeader(2)
        );
        let deep = (0..1000).fold(String::new(), |text, n| {
            text + &format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")
        });
        assert_eq!(scan(&deep).unwrap_err(), ScanError::TooDeep(100));
        let nul = Scan::new(b"Subject: a\r\n\r\na\0b\rc\nd\r\n", &Limits::DEFAULT).unwrap();
        assert_eq!(
            nul.irregular,
            Irregular {
                nul: true,
                bare_cr: true,
                bare_lf: true
            }
        );
    }
}
