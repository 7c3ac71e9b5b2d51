//! Revocation lists.

mod folder;

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
