//! LDIF (RFC 2849) as far as a content file needs it: no changes, no URLs, no controls.

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
    pub line: usize,
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
            .ok_or_else(|| self.error(&format!("{name} is missing")))
    }

    /// The value of an attribute that may stand once.
    pub fn optional(&self, name: &str) -> Result<Option<String>, DirectoryError> {
        let mut values = self.values(name);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if let Some(second) = values.next() {
            let what = format!("{name} stands twice in “{}”", self.dn);
            return Err(DirectoryError {
                line: second.line,
                what,
            });
        }
        let text = value.text().ok_or_else(|| DirectoryError {
            line: value.line,
            what: format!("{name} is not UTF-8 text"),
        })?;
        Ok(Some(text.to_owned()))
    }

    /// A fault of the entry as a whole.
    pub fn error(&self, what: &str) -> DirectoryError {
        DirectoryError {
            line: self.line,
            what: format!("{what} in “{}”", self.dn),
        }
    }
}

impl Value<'_> {
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.octets).ok().map(str::trim)
    }
}

/// The entries of a file, up to the first fault.
pub(super) fn entries(content: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, DirectoryError>> {
    let mut lines = Lines {
        content,
        position: 0,
        line: 0,
    };
    let mut failed = false;
    std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let next = entry(&mut lines).transpose();
        failed = matches!(next, Some(Err(_)));
        next
    })
}

fn entry<'a>(lines: &mut Lines<'a>) -> Result<Option<Entry<'a>>, DirectoryError> {
    let mut found: Option<Entry<'a>> = None;
    for (line, logical) in lines.by_ref() {
        if logical.is_empty() {
            if found.is_some() {
                break;
            }
            continue;
        }
        let value = value(line, logical)?;
        match &mut found {
            Some(entry) => entry.values.push(value),
            None if value.name.eq_ignore_ascii_case("version") => {}
            None if value.name.eq_ignore_ascii_case("dn") => {
                let dn = value.text().map(str::to_owned);
                let dn = dn.ok_or(DirectoryError {
                    line,
                    what: "dn is not UTF-8 text".into(),
                })?;
                found = Some(Entry {
                    dn,
                    line,
                    values: Vec::new(),
                });
            }
            None => {
                let what = format!("an entry begins with {}, not with dn", value.name);
                return Err(DirectoryError { line, what });
            }
        }
    }
    Ok(found)
}

/// ```text
/// attrval-spec = AttributeDescription value-spec SEP       ; RFC 2849
/// value-spec   = ":" ( FILL 0*1(SAFE-STRING) / ":" FILL (BASE64-STRING) / "<" FILL url )
/// ```
fn value<'a>(line: usize, logical: Cow<'a, [u8]>) -> Result<Value<'a>, DirectoryError> {
    let fail = |what: &str| {
        Err(DirectoryError {
            line,
            what: what.to_owned(),
        })
    };
    let Some(colon) = memchr::memchr(b':', &logical) else {
        return fail("neither an attribute, a continuation nor a comment");
    };
    let name = logical[..colon]
        .split(|&b| b == b';')
        .next()
        .unwrap_or_default();
    let name = String::from_utf8_lossy(name).trim().to_owned();
    let rest = match logical {
        Cow::Borrowed(octets) => Cow::Borrowed(&octets[colon + 1..]),
        Cow::Owned(octets) => Cow::Owned(octets[colon + 1..].to_vec()),
    };
    let octets = match rest.first() {
        Some(b':') => {
            let text: Vec<u8> = rest[1..]
                .iter()
                .copied()
                .filter(|b| !b.is_ascii_whitespace())
                .collect();
            match base64::STANDARD.decode(&text) {
                Ok(octets) => Cow::Owned(octets),
                Err(error) => return fail(&format!("{name}: not base64: {error}")),
            }
        }
        Some(b'<') => return fail(&format!("{name}: values by URL are refused")),
        _ => match rest {
            Cow::Borrowed(octets) => Cow::Borrowed(octets.trim_ascii()),
            Cow::Owned(octets) => Cow::Owned(octets.trim_ascii().to_vec()),
        },
    };
    Ok(Value { name, octets, line })
}

/// Logical lines: folds undone, comments left out (with their folds), CRLF or LF.
struct Lines<'a> {
    content: &'a [u8],
    position: usize,
    line: usize,
}

impl<'a> Iterator for Lines<'a> {
    /// Number of the first physical line, and the text.
    type Item = (usize, Cow<'a, [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let first = self.physical()?;
            let number = self.line;
            let mut logical = Cow::Borrowed(first);
            while self.content.get(self.position) == Some(&b' ') {
                let more = self.physical()?;
                logical.to_mut().extend_from_slice(&more[1..]);
            }
            if logical.first() != Some(&b'#') {
                return Some((number, logical));
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
