//! Looking for viruses.

use std::io::Read;

use super::Unavailable;
use crate::pec;

/// Looks for viruses (RFC 6109 §3.1.3, §3.2.3).
pub trait Scanner: Send + Sync {
    /// Judges one message, which it reads to its end or as far as it needs.
    ///
    /// A reader rather than octets: scanners take streams, and a large message is on disk by
    /// then.
    ///
    /// # Errors
    /// The scanner is down, or reading failed: the transaction ends with a 4xx reply. A scanner
    /// that cannot judge must say so here: [`pec::ScanVerdict::Clean`] is a promise.
    fn scan(&self, message: &mut dyn Read) -> Result<pec::ScanVerdict, Unavailable>;
}

/// No scanner: everything is clean. [`crate::Host::new`] says so loudly in the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoScanner;

impl Scanner for NoScanner {
    fn scan(&self, _message: &mut dyn Read) -> Result<pec::ScanVerdict, Unavailable> {
        Ok(pec::ScanVerdict::Clean)
    }
}
