//! Revocation lists.

use super::Unavailable;
use crate::pec;

/// Has the revocation lists of an issuer at hand, freshly enough.
pub trait Revocation: Send + Sync {
    /// The lists, DER `CertificateList`s; empty: there are none. What then happens is the
    /// provider's decision ([`pec::RevocationPolicy`]), which the plug-in applies.
    ///
    /// # Errors
    /// They exist but cannot be had now: the transaction ends with a 4xx reply.
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
