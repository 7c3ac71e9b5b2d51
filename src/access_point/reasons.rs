//! The words of formal exceptions, as notices use them.

use super::attachments::{ForbiddenFile, Why};
use super::formal_checks::FormalException;
use crate::address::EmailAddress;
use crate::message::recode::NotSevenBit;

impl FormalException {
    /// For `a causa di …` and `errore-esteso`.
    pub fn italian(&self) -> String {
        match self {
            Self::NoFrom => "intestazione From assente o senza indirizzo".into(),
            Self::SeveralFrom(n) => {
                format!("l'intestazione From contiene {n} indirizzi invece di uno")
            }
            Self::Malformed(field, text) => {
                format!("l'intestazione {field} contiene un indirizzo non valido ({text})")
            }
            Self::FromDiffers(from, path) => {
                format!(
                    "il mittente indicato in From ({from}) differisce da quello della busta SMTP ({path})"
                )
            }
            Self::NoTo => "intestazione To assente o senza indirizzi".into(),
            Self::Group(field) => {
                format!("l'intestazione {field} contiene un gruppo invece di indirizzi")
            }
            Self::Hidden(list) => {
                format!("destinatari non presenti in To o Cc: {}", join(list))
            }
            Self::Bcc => "l'intestazione Bcc contiene destinatari nascosti, non ammessi".into(),
            Self::TooLarge(size, limit) => {
                format!("la dimensione del messaggio ({size} byte) supera il limite ({limit} byte)")
            }
            Self::TooManyRecipients(n, limit) => {
                format!("il numero di destinatari ({n}) supera il limite ({limit})")
            }
            Self::ProductTooLarge(product, limit) => format!(
                "la dimensione del messaggio moltiplicata per i destinatari ({product} byte) \
                 supera il limite ({limit} byte)"
            ),
            Self::Repeated(field) => format!("l'intestazione {field} è presente più di una volta"),
            Self::BareLineBreak => {
                "il messaggio contiene caratteri CR o LF isolati, non ammessi".into()
            }
            Self::FieldTooLong(field, size) => format!(
                "l'intestazione {field} è troppo lunga ({size} byte) e può essere stata troncata"
            ),
            Self::MessageIdTooLong => "l'intestazione Message-ID è troppo lunga".into(),
            Self::Forbidden(file) => italian_file(file),
            Self::CertifiedOnly(list) => format!(
                "la casella può scrivere solo a caselle di posta certificata; non lo sono: {}",
                join(list)
            ),
            Self::NotSevenBit(why) => match why {
                NotSevenBit::Header { part, field } => format!(
                    "l'intestazione {field} (parte {part}) contiene caratteri a 8 bit non codificati"
                ),
                NotSevenBit::HeaderLine { part } => {
                    format!("una riga di intestazione (parte {part}) supera i 998 caratteri")
                }
                NotSevenBit::Signed { part } => format!(
                    "la parte {part}, coperta da una firma, contiene caratteri a 8 bit o righe \
                     troppo lunghe e non può essere ricodificata"
                ),
                NotSevenBit::Preamble { part } => format!(
                    "caratteri a 8 bit o righe troppo lunghe fuori dalle parti (parte {part})"
                ),
            },
        }
    }

    /// For `due to …` of the English copy.
    pub fn english(&self) -> String {
        match self {
            Self::NoFrom => "the From header is missing or has no address".into(),
            Self::SeveralFrom(n) => format!("the From header has {n} addresses instead of one"),
            Self::Malformed(field, text) => {
                format!("the {field} header has an invalid address ({text})")
            }
            Self::FromDiffers(from, path) => {
                format!("the From address ({from}) differs from the SMTP sender ({path})")
            }
            Self::NoTo => "the To header is missing or has no address".into(),
            Self::Group(field) => format!("the {field} header has a group instead of addresses"),
            Self::Hidden(list) => format!("recipients in neither To nor Cc: {}", join(list)),
            Self::Bcc => "the Bcc header has hidden recipients, which are not allowed".into(),
            Self::TooLarge(size, limit) => {
                format!("the message size ({size} bytes) exceeds the limit ({limit} bytes)")
            }
            Self::TooManyRecipients(n, limit) => {
                format!("the number of recipients ({n}) exceeds the limit ({limit})")
            }
            Self::ProductTooLarge(product, limit) => format!(
                "the message size times its recipients ({product} bytes) exceeds the limit \
                 ({limit} bytes)"
            ),
            Self::Repeated(field) => format!("the {field} header stands more than once"),
            Self::BareLineBreak => "the message has bare CR or LF characters".into(),
            Self::FieldTooLong(field, size) => {
                format!("the {field} header is too long ({size} bytes) and may have been cut")
            }
            Self::MessageIdTooLong => "the Message-ID header is too long".into(),
            Self::Forbidden(file) => english_file(file),
            Self::CertifiedOnly(list) => format!(
                "the mailbox may write to certified mailboxes only, which these are not: {}",
                join(list)
            ),
            Self::NotSevenBit(why) => why.to_string(),
        }
    }
}

fn italian_file(ForbiddenFile { part, name, why }: &ForbiddenFile) -> String {
    let why = match why {
        Why::Extension(extension) => format!("di tipo non ammesso ({extension})"),
        Why::Content(kind, extension) => {
            let is = kind.italian;
            format!("di tipo non ammesso ({extension}): il suo contenuto è {is}")
        }
        Why::Unreadable => "che è un archivio illeggibile e non può essere controllato".into(),
        Why::TooMuchInside => "che contiene troppo per poter essere controllato".into(),
    };
    format!("la parte {part} contiene l'allegato \"{name}\" {why}")
}

fn english_file(ForbiddenFile { part, name, why }: &ForbiddenFile) -> String {
    let why = match why {
        Why::Extension(extension) => format!("of a type that is not allowed ({extension})"),
        Why::Content(kind, extension) => {
            let is = kind.english;
            format!("of a type that is not allowed ({extension}): its content is {is}")
        }
        Why::Unreadable => "which is an unreadable archive and cannot be checked".into(),
        Why::TooMuchInside => "which contains too much to be checked".into(),
    };
    format!("part {part} has the attachment \"{name}\" {why}")
}

fn join(list: &[EmailAddress]) -> String {
    list.iter()
        .map(EmailAddress::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
