//! Signing with the provider's key.

use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::{self, PemObject};

use super::Unavailable;

/// Holds the provider's key, or the way to it. The key never enters the plug-in.
pub trait Signer: Send + Sync {
    /// RSA PKCS #1 v1.5 over the SHA-256 of `octets`; as many octets as the modulus has.
    ///
    /// The same octets must give the same signature: repeated runs compare messages.
    ///
    /// # Errors
    /// The key cannot be used now (an HSM that is away). The transaction ends with a 4xx reply.
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, Unavailable>;
}

/// Signs with a key from a PEM file, natively.
///
/// The file is read once. `Debug` shows nothing of the key.
pub struct RsaSigner {
    key: RsaKeyPair,
    random: SystemRandom,
}

impl RsaSigner {
    /// Reads an unencrypted RSA private key of at least 2048 bits, PKCS #8 (`PRIVATE KEY`) or
    /// PKCS #1 (`RSA PRIVATE KEY`). Other sections of the file are passed over.
    ///
    /// # Errors
    /// The file cannot be read or holds no such key; the error names the file and the remedy.
    pub fn from_pem_file(path: &Path) -> Result<Self, KeyError> {
        let wrong = |reason| KeyError::Wrong {
            path: path.to_owned(),
            reason,
        };
        let octets = std::fs::read(path).map_err(|source| KeyError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let der = PrivateKeyDer::from_pem_slice(&octets).map_err(|error| match error {
            pem::Error::NoItemsFound => wrong(no_key(&octets)),
            error => wrong(format!("is not valid PEM ({error})")),
        })?;
        Self::from_der(&der).map_err(wrong)
    }

    /// The public key, DER `SubjectPublicKeyInfo`: what the provider's certificate must contain.
    #[must_use]
    pub fn public_key_spki(&self) -> Vec<u8> {
        let public: Result<PublicKeyX509Der<'_>, _> = self.key.public_key().as_der();
        // AWS-LC has parsed this key; writing it again can only fail for want of memory.
        public.map_or_else(|_| Vec::new(), |der| der.as_ref().to_vec())
    }

    fn from_der(der: &PrivateKeyDer<'_>) -> Result<Self, String> {
        let key = match der {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err("holds a key that is not RSA; PEC signs with RSA".to_owned()),
        };
        // AWS-LC refuses less than 2048 bits by itself, and names no size when it does.
        let key = key.map_err(|error| {
            format!("holds no RSA key of 2048 to 8192 bits ({error}); make one with `openssl genrsa 2048`")
        })?;
        if key.public_modulus_len() < MIN_MODULUS {
            let bits = key.public_modulus_len() * 8;
            return Err(format!(
                "holds a key of {bits} bits; at least 2048 are needed"
            ));
        }
        Ok(Self {
            key,
            random: SystemRandom::new(),
        })
    }
}

impl Signer for RsaSigner {
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &self.random, octets, &mut signature)
            .map_err(|_| Unavailable("the RSA library could not sign".to_owned()))?;
        Ok(signature)
    }
}

impl std::fmt::Debug for RsaSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RsaSigner({} bits)", self.key.public_modulus_len() * 8)
    }
}

/// Why a key file cannot be used. The operator's to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("key file {path}: {source}; it must be readable by the user this program runs as")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file can be read, but does not hold what it must.
    #[error("key file {path} {reason}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong and what was expected.
        reason: String,
    },
}

/// Says why a file without a usable key has none: most often it is the wrong file, or encrypted.
fn no_key(octets: &[u8]) -> String {
    let has = |label: &[u8]| octets.windows(label.len()).any(|window| window == label);
    if has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED") {
        "holds an encrypted key; decrypt it with `openssl pkey -in FILE -out NEW` and guard the file".to_owned()
    } else if has(b"BEGIN CERTIFICATE") {
        "holds a certificate and no key; a section `PRIVATE KEY` is expected".to_owned()
    } else {
        "holds no PEM section `PRIVATE KEY` or `RSA PRIVATE KEY`".to_owned()
    }
}

/// 2048 bits: what AgID demands of PEC providers' keys, in octets.
pub(super) const MIN_MODULUS: usize = 256;
