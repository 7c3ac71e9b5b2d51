//! A message and its envelope.

use std::fmt;

use crate::command::{Arguments, Parameters};
use crate::{Flaw, Macros, Original};

/// Whom a message is from and for, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// MAIL FROM.
    pub reverse_path: Address,
    /// Its parameters: SIZE, BODY, RET, ENVID, SMTPUTF8, …
    pub parameters: Parameters,
    /// RCPT TO, in order, each with its parameters: NOTIFY, ORCPT. Only those that were accepted.
    pub recipients: Vec<(Address, Parameters)>,
}

impl Envelope {
    pub(crate) fn from_mail(arguments: &Arguments<'_>, as_understood: Option<&str>) -> Self {
        Self {
            reverse_path: Address::read(arguments.path, as_understood),
            parameters: Parameters::read(&arguments.parameters),
            recipients: Vec::new(),
        }
    }
}

/// A path without its angle brackets: `local@domain`, or empty for the null reverse path. Whether it
/// is an address at all is for others to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Result<String, Vec<u8>>);

impl Address {
    /// `as_understood` is what the mail server made of the path (`{mail_addr}`, `{rcpt_addr}`): without
    /// source route and needless quotes, but Postfix also folds the case of recipients. So it counts
    /// only where the path has a route or quotes; otherwise only the brackets are taken off.
    pub(crate) fn read(path: &[u8], as_understood: Option<&str>) -> Self {
        let bare = path
            .strip_prefix(b"<")
            .and_then(|rest| rest.strip_suffix(b">"));
        let bare = bare.unwrap_or(path);
        Self(match (std::str::from_utf8(bare), as_understood) {
            (Ok(text), Some(understood)) if text.starts_with('@') || text.contains('"') => {
                Ok(understood.to_owned())
            }
            (Ok(text), _) => Ok(without_route(text).to_owned()),
            (Err(_), _) => Err(bare.to_owned()),
        })
    }

    /// The address as text; none: it is not UTF-8, so no address of anybody.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref().ok()
    }

    /// `<>`?
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.text() == Some("")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(text) => f.write_str(text),
            Err(octets) => f.write_str(&String::from_utf8_lossy(octets)),
        }
    }
}

/// RFC 5321 appendix C: source routes are to be ignored.
fn without_route(path: &str) -> &str {
    match path.split_once(':') {
        Some((route, address)) if route.starts_with('@') => address,
        _ => path,
    }
}

/// A whole message.
#[derive(Debug)]
pub struct Transaction {
    /// From whom and for whom.
    pub envelope: Envelope,
    /// What the mail server knows besides.
    pub macros: Macros,
    /// Its octets, or why there are none.
    pub original: Result<Original, Flaw>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_loses_its_brackets_and_its_route() {
        let text = |path: &[u8]| Address::read(path, None).text().map(str::to_owned);
        assert_eq!(text(b"<anna@x.example>").as_deref(), Some("anna@x.example"));
        assert_eq!(text(b"anna@x.example").as_deref(), Some("anna@x.example"));
        assert_eq!(text(b"<>").as_deref(), Some(""));
        assert_eq!(text(b"<@a,@b:anna@x>").as_deref(), Some("anna@x"));
        assert_eq!(text(b"<\"a:b\"@x>").as_deref(), Some("\"a:b\"@x"));
        assert_eq!(text("<è@x>".as_bytes()).as_deref(), Some("è@x"));
        assert_eq!(text(b"<\xe8@x>"), None);
    }

    #[test]
    fn what_the_mail_server_understood_counts_where_it_takes_understanding() {
        let text = |path: &[u8], understood| {
            let address = Address::read(path, Some(understood));
            address.text().map(str::to_owned)
        };
        assert_eq!(text(b"<\"anna\"@x>", "anna@x").as_deref(), Some("anna@x"));
        assert_eq!(text(b"<@a:anna@x>", "anna@x").as_deref(), Some("anna@x"));
        assert_eq!(text(b"<Anna@x>", "anna@x").as_deref(), Some("Anna@x"));
        assert_eq!(text(b"<\xe8@x>", "?@x"), None);
    }
}
