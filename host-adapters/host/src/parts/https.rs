//! HTTPS as a client: whom to trust, and who we are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::SetupError;

/// Whom to trust, and who we are, as files of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM certificates that a server's path may end in, and no others.
    pub roots: PathBuf,
    /// What we show to a server that asks who we are.
    pub client: Option<ClientIdentity>,
}

/// A certificate of ours and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// PEM, our certificate first, then those between it and a root.
    pub certificates: PathBuf,
    /// PEM, unencrypted.
    pub key: PathBuf,
}

impl TlsSettings {
    /// Reads the files.
    ///
    /// # Errors
    /// One cannot be read or used.
    pub(super) fn read(&self) -> Result<TlsConfig, SetupError> {
        let roots = certificates(&self.roots)?;
        let (usable, _) = RootCertStore::empty().add_parsable_certificates(roots.iter().cloned());
        if usable == 0 {
            return Err(SetupError::new(
                format_args!("root certificates {}", self.roots.display()),
                "none of them can be used",
                "name the PEM file of the authority that certified the server",
            ));
        }
        let client = self.client.as_ref().map(ClientIdentity::read).transpose()?;
        Ok(config(roots, client))
    }
}

/// Trusts nobody: `https` fails, by redirection, too. Every agent needs a configuration, for
/// `ureq` panics without one.
pub(super) fn trust_nobody() -> TlsConfig {
    config(Vec::new(), None)
}

impl ClientIdentity {
    fn read(&self) -> Result<ClientCert, SetupError> {
        let chain = certificates(&self.certificates)?;
        let wrong = |problem: &dyn std::fmt::Display, remedy: &str| {
            SetupError::new(
                format_args!("key file {}", self.key.display()),
                problem,
                remedy,
            )
        };
        let unreadable =
            "it must hold an unencrypted PEM key and be readable by this program's user";
        let pem = std::fs::read(&self.key).map_err(|error| wrong(&error, unreadable))?;
        let der = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| wrong(&error, unreadable))?;
        // Not left to `ureq`, which panics.
        CertifiedKey::from_der(chain.clone(), der, &default_provider()).map_err(|error| {
            let certificates = self.certificates.display();
            let remedy = format!("it must be the key of the first certificate in {certificates}");
            wrong(&error, &remedy)
        })?;
        let key = PrivateKey::from_pem(&pem).map_err(|error| wrong(&error, unreadable))?;
        Ok(ClientCert::new_with_certs(&owned(&chain), key))
    }
}

fn config(roots: Vec<CertificateDer<'static>>, client: Option<ClientCert>) -> TlsConfig {
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
        .root_certs(RootCerts::new_with_certs(&owned(&roots)))
        .client_cert(client)
        .build()
}

fn owned(certificates: &[CertificateDer<'_>]) -> Vec<Certificate<'static>> {
    let all = certificates.iter();
    all.map(|der| Certificate::from_der(der).to_owned())
        .collect()
}

/// The certificates of a PEM file, of which there must be one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let wrong = |problem: &dyn std::fmt::Display| {
        SetupError::new(
            format_args!("certificate file {}", path.display()),
            problem,
            "it must hold PEM sections CERTIFICATE and be readable by this program's user",
        )
    };
    match read {
        Ok(certificates) if certificates.is_empty() => Err(wrong(&"holds no certificate")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(wrong(&error)),
    }
}
