//! Our own record: the file that `LDIFLocationURL` points to, plain and signed (RFC 6109 §4.5).
//!
//! Nothing leaves that does not read back as what was meant: the LDIF is parsed by the reader of
//! others' directories, and the signed file passes the check that others' directories must pass.

use std::collections::BTreeMap;

use super::ProviderRecord;
use super::read::read;
use super::signed;
use super::write::{LdifWriter, escape_dn};
use crate::address::{DomainName, EmailAddress};
use crate::conversation::{Desk, Stop};
use crate::event::{Context, RecordRequest};
use crate::fault::Fault;
use crate::hex;
use crate::instant::Instant;
use crate::outcome::{Effect, Outcome, Reply};
use crate::question::{DigestAlgorithm, Provider};
use crate::settings::Profile;
use crate::smime::{self, Unsigned, certificate_facts};

/// Makes the two files, or says in a 5xx reply what is wrong with the request.
pub(crate) async fn compose(
    context: Context,
    event: RecordRequest,
    desk: Desk,
) -> Result<Outcome, Stop> {
    let now = context.now;
    let leaf = context.settings.certificates.first().cloned();
    let profile = Profile::try_from(context.settings)?;
    let leaf = leaf.unwrap_or_default();
    let entries = match entries(event, &profile, &leaf, now) {
        Ok(entries) => entries,
        Err(why) => return Ok(Outcome::only(Reply::new(554, "5.6.0", why))),
    };
    let ldif = write(&entries);
    if let Err(why) = reads_back(&ldif, &entries) {
        return Ok(Outcome::only(Reply::new(554, "5.6.0", why)));
    }
    let signed = sign(&ldif, &profile, &leaf, now, &desk).await?;
    let domains: usize = entries.iter().map(|e| e.record.managed_domains.len()).sum();
    let text = format!("{} records, {domains} domains", entries.len());
    let mut outcome = Outcome::only(Reply::new(250, "2.0.0", text));
    for (name, content) in [(PLAIN, ldif), (SIGNED, signed)] {
        outcome.effects.push(Effect::Publish { name, content });
    }
    Ok(outcome)
}

/// A record with what only its file has.
struct Entry {
    record: ProviderRecord,
    description: Option<String>,
    location: Option<String>,
}

/// The main environment first.
fn entries(
    event: RecordRequest,
    profile: &Profile,
    leaf: &[u8],
    now: Instant,
) -> Result<Vec<Entry>, String> {
    check_in_force(leaf, now)?;
    if let Some(location) = &event.location {
        check_location(location)?;
    }
    let name = profile.provider_name.trim();
    let main_dn = format!("providerName={},{BASE}", escape_dn(name));
    let mut certificates = vec![leaf.to_vec()];
    certificates.extend(event.further_certificates);
    let mut entries = vec![Entry {
        record: record(
            (main_dn.clone(), name, None),
            profile.service_mailbox.clone(),
            certificates,
            event.managed_domains,
        )?,
        description: event.description,
        location: event.location,
    }];
    for unit in event.units {
        let unit_name = unit.name.trim().to_owned();
        if unit_name.is_empty() {
            return Err("a secondary environment has no name (providerUnit)".to_owned());
        }
        let dn = format!("providerUnit={},{main_dn}", escape_dn(&unit_name));
        entries.push(Entry {
            record: record(
                (dn, name, Some(unit_name)),
                unit.mail_receipt,
                unit.certificates,
                unit.managed_domains,
            )?,
            description: unit.description,
            // RFC 6109 §4.5.6: the main environment's speaks for all.
            location: None,
        });
    }
    check_domains(&entries)?;
    Ok(entries)
}

fn record(
    (dn, name, unit): (String, &str, Option<String>),
    mail_receipt: EmailAddress,
    mut certificates: Vec<Vec<u8>>,
    mut managed_domains: Vec<DomainName>,
) -> Result<ProviderRecord, String> {
    let wrong = |what: &str| Err(format!("the record \"{dn}\" {what}"));
    if managed_domains.is_empty() {
        return wrong("has no domain (managedDomains)");
    }
    if certificates.is_empty() {
        return wrong("has no certificate (providerCertificate)");
    }
    if certificates
        .iter()
        .any(|der| certificate_facts(der).is_none())
    {
        return wrong("has a certificate that is not X.509 in DER");
    }
    // RFC 6109 §4.5.4: dot-atom-text on both sides.
    if mail_receipt.local_part().starts_with('"') {
        return wrong("has a service mailbox (mailReceipt) whose local part is quoted");
    }
    managed_domains.sort_unstable();
    managed_domains.dedup();
    let mut known = Vec::new();
    certificates.retain(|der| {
        let new = !known.contains(der);
        known.push(der.clone());
        new
    });
    let hash = |der: &Vec<u8>| hex::encode(&smime::sha1(der));
    Ok(ProviderRecord {
        provider: Provider {
            dn,
            name: name.to_owned(),
            unit,
            mail_receipt,
            certificate_hashes: certificates.iter().map(hash).collect(),
            certificates,
        },
        managed_domains,
    })
}

