//! Certificates, for people and for comparisons.

use der::{Decode, Encode};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

use super::sha1;
use crate::finding::CertificateFacts;
use crate::hex;
use crate::instant::Instant;

/// The first rfc822Name of subjectAltName, where the certificates of PEC have it (PRACTICE 7).
pub(crate) fn subject_address(certificate: &Certificate) -> Option<String> {
    let tbs = certificate.tbs_certificate();
    if let Ok(Some((_, names))) = tbs.get_extension::<SubjectAltName>() {
        for name in &names.0 {
            if let GeneralName::Rfc822Name(address) = name {
                return Some(address.as_str().to_owned());
            }
        }
    }
    None
}

/// What people want to know of a certificate.
///
/// # Errors
/// None if the octets are no certificate.
pub(crate) fn certificate_facts(octets: &[u8]) -> Option<CertificateFacts> {
    let certificate = Certificate::from_der(octets).ok()?;
    let tbs = certificate.tbs_certificate();
    Some(CertificateFacts {
        subject: tbs.subject().to_string(),
        issuer: tbs.issuer().to_string(),
        serial: hex::encode(tbs.serial_number().as_bytes()),
        address: subject_address(&certificate),
        not_before: instant(&tbs.validity().not_before)?,
        not_after: instant(&tbs.validity().not_after)?,
        sha1: hex::encode(&sha1(octets)),
        sha256: hex::encode(&Sha256::digest(octets)),
    })
}

/// The public key of a certificate: SubjectPublicKeyInfo, DER.
pub(crate) fn public_key(certificate: &Certificate) -> Option<Vec<u8>> {
    certificate
        .tbs_certificate()
        .subject_public_key_info()
        .to_der()
        .ok()
}

fn instant(time: &Time) -> Option<Instant> {
    Instant::from_unix(time.to_unix_duration().as_secs())
}
