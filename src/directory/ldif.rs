//! LDIF (RFC 2849) as far as a content file needs it: no changes, no URLs, no controls.
//!
//! One pass over the octets, and no entry is compared with another: work grows with the file,
//! which has a limit ([`crate::limits::Limits::directory`]).

use std::borrow::Cow;

use encodify::base64;

use super::DirectoryError;

/// One entry.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub dn: String,
    /// Line of the `dn:`.
    line: usize,
    values: Vec<Value<'a>>,
}

/// One attribute value.
#[derive(Debug)]
pub(super) struct Value<'a> {
    /// Without options (`;binary`).
    name: String,
    pub octets: Cow<'a, [u8]>,
    line: usize,
}

impl Entry<'_> {
    /// The values of an attribute, its name's case ignored.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &Value<'_>> {
        self.values
            .iter()
            .filter(move |value| value.name.eq_ignore_ascii_case(name))
    }

    /// The value of an attribute that must stand exactly once.
    pub fn one(&self, name: &str) -> Result<String, DirectoryError> {
        self.optional(name)?
            .ok_or_else(|| self.error(name, "is missing"))
    }

    /// The value of an attribute that may stand once.
    pub fn optional(&self, name: &str) -> Result<Option<String>, DirectoryError> {
        let mut values = self.values(name);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        match (values.next(), value.text()) {
            (Some(second), _) => Err(second.error(self, "stands here a second time")),
            (None, None) => Err(value.error(self, "is not UTF-8 text")),
            (None, Some(text)) => Ok(Some(text.to_owned())),
        }
    }

    /// A fault of the entry as a whole, in what it says, or fails to say, of an attribute.
    pub fn error(&self, attribute: &str, what: impl Into<String>) -> DirectoryError {
        DirectoryError {
            line: self.line,
            entry: Some(self.dn.clone()),
            attribute: Some(attribute.to_owned()),
            what: what.into(),
        }
    }

    /// Takes in one more line.
    fn push<'a>(entry: &mut Entry<'a>, value: Value<'a>) -> Result<(), DirectoryError> {
        let why = match value.name.to_ascii_lowercase().as_str() {
            "dn" => "begins an entry; a blank line is missing before it",
            "version" => "stands within an entry; it may only stand at the start of the file",
            "changetype" | "control" => "asks for a change; a directory is a file of contents",
            _ => {
                entry.values.push(value);
                return Ok(());
            }
        };
        Err(value.error(entry, why))
    }
}

impl Value<'_> {
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.octets).ok().map(str::trim)
    }

    /// A fault of this value, which stands in `entry`.
    pub fn error(&self, entry: &Entry<'_>, what: impl Into<String>) -> DirectoryError {
        DirectoryError {
            line: self.line,
            ..entry.error(&self.name, what)
        }
    }
}

/// The entries of a file, up to the first fault.
pub(super) struct Entries<'a> {
    lines: Lines<'a>,
    /// Something but comments has been read: no `version` may follow.
    begun: bool,
    failed: bool,
}

impl<'a> Entries<'a> {
    pub fn of(content: &'a [u8]) -> Self {
        Self {
            lines: Lines {
                content,
                position: 0,
                line: 0,
            },
            begun: false,
            failed: false,
        }
    }

    fn entry(&mut self) -> Result<Option<Entry<'a>>, DirectoryError> {
        let Some(mut entry) = self.opening()? else {
            return Ok(None);
        };
        for logical in self.lines.by_ref() {
            let in_entry = |error: DirectoryError| error.within(&entry.dn);
            let (line, logical) = logical.map_err(in_entry)?;
            if logical.is_empty() {
                break;
            }
            let value = value(line, logical).map_err(in_entry)?;
            Entry::push(&mut entry, value)?;
        }
        Ok(Some(entry))
    }

    /// The `dn:` that begins the next entry; `version: 1` may stand before the first one.
    ///
    /// ```text
    /// ldif-content = version-spec 1*(1*SEP ldif-attrval-record)      ; RFC 2849
    /// ```
    fn opening(&mut self) -> Result<Option<Entry<'a>>, DirectoryError> {
        for logical in self.lines.by_ref() {
            let (line, logical) = logical?;
            if logical.is_empty() {
                continue;
            }
            let value = value(line, logical)?;
            let first = !std::mem::replace(&mut self.begun, true);
            let fail = |what: &str| Err(DirectoryError::at(line, Some(&value.name), what));
            match value.name.to_ascii_lowercase().as_str() {
                "version" if !first => return fail("may only stand at the start of the file"),
                "version" if value.text() != Some("1") => {
                    return fail("1 is the only one there is");
                }
                "version" => {}
                "dn" => {
                    let Some(dn) = value.text().map(str::to_owned) else {
                        return fail("is not UTF-8 text");
                    };
                    return Ok(Some(Entry {
                        dn,
                        line,
                        values: Vec::new(),
                    }));
                }
                _ => return fail("an entry begins with dn, not with this"),
            }
        }
        Ok(None)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, DirectoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.entry().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

