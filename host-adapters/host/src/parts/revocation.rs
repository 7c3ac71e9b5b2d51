//! Revocation lists.

mod cache;
mod folder;

pub use cache::CrlCache;
pub use folder::CrlFolder;

use super::Unavailable;
use crate::pec;

/// Has the revocation lists of an issuer at hand, freshly enough.
pub trait Revocation: Send + Sync {
    /// The lists, DER `CertificateList`s, of this issuer or of any; empty: there are none. The
    /// plug-in checks whose they are and whether they are current.
    ///
    /// # Errors
    /// They exist but cannot be had now. To the plug-in that is the same as none: the provider's
    /// decision ([`pec::RevocationPolicy`]) applies to both. The host logs the reason.
    fn revocation(&self, query: &pec::RevocationQuery) -> Result<Vec<Vec<u8>>, Unavailable>;
}

/// Has none, and says so.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRevocationData;

impl Revocation for NoRevocationData {
    fn revocation(&self, _query: &pec::RevocationQuery) -> Result<Vec<Vec<u8>>, Unavailable> {
        Ok(Vec::new())
    }
}

/// All that several sources have: lists that a postmaster puts into a folder, and fetched ones.
impl Revocation for Vec<Box<dyn Revocation>> {
    /// # Errors
    /// None has any, and one or more could not say.
    fn revocation(&self, query: &pec::RevocationQuery) -> Result<Vec<Vec<u8>>, Unavailable> {
        let mut lists = Vec::new();
        let mut failures = Vec::new();
        for source in self {
            match source.revocation(query) {
                Ok(more) => lists.extend(more),
                Err(Unavailable(why)) => failures.push(why),
            }
        }
        if lists.is_empty() && !failures.is_empty() {
            return Err(Unavailable(failures.join("; ")));
        }
        Ok(lists)
    }
}

/// Octets of the largest list that is read: 500,000 revoked certificates; those of PEC have a few
/// dozen.
const LARGEST: u64 = 20 * 1024 * 1024;
