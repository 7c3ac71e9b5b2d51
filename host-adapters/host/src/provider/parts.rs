//! A provider's decisions, as the plug-in and a host's parts want them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use x509_cert::Certificate;
use x509_cert::der::Encode as _;

use super::settings::{MailboxList, OrdinaryMail, Revocation as Missing, Settings};
use super::{Address, Domain, Error, Fields, Folder};
use crate::{
    Clock, CrlCache, CrlFolder, HostError, MailboxTable, Mailboxes, PluginError, Revocation,
    TlsSettings, Unavailable, pec,
};

/// Settings as the plug-in wants them, certificates included.
///
/// # Errors
/// A file with certificates cannot be read.
pub fn pec_settings(folder: &Folder, settings: &Settings) -> Result<pec::Settings, Error> {
    Ok(pec::Settings {
        provider_name: settings.name.clone(),
        mail_domain: settings.mail_domain.as_str().to_owned(),
        service_address: settings.service_address.as_str().to_owned(),
        service_mailbox: settings.service_mailbox.as_str().to_owned(),
        certificates: certificates(folder, &settings.files.certificate)?,
        trust_anchors: certificates(folder, &settings.files.roots)?,
        directory_signers: match &settings.files.directory_signers {
            Some(name) => certificates(folder, name)?,
            None => Vec::new(),
        },
        limits: pec::MessageLimits {
            max_size: settings.limits.max_size,
            hard_size: settings.limits.hard_size,
            max_recipients: settings.limits.max_recipients,
            max_product: settings.limits.max_product,
            daily_recipients: settings.limits.daily_recipients,
        },
        ordinary_mail: ordinary_mail(&settings.ordinary_mail),
        revocation: match settings.revocation {
            Missing::AcceptAndLog => pec::RevocationPolicy::AcceptAndLog,
            Missing::Defer => pec::RevocationPolicy::Defer,
        },
        forbidden_attachments: settings.forbidden_attachments.clone(),
        internal_server_server_acceptance: settings.internal_server_server_acceptance,
        english_copy: settings.english_copy,
        texts: settings
            .texts
            .iter()
            .map(|(key, template)| pec::TextOverride {
                key: key.clone(),
                template: template.clone(),
            })
            .collect(),
    })
}

/// Reads a PEM file with one certificate or more, into DER.
///
/// # Errors
/// It cannot be read, or holds none.
pub fn certificates(folder: &Folder, name: impl AsRef<Path>) -> Result<Vec<Vec<u8>>, Error> {
    let remedy = "put certificates in PEM form there";
    let text = folder.read(&name, remedy)?;
    let error = |error: &dyn std::fmt::Display| {
        Error::file(
            &folder.file(&name),
            format!("no certificates can be read ({error})"),
            remedy,
        )
    };
    let chain = Certificate::load_pem_chain(text.as_bytes()).map_err(|e| error(&e))?;
    if chain.is_empty() {
        return Err(error(&"there are none"));
    }
    chain
        .iter()
        .map(|certificate| certificate.to_der().map_err(|e| error(&e)))
        .collect()
}

/// The mailboxes that the settings name.
pub fn mailboxes(settings: &Settings) -> Box<dyn Mailboxes> {
    match &settings.mailboxes {
        MailboxList::Any => Box::new(EveryAddress {
            domains: settings.domains.clone(),
        }),
        MailboxList::Listed(list) => {
            let mut table = MailboxTable::new(list.iter().map(|mailbox| pec::Mailbox {
                address: mailbox.address.as_str().to_owned(),
                ordinary_mail: mailbox.ordinary_mail.as_ref().map(ordinary_mail),
                certified_only: mailbox.certified_only,
            }));
            for mailbox in list {
                let further = mailbox.further_addresses.iter().map(Address::as_str);
                table.add_addresses(mailbox.address.as_str(), further);
            }
            Box::new(table)
        }
    }
}

/// Where revocation lists come from; from nowhere, if the settings say so. Those that are fetched
/// are kept in the folder `cache`.
///
/// # Errors
/// The authorities for `https` cannot be read.
pub fn revocation(
    folder: &Folder,
    settings: &Settings,
    cache: PathBuf,
    clock: Arc<dyn Clock>,
) -> Result<Vec<Box<dyn Revocation>>, Error> {
    let mut sources = Vec::<Box<dyn Revocation>>::new();
    if let Some(name) = &settings.crl_folder {
        sources.push(Box::new(CrlFolder::new(folder.file(name))));
    }
    if settings.fetch_crls {
        let mut cache = CrlCache::new(cache, Box::new(clock), PATIENCE);
        if let Some(roots) = &settings.crl_https_roots {
            let tls = TlsSettings {
                roots: folder.file(roots),
                client: None,
            };
            cache = cache.with_https(&tls).map_err(|error| {
                Error::file(Path::new(&error.culprit), error.problem, error.remedy)
            })?;
        }
        sources.push(Box::new(cache));
    }
    Ok(sources)
}

/// Why a host does not start. The plug-in and the host name field and remedy themselves; what is
/// added here is the file.
pub fn startup(
    folder: &Folder,
    settings: &Settings,
    fields: Fields<'_>,
    error: &HostError,
) -> Error {
    match error {
        HostError::Plugin(PluginError::Fault(pec::Fault::Settings(text))) => {
            let (field, problem) = text.split_once(": ").unwrap_or(("settings", text));
            let (problem, remedy) = problem.split_once("; ").unwrap_or((problem, "change it"));
            fields.error(field, problem, remedy)
        }
        HostError::DirectoryFile { .. } | HostError::DirectoryRefused { .. } => {
            let path = folder.file(&settings.files.directory);
            Error::file(
                &path,
                error,
                "restore the provider directory (RFC 6109 §4.5)",
            )
        }
        error => Error::file(folder.root(), error, "mend what it says and try again"),
    }
}

fn ordinary_mail(policy: &OrdinaryMail) -> pec::OrdinaryMailPolicy {
    match policy {
        OrdinaryMail::Refuse => pec::OrdinaryMailPolicy::Refuse,
        OrdinaryMail::Accept => pec::OrdinaryMailPolicy::Accept,
        OrdinaryMail::Redirect(to) => pec::OrdinaryMailPolicy::Redirect(to.as_str().to_owned()),
    }
}

/// `mailboxes = "any"`: whoever is written to, exists.
struct EveryAddress {
    domains: Vec<Domain>,
}

impl Mailboxes for EveryAddress {
    fn mailbox(&self, address: &str) -> Result<Option<pec::Mailbox>, Unavailable> {
        let ours = self.domains.iter().any(|domain| domain.manages(address));
        Ok(ours.then(|| pec::Mailbox {
            address: address.to_owned(),
            ordinary_mail: None,
            certified_only: false,
        }))
    }
}

/// How long somebody waits for a server with revocation lists; SMTP clients wait for minutes.
pub const PATIENCE: Duration = Duration::from_secs(10);
