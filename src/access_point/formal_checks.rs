//! Formal checks on messages (RFC 6109 §3.1.1): the sender's faults, each with the words that
//! its notice uses. What is no mail at all never gets here.

use super::attachments::{self, ForbiddenFile};
use super::original::Original;
use crate::address::EmailAddress;
use crate::domains::Certification;
use crate::limits::Limits;
use crate::message::header::AddressList;
use crate::message::recode::NotSevenBit;
use crate::message::scan::Scan;
use crate::question::Mailbox;
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
    /// F33: a header field that is or may have been cut on its way: name, octets.
    FieldTooLong(String, usize),
    /// A client Message-ID longer than a header line can carry.
    MessageIdTooLong,
    /// F26: cannot be made 7-bit without damage.
    NotSevenBit(NotSevenBit),
    /// F14
    Forbidden(ForbiddenFile),
    /// F35: the recipients that are not certified.
    CertifiedOnly(Vec<EmailAddress>),
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
    let extensions = &profile.forbidden_attachments;
    let files = attachments::forbidden(original.message(), scan, extensions, &Limits::DEFAULT);
    found.extend(files.into_iter().map(FormalException::Forbidden));
    found
}

/// F35 ("PEC chiusa"): the host knows the mailbox, the directory the recipients.
pub(crate) fn check_certified_only(
    mailbox: &Mailbox,
    recipients: &[(EmailAddress, Certification)],
) -> Option<FormalException> {
    let external: Vec<EmailAddress> = recipients
        .iter()
        .filter(|(_, certification)| !certification.is_certified())
        .map(|(address, _)| address.clone())
        .collect();
    (mailbox.certified_only && !external.is_empty())
        .then_some(FormalException::CertifiedOnly(external))
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
        if field.span.len() >= Limits::DEFAULT.header_field {
            let name = field.name.chars().take(LONGEST_NAME).collect();
            found.push(FormalException::FieldTooLong(name, field.span.len()));
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
    // What exceeds the daily limit by itself would never pass, however long a client retries.
    let most = limits
        .daily_recipients
        .map_or(limits.max_recipients, |daily| {
            daily.min(limits.max_recipients)
        });
    if recipients > most as usize {
        found.push(FormalException::TooManyRecipients(recipients, most));
    }
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
/// A foreign header name in a notice.
const LONGEST_NAME: usize = 80;
