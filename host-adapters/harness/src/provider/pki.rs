//! A test certification authority shaped like the one that certifies PEC providers.
//!
//! Root → intermediate → provider, RSA 2048 and SHA-256 throughout (PRACTICE 7). The intermediate
//! imitates AgID CA1: path length 0, and non-critical name constraints that list every provider's
//! mail host and organisation and exclude all IP addresses. As there, a new provider means a
//! re-issued intermediate: same name, same key, a longer list. What path validators make of such
//! chains differs so much that test chains without these features would prove nothing.

use ceralacca_host::provider::Address;
use rcgen::{Issuer, KeyPair, RsaKeySize};
use sha1::{Digest as _, Sha1};
use x509_cert::Certificate;
use x509_cert::der::asn1::{Ia5String, OctetString};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::{Name, RdnSequence};

use super::profiles::{ca_params, extension, leaf_params, root_params, serial};
use crate::moment::Moment;

/// Root and intermediate, with their keys, and the names the intermediate may certify.
pub struct TestCa {
    root_key: KeyPair,
    root: Vec<u8>,
    ca_key: KeyPair,
    ca: Vec<u8>,
    permitted: Vec<GeneralSubtree>,
}

/// A provider's key and certificate.
pub struct Identity {
    /// PKCS #8, PEM.
    pub key_pem: String,
    /// The leaf, DER.
    pub certificate: Vec<u8>,
}

/// The authority as it lies in a folder: PEM texts.
pub struct CaFiles {
    /// The root's private key.
    pub root_key: String,
    /// The root.
    pub root: String,
    /// The intermediate's private key.
    pub ca_key: String,
    /// The intermediate.
    pub ca: String,
}

/// Why a certificate could not be made or read.
#[derive(Debug)]
pub enum PkiError {
    /// The library that makes certificates refused.
    Making(rcgen::Error),
    /// A certificate could not be read or encoded.
    Encoding(x509_cert::der::Error),
    /// There is no date so far away.
    Date(Moment),
}

impl TestCa {
    /// A new root and an intermediate that may certify nobody yet.
    pub fn create(now: Moment) -> Result<TestCa, PkiError> {
        let (root_key, ca_key) = (new_key()?, new_key()?);
        let root = root_params(&root_key, now)?
            .self_signed(&root_key)?
            .der()
            .to_vec();
        let mut made = TestCa {
            root_key,
            root,
            ca_key,
            ca: Vec::new(),
            permitted: Vec::new(),
        };
        made.reissue(now)?;
        Ok(made)
    }

    /// Reads back what `files` wrote.
    pub fn load(files: &CaFiles) -> Result<TestCa, PkiError> {
        let ca = pem_to_der(&files.ca)?;
        let constraints = Certificate::from_der(&ca)?
            .tbs_certificate()
            .get_extension::<NameConstraints>()?
            .and_then(|(_, constraints)| constraints.permitted_subtrees);
        Ok(TestCa {
            root_key: KeyPair::from_pem(&files.root_key)?,
            root: pem_to_der(&files.root)?,
            ca_key: KeyPair::from_pem(&files.ca_key)?,
            ca,
            permitted: constraints.unwrap_or_default(),
        })
    }

    /// Certifies a provider: makes its key and leaf, and re-issues the intermediate with the
    /// provider's mail host and organisation added to what it may certify.
    pub fn certify(
        &mut self,
        name: &str,
        service_address: &Address,
        now: Moment,
    ) -> Result<Identity, PkiError> {
        let key = new_key()?;
        let issuer = Issuer::new(ca_params(&self.ca_key, now)?, &self.ca_key);
        let leaf = leaf_params(&key, name, service_address, now)?.signed_by(&key, &issuer)?;
        for subtree in constraints_for(leaf.der(), service_address)? {
            if !self.permitted.contains(&subtree) {
                self.permitted.push(subtree);
            }
        }
        self.reissue(now)?;
        Ok(Identity {
            key_pem: key.serialize_pem(),
            certificate: leaf.der().to_vec(),
        })
    }

    /// The root, PEM: what others trust.
    pub fn root_pem(&self) -> String {
        der_to_pem(&self.root)
    }

    /// The intermediate as issued last, PEM: what travels in signatures beside the leaf.
    pub fn ca_pem(&self) -> String {
        der_to_pem(&self.ca)
    }

