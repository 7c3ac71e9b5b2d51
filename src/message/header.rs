//! Header sections: fields as they stand, and their values through `mail-parser`.

use std::fmt;
use std::ops::Range;

use mail_parser::parsers::MessageStream;
use mail_parser::{Address, HeaderValue};
use memchr::memmem;

use super::compose::Composer;
use crate::address::{EmailAddress, is_atext};

/// A header section: the octets of the fields, without the blank line.
#[derive(Clone, Copy)]
pub(crate) struct HeaderSection<'a> {
    octets: &'a [u8],
}

/// One field with its folds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub name: &'a str,
    /// Everything behind the colon, line break included.
    pub value: &'a [u8],
    /// Where the field stands in the section, line break included.
    pub span: Range<usize>,
}

impl<'a> HeaderSection<'a> {
    pub fn new(octets: &'a [u8]) -> Self {
        Self { octets }
    }

    /// The octets, as they stand.
    pub fn octets(self) -> &'a [u8] {
        self.octets
    }

    /// The fields, in order. Lines that are no field are passed over; the scanner has refused
    /// them where that matters.
    pub fn fields(self) -> Fields<'a> {
        Fields {
            octets: self.octets,
            position: 0,
        }
    }

    /// The fields of this name, case ignored (PRACTICE 3).
    pub fn named(self, name: &str) -> impl Iterator<Item = Field<'a>> {
        self.fields()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
    }

    /// The first field of this name.
    pub fn first(self, name: &str) -> Option<Field<'a>> {
        self.named(name).next()
    }

    /// The first field of this name, unfolded and decoded.
    pub fn text(self, name: &str) -> Option<String> {
        self.first(name).map(|field| field.text())
    }

    /// The fields of these names, octet for octet and in their order, each with its line break.
    /// Of those that may stand once only (RFC 5322 §3.6), the first: of what we sign nobody shall
    /// have to guess which one counts.
    pub fn inherited(self, names: &[&str]) -> Composer {
        let mut taken = Composer::new();
        let mut once = Vec::new();
        for field in self.fields() {
            let name = names
                .iter()
                .find(|name| field.name.eq_ignore_ascii_case(name));
            if let Some(name) = name
                && !once.contains(name)
            {
                if *name != "Received" {
                    once.push(*name);
                }
                taken.text(field.name).text(":").bytes(field.value);
                if !field.value.ends_with(b"\n") {
                    taken.text("\r\n");
                }
            }
        }
        taken
    }

    pub fn content_type(self) -> ContentType {
        self.first("Content-Type")
            .map_or_else(ContentType::default, |f| ContentType::new(f.value))
    }

    pub fn content_disposition(self) -> Option<ContentType> {
        self.first("Content-Disposition")
            .map(|field| ContentType::new(field.value))
    }

    /// Every name under which a reader may show the part: `name` and `filename` of each
    /// Content-Type and Content-Disposition, encoded words decoded.
    pub fn file_names(self) -> Vec<String> {
        let mut names = Vec::new();
        let fields = self.fields().filter(|field| {
            field.name.eq_ignore_ascii_case("Content-Type")
                || field.name.eq_ignore_ascii_case("Content-Disposition")
        });
        for field in fields {
            let named = ContentType::new(field.value).parameters.into_iter();
            let named = named.filter(|(name, _)| name == "name" || name == "filename");
            names.extend(named.map(|(_, value)| value));
        }
        names
    }

    pub fn transfer_encoding(self) -> TransferEncoding {
        match self.text("Content-Transfer-Encoding") {
            None => TransferEncoding::SevenBit,
            Some(word) => match word.trim().to_ascii_lowercase().as_str() {
                "7bit" => TransferEncoding::SevenBit,
                "8bit" => TransferEncoding::EightBit,
                "binary" => TransferEncoding::Binary,
                "quoted-printable" => TransferEncoding::QuotedPrintable,
                "base64" => TransferEncoding::Base64,
                _ => TransferEncoding::Unknown,
            },
        }
    }
}

