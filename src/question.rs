//! What the plug-in asks and what hosts answer; `wit/types.wit` says who guarantees what.

use serde::{Deserialize, Serialize};

use crate::address::{DomainName, EmailAddress};
use crate::ids::PecId;
use crate::instant::Instant;
use crate::plain::{octet_strings, octets, octets_if_any};

/// A question to the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "tag", content = "val", rename_all = "kebab-case")]
pub enum Question {
    /// Which directory records manage this domain?
    ProviderOfDomain(DomainName),
    /// Which directory records hold the certificate with this SHA-1 (lower-case hex)?
    ProviderOfCertificate(String),
    /// Revocation lists of an issuer.
    RevocationData(RevocationQuery),
    /// What is remembered of a message that we accepted?
    TrackedMessage(PecId),
    /// For whom do we already answer under this PEC id?
    TakenInCharge(EnvelopeKey),
    /// A mailbox of ours.
    Mailbox(EmailAddress),
    /// Sign these octets: RSA, PKCS #1 v1.5, SHA-256.
    Sign(#[serde(with = "octets")] Vec<u8>),
    /// Check a bare signature.
    VerifySignature(SignatureCheck),
    /// Scan the event's message for viruses.
    Scan,
    /// What was remembered under this key?
    Recall(String),
    /// How many recipients has an account addressed since then?
    Usage(UsageQuery),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    tag = "tag",
    content = "val",
    rename_all = "kebab-case",
    deny_unknown_fields
)]
pub enum Answer {
    /// To [`Question::ProviderOfDomain`] and [`Question::ProviderOfCertificate`].
    Providers(Vec<Provider>),
    /// To [`Question::RevocationData`]: CertificateLists, DER.
    Revocation(#[serde(with = "octet_strings")] Vec<Vec<u8>>),
    /// To [`Question::TrackedMessage`].
    Tracked(Option<TrackedMessage>),
    /// To [`Question::TakenInCharge`].
    Recipients(Vec<EmailAddress>),
    /// To [`Question::Mailbox`].
    Mailbox(Option<Mailbox>),
    /// To [`Question::Sign`].
    Signature(#[serde(with = "octets")] Vec<u8>),
    /// To [`Question::VerifySignature`].
    Verified(bool),
    /// To [`Question::VerifySignature`]: the plug-in shall do it.
    Declined,
    /// To [`Question::Scan`].
    Scanned(ScanVerdict),
    /// To [`Question::Recall`].
    Recalled(#[serde(default, with = "octets_if_any")] Option<Vec<u8>>),
    /// To [`Question::Usage`].
    Usage(u64),
    /// To any question: it could not be answered, and why.
    Unavailable(String),
}

impl Question {
    /// Is this the kind of answer the question takes?
    pub fn takes(&self, answer: &Answer) -> bool {
        matches!(
            (self, answer),
            (_, Answer::Unavailable(_))
                | (
                    Self::ProviderOfDomain(_) | Self::ProviderOfCertificate(_),
                    Answer::Providers(_)
                )
                | (Self::RevocationData(_), Answer::Revocation(_))
                | (Self::TrackedMessage(_), Answer::Tracked(_))
                | (Self::TakenInCharge(_), Answer::Recipients(_))
                | (Self::Mailbox(_), Answer::Mailbox(_))
                | (Self::Sign(_), Answer::Signature(_))
                | (
                    Self::VerifySignature(_),
                    Answer::Verified(_) | Answer::Declined
                )
                | (Self::Scan, Answer::Scanned(_))
                | (Self::Recall(_), Answer::Recalled(_))
                | (Self::Usage(_), Answer::Usage(_))
        )
    }

    /// Its name in `wit/types.wit`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ProviderOfDomain(_) => "provider-of-domain",
            Self::ProviderOfCertificate(_) => "provider-of-certificate",
            Self::RevocationData(_) => "revocation-data",
            Self::TrackedMessage(_) => "tracked-message",
            Self::TakenInCharge(_) => "taken-in-charge",
            Self::Mailbox(_) => "mailbox",
            Self::Sign(_) => "sign",
            Self::VerifySignature(_) => "verify-signature",
            Self::Scan => "scan",
            Self::Recall(_) => "recall",
            Self::Usage(_) => "usage",
        }
    }
}

impl Answer {
    /// Its name in `wit/types.wit`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Providers(_) => "providers",
            Self::Revocation(_) => "revocation",
            Self::Tracked(_) => "tracked",
            Self::Recipients(_) => "recipients",
            Self::Mailbox(_) => "mailbox",
            Self::Signature(_) => "signature",
            Self::Verified(_) => "verified",
            Self::Declined => "declined",
            Self::Scanned(_) => "scanned",
            Self::Recalled(_) => "recalled",
            Self::Usage(_) => "usage",
            Self::Unavailable(_) => "unavailable",
        }
    }

    pub(crate) fn into_providers(self) -> Option<Vec<Provider>> {
        if let Self::Providers(providers) = self {
            Some(providers)
        } else {
            None
        }
    }
}

