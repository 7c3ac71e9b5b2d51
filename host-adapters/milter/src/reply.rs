//! What is said to the mail server.

use crate::negotiate::Agreement;

/// An answer of the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// Go on.
    Continue,
    /// Take the message as it is, and tell no more of it.
    Accept,
    /// Tell the client that all is well, and forget the message: we have it. Not allowed before
    /// MAIL.
    Discard,
    /// Tell the client this.
    Refuse(Refusal),
    /// We are still at it: the mail server's patience (Postfix: `milter_content_timeout`, 300 s)
    /// begins anew. For the end of a message only, as often as wanted, before the answer.
    Progress,
}

impl Reply {
    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Continue => packet(out, b'c', &[]),
            Self::Accept => packet(out, b'a', &[]),
            Self::Discard => packet(out, b'd', &[]),
            Self::Progress => packet(out, b'p', &[]),
            Self::Refuse(refusal) => packet(out, b'y', &refusal.encoded()),
        }
    }
}

/// The answer to the mail server's options.
pub(crate) fn write_agreement(agreement: &Agreement, out: &mut Vec<u8>) {
    packet(out, b'O', &agreement.encoded());
}

/// An SMTP reply of failure (RFC 5321, RFC 3463).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: u16,
    status: String,
    text: String,
}

impl Refusal {
    /// A reply of failure.
    ///
    /// `code` is 400 to 599, anything else becomes 451. `status` (for example `5.1.1`) must be of the
    /// same class, or the mail server would not use it: then, and when it is empty, it becomes
    /// "other or undefined" of the class. Of the `text` everything that is not printable ASCII becomes
    /// a question mark: a line end in it would be a second reply.
    #[must_use]
    pub fn new(code: u16, status: &str, text: &str) -> Self {
        let code = if (400..600).contains(&code) {
            code
        } else {
            451
        };
        let class = code / 100;
        let status = if is_status_of(status, class) {
            status.to_owned()
        } else {
            format!("{class}.0.0")
        };
        let printable = |c: char| if (' '..='~').contains(&c) { c } else { '?' };
        Self {
            code,
            status,
            text: text.chars().take(LONGEST_TEXT).map(printable).collect(),
        }
    }

    /// 400 to 599.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The client may try again.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.code < 500
    }

    /// Code, status, text and the final NUL; the mail server reads `%` as the beginning of a format.
    fn encoded(&self) -> Vec<u8> {
        let Self { code, status, text } = self;
        let mut octets = format!("{code} {status} {}", text.replace('%', "%%")).into_bytes();
        octets.push(0);
        octets
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.code, self.status, self.text)
    }
}

/// `CLASS.SUBJECT.DETAIL`, one to three digits each (RFC 3463 §2).
fn is_status_of(status: &str, class: u16) -> bool {
    let mut parts = status.split('.');
    let number = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|octet| octet.is_ascii_digit())
    };
    parts.next() == Some(class.to_string().as_str())
        && parts.next().is_some_and(number)
        && parts.next().is_some_and(number)
        && parts.next().is_none()
}

fn packet(out: &mut Vec<u8>, command: u8, data: &[u8]) {
    // Everything that is written here is short.
    let length = u32::try_from(data.len() + 1).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.push(command);
    out.extend_from_slice(data);
}

/// RFC 5321 §4.5.3.1.5: a reply line has 512 octets, code and line end included.
const LONGEST_TEXT: usize = 480;

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(code: u16, status: &str, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        Reply::Refuse(Refusal::new(code, status, text)).write(&mut out);
        out
    }

    #[test]
    fn a_refusal_is_a_format_with_its_percent_signs_doubled() {
        let out = encoded(554, "5.7.1", "100% ordinary mail");
        assert_eq!(out, b"\0\0\0\x1fy554 5.7.1 100%% ordinary mail\0");
    }

    #[test]
    fn nothing_in_a_refusal_is_a_second_line() {
        let out = encoded(550, "5.1.1", "no\r\n250 OK\0è");
        assert_eq!(&out[5..], b"550 5.1.1 no??250 OK??\0");
    }

    #[test]
    fn a_status_is_of_the_class_of_its_code() {
        assert_eq!(&encoded(451, "5.1.1", "x")[5..], b"451 4.0.0 x\0");
        assert_eq!(&encoded(554, "", "x")[5..], b"554 5.0.0 x\0");
        assert_eq!(&encoded(554, "5.1", "x")[5..], b"554 5.0.0 x\0");
        assert_eq!(&encoded(250, "2.0.0", "x")[5..], b"451 4.0.0 x\0");
    }

    #[test]
    fn the_short_ones_are_one_octet_and_its_length() {
        let mut out = Vec::new();
        for reply in [
            Reply::Continue,
            Reply::Accept,
            Reply::Discard,
            Reply::Progress,
        ] {
            reply.write(&mut out);
        }
        assert_eq!(out, b"\0\0\0\x01c\0\0\0\x01a\0\0\0\x01d\0\0\0\x01p");
    }
}
