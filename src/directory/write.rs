//! Writes LDIF (RFC 2849).

use encodify::base64;

/// A file of entries in the making.
///
/// RFC 2849 wants `version: 1` before them. RFC 6109's own example (§4.5.10) has none, and OpenLDAP's
/// `slapadd` takes it for an attribute that no entry may have: so it is left out.
#[derive(Debug, Default)]
pub struct LdifWriter(String);

impl LdifWriter {
    /// Begins an entry.
    pub fn entry(&mut self, dn: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.line("dn", dn);
    }

    /// Text: in base64 where it would not be read back as it is.
    ///
    /// ```text
    /// SAFE-INIT-CHAR = any value <= 127 except NUL, LF, CR, SPACE, colon and less-than
    /// ```
    pub fn line(&mut self, name: &str, value: &str) {
        let safe = value.bytes().all(|b| (b' '..=b'~').contains(&b))
            && !value.starts_with([' ', ':', '<'])
            // RFC 2849, note 8.
            && !value.ends_with(' ');
        if safe {
            self.fold(&format!("{name}: {value}"));
        } else {
            self.octets(name, value.as_bytes());
        }
    }

    /// Octets, in base64.
    pub fn octets(&mut self, name: &str, value: &[u8]) {
        self.fold(&format!("{name}:: {}", base64::STANDARD.encode(value)));
    }

    /// The file: ASCII, LF line ends.
    pub fn into_text(self) -> String {
        self.0
    }

    /// RFC 2849, notes 2 and 10. `written` is ASCII, so octets are columns.
    fn fold(&mut self, written: &str) {
        let mut rest = written;
        let mut room = COLUMNS;
        while rest.len() > room {
            let (head, tail) = rest.split_at(room);
            self.0.push_str(head);
            self.0.push_str("\n ");
            rest = tail;
            // The blank that continues a line takes a column of it.
            room = COLUMNS - 1;
        }
        self.0.push_str(rest);
        self.0.push('\n');
    }
}

/// RFC 4514 §2.4: an attribute value as it stands in a distinguished name.
pub fn escape_dn(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut escaped = String::new();
    for (index, c) in value.chars().enumerate() {
        let blank_at_an_end = c == ' ' && (index == 0 || index == last);
        if blank_at_an_end || "\"+,;<>\\=".contains(c) || (c == '#' && index == 0) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// "Lines should be at most 76 columns": what every reader takes.
const COLUMNS: usize = 76;
