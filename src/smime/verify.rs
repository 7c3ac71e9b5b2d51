//! Reading others' signatures: BER and DER, SHA-1 to SHA-512 (PRACTICE 7, case I24).

use std::fmt;

use cms::cert::CertificateChoices;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::revocation::RevocationInfoChoices;
use cms::signed_data::{CertificateSet, SignerIdentifier, SignerInfo, SignerInfos};
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME};
use const_oid::db::rfc5912::{
    ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512, RSA_ENCRYPTION, SHA_1_WITH_RSA_ENCRYPTION,
    SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode, Encode, EncodingRules, Reader, Sequence, SliceReader};
use rsa::pkcs8::DecodePublicKey;
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::time::Time;

use super::{digest, facts};
use crate::instant::Instant;
use crate::limits::Limits;
use crate::question::{DigestAlgorithm, SignatureCheck};

/// A signature, read but not believed.
#[derive(Debug)]
pub(crate) struct Signature {
    /// The certificate that the signature names, DER.
    pub signer: Vec<u8>,
    /// The other certificates that travelled, DER.
    pub others: Vec<Vec<u8>>,
    pub digest_algorithm: DigestAlgorithm,
    /// messageDigest of the signed attributes.
    pub message_digest: Vec<u8>,
    pub signing_time: Option<Instant>,
    bare: BareCheck,
}

/// The RSA check that is left once the digests agree.
#[derive(Clone, Debug)]
pub(crate) struct BareCheck(SignatureCheck);

/// Why a signature cannot be read or does not hold. The peer's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignatureError {
    /// Over the limit, in octets.
    TooLarge(usize),
    /// Not CMS SignedData: what the decoder said.
    Malformed(String),
    /// None, or more than one, SignerInfo.
    Signers(usize),
    /// More certificates than the limit.
    TooManyCertificates(usize),
    /// The signer's certificate does not travel with the signature.
    NoCertificate,
    /// Signed attributes missing or without messageDigest (RFC 5652 §5.3).
    NoMessageDigest,
    /// A signed attribute that RFC 5652 §11 wants exactly once, with one value, and its name.
    Attribute(&'static str),
    /// The contentType attribute differs from what is signed (RFC 5652 §11.1).
    ContentType,
    /// Nothing is enclosed where it should be.
    NoContent,
    /// An algorithm that PEC does not use, by its identifier.
    Algorithm(String),
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(limit) => write!(f, "the signature is over {limit} octets"),
            Self::Malformed(why) => write!(f, "the signature is not CMS SignedData: {why}"),
            Self::Signers(found) => write!(f, "{found} signers where one is expected"),
            Self::TooManyCertificates(limit) => write!(f, "over {limit} certificates"),
            Self::NoCertificate => f.write_str("the signer's certificate is not included"),
            Self::NoMessageDigest => f.write_str("no messageDigest among the signed attributes"),
            Self::Attribute(name) => {
                write!(
                    f,
                    "the signed attribute {name} does not stand there exactly once"
                )
            }
            Self::ContentType => {
                f.write_str("the contentType attribute differs from the type of what is signed")
            }
            Self::NoContent => f.write_str("it signs something that is not enclosed"),
            Self::Algorithm(oid) => write!(f, "algorithm {oid} is not used in PEC"),
        }
    }
}

impl Signature {
    /// Reads a detached signature: a ContentInfo, BER or DER.
    pub fn read(octets: &[u8], limits: &Limits) -> Result<Self, SignatureError> {
        Self::of(&decode(octets, limits.signature)?, limits)
    }

    /// Reads a signature that encloses what it signs, and that.
    pub fn read_enclosing(
        octets: &[u8],
        limits: &Limits,
    ) -> Result<(Self, Vec<u8>), SignatureError> {
        let mut signed = decode(octets, limits.directory + limits.signature)?;
        let content = signed.encap_content_info.econtent.take();
        let content = content.ok_or(SignatureError::NoContent)?;
        Ok((Self::of(&signed, limits)?, content.into_bytes().into_vec()))
    }