impl Field<'_> {
    /// The value unfolded, encoded words decoded (RFC 2047), blanks at its ends removed.
    pub fn text(&self) -> String {
        // The parser stops at a line break that no fold follows, and wants to see one.
        let mut raw = self.value.to_vec();
        if !raw.ends_with(b"\n") {
            raw.extend_from_slice(b"\r\n");
        }
        match MessageStream::new(&raw).parse_unstructured() {
            HeaderValue::Text(text) => text.trim().to_owned(),
            _ => String::new(),
        }
    }

    /// The value unfolded, octets otherwise untouched, blanks at its ends removed.
    pub fn unfolded(&self) -> String {
        let text: Vec<u8> = self
            .value
            .iter()
            .copied()
            .filter(|b| !matches!(b, b'\r' | b'\n'))
            .collect();
        String::from_utf8_lossy(text.trim_ascii()).into_owned()
    }

    /// The addresses of the value.
    ///
    /// An address counts if it stands there in one piece and without quoted pairs. The parser puts
    /// others together: it reads `<"a(b)c"@d.example>` as `"ac"@d.example`, which is another mailbox,
    /// because in brackets it knows comments and quoted pairs but not the quotes around them.
    pub fn addresses(&self) -> AddressList {
        let mut raw = self.value.to_vec();
        if !raw.ends_with(b"\n") {
            raw.extend_from_slice(b"\r\n");
        }
        let mut list = AddressList::default();
        match MessageStream::new(&raw).parse_address() {
            HeaderValue::Address(Address::List(entries)) => list.take(&entries, &raw),
            HeaderValue::Address(Address::Group(groups)) => {
                list.has_group = groups.iter().any(|group| group.name.is_some());
                groups
                    .iter()
                    .for_each(|group| list.take(&group.addresses, &raw));
            }
            _ => {}
        }
        list
    }
}

/// The addresses of one field.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct AddressList {
    pub addresses: Vec<EmailAddress>,
    /// What stands where an address should, and is none.
    pub malformed: Vec<String>,
    /// Group syntax (RFC 5322 §3.4), `undisclosed-recipients:;` among it.
    pub has_group: bool,
}

impl AddressList {
    fn take(&mut self, entries: &[mail_parser::Addr<'_>], value: &[u8]) {
        for entry in entries {
            let text = entry
                .address
                .as_deref()
                .or(entry.name.as_deref())
                .unwrap_or_default();
            match EmailAddress::try_from(text) {
                Ok(address) if stands_whole_in(value, text) => {
                    self.addresses.push(address);
                }
                _ => self.malformed.push(text.chars().take(80).collect()),
            }
        }
    }
}

/// Is the address somewhere in the value as it was read, with nothing before or behind it that would
/// belong to it?
fn stands_whole_in(value: &[u8], address: &str) -> bool {
    // The parser has removed the backslash of a pair: one that is left was the second of two.
    if address.contains('\\') {
        return false;
    }
    let of_address = |octet: &u8| is_atext(*octet) || b".@\"".contains(octet);
    memmem::find_iter(value, address).any(|start| {
        let before = value[..start].last();
        let behind = value.get(start + address.len());
        !before.is_some_and(of_address) && !behind.is_some_and(of_address)
    })
}

pub(crate) struct Fields<'a> {
    octets: &'a [u8],
    position: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        while self.position < self.octets.len() {
            let start = self.position;
            let mut end = line_end(self.octets, start);
            while matches!(self.octets.get(end), Some(b' ' | b'\t')) {
                end = line_end(self.octets, end);
            }
            self.position = end;
            let field = &self.octets[start..end];
            let Some(colon) = memchr::memchr(b':', field) else {
                continue;
            };
            let Ok(name) = std::str::from_utf8(&field[..colon]) else {
                continue;
            };
            let name = name.trim_end();
            return Some(Field {
                name,
                value: &field[colon + 1..],
                span: start..end,
            });
        }
        None
    }
}

/// Index behind the line break of the line at `start`.
fn line_end(octets: &[u8], start: usize) -> usize {
    memchr::memchr(b'\n', &octets[start..]).map_or(octets.len(), |at| start + at + 1)
}

/// Content-Transfer-Encoding (RFC 2045 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransferEncoding {
    SevenBit,
    EightBit,
    Binary,
    QuotedPrintable,
    Base64,
    /// A word we do not know: the body is opaque.
    Unknown,
}

impl TransferEncoding {
    /// Nothing to decode.
    pub fn is_identity(self) -> bool {
        matches!(self, Self::SevenBit | Self::EightBit | Self::Binary)
    }
}

