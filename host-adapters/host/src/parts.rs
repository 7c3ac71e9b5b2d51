//! What a host needs from its surroundings: one small trait for each, with a default.
//!
//! | trait | what it does | here | elsewhere |
//! |---|---|---|---|
//! | [`Signer`] | signs with the provider's key | [`RsaSigner`], a PEM file; `Pkcs11Signer`, an HSM (feature `pkcs11`) | |
//! | [`Scanner`] | looks for viruses | [`ClamdScanner`]; [`NoScanner`] | |
//! | [`Mailboxes`] | knows whose mailboxes are ours | [`DovecotUserdb`]; [`MailboxTable`] | |
//! | [`Revocation`] | has revocation lists | [`CrlCache`], by HTTP; [`CrlFolder`], files; [`NoRevocationData`] | |
//! | [`Depot`] | puts messages into mailboxes | [`Maildir`], [`LmtpDepot`] | IMAP |
//! | [`Relay`] | sends messages | [`EmlFolder`], [`SmtpRelay`] | |
//! | [`Publisher`] | puts files where others fetch them | [`PublishedFolder`] | a web server |
//! | [`Clock`] | tells the time | [`SystemClock`], [`FixedClock`] | |
//! | [`Entropy`] | is unguessable | [`OsEntropy`], [`SeededEntropy`] | |
//!
//! A [`DirectoryFetcher`] brings the provider directory to a host; the host itself only loads it.
//!
//! All of them are called from several threads at once, and none of them may panic: what cannot
//! be done is [`Unavailable`], which ends the transaction with a 4xx reply and no effect.

pub use clamd::{ClamdScanner, ClamdSettings, WhenScannerDown};
pub use clock::{Clock, FixedClock, SystemClock};
pub use depot::{DepositItem, DepositOutcome, Depot};
pub use directory_fetcher::{DirectoryFetcher, DirectorySource, FetchTimes, Refreshed};
pub use dovecot::{DovecotSettings, DovecotUserdb, UserdbCache};
pub use eml_folder::EmlFolder;
pub use endpoint::Endpoint;
pub use entropy::{Entropy, OsEntropy, SeededEntropy};
pub use https::{ClientIdentity, TlsSettings};
pub use mailboxes::{MailboxTable, Mailboxes};
pub use maildir::Maildir;
#[cfg(feature = "pkcs11")]
pub use pkcs11::{PinSource, Pkcs11Settings, Pkcs11Signer, TokenChoice};
pub use publisher::{NoPublisher, PublishedFolder, Publisher};
pub use relay::{Refusal, Relay, RelayItem, RelayOutcome};
pub use revocation::{CrlCache, CrlFolder, NoRevocationData, Revocation};
pub use scanner::{NoScanner, Scanner};
pub use setup::SetupError;
pub use signer::{KeyError, RsaSigner, Signer};
pub use smtp::{DoveadmLookup, LmtpDepot, MailboxLookup, SmtpRelay, SmtpSettings};

mod clamd;
mod clock;
mod depot;
mod directory_fetcher;
mod dovecot;
mod eml_folder;
mod endpoint;
mod entropy;
mod https;
mod mailboxes;
mod maildir;
#[cfg(feature = "pkcs11")]
mod pkcs11;
mod publisher;
mod relay;
mod revocation;
mod scanner;
mod setup;
mod signer;
mod smtp;

/// Something a transaction needs cannot be had now; a later try may succeed.
///
/// The text reaches the plug-in as the answer `unavailable`, and the operators' log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(
    /// What failed and how, in one line.
    pub String,
);

impl Unavailable {
    /// Puts `what` before the words of an error.
    pub fn because(what: &str, error: impl std::fmt::Display) -> Self {
        Self(format!("{what}: {error}"))
    }
}
