//! Who is certified (PRACTICE 8.1), and who is ours.

use std::collections::HashMap;

use crate::address::{DomainName, EmailAddress};
use crate::conversation::{Desk, Stop};
use crate::outcome::Route;
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
    /// In our record and in another provider's: on its way from one to the other. Certified, and
    /// we take mail for it; but where its mailboxes are just now, only DNS knows, so what goes
    /// there goes through the network.
    Moving,
}

impl Certification {
    /// `tipo="certificato"`.
    pub fn is_certified(self) -> bool {
        self != Self::External
    }

    /// May mail for it arrive here?
    pub fn is_taken(self) -> bool {
        matches!(self, Self::Ours | Self::Moving)
    }
}

/// Asks once per domain; answers in the order of the addresses.
pub(crate) async fn of_addresses(
    addresses: &[EmailAddress],
    profile: &Profile,
    desk: &Desk,
) -> Result<Vec<(EmailAddress, Certification)>, Stop> {
    let domains = distinct(addresses);
    let answers = desk.providers_of_domains(&domains).await?;
    Ok(judge(addresses, domains, &answers, profile))
}

/// The domains of these addresses, each once.
pub(crate) fn distinct(addresses: &[EmailAddress]) -> Vec<DomainName> {
    let mut domains: Vec<DomainName> = addresses.iter().map(EmailAddress::domain).collect();
    domains.sort_unstable();
    domains.dedup();
    domains
}

/// Judges addresses by the records that manage each of their [`distinct`] domains.
pub(crate) fn judge(
    addresses: &[EmailAddress],
    domains: Vec<DomainName>,
    answers: &[Vec<Provider>],
    profile: &Profile,
) -> Vec<(EmailAddress, Certification)> {
    let known: HashMap<DomainName, Certification> = domains
        .into_iter()
        .zip(
            answers
                .iter()
                .map(|records| certification(records, profile)),
        )
        .collect();
    let of = |address: &EmailAddress| known.get(&address.domain()).copied();
    addresses
        .iter()
        .map(|address| {
            (
                address.clone(),
                of(address).unwrap_or(Certification::External),
            )
        })
        .collect()
}

/// The way to a mailbox: our own incoming point, or its provider's.
pub(crate) async fn route_to(
    address: &EmailAddress,
    profile: &Profile,
    desk: &Desk,
) -> Result<Route, Stop> {
    let found = of_addresses(std::slice::from_ref(address), profile, desk).await?;
    Ok(match found.as_slice() {
        [(_, Certification::Ours)] => Route::OwnIncomingPoint,
        _ => Route::Network,
    })
}

/// Judges the records that manage a domain. Providers are known by their certificate, never by
/// name (PRACTICE 4).
fn certification(records: &[Provider], profile: &Profile) -> Certification {
    let ours = records
        .iter()
        .filter(|record| is_ours(record, profile))
        .count();
    match (records.len(), ours) {
        (0, _) => Certification::External,
        (_, 0) => Certification::Other,
        (all, ours) if all == ours => Certification::Ours,
        _ => Certification::Moving,
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

/// Are these records of one provider? A secondary environment has a record of its own, and may sign
/// with the certificate of the main one, from the one address that this names (RFC 6109 §4.5.7).
pub(crate) fn are_one(one: &Provider, other: &Provider) -> bool {
    let shared = |hash: &String| {
        let mut others = other.certificate_hashes.iter();
        others.any(|of_other| of_other.eq_ignore_ascii_case(hash))
    };
    one.dn == other.dn || one.certificate_hashes.iter().any(shared)
}
