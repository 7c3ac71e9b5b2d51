//! Directory records as lines for people.

use std::collections::BTreeMap;

use ceralacca_host::pec;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::moment::Moment;
use crate::provider::pki::certificate_hash;

/// A record: its name, then what it says. `domains` are how many there are, and the first one.
pub fn lines(
    provider: &pec::Provider,
    domains: Option<(usize, Option<&String>)>,
    now: u64,
) -> Vec<String> {
    let mut lines = vec![provider.dn.clone()];
    let mut fact = |name: &str, value: &str| lines.push(format!("  {name:<13}{value}"));
    fact("name:", &provider.name);
    if let Some(unit) = &provider.unit {
        fact("unit:", unit);
    }
    fact("receipts to:", &provider.mail_receipt);
    if let Some((count, Some(first))) = domains {
        let more = match count {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        fact("domains:", &format!("{first}{more}"));
    }
    // Answers about domains come without certificates, but with their hashes.
    for hash in &provider.certificate_hashes {
        let der = provider.certificates.iter();
        let der = der.into_iter().find(|der| certificate_hash(der) == *hash);
        let validity = der.map_or(String::new(), |der| validity(der, now));
        fact("certificate:", &format!("SHA-1 {hash}{validity}"));
    }
    lines
}

fn validity(der: &[u8], now: u64) -> String {
    let Ok(certificate) = Certificate::from_der(der) else {
        return ", not X.509".to_owned();
    };
    let validity = certificate.tbs_certificate().validity();
    let (from, to) = (
        validity.not_before.to_unix_duration().as_secs(),
        validity.not_after.to_unix_duration().as_secs(),
    );
    let word = match now {
        now if now < from => " (not yet)",
        now if now > to => " (ended)",
        _ => "",
    };
    format!(", valid {} to {}{word}", Moment(from), Moment(to))
}

/// Domains in more than one record: while they move from one provider to another that is how it is,
/// and their mail is certified either way; but somebody should know.
pub fn doubles(records: &[pec::ProviderRecord]) -> Vec<String> {
    let mut managers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for record in records {
        for domain in &record.managed_domains {
            let dn = &record.provider.dn;
            managers.entry(domain).or_default().push(dn);
        }
    }
    managers.retain(|_, records| records.len() > 1);
    managers
        .into_iter()
        .map(|(domain, records)| {
            format!(
                "{domain} is in {} records: {}",
                records.len(),
                records.join("; ")
            )
        })
        .collect()
}
