//! Signed directories: LDIF inside CMS SignedData, a `.p7m` file (RFC 6109 §4.5).
//!
//! Whose signature counts is for the provider to say: the setting `directory-signers` pins
//! certificates, several while one follows another. A pinned certificate needs no path and no
//! revocation list: whoever pins it vouches for it, and takes it out when it no longer does.

use std::fmt;

use crate::fault::Fault;
use crate::finding::CertificateFacts;
use crate::hex;
use crate::instant::Instant;
use crate::limits::Limits;
use crate::smime::{self, BareCheck, Signature, SignatureError, certificate_facts};

/// What a signed file encloses, with all checked but the RSA value.
#[derive(Debug)]
pub(super) struct Enclosed {
    pub ldif: Vec<u8>,
    /// The subject of the certificate that signed it, RFC 4514.
    pub signer: String,
    /// signingTime, where the signature has one.
    pub signed_at: Option<Instant>,
    pub check: BareCheck,
}

/// Why a file is not taken, whatever directory it may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Signers are pinned, and nobody signed this.
    Unsigned,
    /// Signed, and no signers are pinned.
    NobodyPinned,
    /// It is, or may well be, signed, but not in the form the law wants: the form it has.
    Form(&'static str),
    /// The signature cannot be read.
    Unreadable(SignatureError),
    /// Signed by somebody who is not pinned.
    Stranger(Box<CertificateFacts>),
    /// Signed by a pinned certificate that is not valid now.
    NotInForce(Box<CertificateFacts>, Instant),
    /// What is enclosed is not what was signed: both digests, computed and signed, hex.
    Altered(String, String),
    /// The RSA value does not belong to certificate and attributes.
    Broken,
    /// Signed at the first instant, which is well after the second, now.
    Tomorrow(Instant, Instant),
    /// Signed at the first instant, or nobody knows when, and one signed at the second has been in
    /// force: a genuine file of old brings back whoever has been removed since.
    Older(Option<Instant>, Instant),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str(
                "the directory is not signed, and directory-signers are set: it must be the LDIF \
                 file inside CMS SignedData (.p7m), signed by one of them",
            ),
            Self::NobodyPinned => f.write_str(
                "the directory is signed, and nobody said by whom it may be: set \
                 directory-signers to the certificate of whoever signs it",
            ),
            Self::Form(form) => write!(
                f,
                "the directory is in {form} form; a signed one must be in binary form (DER), an \
                 unsigned one plain LDIF"
            ),
            Self::Unreadable(why) => write!(f, "the signed directory cannot be opened: {why}"),
            Self::Stranger(who) => write!(
                f,
                "the directory is signed by \"{}\", serial {}, SHA-256 {}, which is none of \
                 directory-signers",
                who.subject, who.serial, who.sha256
            ),
            Self::NotInForce(who, now) => write!(
                f,
                "the directory is signed by \"{}\", serial {}, which is valid from {} to {}, and \
                 now it is {now}",
                who.subject, who.serial, who.not_before, who.not_after
            ),
            Self::Altered(computed, signed) => write!(
                f,
                "the directory was altered after it was signed: its digest is {computed}, the \
                 signature has {signed}"
            ),
            Self::Broken => f.write_str(
                "the directory's signature is broken: the RSA value does not match the signed \
                 attributes and the signer's key",
            ),
            Self::Tomorrow(signed, now) => write!(
                f,
                "the directory was signed at {signed}, and now it is {now}: one of the two clocks is \
                 wrong"
            ),
            Self::Older(Some(signed), before) => write!(
                f,
                "the directory was signed at {signed}, and one signed at {before} has been in force: \
                 fetch the current one"
            ),
            Self::Older(None, before) => write!(
                f,
                "the directory's signature has no signing time, and one signed at {before} has been \
                 in force: nobody can tell that this one is newer"
            ),
        }
    }
}

impl Refusal {
    /// RFC 3463: a message integrity failure, or another question of security.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Altered(..) | Self::Broken => "5.7.7",
            Self::Form(_) | Self::Unreadable(_) => "5.6.0",
            _ => "5.7.0",
        }
    }
}

/// Is this CMS? A BER SEQUENCE begins with `0`, as no LDIF file does: its first line is a comment,
/// blank, or begins with a letter.
pub(super) fn is_signed(content: &[u8]) -> bool {
    content.first() == Some(&SEQUENCE)
}

/// What people hand in for one of the two forms, by the words it begins with.
pub(super) fn check_form(content: &[u8]) -> Result<(), Refusal> {
    let start = content.trim_ascii_start();
    let begins = |word: &str| {
        let head = start.get(..word.len()).unwrap_or_default();
        head.eq_ignore_ascii_case(word.as_bytes())
    };
    if begins("-----BEGIN") {
        Err(Refusal::Form("PEM"))
    } else if begins("MIME-Version:") || begins("Content-Type:") {
        Err(Refusal::Form("S/MIME"))
    } else {
        Ok(())
    }
}

/// Opens a signed file. What is left to check is the RSA value.
pub(super) fn open(content: &[u8], signers: &[Vec<u8>], now: Instant) -> Result<Enclosed, Refusal> {
    if signers.is_empty() {
        return Err(Refusal::NobodyPinned);
    }
    let (signature, ldif) =
        Signature::read_enclosing(content, &Limits::DEFAULT).map_err(Refusal::Unreadable)?;
    let who = certificate_facts(&signature.signer).map(Box::new);
    let who = who.ok_or(Refusal::Unreadable(SignatureError::NoCertificate))?;
    if !signers.contains(&signature.signer) {
        return Err(Refusal::Stranger(who));
    }
    if !(who.not_before..=who.not_after).contains(&now) {
        return Err(Refusal::NotInForce(who, now));
    }
    let computed = smime::digest(signature.digest_algorithm, &ldif);
    if computed != signature.message_digest {
        let signed = hex::encode(&signature.message_digest);
        return Err(Refusal::Altered(hex::encode(&computed), signed));
    }
    Ok(Enclosed {
        ldif,
        signer: who.subject,
        signed_at: signature.signing_time,
        check: signature.into_bare_check(),
    })
}

/// Is it newer than what has been in force, or the same again?
pub(super) fn check_order(
    signed_at: Option<Instant>,
    before: Option<Instant>,
    now: Instant,
) -> Result<(), Refusal> {
    if let Some(signed_at) = signed_at
        && signed_at > now.plus(CLOCK_SKEW)
    {
        return Err(Refusal::Tomorrow(signed_at, now));
    }
    match before {
        Some(before) if signed_at.is_none_or(|signed_at| signed_at < before) => {
            Err(Refusal::Older(signed_at, before))
        }
        _ => Ok(()),
    }
}

/// Are these certificates? One that has ended is no fault: it may just have been followed by
/// another. But it signs nothing any more.
pub(crate) fn check_signers(signers: &[Vec<u8>]) -> Result<(), Fault> {
    match signers
        .iter()
        .position(|der| certificate_facts(der).is_none())
    {
        None => Ok(()),
        Some(index) => Err(Fault::Settings(format!(
            "directory-signers[{index}]: is not an X.509 certificate; give the certificate of \
             whoever signs the directory"
        ))),
    }
}

const SEQUENCE: u8 = 0x30;
/// Seconds: a day. Clocks may differ; a time far ahead would lock out every directory until then.
const CLOCK_SKEW: u64 = 86_400;
