//! Messages that people write, and ways to look into those that the system writes. Reading is
//! left to `mail-parser`, which had no part in writing them.

use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders as _, PartType};

/// A message from `from` to `to`, plain text, CRLF.
pub fn letter(from: &str, to: &str, subject: &str) -> String {
    with_headers(&format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\n{ID}"
    ))
}

/// A message with exactly these header lines.
pub fn with_headers(headers: &str) -> String {
    format!("{headers}MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nBuongiorno.\r\n")
}

pub const ID: &str = "Message-ID: <client-1@mua.example>\r\n";

/// A system message, read back.
pub struct Read {
    pub octets: Vec<u8>,
}

impl Read {
    pub fn new(octets: &[u8]) -> Self {
        Self {
            octets: octets.to_vec(),
        }
    }

    pub fn parsed(&self) -> Message<'_> {
        MessageParser::new().parse(&self.octets).expect("a message")
    }

    /// A header's text, decoded.
    pub fn header(&self, name: &str) -> Option<String> {
        match self.parsed().header(name.to_owned()) {
            Some(HeaderValue::Text(text)) => Some(text.trim().to_owned()),
            Some(other) => Some(format!("{other:?}")),
            None => None,
        }
    }

    /// A header as it stands, unfolded.
    pub fn raw_header(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.octets).replace("\r\n ", " ");
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        head.lines().find_map(|line| {
            let (n, value) = line.split_once(':')?;
            n.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }

    pub fn subject(&self) -> String {
        self.parsed().subject().unwrap_or_default().to_owned()
    }

    /// The plain text, decoded.
    pub fn text(&self) -> String {
        self.parsed()
            .body_text(0)
            .expect("a text part")
            .into_owned()
    }

    pub fn html(&self) -> String {
        self.parsed()
            .body_html(0)
            .expect("an HTML part")
            .into_owned()
    }

    /// `daticert.xml`.
    pub fn daticert(&self) -> Option<String> {
        let message = self.parsed();
        let part = message
            .parts
            .iter()
            .find(|p| p.attachment_name() == Some("daticert.xml"))?;
        Some(String::from_utf8(part.contents().to_vec()).expect("UTF-8"))
    }

    /// The text of the first element of this name.
    pub fn element(&self, name: &str) -> Option<String> {
        self.elements(name).into_iter().next()
    }

    pub fn elements(&self, name: &str) -> Vec<String> {
        let xml = self.daticert().unwrap_or_default();
        xml.split(&format!("<{name}"))
            .skip(1)
            .filter_map(|rest| {
                let (_, rest) = rest.split_once('>')?;
                let (text, _) = rest.split_once(&format!("</{name}>"))?;
                Some(
                    text.replace("&lt;", "<")
                        .replace("&gt;", ">")
                        .replace("&quot;", "\"")
                        .replace("&apos;", "'")
                        .replace("&amp;", "&"),
                )
            })
            .collect()
    }

    /// The octets of `postacert.eml`, cut out of the message.
    pub fn postacert(&self) -> Option<Vec<u8>> {
        let message = self.parsed();
        let part = message
            .parts
            .iter()
            .find(|p| p.attachment_name() == Some("postacert.eml"))?;
        matches!(part.body, PartType::Message(_)).then_some(())?;
        let (start, end) = (
            part.raw_body_offset() as usize,
            part.raw_end_offset() as usize,
        );
        Some(self.octets[start..end].to_vec())
    }
}

/// These mailboxes and no others.
pub fn listed(addresses: &[&str]) -> ceralacca_harness::provider::settings::MailboxList {
    use ceralacca_harness::provider::settings::{Mailbox, MailboxList};
    let mailbox = |address: &&str| Mailbox {
        address: super::address(address),
        further_addresses: Vec::new(),
        ordinary_mail: None,
        certified_only: false,
    };
    MailboxList::Listed(addresses.iter().map(mailbox).collect())
}
