//! Identifiers and MIME boundaries, derived from the event's entropy (ARCHITECTURE, decision 4).

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::address::DomainName;
use crate::fault::Fault;
use crate::hex;
use crate::instant::Instant;
use crate::plain::text_outside;

/// A PEC message identifier, without angle brackets (RFC 6109 §2.2.1):
/// `[alphanumeric string]@[provider mail domain]`. Others' may have more in the string; what
/// counts is that it stands in a Message-ID and in XML without escaping trouble.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct PecId(String);

impl PecId {
    /// The identifier without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for PecId {
    type Error = InvalidPecId;

    /// Takes it with or without angle brackets.
    fn try_from(text: &str) -> Result<Self, InvalidPecId> {
        let bare = text
            .strip_prefix('<')
            .and_then(|t| t.strip_suffix('>'))
            .unwrap_or(text);
        let printable = bare
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>');
        if bare.len() <= MAX_PEC_ID && printable && bare.contains('@') {
            Ok(Self(bare.to_owned()))
        } else {
            Err(InvalidPecId)
        }
    }
}

impl fmt::Display for PecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_outside!(PecId);

/// Text that is no PEC message identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPecId;

impl fmt::Display for InvalidPecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a message identifier of the form string@domain")
    }
}

impl std::error::Error for InvalidPecId {}

/// Makes the identifiers of one transaction. Equal entropy, time and domain give equal
/// identifiers; different labels never collide within a transaction.
pub(crate) struct Identifiers {
    /// SHA-256 of the entropy: what the host gave is not published, not even in part.
    seed: [u8; 32],
    now: Instant,
    domain: DomainName,
}

impl Identifiers {
    /// # Errors
    /// [`Fault::Entropy`] below 32 octets.
    pub fn new(entropy: &[u8], now: Instant, domain: &DomainName) -> Result<Self, Fault> {
        if entropy.len() < MIN_ENTROPY {
            return Err(Fault::Entropy);
        }
        Ok(Self {
            seed: Sha256::digest(entropy).into(),
            now,
            domain: domain.clone(),
        })
    }

    /// The PEC id of a new transaction.
    pub fn pec_id(&self) -> PecId {
        PecId(self.message_id("pec-id"))
    }

    /// A Message-ID without brackets; `label` names the message within the transaction.
    pub fn message_id(&self, label: &str) -> String {
        format!(
            "cl1.{}.{}@{}",
            self.now.compact_utc(),
            self.token(label, 12),
            self.domain
        )
    }

    /// A multipart boundary. `=_` occurs in neither quoted-printable nor base64 (RFC 2045 §6.7),
    /// and nobody can guess the rest, so no content can contain it.
    pub fn boundary(&self, label: &str) -> String {
        format!("=_cl1_{}", self.token(label, 16))
    }

    fn token(&self, label: &str, octets: usize) -> String {
        let digest = Sha256::new()
            .chain_update(self.seed)
            .chain_update(label)
            .finalize();
        hex::encode(&digest[..octets])
    }
}

/// 256 bits: what SHA-256 can carry.
const MIN_ENTROPY: usize = 32;
/// An RFC 5322 line holds 998 octets; `X-Riferimento-Message-ID: <…>` takes some.
const MAX_PEC_ID: usize = 900;
