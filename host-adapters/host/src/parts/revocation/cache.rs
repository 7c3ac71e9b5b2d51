//! Revocation lists fetched from where certificates say they are, and kept.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use ureq::Agent;
use x509_cert::certificate::Raw;
use x509_cert::crl::CertificateList;
use x509_cert::der::oid::db::rfc5912::{
    SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use x509_cert::der::{Decode as _, Header, Reader as _, SliceReader};

use super::{LARGEST, Revocation};
use crate::parts::{Clock, Unavailable};
use crate::{durable, hex, pec, verify_signature};

/// Fetches lists over HTTP (RFC 5280 §4.2.1.13), and asks again when they grow old.
///
/// A list is fetched anew an hour after the last time, for one may be issued before it is due; after
/// a failure it is tried again after five minutes, and until then, and for as long as need be, the
/// old list answers: whether it still decides anything is for the plug-in to say. The newest copy
/// of each is in a folder, so that a restart without network has lists, too.
///
/// Only `http` is spoken: lists are signed, and fetching them by `https` would need a certificate
/// whose revocation is to be looked up (RFC 5280 §8). The addresses stand in certificates that lead
/// to a trust anchor; the plug-in asks for no other's. Whoever sits on the way may answer in the
/// server's place: a list whose signature is wrong is not kept, and one whose signature cannot be
/// checked here never takes the place of one that was.
pub struct CrlCache {
    folder: PathBuf,
    clock: Box<dyn Clock>,
    agent: Agent,
    /// By address and issuer's key.
    kept: Mutex<HashMap<Source, Arc<Mutex<Kept>>>>,
}

impl CrlCache {
    /// Keeps lists in `folder`, which is made when the first one comes. A server that has not
    /// delivered after `patience` has failed: a transaction waits for it.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, clock: Box<dyn Clock>, patience: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(patience))
            .max_redirects(3)
            .user_agent(concat!("ceralacca/", env!("CARGO_PKG_VERSION")));
        Self {
            folder: folder.into(),
            clock,
            agent: config.build().into(),
            kept: Mutex::default(),
        }
    }

    /// The list of one address; the old one where no new one can be had.
    ///
    /// # Errors
    /// There is none, and why.
    fn list(&self, source: &Source) -> Result<Vec<u8>, String> {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = Arc::clone(all.entry(source.clone()).or_default());
        drop(all);
        // Held while fetching: who needs the same list waits for it instead of asking, too.
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.file(source);
        if kept.tried.is_none() {
            let old = fs::read(&file).ok();
            kept.list = old.and_then(|old| List::read(old, &source.key).ok());
        }
        let now = self.clock.now();
        if kept.is_due(now) {
            kept.tried = Some(now);
            kept.failure = self.renew(source, &file, &mut kept.list).err();
            if let Some(reason) = &kept.failure {
                let (url, old) = (&source.url, kept.list.is_some());
                tracing::warn!(url, reason, old, "no revocation list could be fetched");
            }
        }
        match (&kept.list, &kept.failure) {
            (Some(list), _) => Ok(list.octets.clone()),
            (None, failure) => Err(failure.clone().unwrap_or_default()),
        }
    }

    /// Puts a fetched list in the place of an older one.
    fn renew(
        &self,
        source: &Source,
        file: &Path,
        current: &mut Option<List>,
    ) -> Result<(), String> {
        let new = List::read(self.fetch(&source.url)?, &source.key)?;
        if let Some(old) = current
            && old.proven
        {
            if !new.proven {
                return Err(
                    "its signature cannot be checked, and that of the one here was".to_owned(),
                );
            }
            if old.issued > new.issued {
                return Err("it is older than the one that is here".to_owned());
            }
        }
        // In memory it serves this process even where the disk is full.
        let octets = &current.insert(new).octets;
        keep(&self.folder, file, octets)
            .map_err(|error| format!("it cannot be kept in {}: {error}", file.display()))
    }

    fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let response = self.agent.get(url).call();
        let mut response = response.map_err(|error| error.to_string())?;
        let body = response.body_mut().with_config().limit(LARGEST);
        body.read_to_vec().map_err(|error| error.to_string())
    }

    fn file(&self, source: &Source) -> PathBuf {
        let key = digest(&SHA256, &source.key);
        let name = hex(digest(&SHA256, &[key.as_ref(), source.url.as_bytes()].concat()).as_ref());
        self.folder.join(name + ".crl")
    }
}

