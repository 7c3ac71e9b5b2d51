//! The provider directory (RFC 6109 §4.5): records as data, LDIF as their file format.
//!
//! The host keeps the records and looks things up; it asks the plug-in to read the file, because
//! what a valid record is, is law.

mod ldif;

use std::fmt;

use crate::address::{DomainName, EmailAddress};
use crate::conversation::{Desk, Stop};
use crate::event::{Context, DirectoryUpdate};
use crate::hex;
use crate::limits::Limits;
use crate::outcome::{Effect, Outcome, Reply};
use crate::question::Provider;
use crate::smime;
use ldif::Entry;

/// A directory record with its domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRecord {
    /// The record; its certificates are present.
    pub provider: Provider,
    /// `managedDomains`, lower case, without repetitions.
    pub managed_domains: Vec<DomainName>,
}

/// Why a file is no provider directory. The line is where the fault is, or where its record
/// begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryError {
    /// From 1.
    pub line: usize,
    /// What is wrong, in words.
    pub what: String,
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for DirectoryError {}

/// Loads a directory: one effect that replaces the old one, or a 5xx reply that says what is
/// wrong with the new one.
pub(crate) async fn load(
    _context: Context,
    event: DirectoryUpdate,
    _desk: Desk,
) -> Result<Outcome, Stop> {
    Ok(match read(&event.content) {
        Ok(records) => {
            let domains: usize = records.iter().map(|r| r.managed_domains.len()).sum();
            let text = format!("{} providers, {domains} domains", records.len());
            let mut outcome = Outcome::only(Reply::new(250, "2.0.0", text));
            outcome.effects.push(Effect::InstallDirectory(records));
            outcome
        }
        Err(error) => Outcome::only(Reply::new(554, "5.6.0", error.to_string())),
    })
}

/// Reads a directory in LDIF (RFC 2849, RFC 6109 §4.5.10).
///
/// # Errors
/// The first fault, with its line. Nothing of a faulty file is used.
pub fn read(content: &[u8]) -> Result<Vec<ProviderRecord>, DirectoryError> {
    if content.len() > Limits::DEFAULT.directory {
        let what = format!("the file is over {} octets", Limits::DEFAULT.directory);
        return Err(DirectoryError { line: 1, what });
    }
    let mut records = Vec::new();
    for entry in ldif::entries(content) {
        let entry = entry?;
        // The base record only says where the file comes from.
        if entry.dn.eq_ignore_ascii_case("o=postacert") {
            continue;
        }
        let record = record(&entry)?;
        if records
            .iter()
            .any(|r: &ProviderRecord| r.provider.dn == record.provider.dn)
        {
            return Err(entry.error("a second record of this dn"));
        }
        records.push(record);
    }
    if records.is_empty() {
        return Err(DirectoryError {
            line: 1,
            what: "no provider record".into(),
        });
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
        return Err(entry.error("objectClass: provider is missing"));
    }
    let mail_receipt = entry.one("mailReceipt")?;
    let mail_receipt = EmailAddress::try_from(mail_receipt.as_str())
        .map_err(|e| entry.error(&format!("mailReceipt: {e}")))?;
    let certificates: Vec<Vec<u8>> = entry
        .values("providerCertificate")
        .map(|value| value.octets.to_vec())
        .collect();
    if certificates.is_empty() {
        return Err(entry.error("providerCertificate is missing"));
    }
    let certificate_hashes: Vec<String> = certificates
        .iter()
        .map(|der| hex::encode(&smime::sha1(der)))
        .collect();
    check_hashes(entry, &certificate_hashes)?;
    let mut managed_domains = Vec::new();
    for value in entry.values("managedDomains") {
        let text = value.text().unwrap_or_default();
        let domain = DomainName::try_from(text).map_err(|e| DirectoryError {
            line: value.line,
            what: format!("managedDomains: {e}"),
        })?;
        managed_domains.push(domain);
    }
    if managed_domains.is_empty() {
        return Err(entry.error("managedDomains is missing"));
    }
    managed_domains.sort_unstable();
    managed_domains.dedup();
    Ok(ProviderRecord {
        provider: Provider {
            dn: entry.dn.clone(),
            name: entry.one("providerName")?,
            unit: entry.optional("providerUnit")?,
            mail_receipt,
            certificate_hashes,
            certificates,
        },
        managed_domains,
    })
}

/// RFC 6109 §2.2.2: the hash finds the record, the certificate must match it.
fn check_hashes(entry: &Entry<'_>, computed: &[String]) -> Result<(), DirectoryError> {
    let mut declared = 0;
    for value in entry.values("providerCertificateHash") {
        declared += 1;
        let text = value.text().unwrap_or_default();
        if !computed.iter().any(|hash| hash.eq_ignore_ascii_case(text)) {
            let what = format!("providerCertificateHash {text} is of no certificate here");
            return Err(DirectoryError {
                line: value.line,
                what,
            });
        }
    }
    if declared == 0 {
        return Err(entry.error("providerCertificateHash is missing"));
    }
    Ok(())
}
