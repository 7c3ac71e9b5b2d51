//! Who a provider is and what it has decided: `provider.toml` of a folder, or the section `provider`
//! of a service's configuration.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::toml_file::{self, Fields, one_line};
use super::{Address, CERTIFICATE, DIRECTORY, Domain, Error, Folder, KEY, ROOTS, SETTINGS};

/// The settings of one provider, as the file has them. Each field's meaning is explained where
/// people meet it: in the file that `ceralacca provider init` writes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// `gestore-emittente` (PRACTICE 4).
    pub name: String,
    /// Domain that PEC ids end in.
    pub mail_domain: Domain,
    /// Domains whose mailboxes are here.
    pub domains: Vec<Domain>,
    /// From of everything signed (RFC 6109 §2.2.6).
    pub service_address: Address,
    /// Where other providers' prese in carico arrive (RFC 6109 §2.2.5).
    pub service_mailbox: Address,
    /// Which mailboxes there are.
    #[serde(default)]
    pub mailboxes: MailboxList,
    /// Policy for ordinary mail, where a mailbox has none of its own.
    #[serde(default)]
    pub ordinary_mail: OrdinaryMail,
    /// Policy for missing revocation data.
    #[serde(default)]
    pub revocation: Revocation,
    /// Fetch revocation lists from where certificates say they are.
    #[serde(default = "yes")]
    pub fetch_crls: bool,
    /// File with the authorities to trust for revocation lists by `https`; none: by `http` only.
    #[serde(default)]
    pub crl_https_roots: Option<String>,
    /// Folder with more revocation lists; relative to the provider folder.
    #[serde(default)]
    pub crl_folder: Option<String>,
    /// File name extensions that may not be attached.
    #[serde(default)]
    pub forbidden_attachments: Vec<String>,
    /// Send presa in carico to ourselves, too (PRACTICE 8.8).
    #[serde(default)]
    pub internal_server_server_acceptance: bool,
    /// English below the Italian text (PRACTICE 1).
    #[serde(default)]
    pub english_copy: bool,
    /// Caps on submissions.
    #[serde(default)]
    pub limits: Limits,
    /// Names of the other files.
    #[serde(default)]
    pub files: Files,
    /// What our own directory record says beside all this.
    #[serde(default)]
    pub record: Record,
    /// Own wording of texts, by key.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
}

/// Which mailboxes there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum MailboxList {
    /// Every address of every domain: right for trying things out, never for production.
    #[default]
    Any,
    /// These.
    Listed(Vec<Mailbox>),
}

/// One mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mailbox {
    /// Its address.
    pub address: Address,
    /// Further mailboxes that its owner may write from.
    #[serde(default)]
    pub further_addresses: Vec<Address>,
    /// Its own policy for ordinary mail.
    pub ordinary_mail: Option<OrdinaryMail>,
    /// May write to certified recipients only (F35).
    #[serde(default)]
    pub certified_only: bool,
}

/// What to do with ordinary mail (PRACTICE 8.7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum OrdinaryMail {
    /// Refuse it.
    #[default]
    Refuse,
    /// Deposit it in an anomaly envelope.
    Accept,
    /// Send it on to an ordinary address.
    Redirect(Address),
}

/// What to do when revocation data cannot be had (PRACTICE 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Revocation {
    /// Accept, and log it.
    #[default]
    AcceptAndLog,
    /// Answer 4xx until the data is there.
    Defer,
}

/// What our own directory record says beside name, service mailbox, certificate and domains (RFC
/// 6109 §4.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Record {
    /// `LDIFLocationURL`.
    pub location: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// File with certificates beside the one that signs.
    pub further_certificates: Option<String>,
    /// Secondary environments.
    #[serde(default)]
    pub units: Vec<Unit>,
}

/// A secondary operating environment (RFC 6109 §4.5.7).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Unit {
    /// `providerUnit`.
    pub name: String,
    /// `mailReceipt`.
    pub service_mailbox: Address,
    /// Those of our domains that it manages.
    pub domains: Vec<Domain>,
    /// File with its certificates.
    pub certificate: String,
    /// `description`.
    pub description: Option<String>,
}

/// Caps on submissions; octets and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Above this: non-acceptance notice.
    pub max_size: u64,
    /// Above this: SMTP error, no notice.
    pub hard_size: u64,
    /// Most recipients.
    pub max_recipients: u32,
    /// Largest size × recipients.
    pub max_product: u64,
    /// Most recipients of an account in 24 hours.
    pub daily_recipients: Option<u32>,
}

impl Default for Limits {
    /// What the market offers (PRACTICE 1): 100 MB, 500 recipients.
    fn default() -> Limits {
        Limits {
            max_size: 100_000_000,
            hard_size: 120_000_000,
            max_recipients: 500,
            max_product: 50_000_000_000,
            daily_recipients: None,
        }
    }
}

