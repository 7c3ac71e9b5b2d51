//! The provider directory (RFC 6109 §4.5): records as data, LDIF as their file format, CMS as its
//! proof of origin.
//!
//! The host keeps the records and looks things up; it asks the plug-in to read the file, because
//! what a valid record is, and whose signature makes a directory the directory, is law.

mod compose;
mod ldif;
mod read;
mod signed;
mod write;

use std::fmt;

use serde::Serialize;

use crate::address::DomainName;
use crate::conversation::{Desk, Stop};
use crate::event::{Context, DirectoryUpdate};
use crate::instant::Instant;
use crate::outcome::{Effect, Outcome, Reply};
use crate::question::Provider;
use signed::Refusal;

pub(crate) use compose::compose;
#[cfg(feature = "fuzzing")]
pub(crate) use compose::write_records as write;
pub use read::read;
pub(crate) use signed::check_signers;
pub use write::{LdifWriter, escape_dn};

/// A directory record with its domains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderRecord {
    /// The record; its certificates are present.
    pub provider: Provider,
    /// `managedDomains`, lower case, without repetitions.
    pub managed_domains: Vec<DomainName>,
}

/// Why a file is no provider directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryError {
    /// From 1; where the fault is, or where its entry begins.
    pub line: usize,
    /// Distinguished name of the entry, where the fault is in one.
    pub entry: Option<String>,
    /// The attribute, where the fault is in one or in the lack of one.
    pub attribute: Option<String>,
    /// What is wrong, in words that follow the attribute's name.
    pub what: String,
}

impl DirectoryError {
    /// A fault outside of any entry.
    fn at(line: usize, attribute: Option<&str>, what: &str) -> Self {
        Self {
            line,
            entry: None,
            attribute: attribute.map(str::to_owned),
            what: what.to_owned(),
        }
    }

    /// The same, in this entry.
    fn within(self, dn: &str) -> Self {
        Self {
            entry: Some(dn.to_owned()),
            ..self
        }
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if let Some(dn) = &self.entry {
            write!(f, "entry \"{dn}\": ")?;
        }
        match &self.attribute {
            Some(name) => write!(f, "{name}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for DirectoryError {}

/// Loads a directory: one effect that replaces the old one, or a 5xx reply that says what is
/// wrong with the new one.
pub(crate) async fn load(
    context: Context,
    event: DirectoryUpdate,
    desk: Desk,
) -> Result<Outcome, Stop> {
    let now = context.now;
    let Opened {
        ldif,
        origin,
        signed_at,
    } = match open(context, event.content, &desk).await? {
        Ok(opened) => opened,
        Err(why) => {
            let reply = Reply::new(554, why.status(), why.to_string());
            return Ok(Outcome::only(reply));
        }
    };
    Ok(match read(&ldif) {
        Ok(records) => {
            let domains: usize = records.iter().map(|r| r.managed_domains.len()).sum();
            let text = format!("{} providers, {domains} domains, {origin}", records.len());
            let mut outcome = Outcome::only(Reply::new(250, "2.0.0", text));
            outcome.effects.push(Effect::InstallDirectory(records));
            outcome.effects.extend(signed_at.map(|at| Effect::Remember {
                key: SIGNED_AT.to_owned(),
                value: at.unix().to_be_bytes().to_vec(),
                until: now.plus(ORDER_KEPT),
            }));
            outcome
        }
        Err(error) => Outcome::only(Reply::new(554, "5.6.0", error.to_string())),
    })
}

/// A directory file that may be read.
struct Opened {
    ldif: Vec<u8>,
    /// Where it comes from, in words.
    origin: String,
    /// When it was signed, where that is proven.
    signed_at: Option<Instant>,
}

/// The LDIF and where it comes from. Its origin is as the provider wants it to be: proven where `directory-signers` are
/// set, unproven where they are not. A file that says more than it can prove, signed with nobody
/// pinned, is a setting forgotten, and refused.
async fn open(
    context: Context,
    content: Vec<u8>,
    desk: &Desk,
) -> Result<Result<Opened, Refusal>, Stop> {
    let signers = context.settings.directory_signers;
    check_signers(&signers)?;
    if !signed::is_signed(&content) {
        return Ok(match signed::check_form(&content) {
            Err(why) => Err(why),
            Ok(()) if signers.is_empty() => Ok(Opened {
                ldif: content,
                origin: "not signed".to_owned(),
                signed_at: None,
            }),
            Ok(()) => Err(Refusal::Unsigned),
        });
    }
    let enclosed = match signed::open(&content, &signers, context.now) {
        Ok(enclosed) => enclosed,
        Err(why) => return Ok(Err(why)),
    };
    if !desk.verify(&enclosed.check).await? {
        return Ok(Err(Refusal::Broken));
    }
    let before = desk.recall(SIGNED_AT.to_owned()).await?;
    let before =
        before.and_then(|value| Instant::from_unix(u64::from_be_bytes(value.try_into().ok()?)));
    let order = signed::check_order(enclosed.signed_at, before, context.now);
    Ok(order.map(|()| Opened {
        ldif: enclosed.ldif,
        origin: format!("signed by \"{}\"", enclosed.signer),
        signed_at: enclosed.signed_at,
    }))
}

/// Where it is remembered when the newest directory so far was signed.
const SIGNED_AT: &str = "directory/signed-at";
/// Seconds: thirty years. A directory comes daily; one that came never again would be no defence.
const ORDER_KEPT: u64 = 30 * 365 * 86_400;
