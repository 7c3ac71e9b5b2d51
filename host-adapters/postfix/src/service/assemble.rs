//! A host's parts, as the configuration names them.

use std::path::Path;
use std::sync::Arc;

use ceralacca_host::provider::{
    Error, Fields, Folder, Identity, certificates, mailboxes, pec_settings, revocation, startup,
};
use ceralacca_host::{
    ClamdScanner, ClamdSettings, Clock, Depot, Host, HostParts, LmtpDepot, Mailboxes, OsEntropy,
    Policy, PublishedFolder, Relay, RsaSigner, Scanner, Signer, SmtpRelay, SmtpSettings,
    SystemClock, WhenScannerDown,
};

use super::running::{Foundation, directory_file};
use crate::config::{Config, WhenDown};

/// Puts a host together. Every file is read here, before anything is done, so that a mistake in one
/// of them leaves everything as it was.
pub(super) fn host(
    config: &Config,
    path: &Path,
    identity: &Identity,
    foundation: &Foundation,
) -> Result<Host, Error> {
    let folder = Config::folder(path);
    let settings = &config.provider;
    let signer = signer(config, &folder)?;
    identity.check_key(&*signer).map_err(|error| {
        let remedy = "name a key and a certificate that belong together";
        Error::file(&folder.file(&settings.files.certificate), error, remedy)
    })?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let state = Folder::at(&config.store.folder);
    let parts = HostParts {
        engine: Box::new(foundation.plug_in.clone()),
        settings: pec_settings(&folder, settings)?,
        store: foundation.store.clone(),
        signer,
        scanner: scanner(config).map(|scanner| Box::new(scanner) as Box<dyn Scanner>),
        mailboxes: users(config),
        revocation: Box::new(revocation(
            &folder,
            settings,
            state.file(CRL_CACHE),
            Arc::clone(&clock),
        )),
        depot: Box::new(depot(config)) as Box<dyn Depot>,
        relay: Box::new(relay(config)) as Box<dyn Relay>,
        publisher: Box::new(PublishedFolder::new(state.file(PUBLISHED))),
        clock: Box::new(clock),
        entropy: Box::new(OsEntropy),
        directory_file: Some(directory_file(config, &folder)),
        policy: Policy::default(),
    };
    let fields = Fields::under(path, "provider");
    Host::new(parts).map_err(|error| startup(&folder, settings, fields, &error))
}

/// Our certificate.
pub(crate) fn identity(config: &Config, folder: &Folder) -> Result<Identity, Error> {
    let name = &config.provider.files.certificate;
    let remedy = "put our certificate first there, PEM";
    let chain = certificates(folder, name)?;
    let leaf = chain.first().ok_or("there is none".to_owned());
    leaf.and_then(|leaf| Identity::read(leaf))
        .map_err(|error| Error::file(&folder.file(name), error, remedy))
}

/// Who signs.
pub(crate) fn signer(config: &Config, folder: &Folder) -> Result<Box<dyn Signer>, Error> {
    let key = folder.file(&config.provider.files.key);
    let signer = RsaSigner::from_pem_file(&key).map_err(|error| {
        Error::file(&key, error, "name the key that belongs to the certificate")
    })?;
    Ok(Box::new(signer))
}

/// Who looks for viruses; none: nobody.
pub(crate) fn scanner(config: &Config) -> Option<ClamdScanner> {
    let address = config.scanner.clamd.clone()?;
    Some(ClamdScanner::new(ClamdSettings {
        address,
        patience: ClamdSettings::PATIENCE,
        when_down: match config.scanner.when_down {
            WhenDown::Defer => WhenScannerDown::Defer,
            WhenDown::Accept => WhenScannerDown::Accept,
        },
    }))
}

/// Who knows which mailboxes there are.
pub(crate) fn users(config: &Config) -> Box<dyn Mailboxes> {
    mailboxes(&config.provider)
}

/// Dovecot.
pub(crate) fn depot(config: &Config) -> LmtpDepot {
    LmtpDepot::new(config.lmtp.address.clone(), smtp_settings(config))
}

/// Postfix's port without milters.
pub(crate) fn relay(config: &Config) -> SmtpRelay {
    SmtpRelay::new(config.injection.address.clone(), smtp_settings(config))
}

fn smtp_settings(config: &Config) -> SmtpSettings {
    SmtpSettings {
        // As many as there are workers to use them.
        max_connections: config.limits.workers,
        ..SmtpSettings::named(config.provider.mail_domain.as_str())
    }
}

const CRL_CACHE: &str = ceralacca_host::provider::CRL_CACHE;
const PUBLISHED: &str = "published";
