//! Domains and addresses as they may stand in settings and arguments.
//!
//! Narrower than what mail allows: the directory permits dot-atoms only (RFC 6109 §4.5.4, §4.5.5),
//! and what is set up here ends up in a directory. The plug-in judges what stands in *messages*.

use std::fmt;

use serde::Deserialize;

/// A domain in lower case, without trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Domain(String);

impl Domain {
    /// The domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is this the domain of `address`? Case does not count.
    pub fn manages(&self, address: &str) -> bool {
        address
            .rsplit_once('@')
            .is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(&self.0))
    }
}

/// An address `local@domain`. The case of the local part is kept; comparing ignores it.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(String);

impl Address {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Address) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Address {}

/// A name that is not one; the text says what a good one looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadName(String);

impl TryFrom<String> for Domain {
    type Error = BadName;

    fn try_from(text: String) -> Result<Domain, BadName> {
        let good = text.len() <= MAX_DOMAIN
            && text.contains('.')
            && text.split('.').all(|label| {
                (1..=MAX_LABEL).contains(&label.len())
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            });
        if good {
            Ok(Domain(text.to_ascii_lowercase()))
        } else {
            Err(BadName(format!(
                "`{text}` is not a domain like `pec.alfa.example`"
            )))
        }
    }
}

impl TryFrom<String> for Address {
    type Error = BadName;

    fn try_from(text: String) -> Result<Address, BadName> {
        let bad = || {
            BadName(format!(
                "`{text}` is not an address like `anna.rossi@pec.alfa.example`"
            ))
        };
        let (local, domain) = text.split_once('@').ok_or_else(bad)?;
        let atoms = local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
        if !atoms || local.len() > MAX_LOCAL {
            return Err(bad());
        }
        let domain = Domain::try_from(domain.to_owned()).map_err(|_| bad())?;
        Ok(Address(format!("{local}@{}", domain.as_str())))
    }
}

/// For clap's `value_parser`.
impl std::str::FromStr for Domain {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Domain, BadName> {
        Domain::try_from(text.to_owned())
    }
}

/// For clap's `value_parser`.
impl std::str::FromStr for Address {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Address, BadName> {
        Address::try_from(text.to_owned())
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadName {}

/// `atext` of RFC 5322 §3.2.3.
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// RFC 5321 §4.5.3.1.1.
const MAX_LOCAL: usize = 64;
/// RFC 1035 §2.3.4, less the root's length octet and one for the first label's.
const MAX_DOMAIN: usize = 253;
/// RFC 1035 §2.3.4.
const MAX_LABEL: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_and_addresses_are_dot_atoms() {
        assert_eq!(
            "PEC.Alfa.example".parse::<Domain>().unwrap().as_str(),
            "pec.alfa.example"
        );
        for bad in [
            "",
            "alfa",
            "pec..example",
            ".example",
            "pec.example.",
            "-a.example",
            "pèc.example",
        ] {
            assert!(bad.parse::<Domain>().is_err(), "{bad}");
        }
        assert_eq!(
            "Anna.Rossi@PEC.example"
                .parse::<Address>()
                .unwrap()
                .as_str(),
            "Anna.Rossi@pec.example"
        );
        for bad in [
            "@pec.example",
            "anna",
            "anna@",
            ".a@pec.example",
            "a b@pec.example",
            "a@b@pec.example",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_domain_manages_itself_and_nothing_below() {
        let domain: Domain = "pec.alfa.example".parse().unwrap();
        assert!(domain.manages("anna@PEC.alfa.EXAMPLE"));
        assert!(!domain.manages("anna@x.pec.alfa.example"));
        assert!(!domain.manages("pec.alfa.example"));
    }
}
