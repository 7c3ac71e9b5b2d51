//! Why a message was not delivered, in the words of PRACTICE 5: `CODE - PROVIDER - reason`.

use crate::daticert::ErrorKind;
use crate::event::Failure;
use crate::texts::Reason;

/// A failure in PEC's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub kind: ErrorKind,
    pub reason: Reason,
}

impl Trouble {
    /// Translates what SMTP or the mailbox store said.
    pub fn new(failure: &Failure, provider: &str) -> Self {
        let status = match failure.status.as_str() {
            _ if failure.no_such_domain => "5.1.2",
            "" => "5.0.0",
            status => status,
        };
        let row = ROWS.iter().find(|(code, ..)| *code == status);
        let peer: String = failure
            .text
            .chars()
            .filter(|c| !c.is_control())
            .take(LONGEST_QUOTE)
            .collect();
        let (kind, italian, english) = match row {
            Some(&(_, kind, italian, english)) => (kind, italian.to_owned(), english.to_owned()),
            None => (ErrorKind::Other, peer.clone(), peer),
        };
        let say = |words: String| format!("{status} - {provider} - {words}");
        Self {
            kind,
            reason: Reason {
                italian: say(italian),
                english: say(english),
            },
        }
    }
}

/// Enhanced status (RFC 3463), `errore`, Italian and English words.
const ROWS: [(&str, ErrorKind, &str, &str); 4] = [
    (
        "5.1.1",
        ErrorKind::NoRecipient,
        "indirizzo non valido",
        "invalid address",
    ),
    (
        "5.1.2",
        ErrorKind::NoDomain,
        "dominio non valido",
        "invalid domain",
    ),
    (
        "5.2.1",
        ErrorKind::Other,
        "casella disabilitata",
        "mailbox disabled",
    ),
    ("5.2.2", ErrorKind::Other, "casella piena", "mailbox full"),
];
/// A peer's reply may be anything; a notice is not the place for all of it.
const LONGEST_QUOTE: usize = 200;
