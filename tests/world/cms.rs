//! CMS SignedData put together octet by octet, for what no tool writes. The RSA values are
//! OpenSSL's.

use std::fs;
use std::path::Path;

use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use super::forgery::openssl;

/// What goes into a SignedData (RFC 5652 §5.1).
pub struct SignedData {
    /// DER, as they travel.
    pub certificates: Vec<Vec<u8>>,
    /// Each a whole Attribute; their order is made DER's.
    pub attributes: Vec<Vec<u8>>,
    /// The certificate that each SignerInfo names.
    pub signers: Vec<Vec<u8>>,
}

impl SignedData {
    /// Signed with this key.
    pub fn signed(&self, key: &Path) -> Vec<u8> {
        let mut attributes = self.attributes.clone();
        attributes.sort();
        let attributes = attributes.concat();
        let scratch = tempfile::NamedTempFile::new().expect("a file");
        fs::write(scratch.path(), tlv(0x31, &[&attributes])).expect("a file");
        let words = format!("dgst|-sha256|-sign|{}", key.display());
        let value = openssl(&words, &[scratch.path()]);
        let sha256 = tlv(0x30, &[SHA256, &[5, 0]]);
        let info = |certificate: &Vec<u8>| {
            let (issuer, serial) = named(certificate);
            tlv(
                0x30,
                &[
                    &[2, 1, 1],
                    &tlv(0x30, &[&issuer, &serial]),
                    &sha256,
                    &tlv(0xa0, &[&attributes]),
                    &tlv(0x30, &[RSA, &[5, 0]]),
                    &tlv(4, &[&value]),
                ],
            )
        };
        let infos: Vec<u8> = self.signers.iter().flat_map(info).collect();
        let signed = tlv(
            0x30,
            &[
                &[2, 1, 1],
                &tlv(0x31, &[&sha256]),
                &tlv(0x30, &[DATA]),
                &tlv(0xa0, &[&self.certificates.concat()]),
                &tlv(0x31, &[&infos]),
            ],
        );
        tlv(0x30, &[SIGNED_DATA, &tlv(0xa0, &[&signed])])
    }
}

/// An attribute with these values.
pub fn attribute(oid: &[u8], values: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &[oid, &tlv(0x31, values)])
}

/// Tag, length, value.
pub fn tlv(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = content.len();
    let mut octets = vec![tag];
    if length < 128 {
        octets.push(length as u8);
    } else {
        let digits: Vec<u8> = length
            .to_be_bytes()
            .into_iter()
            .skip_while(|&d| d == 0)
            .collect();
        octets.push(0x80 | digits.len() as u8);
        octets.extend(digits);
    }
    octets.extend(content);
    octets
}

/// The certificates of a PEM file, DER.
pub fn certificates(pem: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(pem).expect("PEM");
    let chain = Certificate::load_pem_chain(text.as_bytes()).expect("certificates");
    chain.iter().map(|c| c.to_der().expect("DER")).collect()
}

/// Issuer and serial number, DER.
fn named(certificate: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let certificate = Certificate::from_der(certificate).expect("a certificate");
    let tbs = certificate.tbs_certificate();
    let issuer = tbs.issuer().to_der().expect("DER");
    (issuer, tbs.serial_number().to_der().expect("DER"))
}

/// Object identifiers of RFC 5652 and RFC 8017, whole.
pub const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
pub const ENVELOPED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
pub const CONTENT_TYPE: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
pub const MESSAGE_DIGEST: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
pub const SIGNING_TIME: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05";
const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const SHA256: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01";
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