/// ```text
/// attrval-spec = AttributeDescription value-spec SEP       ; RFC 2849
/// value-spec   = ":" ( FILL 0*1(SAFE-STRING) / ":" FILL (BASE64-STRING) / "<" FILL url )
/// ```
fn value<'a>(line: usize, logical: Cow<'a, [u8]>) -> Result<Value<'a>, DirectoryError> {
    let colon = memchr::memchr(b':', &logical);
    let name = colon.and_then(|colon| attribute_type(&logical[..colon]));
    let (Some(colon), Some(name)) = (colon, name) else {
        let what = "neither an attribute with its value, nor a continuation, nor a comment";
        return Err(DirectoryError::at(line, None, what));
    };
    let rest = match logical {
        Cow::Borrowed(octets) => Cow::Borrowed(&octets[colon + 1..]),
        Cow::Owned(octets) => Cow::Owned(octets[colon + 1..].to_vec()),
    };
    let fail = |what: &str| Err(DirectoryError::at(line, Some(&name), what));
    let octets = match rest.first() {
        Some(b':') => {
            let text = rest[1..].iter().copied();
            let text: Vec<u8> = text.filter(|b| !b.is_ascii_whitespace()).collect();
            match base64::STANDARD.decode(&text) {
                Ok(octets) => Cow::Owned(octets),
                Err(error) => return fail(&format!("is not base64: {error}")),
            }
        }
        Some(b'<') => return fail("has its value elsewhere (:<); put the value itself here"),
        _ => match rest {
            Cow::Borrowed(octets) => Cow::Borrowed(octets.trim_ascii()),
            Cow::Owned(octets) => Cow::Owned(octets.trim_ascii().to_vec()),
        },
    };
    Ok(Value { name, octets, line })
}

/// ```text
/// AttributeDescription = AttributeType [";" options]           ; RFC 2849
/// AttributeType        = ldap-oid / (ALPHA *(attr-type-chars)) ; ALPHA / DIGIT / "-"
/// ```
fn attribute_type(description: &[u8]) -> Option<String> {
    let name = description.split(|&b| b == b';').next()?;
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    if name.is_empty() || !name.iter().all(allowed) {
        return None;
    }
    std::str::from_utf8(name).ok().map(str::to_owned)
}

/// Logical lines: folds undone, comments left out (with their folds), CRLF or LF.
struct Lines<'a> {
    content: &'a [u8],
    position: usize,
    line: usize,
}

impl<'a> Iterator for Lines<'a> {
    /// Number of the first physical line, and the text.
    type Item = Result<(usize, Cow<'a, [u8]>), DirectoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let first = self.physical()?;
            let number = self.line;
            if first.first() == Some(&b' ') {
                let what = "begins with a blank, as a continuation does, but continues nothing";
                return Some(Err(DirectoryError::at(number, None, what)));
            }
            let mut logical = Cow::Borrowed(first);
            // A blank line ends an entry, so nothing continues it.
            while !first.is_empty() && self.content.get(self.position) == Some(&b' ') {
                let more = self.physical()?;
                logical.to_mut().extend_from_slice(&more[1..]);
            }
            if logical.first() != Some(&b'#') {
                return Some(Ok((number, logical)));
            }
        }
    }
}

impl<'a> Lines<'a> {
    fn physical(&mut self) -> Option<&'a [u8]> {
        let rest = self
            .content
            .get(self.position..)
            .filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest);
        self.position += end.map_or(rest.len(), |end| end + 1);
        self.line += 1;
        let text = &rest[..end.unwrap_or(rest.len())];
        Some(text.strip_suffix(b"\r").unwrap_or(text))
    }
}
