//! The provider directory in memory: what look-ups are answered from.
//!
//! Built once for each directory that comes into force, from what the store has, and then only
//! read. Whoever looks something up sees one directory, the old one or the new one, whole.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::{DirectorySummary, pec};

/// The directory in force, and the way from one to the next.
#[derive(Debug, Default)]
pub(crate) struct DirectoryInForce {
    current: RwLock<Arc<Directory>>,
    /// Who replaces it reads the store first: one after the other, so that the last one to read
    /// is the last one to replace.
    replacing: Mutex<()>,
}

impl DirectoryInForce {
    /// The directory of this moment.
    pub(crate) fn get(&self) -> Arc<Directory> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Replaces it by what `next` gives, if it gives anything; it is shown what is there.
    ///
    /// # Errors
    /// Those of `next`; the directory is as it was.
    pub(crate) fn replace<E>(
        &self,
        next: impl FnOnce(&Directory) -> Result<Option<Directory>, E>,
    ) -> Result<(), E> {
        let _turn = self
            .replacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Built outside the lock that look-ups take: they go on meanwhile.
        if let Some(next) = next(&self.get())? {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            *current = Arc::new(next);
        }
        Ok(())
    }
}

/// One directory, indexed. No directory at all is an empty one.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// None: none was ever loaded.
    summary: Option<DirectorySummary>,
    records: Vec<Record>,
    /// Positions in `records`, in their order.
    by_domain: HashMap<Box<str>, Vec<u32>>,
    by_certificate: HashMap<Box<str>, Vec<u32>>,
}

#[derive(Debug)]
struct Record {
    /// As answers about domains want it: without its certificates.
    provider: pec::Provider,
    certificates: Vec<Vec<u8>>,
}

impl Directory {
    /// Indexes the records of the directory that `summary` tells of.
    pub(crate) fn new(summary: DirectorySummary, records: Vec<pec::ProviderRecord>) -> Self {
        let mut directory = Self {
            by_domain: HashMap::with_capacity(summary.domains.try_into().unwrap_or_default()),
            summary: Some(summary),
            ..Self::default()
        };
        for (position, record) in (0..).zip(records) {
            let mut provider = record.provider;
            for domain in record.managed_domains {
                enter(&mut directory.by_domain, &domain, position);
            }
            for hash in &provider.certificate_hashes {
                enter(&mut directory.by_certificate, hash, position);
            }
            directory.records.push(Record {
                certificates: std::mem::take(&mut provider.certificates),
                provider,
            });
        }
        directory
    }

    /// Which directory this is; none: none was ever loaded.
    pub(crate) fn summary(&self) -> Option<&DirectorySummary> {
        self.summary.as_ref()
    }

    /// The records that manage a domain, without their certificates. Case does not matter.
    pub(crate) fn providers_of_domain(&self, domain: &str) -> Vec<pec::Provider> {
        self.find(&self.by_domain, domain)
            .map(|record| record.provider.clone())
            .collect()
    }

    /// The records that hold the certificate with this SHA-1 (hex), with their certificates.
    pub(crate) fn providers_of_certificate(&self, sha1: &str) -> Vec<pec::Provider> {
        self.find(&self.by_certificate, sha1)
            .map(|record| pec::Provider {
                certificates: record.certificates.clone(),
                ..record.provider.clone()
            })
            .collect()
    }

    fn find<'a>(
        &'a self,
        index: &'a HashMap<Box<str>, Vec<u32>>,
        key: &str,
    ) -> impl Iterator<Item = &'a Record> + use<'a> {
        let found = index.get(key.to_ascii_lowercase().as_str());
        let positions = found.map(Vec::as_slice).unwrap_or_default();
        positions
            .iter()
            .filter_map(|&position| self.records.get(position as usize))
    }
}

/// The same domain twice in one record is the registry's slip, and harmless.
fn enter(index: &mut HashMap<Box<str>, Vec<u32>>, key: &str, position: u32) {
    let key = key.to_ascii_lowercase().into_boxed_str();
    let positions = index.entry(key).or_default();
    if positions.last() != Some(&position) {
        positions.push(position);
    }
}
