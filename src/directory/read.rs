//! What a valid directory is: entries become records.

use std::collections::BTreeSet;

use super::ldif::{Entries, Entry};
use super::{DirectoryError, ProviderRecord};
use crate::address::{DomainName, EmailAddress};
use crate::hex;
use crate::limits::Limits;
use crate::question::Provider;
use crate::smime;

/// Reads a directory in LDIF (RFC 2849, RFC 6109 §4.5.10).
///
/// The same domain may stand in several records: RFC 6109 forbids it nowhere, and while a domain
/// moves from one provider to another the national directory has it twice. A recipient is certified
/// if any record has its domain (PRACTICE 8.1); a sender is judged by the record that holds the
/// signer's certificate, whatever other records say (PRACTICE 7); mail for a domain of ours that
/// another provider has as well goes through the network (`domains`).
///
/// # Errors
/// The first fault, with its line. Nothing of a faulty file is used.
pub fn read(content: &[u8]) -> Result<Vec<ProviderRecord>, DirectoryError> {
    if content.len() > Limits::DEFAULT.directory {
        let what = format!("the file is over {} octets", Limits::DEFAULT.directory);
        return Err(DirectoryError::at(1, None, &what));
    }
    let mut records: Vec<ProviderRecord> = Vec::new();
    let mut known = BTreeSet::new();
    for entry in Entries::of(content) {
        let entry = entry?;
        if !known.insert(normal_form(&entry.dn)) {
            return Err(entry.error("dn", "stands here a second time"));
        }
        // The base record only says where the file comes from.
        if normal_form(&entry.dn) != BASE {
            records.push(record(&entry)?);
        }
    }
    if records.is_empty() {
        return Err(DirectoryError::at(1, None, "no provider record"));
    }
    Ok(records)
}

fn record(entry: &Entry<'_>) -> Result<ProviderRecord, DirectoryError> {
    let is_provider = entry.values("objectClass").any(|value| {
        value
            .text()
            .is_some_and(|text| text.eq_ignore_ascii_case("provider"))
    });
    if !is_provider {
        return Err(entry.error("objectClass", "provider is missing"));
    }
    let mail_receipt = entry.one("mailReceipt")?;
    let mail_receipt = EmailAddress::try_from(mail_receipt.as_str())
        .map_err(|error| entry.error("mailReceipt", error.to_string()))?;
    let certificates: Vec<Vec<u8>> = entry
        .values("providerCertificate")
        .map(|value| value.octets.to_vec())
        .collect();
    if certificates.is_empty() {
        return Err(entry.error("providerCertificate", "is missing"));
    }
    let certificate_hashes: Vec<String> = certificates
        .iter()
        .map(|der| hex::encode(&smime::sha1(der)))
        .collect();
    check_hashes(entry, &certificate_hashes)?;
    Ok(ProviderRecord {
        provider: Provider {
            dn: entry.dn.clone(),
            name: entry.one("providerName")?,
            unit: entry.optional("providerUnit")?,
            mail_receipt,
            certificate_hashes,
            certificates,
        },
        managed_domains: managed_domains(entry)?,
    })
}

fn managed_domains(entry: &Entry<'_>) -> Result<Vec<DomainName>, DirectoryError> {
    let mut domains = Vec::new();
    for value in entry.values("managedDomains") {
        let text = value.text().unwrap_or_default();
        let domain = DomainName::try_from(text);
        domains.push(domain.map_err(|error| value.error(entry, error.to_string()))?);
    }
    if domains.is_empty() {
        return Err(entry.error("managedDomains", "is missing"));
    }
    domains.sort_unstable();
    domains.dedup();
    Ok(domains)
}

/// RFC 6109 §2.2.2: the hash finds the record, the certificate must match it.
fn check_hashes(entry: &Entry<'_>, computed: &[String]) -> Result<(), DirectoryError> {
    let computed: BTreeSet<&str> = computed.iter().map(String::as_str).collect();
    let mut declared = 0;
    for value in entry.values("providerCertificateHash") {
        declared += 1;
        let text = value.text().unwrap_or_default().to_ascii_lowercase();
        if !computed.contains(text.as_str()) {
            let what = format!("{text:?} is the SHA-1 of none of the certificates here");
            return Err(value.error(entry, what));
        }
    }
    if declared == 0 {
        return Err(entry.error("providerCertificateHash", "is missing"));
    }
    Ok(())
}

/// Distinguished names differ in more than case and the blanks around separators only where
/// somebody escapes what need not be escaped; then a double is two records, which is harmless.
fn normal_form(dn: &str) -> String {
    let parts = dn.split(',').map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        format!("{}={}", name.trim(), value.trim()).to_lowercase()
    });
    parts.collect::<Vec<_>>().join(",")
}

const BASE: &str = "o=postacert";
