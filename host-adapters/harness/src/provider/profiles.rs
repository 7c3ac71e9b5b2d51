//! What each of the three kinds of certificate says of itself (PRACTICE 7).

use ceralacca_host::provider::Address;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData as _,
    SanType, SerialNumber,
};
use sha1::{Digest as _, Sha1};
use time::OffsetDateTime;
use x509_cert::der::Encode as _;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::{CertificatePolicies, SubjectKeyIdentifier};

use super::pki::PkiError;
use crate::moment::Moment;

/// The root: certifies itself, and may do anything an authority may.
pub(super) fn root_params(key: &KeyPair, now: Moment) -> Result<CertificateParams, PkiError> {
    let mut params = params(key, &["Ceralacca Test", "Ceralacca Test Root CA"], now, 10)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// The intermediate, without name constraints, which `TestCa::reissue` adds: issuing needs only
/// the name and the key.
pub(super) fn ca_params(key: &KeyPair, now: Moment) -> Result<CertificateParams, PkiError> {
    let mut params = params(key, &["Ceralacca Test", "Ceralacca Test CA1"], now, 5)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsagePurpose::EmailProtection,
    ];
    params.use_authority_key_identifier_extension = true;
    params.custom_extensions.push(policy("1.3.76.16.3.1")?);
    Ok(params)
}

/// A provider's own certificate: signs mail as one address, and nothing else.
pub(super) fn leaf_params(
    key: &KeyPair,
    name: &str,
    service_address: &Address,
    now: Moment,
) -> Result<CertificateParams, PkiError> {
    let mut params = params(key, &[name, "Posta Certificata"], now, 3)?;
    // `NoCa` writes no basicConstraints at all, as real leaves have none.
    params.is_ca = IsCa::NoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
    let address = rcgen::string::Ia5String::try_from(service_address.as_str())?;
    params.subject_alt_names = vec![SanType::Rfc822Name(address)];
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(serial(&[key.der_bytes()]));
    params.custom_extensions.push(policy("1.3.76.16.3.1.1")?);
    // rcgen writes the subject key identifier of authorities only.
    let identifier = SubjectKeyIdentifier(OctetString::new(key_identifier(key))?);
    params
        .custom_extensions
        .push(extension(OID_SUBJECT_KEY_IDENTIFIER, identifier.to_der()?));
    Ok(params)
}

/// What all three share. `names`: organisation and common name.
fn params(
    key: &KeyPair,
    names: &[&str; 2],
    now: Moment,
    years: i64,
) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    // X.520: a country is a PrintableString.
    subject.push(
        DnType::CountryName,
        DnValue::PrintableString("IT".try_into()?),
    );
    subject.push(DnType::OrganizationName, names[0]);
    subject.push(DnType::CommonName, names[1]);
    params.distinguished_name = subject;
    // A day back, so that clocks may differ and stories may begin a little earlier.
    let from = i64::try_from(now.0).map_err(|_| PkiError::Date(now))? - DAY;
    let date = |at| OffsetDateTime::from_unix_timestamp(at).map_err(|_| PkiError::Date(now));
    params.not_before = date(from)?;
    params.not_after = date(from + years * 365 * DAY)?;
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_identifier(key));
    Ok(params)
}

fn policy(oid: &str) -> Result<CustomExtension, PkiError> {
    let policy_identifier = ObjectIdentifier::new(oid).map_err(x509_cert::der::Error::from)?;
    let policy = PolicyInformation {
        policy_identifier,
        policy_qualifiers: None,
    };
    Ok(extension(
        OID_CERTIFICATE_POLICIES,
        CertificatePolicies(vec![policy]).to_der()?,
    ))
}

/// A non-critical extension.
pub(super) fn extension(oid: &[u64], content: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(oid, content)
}

/// RFC 5280 §4.2.1.2, first method.
fn key_identifier(key: &KeyPair) -> Vec<u8> {
    Sha1::digest(key.der_bytes()).to_vec()
}

/// A serial number that differs whenever the certificate does. rcgen would take the public key
/// alone, and every re-issued intermediate would have the number of the one before.
pub(super) fn serial(parts: &[&[u8]]) -> SerialNumber {
    let mut hash = Sha1::new();
    parts.iter().for_each(|part| hash.update(part));
    let mut number = hash.finalize()[..16].to_vec();
    // Positive (RFC 5280 §4.1.2.2), and its first octet not zero, so that it keeps its length.
    number[0] = (number[0] & 0x7f) | 0x40;
    SerialNumber::from(number)
}

const OID_SUBJECT_KEY_IDENTIFIER: &[u64] = &[2, 5, 29, 14];
const OID_CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];
const DAY: i64 = 86_400;
