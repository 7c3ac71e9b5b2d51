//! What our certificate says of us, and whether the key is its key.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::{Signer, Unavailable, hex, pec, verify_signature};

/// A provider's certificate, read.
#[derive(Clone, Debug)]
pub struct Identity {
    /// SHA-1 of the certificate, hex: how the provider directory names it (RFC 6109 §4.5.3).
    pub sha1: String,
    /// Holds from here: seconds since 1970.
    pub not_before: u64,
    /// Holds until here.
    pub not_after: u64,
    /// The mail addresses it is for (rfc822Name).
    pub addresses: Vec<String>,
    /// Its key, DER SubjectPublicKeyInfo.
    public_key: Vec<u8>,
}

/// Why a certificate and a key do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyMismatch {
    /// The key could not be used.
    #[error("the key cannot sign: {0}")]
    Unavailable(#[from] Unavailable),
    /// It is another certificate's.
    #[error("the certificate is for another key: what the key signs it does not verify")]
    Other,
}

impl Identity {
    /// Reads a certificate, DER.
    ///
    /// # Errors
    /// It is none, in the library's words.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        Self::try_read(der).map_err(|error| error.to_string())
    }

    /// Has `signer` sign something, and verifies it with the certificate's key.
    ///
    /// # Errors
    /// It cannot sign, or signs with another key.
    pub fn check_key(&self, signer: &dyn Signer) -> Result<(), KeyMismatch> {
        let answer = verify_signature(&pec::SignatureCheck {
            public_key: self.public_key.clone(),
            digest_algorithm: "sha256".to_owned(),
            digest: digest(&SHA256, SAMPLE).as_ref().to_vec(),
            signature: signer.sign(SAMPLE)?,
        });
        match answer {
            pec::Answer::Verified(true) => Ok(()),
            _ => Err(KeyMismatch::Other),
        }
    }

    fn try_read(der: &[u8]) -> x509_cert::der::Result<Self> {
        let certificate = Certificate::from_der(der)?;
        let tbs = certificate.tbs_certificate();
        let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
        let alternatives = tbs.get_extension::<SubjectAltName>()?;
        let names = alternatives.map_or_else(Vec::new, |(_, names)| names.0);
        Ok(Self {
            sha1: hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref()),
            not_before: seconds(tbs.validity().not_before),
            not_after: seconds(tbs.validity().not_after),
            addresses: names
                .into_iter()
                .filter_map(|name| match name {
                    GeneralName::Rfc822Name(address) => Some(address.to_string()),
                    _ => None,
                })
                .collect(),
            public_key: tbs.subject_public_key_info().to_der()?,
        })
    }
}

/// Nobody could take its signature for one of something else.
const SAMPLE: &[u8] = b"Ceralacca: does this key belong to this certificate?";
