//! A virus scanner for the demonstration only.

use std::io::Read;
use std::sync::Arc;

use ceralacca_host::{Scanner, Unavailable, pec};
use mail_parser::{Message, MessageParser, PartType};

use super::network::Wire;
use super::trouble::{Trouble, find};

/// Knows one virus, and that one is harmless: the test file that the makers of scanners have agreed
/// upon (EICAR). It protects nobody; a provider connects a real scanner.
pub struct DemoScanner {
    /// Whose it is.
    pub provider: usize,
    /// Where it reads whether it is up to date.
    pub wire: Arc<Wire>,
}

impl Scanner for DemoScanner {
    fn scan(&self, message: &mut dyn Read) -> Result<pec::ScanVerdict, Unavailable> {
        let mut octets = Vec::new();
        message
            .read_to_end(&mut octets)
            .map_err(|error| Unavailable(format!("demonstration scanner: {error}")))?;
        let knows = self.wire.trouble() != Trouble::OldSignatures(self.provider);
        Ok(if knows && is_infected(&octets) {
            pec::ScanVerdict::Infected(VERDICT.to_owned())
        } else {
            pec::ScanVerdict::Clean
        })
    }
}

/// Looks at the message as it travels, and into its attachments.
fn is_infected(octets: &[u8]) -> bool {
    let test_file = test_file();
    let holds = |octets: &[u8]| find(octets, test_file.as_bytes()).is_some();
    fn any_part(message: &Message<'_>, holds: &dyn Fn(&[u8]) -> bool) -> bool {
        message.parts.iter().any(|part| match &part.body {
            PartType::Message(inner) => any_part(inner, holds),
            PartType::Multipart(_) => false,
            _ => holds(part.contents()),
        })
    }
    holds(octets)
        || MessageParser::default()
            .parse(octets)
            .is_some_and(|message| any_part(&message, &holds))
}

/// The EICAR test file. In two halves, so that no scanner takes this program for it.
pub fn test_file() -> String {
    [
        r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD",
        "-ANTIVIRUS-TEST-FILE!$H+H*",
    ]
    .concat()
}

/// What it calls its one virus.
const VERDICT: &str = "EICAR-Test-File, found by the demonstration scanner";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_into_attachments_and_into_enclosed_messages() {
        use mail_builder::MessageBuilder;
        let message = |content: String| {
            MessageBuilder::new()
                .date(0_i64)
                .message_id("1@posta.example")
                .text_body("Buongiorno")
                .attachment(
                    "application/octet-stream",
                    "eicar.com",
                    content.into_bytes(),
                )
                .write_to_vec()
                .unwrap()
        };
        let infected = message(test_file());
        assert!(find(&infected, test_file().as_bytes()).is_none(), "encoded");
        assert!(is_infected(&infected));
        assert!(!is_infected(&message("a harmless file".to_owned())));
        let enclosing = [
            &b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"[..],
            &infected,
            b"\r\n--b--\r\n",
        ]
        .concat();
        assert!(is_infected(&enclosing));
    }
}