    /// Everything, for storing. Two of the four are private keys.
    pub fn files(&self) -> CaFiles {
        CaFiles {
            root_key: self.root_key.serialize_pem(),
            root: self.root_pem(),
            ca_key: self.ca_key.serialize_pem(),
            ca: self.ca_pem(),
        }
    }

    fn reissue(&mut self, now: Moment) -> Result<(), PkiError> {
        let mut params = ca_params(&self.ca_key, now)?;
        let nobody = |length| OctetString::new(vec![0; length]).map(GeneralName::IpAddress);
        let constraints = NameConstraints {
            permitted_subtrees: Some(self.permitted.clone()).filter(|list| !list.is_empty()),
            // Address and mask all zero: every IPv4, every IPv6 address.
            excluded_subtrees: Some(vec![subtree(nobody(8)?), subtree(nobody(32)?)]),
        };
        let constraints = constraints.to_der()?;
        params.serial_number = Some(serial(&[&constraints, &now.0.to_be_bytes()]));
        params
            .custom_extensions
            .push(extension(OID_NAME_CONSTRAINTS, constraints));
        let issuer = Issuer::new(root_params(&self.root_key, now)?, &self.root_key);
        self.ca = params.signed_by(&self.ca_key, &issuer)?.der().to_vec();
        Ok(())
    }
}

/// The SHA-1 of a certificate, 40 lower-case hex digits: `providerCertificateHash` (RFC 6109
/// §4.5.1; PRACTICE 1: SHA-1 stays here).
pub fn certificate_hash(der: &[u8]) -> String {
    Sha1::digest(der)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

/// A certificate as PEM.
pub fn der_to_pem(der: &[u8]) -> String {
    use base64ct::LineEnding;
    use x509_cert::der::pem;
    // Fails for lengths that no vector has.
    pem::encode_string("CERTIFICATE", LineEnding::LF, der).unwrap_or_default()
}

/// Permits the leaf's mail host, and its subject without the common name, taken from the leaf
/// itself so that both are the same octets: validators differ in how they compare string types.
fn constraints_for(
    leaf: &[u8],
    service_address: &Address,
) -> Result<[GeneralSubtree; 2], PkiError> {
    let leaf = Certificate::from_der(leaf)?;
    let subject = leaf.tbs_certificate().subject();
    let mut organisation = RdnSequence::default();
    for rdn in subject.iter_rdn().take(subject.len().saturating_sub(1)) {
        organisation.push(rdn.clone());
    }
    let organisation = Name::from_der(&organisation.to_der()?)?;
    let (_, host) = service_address
        .as_str()
        .rsplit_once('@')
        .unwrap_or_default();
    Ok([
        subtree(GeneralName::Rfc822Name(Ia5String::new(host)?)),
        subtree(GeneralName::DirectoryName(organisation)),
    ])
}

fn subtree(base: GeneralName) -> GeneralSubtree {
    GeneralSubtree {
        base,
        minimum: 0,
        maximum: None,
    }
}

fn new_key() -> Result<KeyPair, PkiError> {
    Ok(KeyPair::generate_rsa_for(
        &rcgen::PKCS_RSA_SHA256,
        RsaKeySize::_2048,
    )?)
}

fn pem_to_der(pem: &str) -> Result<Vec<u8>, PkiError> {
    let (_, der) =
        x509_cert::der::pem::decode_vec(pem.as_bytes()).map_err(x509_cert::der::Error::from)?;
    Ok(der)
}

impl From<rcgen::Error> for PkiError {
    fn from(error: rcgen::Error) -> PkiError {
        PkiError::Making(error)
    }
}

impl From<x509_cert::der::Error> for PkiError {
    fn from(error: x509_cert::der::Error) -> PkiError {
        PkiError::Encoding(error)
    }
}

impl std::fmt::Display for PkiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PkiError::Making(error) => write!(f, "no key or certificate could be made ({error})"),
            PkiError::Encoding(error) => write!(f, "not a usable certificate ({error})"),
            PkiError::Date(now) => write!(f, "no certificate can begin at {now}"),
        }
    }
}

impl std::error::Error for PkiError {}

/// 2.5.29.30, id-ce-nameConstraints.
const OID_NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