/// Names of the other files, relative to the provider folder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Files {
    /// The signing key.
    pub key: String,
    /// Leaf, then intermediates.
    pub certificate: String,
    /// Trust anchors.
    pub roots: String,
    /// Provider directory.
    pub directory: String,
    /// Certificates of those who sign the provider directory.
    pub directory_signers: Option<String>,
}

impl Default for Files {
    fn default() -> Files {
        Files {
            key: KEY.into(),
            certificate: CERTIFICATE.into(),
            roots: ROOTS.into(),
            directory: DIRECTORY.into(),
            directory_signers: None,
        }
    }
}

impl Settings {
    /// Reads a folder's settings.
    pub fn load(folder: &Folder) -> Result<Settings, Error> {
        let remedy = format!(
            "name a folder that `ceralacca provider init {}` has made",
            folder.root().display()
        );
        let text = folder.read(SETTINGS, &remedy)?;
        Settings::parse(&text, &folder.file(SETTINGS))
    }

    /// Reads settings; `path` is for errors.
    ///
    /// # Errors
    /// It names the line and the field.
    pub fn parse(text: &str, path: &Path) -> Result<Settings, Error> {
        let settings: Settings = toml_file::parse(text, path, REMEDY)?;
        settings.check(Fields::of(path))?;
        Ok(settings)
    }

    /// What no single field shows. The rest of the law is for the plug-in to check.
    ///
    /// # Errors
    /// It names the field, as one of `fields`.
    pub fn check(&self, fields: Fields<'_>) -> Result<(), Error> {
        if self.name.trim().is_empty() {
            return Err(fields.error("name", "it is empty", "write the provider's name"));
        }
        if self.domains.is_empty() {
            let remedy = "list at least the mail domain";
            return Err(fields.error("domains", "it is empty", remedy));
        }
        let ours = |address: &Address| self.domains.iter().any(|d| d.manages(address.as_str()));
        for (field, address) in [
            ("service-address", &self.service_address),
            ("service-mailbox", &self.service_mailbox),
        ] {
            if !ours(address) {
                let problem = format!("`{address}` is in none of `domains`");
                return Err(fields.error(field, problem, "add its domain, or change it"));
            }
        }
        for (index, unit) in self.record.units.iter().enumerate() {
            if let Some(stray) = unit.domains.iter().find(|d| !self.domains.contains(d)) {
                let field = format!("record.units[{index}].domains");
                let problem = format!("`{stray}` is not among `domains`");
                return Err(fields.error(&field, problem, "add it there"));
            }
        }
        if let MailboxList::Listed(list) = &self.mailboxes
            && let Some(stray) = list.iter().find(|mailbox| !ours(&mailbox.address))
        {
            let problem = format!("`{}` is in none of `domains`", stray.address);
            return Err(fields.error("mailboxes", problem, "add its domain, or leave it out"));
        }
        Ok(())
    }
}

// ---- fields with more than one shape ---------------------------------------------------------

/// By hand: the errors of an untagged enum would name no reason.
impl TryFrom<toml::Value> for MailboxList {
    type Error = String;

    fn try_from(field: toml::Value) -> Result<MailboxList, String> {
        match field {
            toml::Value::String(word) if word == "any" => Ok(MailboxList::Any),
            toml::Value::Array(list) => list
                .into_iter()
                .map(Mailbox::try_from)
                .collect::<Result<_, _>>()
                .map(Self::Listed),
            other => Err(format!(
                "{other} is neither \"any\" nor a list of mailboxes"
            )),
        }
    }
}

impl TryFrom<toml::Value> for Mailbox {
    type Error = String;

    fn try_from(entry: toml::Value) -> Result<Mailbox, String> {
        match entry {
            toml::Value::String(text) => {
                let address = Address::try_from(text).map_err(|error| error.to_string())?;
                Ok(Mailbox {
                    address,
                    further_addresses: Vec::new(),
                    ordinary_mail: None,
                    certified_only: false,
                })
            }
            table => table
                .try_into()
                .map_err(|error: toml::de::Error| one_line(&error)),
        }
    }
}

impl TryFrom<String> for OrdinaryMail {
    type Error = String;

    fn try_from(text: String) -> Result<OrdinaryMail, String> {
        match text.as_str() {
            "refuse" => Ok(OrdinaryMail::Refuse),
            "accept" => Ok(OrdinaryMail::Accept),
            _ => match text.strip_prefix("redirect:").map(str::parse) {
                Some(Ok(address)) => Ok(OrdinaryMail::Redirect(address)),
                Some(Err(error)) => Err(format!("{error}")),
                None => Err(format!(
                    "`{text}` is not refuse, accept or redirect:ADDRESS"
                )),
            },
        }
    }
}

fn yes() -> bool {
    true
}

const REMEDY: &str = "the comments in the file that `ceralacca provider init` writes explain it";