    fn of(signed: &SignedData, limits: &Limits) -> Result<Self, SignatureError> {
        let signers = signed.signer_infos.0.as_slice();
        let [signer] = signers else {
            return Err(SignatureError::Signers(signers.len()));
        };
        let travelling = certificates(signed, limits)?;
        let at = travelling
            .iter()
            .position(|(certificate, _)| is_signer(certificate, &signer.sid))
            .ok_or(SignatureError::NoCertificate)?;
        let digest_algorithm = digest_algorithm(signer)?;
        let content_type = signed.encap_content_info.econtent_type;
        let (message_digest, signing_time) = attributes(signer, content_type)?;
        let public_key =
            facts::public_key(&travelling[at].0).ok_or(SignatureError::NoCertificate)?;
        // RFC 5652 §5.4: the DER of the SET OF, whatever the encoding in the message.
        let attributes = signer
            .signed_attrs
            .as_ref()
            .ok_or(SignatureError::NoMessageDigest)?;
        let attributes = attributes
            .to_der()
            .map_err(|e| SignatureError::Malformed(e.to_string()))?;
        let bare = BareCheck(SignatureCheck {
            public_key,
            digest_algorithm,
            digest: digest(digest_algorithm, &attributes),
            signature: signer.signature.as_bytes().to_vec(),
        });
        let mut all: Vec<Vec<u8>> = travelling.into_iter().map(|(_, der)| der).collect();
        let signer = all.swap_remove(at);
        Ok(Self {
            signer,
            others: all,
            digest_algorithm,
            message_digest,
            signing_time,
            bare,
        })
    }

    /// What is left to check.
    pub fn bare_check(&self) -> &BareCheck {
        &self.bare
    }

    /// The same, for who needs nothing else any more.
    pub fn into_bare_check(self) -> BareCheck {
        self.bare
    }
}

impl BareCheck {
    /// As a question to the host.
    pub fn question(&self) -> SignatureCheck {
        self.0.clone()
    }

    /// Does the signature hold? Our own check, for hosts that do not answer.
    pub fn holds(&self) -> bool {
        let SignatureCheck {
            public_key,
            digest_algorithm,
            digest,
            signature,
        } = &self.0;
        let Ok(key) = RsaPublicKey::from_public_key_der(public_key) else {
            return false;
        };
        let scheme = match digest_algorithm {
            DigestAlgorithm::Sha1 => Pkcs1v15Sign::new::<sha1::Sha1>(),
            DigestAlgorithm::Sha256 => Pkcs1v15Sign::new::<sha2::Sha256>(),
            DigestAlgorithm::Sha384 => Pkcs1v15Sign::new::<sha2::Sha384>(),
            DigestAlgorithm::Sha512 => Pkcs1v15Sign::new::<sha2::Sha512>(),
        };
        key.verify(scheme, digest, signature).is_ok()
    }
}

/// Both layers must be read with BER rules: `decode_as` of the inner one goes back to DER and
/// fails on the indefinite lengths of today's largest provider (ARCHITECTURE, "Wasm").
fn decode(octets: &[u8], limit: usize) -> Result<SignedData, SignatureError> {
    if octets.len() > limit {
        return Err(SignatureError::TooLarge(limit));
    }
    let decoded = || {
        let mut reader = SliceReader::new_with_encoding_rules(octets, EncodingRules::Ber)?;
        let info = ContentInfo::decode(&mut reader)?;
        if info.content_type != ID_SIGNED_DATA {
            let oid = info.content_type;
            return Err(der::ErrorKind::OidUnknown { oid }.into());
        }
        let inner = info.content.to_der()?;
        let mut reader = SliceReader::new_with_encoding_rules(&inner, EncodingRules::Ber)?;
        let signed = SignedData::decode(&mut reader)?;
        reader.finish()?;
        Ok(signed)
    };
    decoded().map_err(|why: der::Error| SignatureError::Malformed(why.to_string()))
}

/// `SignedData` of RFC 5652 §5.1. The one of `cms` takes enclosed content for ANY, which loses
/// whether it comes in one piece or, as BER allows and OpenSSL's `-stream` writes, in many.
#[derive(Sequence)]
struct SignedData {
    #[allow(dead_code, reason = "what it says follows from the rest")]
    version: CmsVersion,
    #[allow(
        dead_code,
        reason = "a hint for one-pass readers; the signer has its own"
    )]
    digest_algorithms: SetOfVec<AlgorithmIdentifierOwned>,
    encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    certificates: Option<CertificateSet>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    #[allow(dead_code, reason = "revocation lists come from the host")]
    crls: Option<RevocationInfoChoices>,
    signer_infos: SignerInfos,
}

