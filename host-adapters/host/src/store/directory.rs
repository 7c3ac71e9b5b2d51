//! The provider directory: replaced as a whole, read as a whole. What is asked of it is answered
//! from memory ([`crate::directory`]).

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction};

use super::{Store, StoreError};
use crate::directory::Directory;
use crate::{DirectorySummary, pec};

impl Store {
    /// What the directory in force has; none: none was ever loaded.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn directory(&self) -> Result<Option<DirectorySummary>, StoreError> {
        self.read("reading which directory is in force", summary)
    }

    /// The whole directory in force; none: none was ever loaded.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn read_directory(&self) -> Result<Option<Directory>, StoreError> {
        self.read("reading the directory in force", |tx| {
            let Some(summary) = summary(tx)? else {
                return Ok(None);
            };
            Ok(Some(Directory::new(summary, records(tx)?)))
        })
    }
}

fn summary(tx: &Transaction<'_>) -> rusqlite::Result<Option<DirectorySummary>> {
    tx.query_row(
        "SELECT sha256, signers, providers, domains, certificates FROM directory",
        [],
        |row| {
            Ok(DirectorySummary {
                sha256: row.get(0)?,
                signers: row.get(1)?,
                providers: row.get(2)?,
                domains: row.get(3)?,
                certificates: row.get(4)?,
                unchanged: true,
            })
        },
    )
    .optional()
}

/// The records, in the order of the file.
fn records(tx: &Transaction<'_>) -> rusqlite::Result<Vec<pec::ProviderRecord>> {
    let mut records = BTreeMap::new();
    let mut query =
        tx.prepare("SELECT id, dn, name, unit, mail_receipt FROM directory_provider")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let provider = pec::Provider {
            dn: row.get(1)?,
            name: row.get(2)?,
            unit: row.get(3)?,
            mail_receipt: row.get(4)?,
            certificate_hashes: Vec::new(),
            certificates: Vec::new(),
        };
        let managed_domains = Vec::new();
        records.insert(
            row.get::<_, i64>(0)?,
            pec::ProviderRecord {
                provider,
                managed_domains,
            },
        );
    }
    let mut query = tx.prepare(
        "SELECT provider, sha1, certificate FROM directory_certificate ORDER BY provider, position",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(record) = records.get_mut(&row.get(0)?) {
            record.provider.certificate_hashes.push(row.get(1)?);
            record.provider.certificates.push(row.get(2)?);
        }
    }
    let mut query = tx.prepare("SELECT provider, domain FROM directory_domain")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(record) = records.get_mut(&row.get(0)?) {
            record.managed_domains.push(row.get(1)?);
        }
    }
    Ok(records.into_values().collect())
}

/// Replaces the whole directory. Whoever reads sees the old one or the new one.
pub(super) fn install_directory(
    tx: &Transaction<'_>,
    (sha256, signers): (&str, &str),
    records: &[pec::ProviderRecord],
) -> rusqlite::Result<()> {
    tx.execute_batch(
        "DELETE FROM directory_domain; DELETE FROM directory_certificate;
         DELETE FROM directory_provider; DELETE FROM directory;",
    )?;
    let mut insert_provider = tx.prepare(
        "INSERT INTO directory_provider (dn, name, unit, mail_receipt) VALUES (?1, ?2, ?3, ?4)",
    )?;
    // The same domain twice in one record is the registry's slip, and harmless.
    let mut insert_domain =
        tx.prepare("INSERT OR IGNORE INTO directory_domain (domain, provider) VALUES (?1, ?2)")?;
    let mut insert_certificate = tx.prepare(
        "INSERT INTO directory_certificate (provider, position, sha1, certificate)
         VALUES (?1, ?2, ?3, ?4)",
    )?;
    let (mut domains, mut certificates) = (0, 0);
    for pec::ProviderRecord {
        provider,
        managed_domains,
    } in records
    {
        let id = insert_provider.insert((
            &provider.dn,
            &provider.name,
            &provider.unit,
            &provider.mail_receipt,
        ))?;
        for domain in managed_domains {
            domains += insert_domain.execute((domain.to_ascii_lowercase(), id))? as u64;
        }
        let pairs = provider
            .certificate_hashes
            .iter()
            .zip(&provider.certificates);
        for (position, (sha1, certificate)) in pairs.enumerate() {
            insert_certificate.execute((id, position as u64, sha1, certificate))?;
            certificates += 1_u64;
        }
    }
    tx.execute(
        "INSERT INTO directory (id, sha256, signers, providers, domains, certificates)
         VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        (sha256, signers, records.len() as u64, domains, certificates),
    )?;
    Ok(())
}
