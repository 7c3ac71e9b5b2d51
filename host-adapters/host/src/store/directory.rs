//! The provider directory: replaced as a whole, read as a whole. What is asked of it is answered
//! from memory ([`crate::directory`]).

use std::collections::BTreeMap;

use super::db::{DbError, Exclusive, Tx, params};
use super::{Store, StoreError};
use crate::directory::Directory;
use crate::{DirectorySummary, pec};

impl Store {
    /// What the directory in force has; none: none was ever loaded.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn directory(&self) -> Result<Option<DirectorySummary>, StoreError> {
        self.look("reading which directory is in force", summary)
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

fn summary(tx: &mut Tx<'_>) -> Result<Option<DirectorySummary>, DbError> {
    tx.find(
        "SELECT sha256, signers, providers, domains, certificates FROM directory",
        &[],
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
}

/// The records, in the order of the file.
fn records(tx: &mut Tx<'_>) -> Result<Vec<pec::ProviderRecord>, DbError> {
    let mut records = BTreeMap::new();
    tx.query(
        "SELECT id, dn, name, unit, mail_receipt FROM directory_provider",
        &[],
        |row| {
            let provider = pec::Provider {
                dn: row.get(1)?,
                name: row.get(2)?,
                unit: row.get(3)?,
                mail_receipt: row.get(4)?,
                certificate_hashes: Vec::new(),
                certificates: Vec::new(),
            };
            let record = pec::ProviderRecord {
                provider,
                managed_domains: Vec::new(),
            };
            records.insert(row.get::<i64>(0)?, record);
            Ok(())
        },
    )?;
    tx.query(
        "SELECT provider, sha1, certificate FROM directory_certificate ORDER BY provider, position",
        &[],
        |row| {
            if let Some(record) = records.get_mut(&row.get(0)?) {
                record.provider.certificate_hashes.push(row.get(1)?);
                record.provider.certificates.push(row.get(2)?);
            }
            Ok(())
        },
    )?;
    tx.query(
        "SELECT provider, domain FROM directory_domain ORDER BY provider, domain",
        &[],
        |row| {
            if let Some(record) = records.get_mut(&row.get(0)?) {
                record.managed_domains.push(row.get(1)?);
            }
            Ok(())
        },
    )?;
    Ok(records.into_values().collect())
}

/// Replaces the whole directory. Whoever reads sees the old one or the new one.
pub(super) fn install_directory(
    tx: &mut Tx<'_>,
    (sha256, signers): (&str, &str),
    records: &[pec::ProviderRecord],
) -> Result<(), DbError> {
    tx.exclusively(Exclusive::InstallDirectory)?;
    for table in [
        "DELETE FROM directory_domain",
        "DELETE FROM directory_certificate",
        "DELETE FROM directory_provider",
        "DELETE FROM directory",
    ] {
        tx.execute(table, &[])?;
    }
    let (mut domains, mut certificates) = (0, 0);
    for pec::ProviderRecord {
        provider,
        managed_domains,
    } in records
    {
        let id: i64 = tx.value(
            "INSERT INTO directory_provider (dn, name, unit, mail_receipt)
             VALUES (?1, ?2, ?3, ?4) RETURNING id",
            params![
                &provider.dn,
                &provider.name,
                &provider.unit,
                &provider.mail_receipt
            ],
        )?;
        for domain in managed_domains {
            // The same domain twice in one record is the registry's slip, and harmless.
            domains += tx.execute(
                "INSERT INTO directory_domain (domain, provider) VALUES (?1, ?2)
                 ON CONFLICT DO NOTHING",
                params![&domain.to_ascii_lowercase(), id],
            )?;
        }
        let pairs = provider
            .certificate_hashes
            .iter()
            .zip(&provider.certificates);
        for (position, (sha1, certificate)) in pairs.enumerate() {
            certificates += tx.execute(
                "INSERT INTO directory_certificate (provider, position, sha1, certificate)
                 VALUES (?1, ?2, ?3, ?4)",
                params![id, position, sha1, certificate],
            )?;
        }
    }
    tx.execute(
        "INSERT INTO directory (id, sha256, signers, providers, domains, certificates)
         VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        params![sha256, signers, records.len(), domains, certificates],
    )?;
    Ok(())
}