/// A Content-Type or Content-Disposition value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContentType {
    essence: String,
    subtype: String,
    /// Names in lower case; continued and encoded values (RFC 2231) put together.
    parameters: Vec<(String, String)>,
}

/// RFC 2045 §5.2.
impl Default for ContentType {
    fn default() -> Self {
        Self {
            essence: "text".into(),
            subtype: "plain".into(),
            parameters: Vec::new(),
        }
    }
}

/// As it is written, without parameters: `multipart/signed`.
impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.essence, self.subtype)
    }
}

impl ContentType {
    fn new(value: &[u8]) -> Self {
        let mut raw = value.to_vec();
        if !raw.ends_with(b"\n") {
            raw.extend_from_slice(b"\r\n");
        }
        match MessageStream::new(&raw).parse_content_type() {
            HeaderValue::ContentType(parsed) => Self {
                essence: parsed.c_type.to_ascii_lowercase(),
                subtype: parsed.c_subtype.unwrap_or_default().to_ascii_lowercase(),
                parameters: parsed
                    .attributes
                    .unwrap_or_default()
                    .into_iter()
                    .map(|a| (a.name.to_ascii_lowercase(), a.value.into_owned()))
                    .collect(),
            },
            _ => Self::default(),
        }
    }

    /// The part before the slash, lower case; of a disposition, the whole word.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// Is it this type? Arguments in lower case.
    pub fn is(&self, essence: &str, subtype: &str) -> bool {
        self.essence == essence && self.subtype == subtype
    }

    /// A parameter, by its name in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The boundary of a multipart; an empty one delimits nothing.
    pub fn boundary(&self) -> Option<&str> {
        self.parameter("boundary")
            .map(str::trim_end)
            .filter(|b| !b.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(value: &'static str) -> Field<'static> {
        Field {
            name: "To",
            value: value.as_bytes(),
            span: 0..0,
        }
    }

    #[test]
    fn fields_keep_their_folds_and_octets() {
        let section = HeaderSection::new(b"To: a@b.example,\r\n c@d.example\r\nSUBJECT : x\r\n");
        let fields: Vec<_> = section.fields().collect();
        assert_eq!(fields[0].value, b" a@b.example,\r\n c@d.example\r\n");
        assert_eq!(fields[0].span, 0..32);
        assert_eq!(section.text("subject").as_deref(), Some("x"));
    }

    #[test]
    fn addresses_malformed_ones_and_groups_are_told_apart() {
        let list = field(" \"Rossi, A.\" <a@b.example>, c@d.example (x), bad <x@>\r\n").addresses();
        let texts: Vec<_> = list.addresses.iter().map(EmailAddress::as_str).collect();
        assert_eq!(texts, ["a@b.example", "c@d.example"]);
        assert_eq!(list.malformed, ["x@"]);
        assert!(field(" undisclosed-recipients:;\r\n").addresses().has_group);
        assert!(
            field(" staff: a@b.example, c@d.example;\r\n")
                .addresses()
                .has_group
        );
        assert_eq!(field(" \r\n").addresses(), AddressList::default());
    }

    #[test]
    fn an_address_counts_in_one_piece() {
        for (value, address) in [
            (" <\"a b\"@d.example>\r\n", "\"a b\"@d.example"),
            (" (office) <a@d.example (home)>\r\n", "a@d.example"),
        ] {
            let list = field(value).addresses();
            assert_eq!(list.addresses, [EmailAddress::try_from(address).unwrap()]);
            assert!(list.malformed.is_empty(), "{value}: {list:?}");
        }
        for value in [
            " <\"a(b)c\"@d.example>\r\n",
            " <a(b)c@d.example>\r\n",
            " <\"a\\bc\"@d.example>\r\n",
            " <\"a\\\\b\"@d.example>\r\n",
            " <=?utf-8?Q?a?=bc@d.example>\r\n",
            " <\"a\r\n bc\"@d.example>\r\n",
        ] {
            let list = field(value).addresses();
            assert!(list.addresses.is_empty(), "{value}: {list:?}");
            assert_eq!(list.malformed.len(), 1, "{value}: {list:?}");
        }
    }

    #[test]
    fn encoded_words_and_folds_are_decoded() {
        let subject = field(" =?utf-8?Q?Perch=C3=A9?=\r\n =?utf-8?Q?_no?= ok\r\n");
        assert_eq!(subject.text(), "Perché no ok");
    }
}
