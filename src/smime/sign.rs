//! Making CMS SignedData (RFC 5652 §5): detached signatures, and files that enclose what they sign.
//!
//! Certificates go in as the octets the host gave, undecoded: re-encoding someone's certificate
//! is a way to break it, and parsing them for every message is wasted time.

use cms::content_info::CmsVersion;
use cms::signed_data::EncapsulatedContentInfo;
use const_oid::db::rfc5911::{
    ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME,
};
use const_oid::db::rfc5912::{ID_SHA_256, RSA_ENCRYPTION};
use der::asn1::{GeneralizedTime, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Any, AnyRef, DateTime, Decode, Encode, Sequence, SliceReader, Tagged, ValueOrd};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::{Attribute, Attributes};

use crate::instant::Instant;

/// The signer as it stands in every signature.
#[derive(Clone, Debug)]
pub(crate) struct SignerIdentity {
    /// IssuerAndSerialNumber, encoded.
    sid: Any,
    /// The certificates that travel.
    certificates: SetOfVec<Any>,
}

impl SignerIdentity {
    /// From the certificates that travel, DER, the signer's first. Reads no more of it than its
    /// issuer and serial number: this runs for every message.
    pub fn new(certificates: &[Vec<u8>]) -> der::Result<Self> {
        let leaf = certificates.first().map(Vec::as_slice).unwrap_or_default();
        let sid = Any::encode_from(&issuer_and_serial(leaf)?)?;
        let certificates: Vec<Any> = certificates
            .iter()
            .map(|octets| Any::from_der(octets))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            sid,
            certificates: SetOfVec::try_from(certificates)?,
        })
    }
}

/// `IssuerAndSerialNumber` of RFC 5652 §10.2.4, both as they stand in the certificate.
#[derive(Sequence)]
struct IssuerAndSerial<'a> {
    issuer: AnyRef<'a>,
    serial_number: AnyRef<'a>,
}

/// ```text
/// TBSCertificate ::= SEQUENCE { [0] version OPTIONAL, serialNumber, signature, issuer, … }
/// ```
fn issuer_and_serial(certificate: &[u8]) -> der::Result<IssuerAndSerial<'_>> {
    let whole: AnyRef<'_> = AnyRef::from_der(certificate)?;
    let tbs = AnyRef::decode(&mut SliceReader::new(whole.value())?)?;
    let mut fields = SliceReader::new(tbs.value())?;
    let mut serial_number = AnyRef::decode(&mut fields)?;
    if Tagged::tag(&serial_number).is_context_specific() {
        serial_number = AnyRef::decode(&mut fields)?;
    }
    let _signature_algorithm = AnyRef::decode(&mut fields)?;
    Ok(IssuerAndSerial {
        issuer: AnyRef::decode(&mut fields)?,
        serial_number,
    })
}

/// A signature that lacks only the RSA value.
#[derive(Debug)]
pub(crate) struct Unsigned {
    attributes: Attributes,
    to_be_signed: Vec<u8>,
}

impl Unsigned {
    /// For content with this SHA-256, at this time. signedAttrs are contentType, signingTime and
    /// messageDigest: what every provider sends and every client reads.
    pub fn new(content_sha256: [u8; 32], now: Instant) -> der::Result<Self> {
        let attributes = Attributes::try_from(vec![
            attribute(ID_CONTENT_TYPE, Any::encode_from(&ID_DATA)?)?,
            attribute(ID_SIGNING_TIME, signing_time(now)?)?,
            attribute(
                ID_MESSAGE_DIGEST,
                Any::encode_from(&OctetString::new(content_sha256)?)?,
            )?,
        ])?;
        // RFC 5652 §5.4: signed is the EXPLICIT SET OF, not the [0] that stands in the message.
        let to_be_signed = attributes.to_der()?;
        Ok(Self {
            attributes,
            to_be_signed,
        })
    }

    /// What the host must sign with RSA, PKCS #1 v1.5, SHA-256.
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.to_be_signed.clone()
    }

    /// A detached signature: the ContentInfo, DER.
    pub fn finish(self, signer: &SignerIdentity, signature: &[u8]) -> der::Result<Vec<u8>> {
        self.wrap(signer, signature, None)
    }

    /// A signature that encloses the content: the ContentInfo, DER.
    pub fn enclose(
        self,
        signer: &SignerIdentity,
        signature: &[u8],
        content: &[u8],
    ) -> der::Result<Vec<u8>> {
        let content = Any::encode_from(&OctetString::new(content)?)?;
        self.wrap(signer, signature, Some(content))
    }

    fn wrap(
        self,
        signer: &SignerIdentity,
        signature: &[u8],
        content: Option<Any>,
    ) -> der::Result<Vec<u8>> {
        let sha256 = AlgorithmIdentifierOwned {
            oid: ID_SHA_256,
            parameters: None,
        };
        let signed = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![sha256.clone()])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: ID_DATA,
                econtent: content,
            },
            certificates: signer.certificates.clone(),
            signer_infos: SetOfVec::try_from(vec![SignerInfo {
                version: CmsVersion::V1,
                sid: signer.sid.clone(),
                digest_algorithm: sha256,
                signed_attributes: self.attributes,
                signature_algorithm: AlgorithmIdentifierOwned {
                    oid: RSA_ENCRYPTION,
                    parameters: Some(Any::from(AnyRef::NULL)),
                },
                signature: OctetString::new(signature)?,
            }])?,
        };
        ContentInfo {
            content_type: ID_SIGNED_DATA,
            content: signed,
        }
        .to_der()
    }
}

/// ```text
/// ContentInfo ::= SEQUENCE {
///   contentType ContentType,
///   content [0] EXPLICIT ANY DEFINED BY contentType }
/// ```
#[derive(Sequence)]
struct ContentInfo {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: SignedData,
}

/// `SignedData` of RFC 5652 §5.1 as we write it: certificates always, CRLs never.
#[derive(Sequence)]
struct SignedData {
    version: CmsVersion,
    digest_algorithms: SetOfVec<AlgorithmIdentifierOwned>,
    encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true")]
    certificates: SetOfVec<Any>,
    signer_infos: SetOfVec<SignerInfo>,
}

/// `SignerInfo` of RFC 5652 §5.3 as we write it: signed attributes always, unsigned never.
#[derive(Clone, Sequence, ValueOrd)]
struct SignerInfo {
    version: CmsVersion,
    sid: Any,
    digest_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true")]
    signed_attributes: Attributes,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: OctetString,
}

fn attribute(oid: ObjectIdentifier, value: Any) -> der::Result<Attribute> {
    Ok(Attribute {
        oid,
        values: SetOfVec::try_from(vec![value])?,
    })
}

/// RFC 5652 §11.3: UTCTime through 2049, GeneralizedTime from then on.
fn signing_time(now: Instant) -> der::Result<Any> {
    let at = DateTime::from_unix_duration(std::time::Duration::from_secs(now.unix()))?;
    match UtcTime::from_date_time(at) {
        Ok(utc) => Any::encode_from(&utc),
        Err(_) => Any::encode_from(&GeneralizedTime::from_date_time(at)),
    }
}