/// Nobody takes a file whose signer has ended.
fn check_in_force(leaf: &[u8], now: Instant) -> Result<(), String> {
    match certificate_facts(leaf) {
        Some(facts) if (facts.not_before..=facts.not_after).contains(&now) => Ok(()),
        Some(facts) => Err(format!(
            "the signing certificate is valid from {} to {}, and now it is {now}",
            facts.not_before, facts.not_after
        )),
        None => Err("the signing certificate is not X.509 in DER".to_owned()),
    }
}

/// RFC 6109 §4.5.6: an HTTPS URL.
fn check_location(location: &str) -> Result<(), String> {
    let rest = location.strip_prefix("https://").unwrap_or_default();
    let host_is_there = rest.split('/').next().is_some_and(|host| !host.is_empty());
    if host_is_there && rest.bytes().all(|b| (b'!'..=b'~').contains(&b)) {
        Ok(())
    } else {
        Err(format!(
            "LDIFLocationURL \"{location}\" is not an https:// URL"
        ))
    }
}

/// Within one provider every domain is in one environment: presa in carico goes to its mailbox.
fn check_domains(entries: &[Entry]) -> Result<(), String> {
    let mut owners = BTreeMap::new();
    for entry in entries {
        let dn = &entry.record.provider.dn;
        for domain in &entry.record.managed_domains {
            if let Some(other) = owners.insert(domain, dn) {
                return Err(format!("{domain} is in \"{other}\" and in \"{dn}\""));
            }
        }
    }
    Ok(())
}

/// In the order of RFC 6109's example.
fn write(entries: &[Entry]) -> Vec<u8> {
    let mut ldif = LdifWriter::default();
    for entry in entries {
        let provider = &entry.record.provider;
        ldif.entry(&provider.dn);
        ldif.line("objectClass", "top");
        ldif.line("objectClass", "provider");
        ldif.line("providerName", &provider.name);
        if let Some(unit) = &provider.unit {
            ldif.line("providerUnit", unit);
        }
        let pairs = provider
            .certificate_hashes
            .iter()
            .zip(&provider.certificates);
        for (hash, certificate) in pairs {
            ldif.line("providerCertificateHash", hash);
            ldif.octets("providerCertificate;binary", certificate);
        }
        ldif.line("mailReceipt", provider.mail_receipt.as_str());
        if let Some(location) = &entry.location {
            ldif.line("LDIFLocationURL", location);
        }
        for domain in &entry.record.managed_domains {
            ldif.line("managedDomains", domain.as_str());
        }
        if let Some(description) = &entry.description {
            ldif.line("description", description);
        }
    }
    ldif.into_text().into_bytes()
}

/// Records as a file.
#[cfg(feature = "fuzzing")]
pub(crate) fn write_records(records: &[ProviderRecord]) -> Vec<u8> {
    let entry = |record: &ProviderRecord| Entry {
        record: record.clone(),
        description: None,
        location: None,
    };
    write(&records.iter().map(entry).collect::<Vec<_>>())
}

/// What others will read is what was meant.
fn reads_back(ldif: &[u8], entries: &[Entry]) -> Result<(), String> {
    let records = read(ldif).map_err(|error| format!("the record would be no good: {error}"))?;
    let differs = |(read, meant): &(&ProviderRecord, &Entry)| **read != meant.record;
    match records.iter().zip(entries).find(differs) {
        Some((_, entry)) => Err(format!(
            "the record \"{}\" would not be read as it is meant",
            entry.record.provider.dn
        )),
        None => Ok(()),
    }
}

/// The signed file (`.p7m`): file, signature and certificates in binary DER.
async fn sign(
    ldif: &[u8],
    profile: &Profile,
    leaf: &[u8],
    now: Instant,
    desk: &Desk,
) -> Result<Vec<u8>, Stop> {
    let encoding =
        |why: der::Error| Fault::Settings(format!("certificates: cannot be sent: {why}"));
    let mut digest = [0; 32];
    digest.copy_from_slice(&smime::digest(DigestAlgorithm::Sha256, ldif));
    let unsigned = Unsigned::new(digest, now).map_err(encoding)?;
    let signatures = desk.sign(vec![unsigned.to_be_signed()]).await?;
    let signature = signatures.first().map(Vec::as_slice).unwrap_or_default();
    let file = unsigned
        .enclose(&profile.signer, signature, ldif)
        .map_err(encoding)?;
    // By our own arithmetic: the host that signed is not asked whether it signed well.
    match signed::open(&file, &[leaf.to_vec()], now) {
        Ok(enclosed) if enclosed.ldif == ldif && enclosed.check.holds() => Ok(file),
        _ => Err(Stop::Fault(Fault::Settings(
            "certificates: the host's signature does not match the first one; give the \
             certificate that was issued for the signing key"
                .to_owned(),
        ))),
    }
}

/// RFC 6109 §4.5.
const BASE: &str = "o=postacert";
/// The record as text, for people and for LDAP servers.
const PLAIN: &str = "record.ldif";
/// The record as the central directory fetches it.
const SIGNED: &str = "record.ldif.p7m";