impl Revocation for CrlCache {
    /// # Errors
    /// None of the addresses has given a list yet.
    fn revocation(&self, query: &pec::RevocationQuery) -> Result<Vec<Vec<u8>>, Unavailable> {
        let is_http = |url: &&String| {
            let scheme = url.split_once("://").map(|(scheme, _)| scheme);
            scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
        };
        let mut lists = Vec::new();
        let mut failures = Vec::new();
        for url in query.urls.iter().filter(is_http).take(ADDRESSES) {
            let source = Source {
                url: url.clone(),
                key: query.issuer_key.clone(),
            };
            match self.list(&source) {
                Ok(list) => lists.push(list),
                Err(reason) => failures.push(format!("{url}: {reason}")),
            }
        }
        if lists.is_empty() && !failures.is_empty() {
            return Err(Unavailable(failures.join("; ")));
        }
        Ok(lists)
    }
}

/// Where a list is, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Source {
    url: String,
    /// SubjectPublicKeyInfo, DER.
    key: Vec<u8>,
}

/// What is known of one address.
#[derive(Default)]
struct Kept {
    list: Option<List>,
    /// When it was last asked.
    tried: Option<u64>,
    /// Why that gave nothing.
    failure: Option<String>,
}

impl Kept {
    fn is_due(&self, now: u64) -> bool {
        let Some(tried) = self.tried else { return true };
        let outdated = self.list.as_ref().is_none_or(|list| list.is_outdated(now));
        let pause = if outdated || self.failure.is_some() {
            RETRY
        } else {
            REFRESH
        };
        // A clock that stepped back must not keep an old list for good.
        now < tried || now - tried >= pause
    }
}

/// A revocation list. Nothing of it was checked but its signature.
struct List {
    octets: Vec<u8>,
    /// The signature is the issuer's; false where that cannot be told here (SHA-1, other keys than
    /// RSA): then it is for the plug-in to say.
    proven: bool,
    issued: u64,
    due: Option<u64>,
}

impl List {
    fn read(octets: Vec<u8>, key: &[u8]) -> Result<Self, String> {
        let list = CertificateList::<Raw>::from_der(&octets)
            .map_err(|error| format!("what came is no revocation list: {error}"))?;
        let proven = match signature(&octets, &list, key)
            .as_ref()
            .map(verify_signature)
        {
            Some(pec::Answer::Verified(false)) => {
                return Err("its signature is not the issuer's".to_owned());
            }
            verdict => verdict == Some(pec::Answer::Verified(true)),
        };
        let list = list.tbs_cert_list;
        let (issued, due) = (list.this_update, list.next_update);
        Ok(Self {
            octets,
            proven,
            issued: issued.to_unix_duration().as_secs(),
            due: due.map(|due| due.to_unix_duration().as_secs()),
        })
    }

    fn is_outdated(&self, now: u64) -> bool {
        self.due.is_some_and(|due| due < now)
    }
}

/// What there is to check; none for algorithms that nobody here knows.
fn signature(
    octets: &[u8],
    list: &CertificateList<Raw>,
    key: &[u8],
) -> Option<pec::SignatureCheck> {
    let (name, algorithm) = match list.signature_algorithm.oid {
        SHA_256_WITH_RSA_ENCRYPTION => ("sha256", &SHA256),
        SHA_384_WITH_RSA_ENCRYPTION => ("sha384", &SHA384),
        SHA_512_WITH_RSA_ENCRYPTION => ("sha512", &SHA512),
        _ => return None,
    };
    // The signed octets as they came, not written anew.
    let mut reader = SliceReader::new(octets).ok()?;
    let inside = Header::decode(&mut reader).ok()?;
    let start = octets
        .len()
        .checked_sub(usize::try_from(inside.length()).ok()?)?;
    let mut reader = SliceReader::new(octets.get(start..)?).ok()?;
    let signed = reader.tlv_bytes().ok()?;
    Some(pec::SignatureCheck {
        public_key: key.to_vec(),
        digest_algorithm: name.to_owned(),
        digest: digest(algorithm, signed).as_ref().to_vec(),
        signature: list.signature.as_bytes()?.to_vec(),
    })
}

fn keep(folder: &Path, file: &Path, octets: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    durable::replace(file, &file.with_extension("new"), |out| {
        out.write_all(octets)
    })
}

/// Certificates of PEC name one list, by two addresses; each costs the transaction its patience.
const ADDRESSES: usize = 4;
/// Seconds. Lists are issued daily, and out of turn when a certificate is revoked.
const REFRESH: u64 = 3600;
/// Seconds between a failure and the next try.
const RETRY: u64 = 300;