/// `EncapsulatedContentInfo` of RFC 5652 §5.2.
#[derive(Sequence)]
struct EncapsulatedContentInfo {
    econtent_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    econtent: Option<OctetString>,
}

fn certificates(
    signed: &SignedData,
    limits: &Limits,
) -> Result<Vec<(Certificate, Vec<u8>)>, SignatureError> {
    let Some(set) = &signed.certificates else {
        return Ok(Vec::new());
    };
    if set.0.len() > limits.certificates {
        return Err(SignatureError::TooManyCertificates(limits.certificates));
    }
    let mut found = Vec::new();
    for choice in set.0.iter() {
        if let CertificateChoices::Certificate(certificate) = choice {
            let der = certificate.to_der();
            let der = der.map_err(|e| SignatureError::Malformed(e.to_string()))?;
            found.push((certificate.clone(), der));
        }
    }
    Ok(found)
}

fn is_signer(certificate: &Certificate, sid: &SignerIdentifier) -> bool {
    let tbs = certificate.tbs_certificate();
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            id.issuer == *tbs.issuer() && id.serial_number == *tbs.serial_number()
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => {
            matches!(tbs.get_extension::<SubjectKeyIdentifier>(), Ok(Some((_, own))) if own == *id)
        }
    }
}

/// The digest that both algorithm fields agree on; rsaEncryption leaves it to digestAlgorithm.
fn digest_algorithm(signer: &SignerInfo) -> Result<DigestAlgorithm, SignatureError> {
    let unknown = |oid: ObjectIdentifier| SignatureError::Algorithm(oid.to_string());
    let digest = match signer.digest_alg.oid {
        ID_SHA_1 => DigestAlgorithm::Sha1,
        ID_SHA_256 => DigestAlgorithm::Sha256,
        ID_SHA_384 => DigestAlgorithm::Sha384,
        ID_SHA_512 => DigestAlgorithm::Sha512,
        other => return Err(unknown(other)),
    };
    let with_rsa = match digest {
        DigestAlgorithm::Sha1 => SHA_1_WITH_RSA_ENCRYPTION,
        DigestAlgorithm::Sha256 => SHA_256_WITH_RSA_ENCRYPTION,
        DigestAlgorithm::Sha384 => SHA_384_WITH_RSA_ENCRYPTION,
        DigestAlgorithm::Sha512 => SHA_512_WITH_RSA_ENCRYPTION,
    };
    let scheme = signer.signature_algorithm.oid;
    if scheme == RSA_ENCRYPTION || scheme == with_rsa {
        Ok(digest)
    } else {
        Err(unknown(scheme))
    }
}

/// messageDigest and signingTime. RFC 5652 §5.3, §11: contentType and messageDigest stand there
/// once, signingTime at most once, each with one value. Two digests would let two contents pass.
fn attributes(
    signer: &SignerInfo,
    content_type: ObjectIdentifier,
) -> Result<(Vec<u8>, Option<Instant>), SignatureError> {
    let attributes = signer
        .signed_attrs
        .as_ref()
        .ok_or(SignatureError::NoMessageDigest)?;
    let single = |oid: ObjectIdentifier, name: &'static str| {
        let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(one), None) if one.values.len() == 1 => Ok(one.values.get(0)),
            _ => Err(SignatureError::Attribute(name)),
        }
    };
    let message_digest = single(ID_MESSAGE_DIGEST, "messageDigest")?
        .and_then(|value| value.decode_as::<OctetString>().ok())
        .ok_or(SignatureError::NoMessageDigest)?;
    let stated =
        single(ID_CONTENT_TYPE, "contentType")?.ok_or(SignatureError::Attribute("contentType"))?;
    if stated.decode_as::<ObjectIdentifier>() != Ok(content_type) {
        return Err(SignatureError::ContentType);
    }
    let signing_time = single(ID_SIGNING_TIME, "signingTime")?
        .and_then(|value| value.to_der().and_then(|der| Time::from_der(&der)).ok())
        .and_then(|time| Instant::from_unix(time.to_unix_duration().as_secs()));
    Ok((message_digest.as_bytes().to_vec(), signing_time))
}
