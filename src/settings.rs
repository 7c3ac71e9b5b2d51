//! Who the provider is and what it has decided; checked once into proof.

use der::Decode;
use serde::{Deserialize, Serialize};
use x509_cert::Certificate;

use crate::address::{DomainName, EmailAddress};
use crate::directory;
use crate::fault::Fault;
use crate::hex;
use crate::plain::octet_strings;
use crate::question::OrdinaryMailPolicy;
use crate::smime;
use crate::texts::Texts;

/// Settings as hosts give them; `wit/types.wit` documents the fields.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs, reason = "one to one with `settings` in wit/types.wit")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    pub provider_name: String,
    pub mail_domain: String,
    pub service_address: String,
    pub service_mailbox: String,
    #[serde(with = "octet_strings")]
    pub certificates: Vec<Vec<u8>>,
    #[serde(with = "octet_strings")]
    pub trust_anchors: Vec<Vec<u8>>,
    #[serde(with = "octet_strings")]
    pub directory_signers: Vec<Vec<u8>>,
    pub limits: MessageLimits,
    pub ordinary_mail: OrdinaryMailPolicy,
    pub revocation: RevocationPolicy,
    pub forbidden_attachments: Vec<String>,
    pub internal_server_server_acceptance: bool,
    pub english_copy: bool,
    pub texts: Vec<TextOverride>,
}

/// The caps a provider sets on submissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MessageLimits {
    /// Largest message before the sender gets a notice, octets.
    pub max_size: u64,
    /// Above it, SMTP error 552 and no notice, octets.
    pub hard_size: u64,
    /// Most recipients of a message.
    pub max_recipients: u32,
    /// Largest size × recipients, octets.
    pub max_product: u64,
    /// Most recipients of an account in 24 hours.
    pub daily_recipients: Option<u32>,
}

/// What to do when revocation data cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationPolicy {
    /// Take the certificate as not revoked, and log that.
    AcceptAndLog,
    /// Answer 4xx.
    Defer,
}

/// A provider's own wording.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TextOverride {
    /// Key of the text.
    pub key: String,
    /// The template.
    pub template: String,
}

/// Settings that were checked: what the points work with.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub provider_name: String,
    pub mail_domain: DomainName,
    pub service_address: EmailAddress,
    pub service_mailbox: EmailAddress,
    pub signer: smime::SignerIdentity,
    /// SHA-1 of the signing certificate: how our own record is found in the directory.
    pub certificate_hash: String,
    pub trust_anchors: Vec<Vec<u8>>,
    pub limits: MessageLimits,
    pub ordinary_mail: OrdinaryMailPolicy,
    pub revocation: RevocationPolicy,
    pub forbidden_attachments: Extensions,
    pub internal_server_server_acceptance: bool,
    pub texts: Texts,
}

/// What belief in others' signatures rests on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trust<'a> {
    /// Roots that certification paths may end in, DER.
    pub anchors: &'a [Vec<u8>],
    pub revocation: RevocationPolicy,
}

impl Settings {
    /// Of somebody who is no provider and only examines messages, or reads a directory: what trust
    /// rests on, and nothing else.
    pub fn onlooker(trust_anchors: Vec<Vec<u8>>) -> Self {
        Self {
            provider_name: String::new(),
            mail_domain: String::new(),
            service_address: String::new(),
            service_mailbox: String::new(),
            certificates: Vec::new(),
            trust_anchors,
            directory_signers: Vec::new(),
            limits: MessageLimits {
                max_size: 0,
                hard_size: 0,
                max_recipients: 0,
                max_product: 0,
                daily_recipients: None,
            },
            ordinary_mail: OrdinaryMailPolicy::Refuse,
            revocation: RevocationPolicy::AcceptAndLog,
            forbidden_attachments: Vec::new(),
            internal_server_server_acceptance: false,
            english_copy: false,
            texts: Vec::new(),
        }
    }

    /// All that judging a message takes of them.
    pub(crate) fn trust(&self) -> Trust<'_> {
        Trust {
            anchors: &self.trust_anchors,
            revocation: self.revocation,
        }
    }
}

impl Profile {
    pub fn trust(&self) -> Trust<'_> {
        Trust {
            anchors: &self.trust_anchors,
            revocation: self.revocation,
        }
    }
}

/// File name extensions: lower case, without the dot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extensions(Vec<String>);

impl Extensions {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, extension: &str) -> bool {
        self.0.iter().any(|known| known == extension)
    }
}

impl TryFrom<Vec<String>> for Extensions {
    type Error = Fault;

