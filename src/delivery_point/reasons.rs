//! Why a message was not delivered, in the words of PRACTICE 5: `CODE - PROVIDER - reason`.

use crate::daticert::ErrorKind;
use crate::event::Failure;
use crate::texts::Reason;

/// What PRACTICE 5 has a code and words for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    NoMailbox,
    NoDomain,
    Disabled,
    Full,
    /// Nothing came back within 12 hours.
    Late12,
    /// No delivery within 24 hours. Consumers tell the two by their codes alone.
    Late24,
    Virus,
}

impl Cause {
    /// Code and words; `provider` is the one that found it.
    pub fn reason(self, provider: &str) -> Reason {
        let (code, _, italian, english) = self.row();
        Reason {
            italian: said(code, provider, italian),
            english: said(code, provider, english),
        }
    }

    /// Enhanced status (RFC 3463), `errore`, Italian and English words.
    fn row(self) -> (&'static str, ErrorKind, &'static str, &'static str) {
        use ErrorKind::{NoDomain, NoRecipient, Other, Virus};
        match self {
            Self::NoMailbox => (
                "5.1.1",
                NoRecipient,
                "indirizzo non valido",
                "invalid address",
            ),
            Self::NoDomain => ("5.1.2", NoDomain, "dominio non valido", "invalid domain"),
            Self::Disabled => ("5.2.1", Other, "casella disabilitata", "mailbox disabled"),
            Self::Full => ("5.2.2", Other, "casella piena", "mailbox full"),
            Self::Late12 => (
                "4.4.1",
                Other,
                "il messaggio non è stato consegnato nelle prime dodici ore dal suo invio",
                "the message was not delivered within 12 hours of its dispatch",
            ),
            Self::Late24 => (
                "5.4.1",
                Other,
                "il messaggio non è stato consegnato nelle prime ventiquattro ore dal suo invio",
                "the message was not delivered within 24 hours of its dispatch",
            ),
            Self::Virus => (
                "5.5.1",
                Virus,
                "presenza di un virus nel messaggio",
                "a virus was found in the message",
            ),
        }
    }

    /// What a mail server or mailbox store may mean. The others' codes mean something else in
    /// SMTP: a peer's 5.4.1 says “no answer from host”, not that 24 hours have passed.
    const OF_FAILURES: [Self; 4] = [Self::NoMailbox, Self::NoDomain, Self::Disabled, Self::Full];
}

/// A failure in PEC's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub kind: ErrorKind,
    pub reason: Reason,
}

impl Trouble {
    /// Translates what SMTP or the mailbox store said. A basic reply code alone names no cause:
    /// 550 is said of unknown mailboxes and of refused senders alike.
    pub fn new(failure: &Failure, provider: &str) -> Self {
        let status = failure.enhanced_status();
        let cause = Cause::OF_FAILURES.into_iter().find(|c| c.row().0 == status);
        match cause {
            Some(cause) => Self {
                kind: cause.row().1,
                reason: cause.reason(provider),
            },
            None => Self {
                kind: ErrorKind::Other,
                reason: Reason::same(&said(status, provider, &quoted(&failure.text))),
            },
        }
    }
}

fn said(code: &str, provider: &str, words: &str) -> String {
    format!("{code} - {provider} - {words}")
}

/// A peer's reply may be anything; a notice is not the place for all of it.
fn quoted(words: &str) -> String {
    let printable = words.chars().filter(|c| !c.is_control());
    printable.take(LONGEST_QUOTE).collect()
}

const LONGEST_QUOTE: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(status: &str, code: u16, text: &str, no_such_domain: bool) -> (ErrorKind, String) {
        let failure = Failure {
            status: status.into(),
            code,
            text: text.into(),
            no_such_domain,
        };
        let trouble = Trouble::new(&failure, "Alfa");
        (trouble.kind, trouble.reason.italian)
    }

    /// PRACTICE 5.
    #[test]
    fn what_has_a_code_has_its_words() {
        for (status, kind, words) in [
            ("5.1.1", ErrorKind::NoRecipient, "indirizzo non valido"),
            ("5.1.2", ErrorKind::NoDomain, "dominio non valido"),
            ("5.2.1", ErrorKind::Other, "casella disabilitata"),
            ("5.2.2", ErrorKind::Other, "casella piena"),
        ] {
            let expected = (kind, format!("{status} - Alfa - {words}"));
            assert_eq!(trouble(status, 550, "x", false), expected);
        }
        let no_domain = trouble("", 0, "NXDOMAIN", true);
        assert_eq!(no_domain.1, "5.1.2 - Alfa - dominio non valido");
    }

    #[test]
    fn what_has_none_is_quoted_and_never_guessed() {
        let other = |status, text| trouble(status, 550, text, false);
        let said = |words: &str| (ErrorKind::Other, words.to_owned());
        assert_eq!(other("", "No\r\nway"), said("5.0.0 - Alfa - Noway"));
        assert_eq!(other("5.4.1", "no"), said("5.4.1 - Alfa - no"));
        assert_eq!(other("2.0.0 x", "no"), said("5.0.0 - Alfa - no"));
    }
}