/// A record of the provider directory (RFC 6109 §4.5), without its domains.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provider {
    /// Distinguished name: what identifies the record.
    pub dn: String,
    /// `providerName`.
    pub name: String,
    /// `providerUnit` of a secondary environment.
    pub unit: Option<String>,
    /// `mailReceipt`.
    pub mail_receipt: EmailAddress,
    /// SHA-1 of each certificate, lower-case hex.
    pub certificate_hashes: Vec<String>,
    /// The certificates, DER; empty in answers about domains.
    #[serde(with = "octet_strings")]
    pub certificates: Vec<Vec<u8>>,
}

/// Which revocation lists are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevocationQuery {
    /// The issuer's distinguished name, DER.
    #[serde(with = "octets")]
    pub issuer: Vec<u8>,
    /// The issuer's SubjectPublicKeyInfo, DER.
    #[serde(with = "octets")]
    pub issuer_key: Vec<u8>,
    /// Where the certificate says they are.
    pub urls: Vec<String>,
}

/// What tells an envelope of others from every other. A PEC id is unique among those of the provider
/// that signed (RFC 6109 §2.2.1), and nobody can take up another's id before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvelopeKey {
    /// Its `identificativo`.
    pub pec_id: PecId,
    /// Distinguished name of the directory record of the provider that signed.
    pub provider: String,
}

/// A bare RSA PKCS #1 v1.5 signature to check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignatureCheck {
    /// SubjectPublicKeyInfo, DER.
    #[serde(with = "octets")]
    pub public_key: Vec<u8>,
    /// What was hashed with.
    pub digest_algorithm: DigestAlgorithm,
    /// The digest that was signed.
    #[serde(with = "octets")]
    pub digest: Vec<u8>,
    /// The signature.
    #[serde(with = "octets")]
    pub signature: Vec<u8>,
}

/// The digests that occur in PEC signatures (PRACTICE 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestAlgorithm {
    /// In production until December 2024.
    Sha1,
    /// What we write.
    Sha256,
    /// Accepted.
    Sha384,
    /// Accepted.
    Sha512,
}

impl DigestAlgorithm {
    /// Its name in `wit/types.wit`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// What an account has done lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageQuery {
    /// The account that logged in.
    pub account: String,
    /// From this instant on.
    pub since: Instant,
}

/// What the virus scanner says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    tag = "tag",
    content = "val",
    rename_all = "kebab-case",
    deny_unknown_fields
)]
pub enum ScanVerdict {
    /// Nothing found, or no scanner configured.
    Clean,
    /// Found this.
    Infected(String),
}

/// What to do with ordinary mail (PRACTICE 8.7).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    tag = "tag",
    content = "val",
    rename_all = "kebab-case",
    deny_unknown_fields
)]
pub enum OrdinaryMailPolicy {
    /// SMTP 554 after DATA.
    Refuse,
    /// Deposit inside an anomaly envelope.
    Accept,
    /// Relay it to this ordinary address.
    Redirect(EmailAddress),
}

/// A mailbox of ours.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mailbox {
    /// The address as the user database has it.
    pub address: EmailAddress,
    /// Its own policy for ordinary mail.
    pub ordinary_mail: Option<OrdinaryMailPolicy>,
    /// May write to certified recipients only (F35).
    pub certified_only: bool,
}

/// What became of one recipient, seen from the sending provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecipientState {
    /// Not certified: nothing is tracked.
    Untracked,
    /// Accepted; nothing has come back.
    Accepted,
    /// The receiving provider took charge.
    TakenInCharge,
    /// Delivered.
    Delivered,
    /// Not delivered.
    NotDelivered,
    /// Not delivered: virus.
    Infected,
    /// The 24 h notice left.
    Expired,
}

/// One recipient of a tracked message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrackedRecipient {
    /// The RCPT address.
    pub address: EmailAddress,
    /// Was its domain in the directory at acceptance?
    pub certified: bool,
    /// Where it stands.
    pub state: RecipientState,
    /// Has the 12 h notice left?
    pub warned: bool,
    /// When a tick should pass it in.
    pub deadline: Option<Instant>,
}

/// An accepted message, as the sending provider remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrackedMessage {
    /// The key.
    pub pec_id: PecId,
    /// The client's Message-ID, with brackets.
    pub message_id: Option<String>,
    /// Reverse path.
    pub sender: EmailAddress,
    /// `risposte`.
    pub reply_to: String,
    /// Decoded subject.
    pub subject: String,
    /// When it was accepted.
    pub accepted_at: Instant,
    /// In RCPT order.
    pub recipients: Vec<TrackedRecipient>,
}

impl TrackedMessage {
    /// The entry of this address.
    pub fn recipient(&self, address: &EmailAddress) -> Option<&TrackedRecipient> {
        self.recipients.iter().find(|r| r.address == *address)
    }
}
