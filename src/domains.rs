//! Who is certified (PRACTICE 8.1), and who is ours.

use std::collections::HashMap;

use crate::address::{DomainName, EmailAddress};
use crate::conversation::{Desk, Stop};
use crate::question::Provider;
use crate::settings::Profile;

/// What the directory says of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certification {
    /// Not in the directory.
    External,
    /// Another provider's.
    Other,
    /// Managed by us.
    Ours,
}

impl Certification {
    /// `tipo="certificato"`.
    pub fn is_certified(self) -> bool {
        self != Self::External
    }
}

/// Asks once per domain; answers in the order of the addresses.
pub(crate) async fn of_addresses<'a>(
    addresses: &'a [EmailAddress],
    profile: &Profile,
    desk: &Desk,
) -> Result<impl Iterator<Item = (&'a EmailAddress, Certification)> + use<'a>, Stop> {
    let mut domains: Vec<DomainName> = addresses.iter().map(EmailAddress::domain).collect();
    domains.sort_unstable();
    domains.dedup();
    let answers = desk.providers_of_domains(&domains).await?;
    let known: HashMap<DomainName, Certification> = domains
        .into_iter()
        .zip(
            answers
                .iter()
                .map(|records| certification(records, profile)),
        )
        .collect();
    Ok(addresses.iter().map(move |address| {
        let found = known.get(&address.domain()).copied();
        (address, found.unwrap_or(Certification::External))
    }))
}

/// Judges the records that manage a domain. Providers are known by their certificate, never by
/// name (PRACTICE 4).
fn certification(records: &[Provider], profile: &Profile) -> Certification {
    if records.is_empty() {
        Certification::External
    } else if records.iter().any(|record| is_ours(record, profile)) {
        Certification::Ours
    } else {
        Certification::Other
    }
}

/// Is this the record of the provider that we are?
pub(crate) fn is_ours(record: &Provider, profile: &Profile) -> bool {
    let own = &profile.certificate_hash;
    record
        .certificate_hashes
        .iter()
        .any(|hash| hash.eq_ignore_ascii_case(own))
}
