//! A host put together from a provider folder.
//!
//! Here a provider's decisions become the host's parts. An adapter for a real mail server does the
//! same with others: its own mailbox store for [`Maildir`], its queue for [`EmlFolder`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ceralacca_host::{
    Clock, CrlCache, CrlFolder, DepositItem, DepositOutcome, Depot, EmlFolder, Engine, Entropy,
    FixedClock, Host, HostError, HostParts, Mailboxes, Maildir, NoScanner, OsEntropy, PluginError,
    Policy, PublishedFolder, Relay, RsaSigner, Scanner, SeededEntropy, Store, SystemClock,
    Unavailable, pec,
};
use x509_cert::Certificate;
use x509_cert::der::Encode as _;

use crate::cli::{ProviderArgs, TimeArgs};
use crate::component;
use crate::error::Error;
use crate::moment::Moment;
use crate::names::Domain;
use crate::provider::settings::{MailboxList, OrdinaryMail, Revocation, Settings};
use crate::provider::{CRL_CACHE, Folder, MAIL, OUTBOX, PUBLISHED, SETTINGS};

/// The parts that a command may want otherwise than a provider folder has them.
pub struct Surroundings {
    /// The plug-in.
    pub engine: Box<dyn Engine>,
    /// The time.
    pub clock: Box<dyn Clock>,
    /// Randomness.
    pub entropy: Box<dyn Entropy>,
    /// Where deposits go.
    pub depot: Box<dyn Depot>,
    /// Where relayed messages go.
    pub relay: Box<dyn Relay>,
    /// The virus scanner; without one the host warns loudly at its start.
    pub scanner: Option<Box<dyn Scanner>>,
}

impl Surroundings {
    /// The provider folder's own mailboxes and outbox; `seed` makes a run repeatable.
    pub fn of(
        folder: &Folder,
        args: &ProviderArgs,
        time: &TimeArgs,
        seed: Option<Vec<u8>>,
    ) -> Result<Surroundings, Error> {
        Ok(Surroundings {
            engine: Box::new(component::load(&args.plug_in)?),
            clock: clock(time.now),
            entropy: match seed {
                Some(seed) => Box::new(SeededEntropy::new(seed)),
                None => Box::new(OsEntropy),
            },
            depot: Box::new(Maildir::new(folder.file(MAIL))),
            relay: Box::new(EmlFolder::new(folder.file(OUTBOX))),
            scanner: None,
        })
    }
}

/// Opens the host that the arguments name: what every command begins with through which mail
/// passes.
pub fn open(args: &ProviderArgs, time: &TimeArgs, seed: Option<Vec<u8>>) -> Result<Host, Error> {
    let folder = Folder::at(&args.provider);
    // Settings first: a missing folder is the likelier mistake than a missing plug-in.
    let settings = Settings::load(&folder)?;
    let surroundings = Surroundings::of(&folder, args, time, seed)?;
    host(&folder, settings, surroundings)
}

/// Opens the host for what is not mail: nothing will pass through it, so no scanner is missed.
pub fn open_to_look(args: &ProviderArgs, time: &TimeArgs) -> Result<Host, Error> {
    let folder = Folder::at(&args.provider);
    let settings = Settings::load(&folder)?;
    let surroundings = Surroundings::of(&folder, args, time, None)?;
    host(
        &folder,
        settings,
        Surroundings {
            scanner: Some(Box::new(NoScanner)),
            ..surroundings
        },
    )
}

/// Puts a host together. Every file of the folder is read here, before anything is done, so that a
/// mistake in one of them is told at once and leaves everything as it was.
pub fn host(
    folder: &Folder,
    settings: Settings,
    surroundings: Surroundings,
) -> Result<Host, Error> {
    let remedy = "restore the file, or make the provider again with `ceralacca provider init`";
    let key = folder.file(&settings.files.key);
    let signer =
        RsaSigner::from_pem_file(&key).map_err(|error| Error::file(&key, error, remedy))?;
    let pec_settings = pec_settings(folder, &settings)?;
    let directory = folder.file(&settings.files.directory);
    // The host loads it when it has changed; that it is there at all is checked here.
    if !directory.is_file() {
        return Err(Error::file(
            &directory,
            "the provider directory is not there",
            remedy,
        ));
    }
    // Made at the first command: `provider init` needs no database.
    let store = folder.root();
    let store = Store::open(store).map_err(|error| {
        Error::file(
            store,
            error,
            "mend what it says, or restore the store from a backup",
        )
    })?;
    let clock: Arc<dyn Clock> = surroundings.clock.into();
    let parts = HostParts {
        engine: surroundings.engine,
        settings: pec_settings,
        store,
        signer: Box::new(signer),
        scanner: surroundings.scanner,
        mailboxes: mailboxes(&settings),
        revocation: Box::new(revocation(folder, &settings, Arc::clone(&clock))),
        // The same list twice: the plug-in asks about policies, the depot about existence.
        depot: Box::new(KnownOnly {
            mailboxes: mailboxes(&settings),
            inner: surroundings.depot,
        }),
        relay: surroundings.relay,
        publisher: Box::new(PublishedFolder::new(folder.file(PUBLISHED))),
        clock: Box::new(clock),
        entropy: surroundings.entropy,
        directory_file: Some(directory),
        policy: Policy::default(),
    };
    Host::new(parts).map_err(|error| startup(folder, &settings, &error))
}

