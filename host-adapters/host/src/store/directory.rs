//! The provider directory: replaced as a whole, asked by domain and by certificate.

use rusqlite::{OptionalExtension, Params, Transaction};

use super::{Store, StoreError};
use crate::{DirectorySummary, pec};

impl Store {
    /// The records that manage a domain, without their certificates. Case does not matter.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn providers_of_domain(
        &self,
        domain: &str,
    ) -> Result<Vec<pec::Provider>, StoreError> {
        self.read("asking the directory for a domain", |tx| {
            let sql = "SELECT p.id, p.dn, p.name, p.unit, p.mail_receipt
                       FROM directory_domain d JOIN directory_provider p ON p.id = d.provider
                       WHERE d.domain = ?1 ORDER BY p.id";
            providers(tx, sql, [domain.to_ascii_lowercase()], false)
        })
    }

    /// The records that hold the certificate with this SHA-1 (hex), with their certificates.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn providers_of_certificate(
        &self,
        sha1: &str,
    ) -> Result<Vec<pec::Provider>, StoreError> {
        self.read("asking the directory for a certificate", |tx| {
            let sql = "SELECT DISTINCT p.id, p.dn, p.name, p.unit, p.mail_receipt
                       FROM directory_certificate c JOIN directory_provider p ON p.id = c.provider
                       WHERE c.sha1 = ?1 ORDER BY p.id";
            providers(tx, sql, [sha1.to_ascii_lowercase()], true)
        })
    }

    /// What the directory in force has; none: none was ever loaded.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn directory(&self) -> Result<Option<DirectorySummary>, StoreError> {
        self.read("reading which directory is in force", |tx| {
            tx.query_row(
                "SELECT sha256, providers, domains, certificates FROM directory",
                [],
                |row| {
                    Ok(DirectorySummary {
                        sha256: row.get(0)?,
                        providers: row.get(1)?,
                        domains: row.get(2)?,
                        certificates: row.get(3)?,
                        unchanged: true,
                    })
                },
            )
            .optional()
        })
    }
}

/// Replaces the whole directory. Whoever reads sees the old one or the new one.
pub(super) fn install_directory(
    tx: &Transaction<'_>,
    sha256: &str,
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
        "INSERT INTO directory (id, sha256, providers, domains, certificates)
         VALUES (1, ?1, ?2, ?3, ?4)",
        (sha256, records.len() as u64, domains, certificates),
    )?;
    Ok(())
}

/// The records that a query finds, with the hashes of their certificates.
fn providers(
    tx: &Transaction<'_>,
    sql: &str,
    parameters: impl Params,
    with_certificates: bool,
) -> rusqlite::Result<Vec<pec::Provider>> {
    let mut found = Vec::new();
    let mut query = tx.prepare_cached(sql)?;
    let mut rows = query.query(parameters)?;
    while let Some(row) = rows.next()? {
        let mut provider = pec::Provider {
            dn: row.get(1)?,
            name: row.get(2)?,
            unit: row.get(3)?,
            mail_receipt: row.get(4)?,
            certificate_hashes: Vec::new(),
            certificates: Vec::new(),
        };
        let id: i64 = row.get(0)?;
        let mut query = tx.prepare_cached(
            "SELECT sha1, CASE WHEN ?2 THEN certificate END FROM directory_certificate
             WHERE provider = ?1 ORDER BY position",
        )?;
        let mut rows = query.query((id, with_certificates))?;
        while let Some(row) = rows.next()? {
            provider.certificate_hashes.push(row.get(0)?);
            provider
                .certificates
                .extend(row.get::<_, Option<Vec<u8>>>(1)?);
        }
        found.push(provider);
    }
    Ok(found)
}
