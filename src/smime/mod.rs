//! S/MIME: detached CMS signatures inside `multipart/signed` (RFC 6109 §2.1, §5.1, PRACTICE 7), and
//! signatures that enclose what they sign, as directories have them (§4.5).
//!
//! Signing needs the provider's key, which lives with the host: [`sign`] makes the octets to be
//! signed and puts the answer into place. [`verify`] reads others' signatures; [`path`] decides
//! whether their certificates lead to a trust anchor.

mod facts;
pub(crate) mod path;
mod revocation;
mod sign;
mod verify;

use sha1::{Digest as _, Sha1};
use sha2::{Sha256, Sha384, Sha512};

use crate::question::DigestAlgorithm;

pub(crate) use facts::{certificate_facts, subject_address};
pub(crate) use sign::{SignerIdentity, Unsigned};
pub(crate) use verify::{BareCheck, Signature, SignatureError};

/// SHA-1: what the directory and `.hash` files use (PRACTICE 1); proves nothing by itself.
pub(crate) fn sha1(octets: &[u8]) -> [u8; 20] {
    Sha1::digest(octets).into()
}

pub(crate) fn digest(algorithm: DigestAlgorithm, octets: &[u8]) -> Vec<u8> {
    match algorithm {
        DigestAlgorithm::Sha1 => Sha1::digest(octets).to_vec(),
        DigestAlgorithm::Sha256 => Sha256::digest(octets).to_vec(),
        DigestAlgorithm::Sha384 => Sha384::digest(octets).to_vec(),
        DigestAlgorithm::Sha512 => Sha512::digest(octets).to_vec(),
    }
}
