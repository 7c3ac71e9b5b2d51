//! What happens to a provider. The contract of each field stands in `wit/types.wit`.

use serde::{Deserialize, Serialize};

use crate::address::{DomainName, EmailAddress};
use crate::instant::Instant;
use crate::limits::Limits;
use crate::outcome::MessageKind;
use crate::plain::{octet_strings, octets, octets_if_any};
use crate::question::TrackedMessage;
use crate::settings::Settings;

/// Comes with every event.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Context {
    /// The one time reference of everything the transaction makes (RFC 6109 §4.1).
    pub now: Instant,
    /// 32 octets or more that nobody could guess and that never served before.
    #[serde(with = "octets")]
    pub entropy: Vec<u8>,
    /// Who we are.
    pub settings: Settings,
    /// The most octets that the event may bring, where memory is short; never more than
    /// [`Limits::call`].
    pub largest: Option<u64>,
}

impl Context {
    /// The most octets that the event may bring.
    pub(crate) fn most(&self) -> usize {
        let own = self.largest.and_then(|most| usize::try_from(most).ok());
        own.unwrap_or(usize::MAX).min(Limits::DEFAULT.call)
    }
}

/// What an event brings in octet strings: what [`Context::largest`] bounds.
pub(crate) trait Brings {
    /// The octet strings' sizes together.
    fn octets(&self) -> usize;
}

macro_rules! brings {
    ($($event:ident: |$e:ident| $octets:expr;)+) => {$(
        impl Brings for $event {
            fn octets(&self) -> usize {
                let $e = self;
                $octets
            }
        }
    )+};
}

brings! {
    Submission: |e| e.message.len();
    Arrival: |e| e.message.len();
    DepositResult: |e| e.message.len();
    RelayFailure: |_e| 0;
    Tick: |_e| 0;
    DirectoryUpdate: |e| e.content.len();
    RecordRequest: |e| {
        let of_units = e.units.iter().flat_map(|unit| &unit.certificates);
        e.further_certificates.iter().chain(of_units).map(Vec::len).sum()
    };
    Examination: |e| {
        let original = e.contents.as_ref().and_then(|query| query.original.as_ref());
        e.message.len() + original.map_or(0, Vec::len)
    };
}

/// A message handed in by a user (access point).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Submission {
    /// The account that logged in.
    pub account: Option<String>,
    /// The addresses that this account owns.
    pub addresses: Vec<EmailAddress>,
    /// MAIL FROM, as given; empty for the null reverse path.
    pub reverse_path: String,
    /// RCPT TO, as given.
    pub recipients: Vec<String>,
    /// The message.
    #[serde(with = "octets")]
    pub message: Vec<u8>,
}

/// Which way a message came; the host guarantees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalSource {
    /// Another server, over an encrypted session.
    Encrypted,
    /// Another server, in the clear: ordinary mail only (case I27).
    Plaintext,
    /// Our own outbox.
    OwnOutbox,
    /// A bounce that our own mail server made: the only one that may become a notice of
    /// non-delivery (PRACTICE 8.5).
    OwnMailServer,
}

/// A message from another server or from our own outbox (incoming point).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Arrival {
    /// MAIL FROM, as given; empty for the null reverse path.
    pub reverse_path: String,
    /// RCPT TO.
    pub recipients: Vec<EmailAddress>,
    /// Which way it came.
    pub source: ArrivalSource,
    /// The message.
    #[serde(with = "octets")]
    pub message: Vec<u8>,
}

/// A permanent failure in SMTP's terms.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Failure {
    /// Enhanced status code (RFC 3463), or empty.
    pub status: String,
    /// Basic reply code, or 0.
    pub code: u16,
    /// The peer's words, or ours.
    pub text: String,
    /// The recipient's domain does not exist in DNS.
    pub no_such_domain: bool,
}

impl Failure {
    /// The enhanced status, as a notice may repeat it: `5.1.2` for a domain that does not exist,
    /// `5.0.0` where the peer gave none, or none of a failure.
    pub(crate) fn enhanced_status(&self) -> &str {
        match self.status.as_str() {
            _ if self.no_such_domain => "5.1.2",
            status if is_failure(status) => status,
            // RFC 3463 §3.1: other undefined status.
            _ => "5.0.0",
        }
    }
}

/// ```text
/// status-code = ("4" / "5") "." 1*3digit "." 1*3digit     ; RFC 3463 §2, failures
/// ```
fn is_failure(status: &str) -> bool {
    let parts: Vec<&str> = status.split('.').collect();
    let number =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), ["4" | "5", subject, detail] if number(subject) && number(detail))
}

/// What a mailbox store said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    tag = "tag",
    content = "val",
    rename_all = "kebab-case",
    deny_unknown_fields
)]
pub enum DepositVerdict {
    /// It is durably in the mailbox.
    Deposited,
    /// It never will be.
    Failed(Failure),
}

/// A deposit that was to be confirmed has ended (delivery point).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DepositResult {
    /// The reverse path the envelope arrived with.
    pub reverse_path: String,
    /// The recipient, as in the effect.
    pub recipient: EmailAddress,
    /// The envelope.
    #[serde(with = "octets")]
    pub message: Vec<u8>,
    /// How it went.
    pub verdict: DepositVerdict,
}

/// A relayed message failed for good.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelayFailure {
    /// What it was.
    pub kind: MessageKind,
    /// Its transaction.
    pub pec_id: String,
    /// The recipient that failed.
    pub recipient: EmailAddress,
    /// Why.
    pub failure: Failure,
}

/// A recipient whose deadline has come.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DueRecipient {
    /// The message.
    pub message: TrackedMessage,
    /// The recipient that is due.
    pub recipient: EmailAddress,
}

/// Time has passed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tick {
    /// Those whose deadline is at or before now.
    pub due: Vec<DueRecipient>,
}

/// A provider directory to load.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DirectoryUpdate {
    /// LDIF, or LDIF inside signed CMS.
    #[serde(with = "octets")]
    pub content: Vec<u8>,
}

/// Our own directory record is to be made, plain and signed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordRequest {
    /// `managedDomains` of the main environment.
    pub managed_domains: Vec<DomainName>,
    /// Certificates of the main environment besides the one that signs, DER.
    #[serde(with = "octet_strings")]
    pub further_certificates: Vec<Vec<u8>>,
    /// `LDIFLocationURL`.
    pub location: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// Secondary environments.
    pub units: Vec<SecondaryEnvironment>,
}

/// A secondary operating environment (RFC 6109 §4.5.7).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecondaryEnvironment {
    /// `providerUnit`.
    pub name: String,
    /// `mailReceipt`.
    pub mail_receipt: EmailAddress,
    /// Its certificates, DER.
    #[serde(with = "octet_strings")]
    pub certificates: Vec<Vec<u8>>,
    /// `managedDomains`.
    pub managed_domains: Vec<DomainName>,
    /// `description`.
    pub description: Option<String>,
}

/// A message to be judged, with no effect.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Examination {
    /// Any message.
    #[serde(with = "octets")]
    pub message: Vec<u8>,
    /// Judge certificates at this instant; none: at signingTime.
    pub at: Option<Instant>,
    /// Also tell what is inside.
    pub contents: Option<ContentQuery>,
}

/// What an examination should tell of the content.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentQuery {
    /// A message to compare the enclosed original with.
    #[serde(default, with = "octets_if_any")]
    pub original: Option<Vec<u8>>,
}
