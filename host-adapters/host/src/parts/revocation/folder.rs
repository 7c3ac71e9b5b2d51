//! Revocation lists in a folder that somebody else keeps fresh.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject as _;

use super::{LARGEST, Revocation};
use crate::parts::Unavailable;
use crate::pec;

/// The files `*.crl`, `*.der` and `*.pem` of a folder, read anew at every question: questions are
/// rare, because verdicts are remembered, and a list that has just been put there counts at once.
#[derive(Clone, Debug)]
pub struct CrlFolder {
    folder: PathBuf,
}

impl CrlFolder {
    /// Reads lists from this folder; it need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    fn read(&self, path: &Path) -> Option<Vec<Vec<u8>>> {
        match lists(path) {
            Ok(lists) => Some(lists),
            Err(reason) => {
                // One bad file must not hide the good ones.
                tracing::warn!(file = %path.display(), reason, "no revocation list can be read");
                None
            }
        }
    }
}

impl Revocation for CrlFolder {
    /// Those that carry the issuer's name, as it stands in the certificate.
    ///
    /// # Errors
    /// The folder is there and cannot be read.
    fn revocation(&self, query: &pec::RevocationQuery) -> Result<Vec<Vec<u8>>, Unavailable> {
        let unavailable =
            |error| Unavailable::because(&format!("{}", self.folder.display()), error);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unavailable(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(unavailable)?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            let known = |name: &&str| extension.is_some_and(|e| e.eq_ignore_ascii_case(name));
            if EXTENSIONS.iter().any(known) {
                paths.push(path);
            }
        }
        // Directory order is anybody's; what is told to the plug-in is not.
        paths.sort();
        let all = paths.iter().filter_map(|path| self.read(path)).flatten();
        Ok(all.filter(|list| mentions(list, &query.issuer)).collect())
    }
}

/// The lists of one file, PEM or DER.
fn lists(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut octets = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut octets)
        .map_err(|error| error.to_string())?;
    if octets.len() as u64 > LARGEST {
        return Err(format!("it is over {LARGEST} octets"));
    }
    // DER begins with a SEQUENCE, which is no PEM text.
    if octets.first() == Some(&0x30) {
        return Ok(vec![octets]);
    }
    CertificateRevocationListDer::pem_slice_iter(&octets)
        .map(|list| list.map(|list| list.to_vec()))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

/// Does the beginning of a list hold this name? Enough to leave other issuers' lists out; the
/// plug-in looks closely.
fn mentions(list: &[u8], issuer: &[u8]) -> bool {
    let beginning = &list[..list.len().min(BEGINNING)];
    !issuer.is_empty() && beginning.windows(issuer.len()).any(|part| part == issuer)
}

const EXTENSIONS: &[&str] = &["crl", "der", "pem"];
/// Version and algorithm come before the issuer; a name of a thousand octets would be a long one.
const BEGINNING: usize = 4096;
