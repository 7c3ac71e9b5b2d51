//! What a message was found to be, and whether it holds.

use crate::daticert::CertificationData;
use crate::instant::Instant;
use crate::outcome::MessageKind;
use crate::question::Provider;

/// The result of looking at a message.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What it is by its outer headers (PRACTICE 3).
    pub kind: MessageKind,
    /// It comes from a provider: everything but the format is good (RFC 6109 §2.2.2).
    pub from_provider: bool,
    /// The provider that signed it.
    pub issuer: Option<Provider>,
    /// What the outer From says.
    pub from: String,
    /// The signature, where one could be read.
    pub signature: Option<SignatureFacts>,
    /// The certification data, where they could be read.
    pub data: Option<CertificationData>,
    /// Why it does not hold.
    pub defects: Vec<Defect>,
}

impl Finding {
    /// It is what it claims to be.
    pub fn holds(&self) -> bool {
        self.kind != MessageKind::Ordinary && self.defects.is_empty()
    }
}

/// One reason why a message does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Stable name for programs.
    pub code: &'static str,
    /// The rule that is broken.
    pub clause: &'static str,
    /// A sentence with the facts.
    pub text: String,
}

/// What the signature says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFacts {
    /// The digest's name.
    pub digest_algorithm: String,
    /// messageDigest of the signed attributes, hex.
    pub message_digest: String,
    /// Digest of the signed part as it arrived, hex.
    pub computed_digest: String,
    /// signingTime.
    pub signing_time: Option<Instant>,
    /// The signer's certificate first, then its issuers as far as known.
    pub chain: Vec<CertificateFacts>,
}

/// A certificate, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Subject, RFC 4514.
    pub subject: String,
    /// Issuer, RFC 4514.
    pub issuer: String,
    /// Serial number, hex.
    pub serial: String,
    /// rfc822Name of subjectAltName.
    pub address: Option<String>,
    /// Start of validity.
    pub not_before: Instant,
    /// End of validity.
    pub not_after: Instant,
    /// SHA-1 of the DER, hex.
    pub sha1: String,
    /// SHA-256 of the DER, hex.
    pub sha256: String,
}
