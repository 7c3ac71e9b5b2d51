//! Formal checks on messages (RFC 6109 §3.1.1): the sender's faults, each with the words that
//! its notice uses. What is no mail at all never gets here.

use super::original::Original;
use crate::address::EmailAddress;
use crate::message::header::AddressList;
use crate::message::recode::NotSevenBit;
use crate::message::scan::Scan;
use crate::settings::Profile;

/// Why a message is not accepted, with the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FormalException {
    /// F01
    NoFrom,
    /// F02: how many.
    SeveralFrom(usize),
    /// An address field with something that is no address: field, text.
    Malformed(&'static str, String),
    /// F03: From, reverse path.
    FromDiffers(EmailAddress, EmailAddress),
    /// F04
    NoTo,
    /// F05: field.
    Group(&'static str),
    /// F06: the recipients.
    Hidden(Vec<EmailAddress>),
    /// F08
    Bcc,
    /// F10: octets, limit.
    TooLarge(u64, u64),
    /// Recipients, limit.
    TooManyRecipients(usize, u32),
    /// F12: size × recipients, limit.
    ProductTooLarge(u64, u64),
    /// F16 and the like: RFC 5322 §3.6 allows it once.
    Repeated(&'static str),
    /// F33: a CR or LF that is not part of a CRLF.
    BareLineBreak,
    /// A client Message-ID longer than a header line can carry.
    MessageIdTooLong,
    /// F26: cannot be made 7-bit without damage.
    NotSevenBit(NotSevenBit),
}

/// All exceptions, in the order of RFC 6109 §3.1.1.
pub(crate) fn check(
    original: &Original<'_>,
    scan: &Scan,
    sender: &EmailAddress,
    recipients: &[EmailAddress],
    profile: &Profile,
) -> Vec<FormalException> {
    let mut found = Vec::new();
    check_syntax(original, scan, &mut found);
    check_from(original, sender, &mut found);
    check_recipients(original, recipients, &mut found);
    check_limits(original.size(), recipients.len(), profile, &mut found);
    found
}

/// "formal conformity as defined in [EMAIL]"
fn check_syntax(original: &Original<'_>, scan: &Scan, found: &mut Vec<FormalException>) {
    if scan.irregular.bare_cr || scan.irregular.bare_lf {
        found.push(FormalException::BareLineBreak);
    }
    let mut seen = [0_u32; ONCE.len()];
    for field in original.header().fields() {
        if let Some(index) = ONCE
            .iter()
            .position(|name| field.name.eq_ignore_ascii_case(name))
        {
            seen[index] += 1;
        }
    }
    let repeated = ONCE.iter().zip(seen).filter(|(_, count)| *count > 1);
    found.extend(repeated.map(|(name, _)| FormalException::Repeated(name)));
    if original
        .client_message_id()
        .is_some_and(|id| id.len() > LONGEST_MESSAGE_ID)
    {
        found.push(FormalException::MessageIdTooLong);
    }
}

fn check_from(original: &Original<'_>, sender: &EmailAddress, found: &mut Vec<FormalException>) {
    let Some(field) = original.header().first("From") else {
        return found.push(FormalException::NoFrom);
    };
    let list = field.addresses();
    check_list("From", &list, found);
    match list.addresses.as_slice() {
        [] if list.malformed.is_empty() => found.push(FormalException::NoFrom),
        [] => {}
        [from] if from == sender => {}
        [from] => found.push(FormalException::FromDiffers(from.clone(), sender.clone())),
        several => found.push(FormalException::SeveralFrom(several.len())),
    }
}

fn check_recipients(
    original: &Original<'_>,
    recipients: &[EmailAddress],
    found: &mut Vec<FormalException>,
) {
    let header = original.header();
    let to = header
        .first("To")
        .map(|field| field.addresses())
        .unwrap_or_default();
    let cc = header
        .first("Cc")
        .map(|field| field.addresses())
        .unwrap_or_default();
    if to == AddressList::default() {
        found.push(FormalException::NoTo);
    }
    check_list("To", &to, found);
    check_list("Cc", &cc, found);
    // PRACTICE 8.2: every RCPT stands in To or Cc; the reverse need not hold.
    let hidden: Vec<EmailAddress> = recipients
        .iter()
        .filter(|r| !to.addresses.contains(r) && !cc.addresses.contains(r))
        .cloned()
        .collect();
    if !hidden.is_empty() {
        found.push(FormalException::Hidden(hidden));
    }
    if header
        .named("Bcc")
        .any(|field| !field.value.trim_ascii().is_empty())
    {
        found.push(FormalException::Bcc);
    }
}

fn check_list(field: &'static str, list: &AddressList, found: &mut Vec<FormalException>) {
    if list.has_group {
        found.push(FormalException::Group(field));
    } else if let Some(text) = list.malformed.first() {
        found.push(FormalException::Malformed(field, text.clone()));
    }
}

fn check_limits(size: u64, recipients: usize, profile: &Profile, found: &mut Vec<FormalException>) {
    let limits = &profile.limits;
    let product = size.saturating_mul(recipients as u64);
    if size > limits.max_size {
        found.push(FormalException::TooLarge(size, limits.max_size));
    } else if product > limits.max_product {
        found.push(FormalException::ProductTooLarge(
            product,
            limits.max_product,
        ));
    }
    if recipients > limits.max_recipients as usize {
        found.push(FormalException::TooManyRecipients(
            recipients,
            limits.max_recipients,
        ));
    }
}

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
            Self::MessageIdTooLong => "l'intestazione Message-ID è troppo lunga".into(),
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
            Self::MessageIdTooLong => "the Message-ID header is too long".into(),
            Self::NotSevenBit(why) => why.to_string(),
        }
    }
}

fn join(list: &[EmailAddress]) -> String {
    list.iter()
        .map(EmailAddress::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// RFC 5322 §3.6: fields with a maximum of 1 that this system reads or passes on.
const ONCE: [&str; 8] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Message-ID",
    "Subject",
    "Date",
];
/// So that `X-Riferimento-Message-ID: …` stays within one line of 998 octets.
const LONGEST_MESSAGE_ID: usize = 900;
