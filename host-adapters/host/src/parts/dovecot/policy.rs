//! What the user database says of a mailbox's own policy.

use crate::pec;

/// The mailbox of a user with these extra fields.
///
/// # Errors
/// One of ours has a value that means nothing. Not to be guessed at: to refuse what the owner
/// wanted accepted is as bad as the other way round.
pub(super) fn mailbox(name: String, fields: &[(String, String)]) -> Result<pec::Mailbox, String> {
    let value = |field: &str| last(fields, field);
    let wrong = |field: &str, value: &str, right: &str| {
        Err(format!(
            "user {name} has {field}={value}; it must be {right}"
        ))
    };
    let ordinary_mail = match value(ORDINARY_MAIL) {
        None => None,
        Some("refuse") => Some(pec::OrdinaryMailPolicy::Refuse),
        Some("accept") => Some(pec::OrdinaryMailPolicy::Accept),
        Some(other) => match other.strip_prefix("redirect:") {
            Some(address) if is_address(address) => {
                Some(pec::OrdinaryMailPolicy::Redirect(address.to_owned()))
            }
            _ => return wrong(ORDINARY_MAIL, other, "refuse, accept or redirect:ADDRESS"),
        },
    };
    let certified_only = match value(CERTIFIED_ONLY) {
        None | Some("no") => false,
        Some("yes") => true,
        Some(other) => return wrong(CERTIFIED_ONLY, other, "yes or no"),
    };
    Ok(pec::Mailbox {
        address: name,
        ordinary_mail,
        certified_only,
    })
}

/// The addresses that this user may write from: their name, and those of the field.
///
/// # Errors
/// One of them is no address.
pub(super) fn addresses(name: String, fields: &[(String, String)]) -> Result<Vec<String>, String> {
    let further = last(fields, ADDRESSES).unwrap_or_default();
    let further = further.split([',', ' ']).filter(|part| !part.is_empty());
    let further: Vec<_> = further.map(str::to_owned).collect();
    if let Some(wrong) = further.iter().find(|address| !is_address(address)) {
        return Err(format!(
            "user {name} has {wrong:?} in {ADDRESSES}; it must be addresses with commas between them"
        ));
    }
    Ok([name].into_iter().chain(further).collect())
}

/// Of several values the last one counts, as in Dovecot.
fn last<'a>(fields: &'a [(String, String)], field: &str) -> Option<&'a str> {
    let mut all = fields.iter().filter(|(name, _)| name == field);
    all.next_back().map(|(_, value)| value.as_str())
}

/// Something that can stand in RCPT TO. The plug-in looks more closely.
fn is_address(text: &str) -> bool {
    let strange = |c: char| c.is_whitespace() || c.is_control() || c == '<' || c == '>';
    text.rsplit_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.contains(strange)
}

const ORDINARY_MAIL: &str = "pec_ordinary_mail";
const ADDRESSES: &str = "pec_addresses";
const CERTIFIED_ONLY: &str = "pec_certified_only";
