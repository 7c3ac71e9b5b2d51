//! What a message was found to be, and whether it holds.

use serde::Serialize;

use crate::daticert::CertificationData;
use crate::examination::Contents;
use crate::instant::Instant;
use crate::outcome::MessageKind;
use crate::question::Provider;

/// The result of looking at a message.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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
    /// When its certificates were judged; none without a signature.
    pub judged_at: Option<Instant>,
    /// Why it does not hold.
    pub defects: Vec<Defect>,
    /// What breaks nothing, but people should know.
    pub remarks: Vec<Defect>,
    /// Everything that was looked at, in that order; what failed stands in `defects` as well.
    pub checks: Vec<Check>,
    /// What is inside; for examinations that ask for it.
    pub contents: Option<Contents>,
}

impl Finding {
    /// Nothing known yet of a message of this kind.
    pub(crate) fn new(kind: MessageKind) -> Self {
        Self {
            kind,
            from_provider: false,
            issuer: None,
            from: String::new(),
            signature: None,
            data: None,
            judged_at: None,
            defects: Vec::new(),
            remarks: Vec::new(),
            checks: Vec::new(),
            contents: None,
        }
    }

    pub(crate) fn defect(&mut self, code: &'static str, clause: &'static str, text: String) {
        self.checks.push(Check {
            verdict: CheckVerdict::Failed,
            code,
            clause,
            text: text.clone(),
        });
        self.defects.push(Defect { code, clause, text });
    }

    pub(crate) fn passed(&mut self, code: &'static str, clause: &'static str, text: String) {
        self.checks.push(Check {
            verdict: CheckVerdict::Passed,
            code,
            clause,
            text,
        });
    }

    pub(crate) fn unchecked(&mut self, code: &'static str, clause: &'static str, text: String) {
        self.checks.push(Check {
            verdict: CheckVerdict::NotChecked,
            code,
            clause,
            text,
        });
    }

    pub(crate) fn remark(&mut self, code: &'static str, clause: &'static str, text: String) {
        self.remarks.push(Defect { code, clause, text });
    }

    /// It is what it claims to be. Without an issuer nobody says that the signer is a provider:
    /// there is no defect where the directory could not be asked, and no proof either.
    pub fn holds(&self) -> bool {
        self.kind != MessageKind::Ordinary && self.defects.is_empty() && self.issuer.is_some()
    }
}

/// One reason why a message does not hold, or, as a remark, something worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Defect {
    /// Stable name for programs.
    pub code: &'static str,
    /// The rule it comes from.
    pub clause: &'static str,
    /// A sentence with the facts.
    pub text: String,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// How it went.
    pub verdict: CheckVerdict,
    /// Stable name for programs: of what passed, of the defect, or of what was not checked.
    pub code: &'static str,
    /// The rule it comes from.
    pub clause: &'static str,
    /// A sentence with the evidence.
    pub text: String,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckVerdict {
    /// As the rule wants it.
    Passed,
    /// Against the rule.
    Failed,
    /// What it takes was not at hand.
    NotChecked,
}

/// What the signature says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
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
    /// The last of the chain is a trust anchor.
    pub anchored: bool,
    /// Revocation of each certificate below the anchor, the signer's first.
    pub revocation: Vec<RevocationFacts>,
}

/// What is known of the revocation of one certificate (RFC 5280 §6.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevocationFacts {
    /// The certificate's subject, RFC 4514.
    pub subject: String,
    /// Was it revoked at the instant of judgement?
    pub verdict: RevocationVerdict,
    /// A sentence with the facts.
    pub text: String,
    /// The list that decided it.
    #[serde(flatten)]
    pub list: Option<RevocationList>,
    /// From when on it counts as revoked.
    pub revoked_at: Option<Instant>,
}

/// Was a certificate revoked at the instant of judgement?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationVerdict {
    /// A list says that it was not.
    Good,
    /// It was.
    Revoked,
    /// Not then, but since.
    RevokedLater,
    /// No list at hand decides it, although the certificate names one.
    Unknown,
    /// It names no list, and none is at hand.
    NotPublished,
}

/// A revocation list that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevocationList {
    /// Whose it is, RFC 4514.
    #[serde(rename = "listIssuer")]
    pub issuer: String,
    /// When it was made.
    pub this_update: Instant,
    /// When the next one was due.
    pub next_update: Option<Instant>,
}

/// A certificate, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
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