    fn try_from(extensions: Vec<String>) -> Result<Self, Fault> {
        let is_plain = |c: char| c.is_alphanumeric() && !c.is_uppercase() || matches!(c, '_' | '-');
        match extensions
            .iter()
            .find(|e| e.is_empty() || !e.chars().all(is_plain))
        {
            Some(wrong) => Err(Fault::Settings(format!(
                "forbidden-attachments: {wrong:?} is no extension; write it in lower case, \
                 without dot or blank, like \"exe\" (of \"tar.gz\" the last part counts: \"gz\")"
            ))),
            None => Ok(Self(extensions)),
        }
    }
}

impl TryFrom<Settings> for Profile {
    type Error = Fault;

    fn try_from(settings: Settings) -> Result<Self, Fault> {
        let wrong = |field: &str, why: String| Fault::Settings(format!("{field}: {why}"));
        if settings.provider_name.trim().is_empty() {
            return Err(wrong(
                "provider-name",
                "is empty; give the name people know".into(),
            ));
        }
        let address = |field: &str, text: &str| {
            EmailAddress::try_from(text).map_err(|e| wrong(field, e.to_string()))
        };
        let mail_domain = DomainName::try_from(settings.mail_domain.as_str())
            .map_err(|e| wrong("mail-domain", e.to_string()))?;
        check_limits(&settings.limits)?;
        let leaf = settings.certificates.first().ok_or_else(|| {
            wrong(
                "certificates",
                "is empty; give the signing certificate and its issuer".into(),
            )
        })?;
        let service_address = address("service-address", &settings.service_address)?;
        Ok(Self {
            provider_name: settings.provider_name,
            mail_domain,
            service_mailbox: address("service-mailbox", &settings.service_mailbox)?,
            service_address,
            certificate_hash: hex::encode(&smime::sha1(leaf)),
            signer: smime::SignerIdentity::new(&settings.certificates)
                .map_err(|e| wrong("certificates", format!("not X.509 in DER: {e}")))?,
            trust_anchors: settings.trust_anchors,
            limits: settings.limits,
            ordinary_mail: settings.ordinary_mail,
            revocation: settings.revocation,
            forbidden_attachments: Extensions::try_from(settings.forbidden_attachments)?,
            internal_server_server_acceptance: settings.internal_server_server_acceptance,
            texts: Texts::new(settings.english_copy, &settings.texts)?,
        })
    }
}

/// Everything that a host should test once at its start: what every event tests, and the signing
/// certificate as a whole.
pub(crate) fn check(settings: Settings) -> Result<(), Fault> {
    let leaf = settings.certificates.first().cloned().unwrap_or_default();
    directory::check_signers(&settings.directory_signers)?;
    let profile = Profile::try_from(settings)?;
    let certificate = Certificate::from_der(&leaf).map_err(|e| {
        Fault::Settings(format!("certificates[0]: is not an X.509 certificate: {e}"))
    })?;
    check_certificate_address(&certificate, &profile.service_address)
}

/// DM 2 November 2005 art. 12, PRACTICE 1: a configuration below the floor is refused.
fn check_limits(limits: &MessageLimits) -> Result<(), Fault> {
    let low = |field: &str, floor: u64| {
        Fault::Settings(format!(
            "limits.{field}: below the legal floor; set at least {floor}"
        ))
    };
    if u64::from(limits.max_recipients) < FLOOR_RECIPIENTS {
        return Err(low("max-recipients", FLOOR_RECIPIENTS));
    }
    if limits.max_product < FLOOR_PRODUCT {
        return Err(low("max-product", FLOOR_PRODUCT));
    }
    if limits.max_size < FLOOR_PRODUCT {
        return Err(low("max-size", FLOOR_PRODUCT));
    }
    if limits
        .daily_recipients
        .is_some_and(|daily| u64::from(daily) < FLOOR_RECIPIENTS)
    {
        return Err(low("daily-recipients", FLOOR_RECIPIENTS));
    }
    if limits.hard_size < limits.max_size {
        let why = "limits.hard-size: below max-size; no message could get a size notice";
        return Err(Fault::Settings(why.to_owned()));
    }
    Ok(())
}

/// RFC 6109 §2.1: mail clients show the signature as good only if From equals the address in the
/// certificate.
fn check_certificate_address(leaf: &Certificate, service: &EmailAddress) -> Result<(), Fault> {
    match smime::subject_address(leaf) {
        Some(found) if found.eq_ignore_ascii_case(service.as_str()) => Ok(()),
        found => Err(Fault::Settings(format!(
            "service-address: {service} differs from the certificate's rfc822Name ({}); \
             use the address the certificate was issued for",
            found.as_deref().unwrap_or("none")
        ))),
    }
}

const FLOOR_RECIPIENTS: u64 = 50;
/// "30 MB": the decimal reading, so that no provider is refused a limit that the law allows.
const FLOOR_PRODUCT: u64 = 30_000_000;