/// Where revocation lists come from; from nowhere, if the settings say so.
fn revocation(folder: &Folder, settings: &Settings, clock: Arc<dyn Clock>) -> RevocationSources {
    let mut sources = RevocationSources::new();
    if let Some(name) = &settings.crl_folder {
        sources.push(Box::new(CrlFolder::new(folder.file(name))));
    }
    if settings.fetch_crls {
        let cache = folder.file(CRL_CACHE);
        sources.push(Box::new(CrlCache::new(cache, Box::new(clock), PATIENCE)));
    }
    sources
}

/// A clock that stands still, or the system's.
pub fn clock(now: Option<Moment>) -> Box<dyn Clock> {
    match now {
        Some(moment) => Box::new(Arc::new(FixedClock::new(moment.0))),
        None => Box::new(SystemClock),
    }
}

/// Reads a PEM file with one certificate or more, into DER.
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

/// Settings as the plug-in wants them, certificates included.
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
            Revocation::AcceptAndLog => pec::RevocationPolicy::AcceptAndLog,
            Revocation::Defer => pec::RevocationPolicy::Defer,
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

fn ordinary_mail(policy: &OrdinaryMail) -> pec::OrdinaryMailPolicy {
    match policy {
        OrdinaryMail::Refuse => pec::OrdinaryMailPolicy::Refuse,
        OrdinaryMail::Accept => pec::OrdinaryMailPolicy::Accept,
        OrdinaryMail::Redirect(to) => pec::OrdinaryMailPolicy::Redirect(to.as_str().to_owned()),
    }
}

fn mailboxes(settings: &Settings) -> Box<dyn Mailboxes> {
    match &settings.mailboxes {
        MailboxList::Any => Box::new(EveryAddress {
            domains: settings.domains.clone(),
        }),
        MailboxList::Listed(list) => Box::new(ceralacca_host::MailboxTable::new(list.iter().map(
            |mailbox| pec::Mailbox {
                address: mailbox.address.as_str().to_owned(),
                ordinary_mail: mailbox.ordinary_mail.as_ref().map(ordinary_mail),
                certified_only: mailbox.certified_only,
            },
        ))),
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

/// Deposits into mailboxes that exist, and says of the others that they do not: what a mailbox
/// server does, and a folder of Maildirs does not.
struct KnownOnly {
    mailboxes: Box<dyn Mailboxes>,
    inner: Box<dyn Depot>,
}

impl Depot for KnownOnly {
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
        match self.mailboxes.mailbox(item.recipient) {
            Ok(Some(_)) => self.inner.deposit(item),
            Ok(None) => DepositOutcome::Failed(pec::Failure {
                status: "5.1.1".to_owned(),
                code: 550,
                text: "no such mailbox".to_owned(),
                no_such_domain: false,
            }),
            Err(Unavailable(reason)) => DepositOutcome::Later(reason),
        }
    }
}

/// Why a host does not start. The plug-in and the host name field and remedy themselves; what is
/// added here is the file.
fn startup(folder: &Folder, settings: &Settings, error: &HostError) -> Error {
    match error {
        HostError::Plugin(PluginError::Fault(pec::Fault::Settings(text))) => {
            let (field, problem) = text.split_once(": ").unwrap_or(("settings", text));
            let (problem, remedy) = problem.split_once("; ").unwrap_or((problem, "change it"));
            Error::field(&folder.file(SETTINGS), field, problem, remedy)
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

type RevocationSources = Vec<Box<dyn ceralacca_host::Revocation>>;

/// How long somebody waits for a server with revocation lists; SMTP clients wait for minutes.
pub const PATIENCE: Duration = Duration::from_secs(10);
