//! What a server says (RFC 5321 §4.2), read strictly and within bounds.
//!
//! ```text
//! Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
//! Reply-code = %x32-35 %x30-35 %x30-39
//! ```

use std::fmt;

use crate::pec;

/// A whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub code: u16,
    /// The enhanced status of its first line (RFC 2034), where it is of the code's class.
    pub status: Option<String>,
    /// Its lines without codes.
    pub lines: Vec<String>,
}

/// What a reply decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// 2yz.
    Yes,
    /// 354: send the message.
    GoOn,
    /// Not now.
    Later,
    /// Never.
    No,
}

impl Reply {
    /// Most 5yz replies are about a message or a mailbox and final. The others say that the two
    /// programs do not get on: unknown commands or parameters (500 to 504, 555), a host that takes
    /// no mail (521), a demand for AUTH or TLS (530, 538). An administrator mends that, and the
    /// message has not failed.
    pub(super) fn class(&self) -> Class {
        match self.code {
            200..300 => Class::Yes,
            300..400 => Class::GoOn,
            500..=504 | 521 | 530 | 538 | 555 => Class::Later,
            500.. => Class::No,
            _ => Class::Later,
        }
    }

    /// 421: whatever was asked, the server is about to close the connection.
    pub(super) fn says_goodbye(&self) -> bool {
        self.code == 421
    }

    /// As the outbox keeps it.
    pub(super) fn failure(&self) -> pec::Failure {
        pec::Failure {
            status: self.status.clone().unwrap_or_default(),
            code: self.code,
            text: self.lines.join(" "),
            // The status 5.1.2 says so where it is so.
            no_such_domain: false,
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}", self.code)?;
        if let Some(status) = &self.status {
            write!(f, " {status}")?;
        }
        for line in self.lines.iter().filter(|line| !line.is_empty()) {
            write!(f, " {line}")?;
        }
        f.write_str("”")
    }
}

/// A reply of which some lines are known.
#[derive(Debug, Default)]
pub(super) struct ReplyLines(Option<Reply>);

impl ReplyLines {
    /// Takes one more line, line end included; gives the reply when it was the last.
    pub(super) fn take(&mut self, line: &[u8]) -> Result<Option<Reply>, Nonsense> {
        if line.len() > MAX_LINE {
            return Err(Nonsense::LongLine);
        }
        let line = line.strip_suffix(b"\r\n").ok_or(Nonsense::LineEnd)?;
        let (code, rest) = line
            .split_first_chunk::<3>()
            .ok_or_else(|| Nonsense::garbage(line))?;
        let [b'2'..=b'5', b'0'..=b'5', b'0'..=b'9'] = code else {
            return Err(Nonsense::garbage(line));
        };
        let number = code.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
        let (last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err(Nonsense::garbage(line)),
        };
        let text = printable(text);
        let (status, text) = split_status(number, &text);
        let reply = self.0.get_or_insert_with(|| Reply {
            code: number,
            status: status.map(str::to_owned),
            lines: Vec::new(),
        });
        if reply.code != number {
            return Err(Nonsense::Codes(reply.code, number));
        }
        if reply.lines.len() == MAX_LINES {
            return Err(Nonsense::ManyLines);
        }
        reply.lines.push(text.to_owned());
        Ok(if last { self.0.take() } else { None })
    }
}

/// A reply that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Nonsense {
    #[error("a line of it is longer than {MAX_LINE} octets")]
    LongLine,
    #[error("it has more than {MAX_LINES} lines")]
    ManyLines,
    #[error("a line of it does not end in CR LF")]
    LineEnd,
    #[error("one line says {0} and the next {1}")]
    Codes(u16, u16),
    #[error("{0:?} does not begin with a reply code")]
    Garbage(String),
}

impl Nonsense {
    fn garbage(line: &[u8]) -> Self {
        let mut text = printable(line);
        if let Some((end, _)) = text.char_indices().nth(MAX_QUOTE) {
            text.truncate(end);
            text.push('…');
        }
        Self::Garbage(text)
    }
}

