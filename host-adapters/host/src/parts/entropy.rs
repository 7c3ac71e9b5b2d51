//! What nobody can guess.

use aws_lc_rs::digest::{Context, SHA256};

use super::Unavailable;

/// Gives each transaction the 32 octets from which PEC ids and MIME boundaries derive.
pub trait Entropy: Send + Sync {
    /// 32 octets that nobody could guess and that never served before.
    ///
    /// `purpose` names the event in a way that does not depend on wall clock or row numbers:
    /// `submit:` and `arrive:` with the fingerprint of what came in, `outbox:` with the key of
    /// the item (or that it would have, of what needs none), `tick:` with a digest of the due rows and
    /// their time, `directory:` and `examine:` with the SHA-256 of what is read. A source of real
    /// randomness ignores it; [`SeededEntropy`] derives everything from it.
    ///
    /// # Errors
    /// There is none to be had: better no message than one whose PEC id can be guessed.
    fn entropy(&self, purpose: &str) -> Result<[u8; 32], Unavailable>;
}

/// The operating system's random generator: what production uses.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn entropy(&self, _purpose: &str) -> Result<[u8; 32], Unavailable> {
        let mut octets = [0; 32];
        aws_lc_rs::rand::fill(&mut octets)
            .map_err(|_| Unavailable("the operating system gives no random octets".to_owned()))?;
        Ok(octets)
    }
}

/// Everything from one seed, so that a run can be repeated octet for octet: SHA-256 of the seed
/// and the purpose.
///
/// For tests, demonstrations and bug reports only: whoever knows the seed knows every PEC id.
/// The same event twice gets the same entropy, hence the same PEC id, which the store refuses.
#[derive(Clone, Debug)]
pub struct SeededEntropy {
    seed: Vec<u8>,
}

impl SeededEntropy {
    /// A source that repeats itself for the same seed, of any length.
    #[must_use]
    pub fn new(seed: impl Into<Vec<u8>>) -> Self {
        Self { seed: seed.into() }
    }
}

impl Entropy for SeededEntropy {
    fn entropy(&self, purpose: &str) -> Result<[u8; 32], Unavailable> {
        let mut context = Context::new(&SHA256);
        // The length separates the two: no seed and purpose can be mistaken for another pair.
        context.update(&(self.seed.len() as u64).to_be_bytes());
        context.update(&self.seed);
        context.update(purpose.as_bytes());
        let mut octets = [0; 32];
        octets.copy_from_slice(context.finish().as_ref());
        Ok(octets)
    }
}
