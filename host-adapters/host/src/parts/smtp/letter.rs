//! A message with its envelope, checked: all of it can be said in SMTP.

use super::content::Survey;
use crate::{Body, pec};

/// One mail transaction.
pub(super) struct Letter<'a> {
    /// Empty for the null path.
    pub reverse_path: &'a str,
    /// At least one.
    pub recipients: Vec<&'a str>,
    pub body: &'a Body,
    pub survey: Survey,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The other side has it, and said so.
    Taken(String),
    /// It never will.
    Refused(pec::Failure),
    /// Not now, and why.
    Later(String),
}

impl<'a> Letter<'a> {
    /// # Errors
    /// No server can be given it: a failure for all recipients.
    pub(super) fn new(
        reverse_path: &'a str,
        recipients: Vec<&'a str>,
        body: &'a Body,
        survey: Survey,
    ) -> Result<Self, pec::Failure> {
        if survey.bare_line_feed {
            return Err(local(554, "5.6.0", BARE_LINE_FEED));
        }
        if !reverse_path.is_empty() && !is_sayable(reverse_path) {
            let text = format!("{reverse_path:?} cannot be written as a sender in SMTP");
            return Err(local(553, "5.1.7", &text));
        }
        Ok(Self {
            reverse_path,
            recipients,
            body,
            survey,
        })
    }
}

/// Can an address stand between angle brackets without ending them, or the line? The plug-in's
/// addresses can; others must not be able to slip a command in.
pub(super) fn is_sayable(address: &str) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    let fits = |octet: u8| {
        if escaped {
            escaped = false;
            return (b' '..=b'~').contains(&octet);
        }
        match octet {
            b'"' => quoted = !quoted,
            b'\\' => escaped = quoted,
            b' ' | b'<' | b'>' => return quoted,
            b'!'..=b'~' => {}
            _ => return false,
        }
        true
    };
    let all = address.bytes().all(fits);
    all && !quoted && !escaped && !address.is_empty()
}

/// Why a recipient cannot even be named.
pub(super) fn unsayable(address: &str) -> pec::Failure {
    local(
        553,
        "5.1.3",
        &format!("{address:?} cannot be written as a recipient in SMTP"),
    )
}

/// RFC 6152 §3: without the extension, 8-bit content must be changed, which breaks signatures.
pub(super) fn eight_bit_unwelcome() -> pec::Failure {
    local(
        554,
        "5.6.3",
        "the message has 8-bit content, and the mail server does not offer 8BITMIME",
    )
}

fn local(code: u16, status: &str, text: &str) -> pec::Failure {
    pec::Failure {
        status: status.to_owned(),
        code,
        text: text.to_owned(),
        no_such_domain: false,
    }
}

const BARE_LINE_FEED: &str = "the message has a line feed without a carriage return before it, \
    which SMTP does not carry unchanged";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_between_their_brackets() {
        for good in [
            "anna@here.example",
            "\"a b\"@here.example",
            "\"<x>\"@here.example",
            "\"a\\\"b>\"@here.example",
            "a+b=c@here.example",
        ] {
            assert!(is_sayable(good), "{good}");
        }
        for bad in [
            "",
            "a b@here.example",
            "a>@here.example",
            "a@here.example> SIZE=1",
            "a@here.example>\r\nDATA",
            "\"a\r\nDATA\"@here.example",
            "\"a\\\r\nDATA\"@here.example",
            "\"a@here.example",
            "\"a\\",
            "a\\>@here.example",
            "perché@here.example",
            "a\u{0}@here.example",
        ] {
            assert!(!is_sayable(bad), "{bad:?}");
        }
    }
}