/// `status-code = class "." subject "." detail`, and its class is the code's (RFC 2034 §4).
fn split_status(code: u16, text: &str) -> (Option<&str>, &str) {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut parts = first.split('.');
    let number = |part: Option<&str>| {
        part.is_some_and(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
    };
    let class = parts.next() == Some(&(code / 100).to_string());
    let good = class && number(parts.next()) && number(parts.next()) && parts.next().is_none();
    if good && matches!(code / 100, 2 | 4 | 5) {
        (Some(first), rest)
    } else {
        (None, text)
    }
}

/// What goes into logs and notices: no control characters, whatever the octets were.
fn printable(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}

/// A line of a reply may have 512 octets (RFC 5321 §4.5.3.1.5); servers exceed that when they quote.
/// Postfix's own limit.
pub(super) const MAX_LINE: usize = 2048;

/// The longest real replies are those to EHLO, of about 20 lines.
const MAX_LINES: usize = 100;

const MAX_QUOTE: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Reply>, Nonsense> {
        let mut lines = ReplyLines::default();
        let mut last = Ok(None);
        for line in text.split_inclusive('\n') {
            assert_eq!(last, Ok(None), "a line after the last");
            last = lines.take(line.as_bytes());
            if last.is_err() {
                break;
            }
        }
        last
    }

    fn good(text: &str) -> Reply {
        read(text).unwrap().unwrap()
    }

    /// The first two are RFC 5321 §4.2.1's and RFC 2034 §6's own examples.
    #[test]
    fn replies_are_read() {
        let reply =
            good("250-First line\r\n250-Second line\r\n250-234 Text\r\n250 The last line\r\n");
        assert_eq!(
            reply.lines,
            ["First line", "Second line", "234 Text", "The last line"]
        );
        let reply = good("550 5.7.1 Relaying denied\r\n");
        assert_eq!((reply.code, reply.status.as_deref()), (550, Some("5.7.1")));
        assert_eq!(reply.to_string(), "“550 5.7.1 Relaying denied”");
        assert_eq!(good("250\r\n").lines, [""]);
        assert_eq!(good("250-\r\n250 \r\n").lines, ["", ""]);
        let reply = good("552-5.2.2 Quota exceeded\r\n552 5.2.2 (mailbox for user is full)\r\n");
        assert_eq!(
            reply.failure().text,
            "Quota exceeded (mailbox for user is full)"
        );
        assert_eq!(reply.failure().status, "5.2.2");
    }

    /// What looks like a status but is none stays text.
    #[test]
    fn a_status_is_of_the_codes_class() {
        for text in [
            "2.0.0 x",
            "5.7 x",
            "5.7.1.2 x",
            "5.a.1 x",
            "5..1 x",
            "5.1234.1 x",
            "x 5.1.1",
        ] {
            let reply = good(&format!("550 {text}\r\n"));
            assert_eq!((reply.status, reply.lines), (None, vec![text.to_owned()]));
        }
        assert_eq!(good("354 3.0.0 go\r\n").status, None);
    }

    #[test]
    fn what_is_no_reply_is_named() {
        for text in [
            "\r\n",
            "25\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
            "150 x\r\n",
            "650 x\r\n",
            "260 x\r\n",
            "2500\r\n",
            "250x\r\n",
            " 250 x\r\n",
            "+OK\r\n",
            "* OK\r\n",
        ] {
            let error = read(text).unwrap_err();
            assert!(matches!(error, Nonsense::Garbage(_)), "{text:?}: {error}");
        }
        assert_eq!(read("250 x\n"), Err(Nonsense::LineEnd));
        assert_eq!(read("250-x\r\n251 y\r\n"), Err(Nonsense::Codes(250, 251)));
        let long = format!("250 {}\r\n", "x".repeat(MAX_LINE));
        assert_eq!(read(&long), Err(Nonsense::LongLine));
        assert_eq!(
            read(&"250-x\r\n".repeat(MAX_LINES + 1)),
            Err(Nonsense::ManyLines)
        );
        let Err(Nonsense::Garbage(text)) = read(&format!("{}\r\n", "\u{1b}é".repeat(500))) else {
            panic!("no garbage");
        };
        assert!(text.chars().count() <= MAX_QUOTE + 1 && !text.contains('\u{1b}'));
    }

    #[test]
    fn classes_are_those_of_the_module() {
        let class = |code: u16| good(&format!("{code} x\r\n")).class();
        for code in [200, 250, 251, 252] {
            assert_eq!(class(code), Class::Yes);
        }
        assert_eq!(class(354), Class::GoOn);
        for code in [421, 450, 451, 452, 455, 500, 502, 503, 521, 530, 555] {
            assert_eq!(class(code), Class::Later);
        }
        for code in [550, 551, 552, 553, 554, 556] {
            assert_eq!(class(code), Class::No);
        }
    }
}
