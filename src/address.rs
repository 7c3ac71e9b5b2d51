//! Addresses and domain names, checked once and carried as proof (HOUSE-RULES 4).

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::plain::text_outside;

/// An e-mail address: `local@domain`, RFC 5321 `Mailbox` restricted to ASCII.
///
/// Case is kept as received and ignored in comparisons, local part included: PRACTICE 8.2 lets
/// case-only differences pass, and no provider keeps two mailboxes apart by case.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct EmailAddress {
    text: String,
    at: usize,
}

impl EmailAddress {
    /// The address as received.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`, quotes included.
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> DomainName {
        DomainName(self.text[self.at + 1..].to_ascii_lowercase())
    }
}

/// ```text
/// Mailbox    = Local-part "@" Domain          ; RFC 5321 §4.1.2
/// Local-part = Dot-string / Quoted-string     ; at most 64 octets
/// ```
impl TryFrom<&str> for EmailAddress {
    type Error = InvalidAddress;

    fn try_from(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = |why| InvalidAddress {
            text: abbreviate(text),
            why,
        };
        let at = text.rfind('@').ok_or_else(|| invalid("it has no @"))?;
        let (local, domain) = (&text[..at], &text[at + 1..]);
        if local.is_empty() {
            return Err(invalid("nothing stands before the @"));
        }
        if local.len() > MAX_LOCAL_PART {
            return Err(invalid("its local part is longer than 64 octets"));
        }
        let well_formed = match local.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"').is_some_and(is_quoted_content),
            None => local.split('.').all(is_atom),
        };
        if !well_formed {
            return Err(invalid(
                "its local part has characters that are not allowed",
            ));
        }
        DomainName::try_from(domain).map_err(|error| invalid(error.why))?;
        Ok(Self {
            text: text.to_owned(),
            at,
        })
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for EmailAddress {}

impl Hash for EmailAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for octet in self.text.bytes() {
            state.write_u8(octet.to_ascii_lowercase());
        }
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A domain name in dot-atom form, as `managedDomains` allows it (RFC 6109 §4.5.5), lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct DomainName(String);

impl DomainName {
    /// The name in lower case, without a trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for DomainName {
    type Error = InvalidAddress;

    fn try_from(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = |why| InvalidAddress {
            text: abbreviate(text),
            why,
        };
        if text.is_empty() {
            return Err(invalid("its domain is empty"));
        }
        if text.len() > MAX_DOMAIN {
            return Err(invalid("its domain is longer than 253 octets"));
        }
        if !text.split('.').all(is_label) {
            return Err(invalid("its domain has a label that DNS does not allow"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

text_outside!(EmailAddress);
text_outside!(DomainName);

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is no address or domain name, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAddress {
    text: String,
    why: &'static str,
}

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}” is not an address: {}", self.text, self.why)
    }
}

impl std::error::Error for InvalidAddress {}

fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_atext)
}

/// `atext` of RFC 5322 §3.2.3.
pub(crate) fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}

/// `qtext` and `quoted-pair` of RFC 5321 §4.1.2, between the quotes.
fn is_quoted_content(text: &str) -> bool {
    let mut escaped = false;
    for octet in text.bytes() {
        match octet {
            _ if escaped && (b' '..=b'~').contains(&octet) => escaped = false,
            b'\\' => escaped = true,
            b'"' => return false,
            b' '..=b'~' => {}
            _ => return false,
        }
    }
    !escaped
}

/// A DNS label; the underscore is tolerated because hosts with it send mail.
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Keeps hostile text out of notices and logs: printable, at most 80 characters.
fn abbreviate(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .take(80)
        .collect()
}

/// RFC 5321 §4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;
/// RFC 1035 §2.3.4, as text.
const MAX_DOMAIN: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_only_differences_compare_equal() {
        let one = EmailAddress::try_from("Anna.Rossi@PEC.Alfa.example").unwrap();
        let two = EmailAddress::try_from("anna.rossi@pec.alfa.example").unwrap();
        assert_eq!(one, two);
        assert_eq!(one.as_str(), "Anna.Rossi@PEC.Alfa.example");
        assert_eq!(one.domain().as_str(), "pec.alfa.example");
    }

    #[test]
    fn malformed_addresses_say_why() {
        for (text, why) in [
            ("anna", "no @"),
            ("@pec.example", "before the @"),
            ("a..b@pec.example", "local part"),
            ("a b@pec.example", "local part"),
            ("a@b@pec.example", "local part"),
            ("a@", "domain is empty"),
            ("a@-pec.example", "label"),
            ("a@pec..example", "label"),
            ("a@pèc.example", "label"),
            ("\"a\"b\"@pec.example", "local part"),
        ] {
            let error = EmailAddress::try_from(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(EmailAddress::try_from("\"a b\"@pec.example").is_ok());
    }
}
