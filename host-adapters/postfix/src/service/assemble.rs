//! A host's parts, as the configuration names them.

use std::path::Path;
use std::sync::Arc;

use ceralacca_host::provider::{
    CRL_CACHE, Error, Fields, Folder, Identity, certificates, mailboxes, pec_settings, revocation,
    startup,
};
use ceralacca_host::{
    ClamdScanner, ClamdSettings, ClientIdentity, Clock, Depot, DirectoryFetcher, DirectorySource,
    DoveadmLookup, DovecotSettings, DovecotUserdb, Endpoint, FetchTimes, Host, HostParts,
    LmtpDepot, Mailboxes, OsEntropy, PinSource, Pkcs11Settings, Pkcs11Signer, Policy,
    PostgresOptions, PublishedFolder, Relay, RsaSigner, Scanner, SetupError, Signer, SmtpRelay,
    SmtpSettings, Store, SystemClock, TlsSettings, TokenChoice, UserdbCache, WhenScannerDown,
};
use nix::unistd::Group;

use super::running::{Foundation, directory_file};
use crate::config::{Config, DirectoryConfig, DoveadmConfig, Pkcs11Config, StoreConfig, WhenDown};
use crate::server::{self, Listen};

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
        )?),
        depot: Box::new(depot(config)?) as Box<dyn Depot>,
        relay: Box::new(relay(config)) as Box<dyn Relay>,
        publisher: Box::new(PublishedFolder::new(state.file(PUBLISHED))),
        clock: Box::new(clock),
        entropy: Box::new(OsEntropy),
        // What is fetched is loaded by whoever fetches it.
        directory_file: match config.directory.url {
            Some(_) => None,
            None => Some(directory_file(config, &folder)),
        },
        policy: policy(config),
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

/// Who signs: the HSM, or the key file.
pub(crate) fn signer(config: &Config, folder: &Folder) -> Result<Box<dyn Signer>, Error> {
    if let Some(pkcs11) = &config.signer.pkcs11 {
        return Ok(Box::new(hsm(pkcs11)?));
    }
    let key = folder.file(&config.provider.files.key);
    let signer = RsaSigner::from_pem_file(&key).map_err(|error| {
        let remedy = "name the key that belongs to the certificate";
        Error::file(&key, error, remedy)
    })?;
    Ok(Box::new(signer))
}

fn hsm(config: &Pkcs11Config) -> Result<Pkcs11Signer, Error> {
    let pin = match (&config.pin_file, &config.pin_env) {
        (Some(file), _) => PinSource::File(file.clone()),
        (None, variable) => PinSource::Environment(variable.clone().unwrap_or_default()),
    };
    let settings = Pkcs11Settings {
        module: config.module.clone(),
        token: TokenChoice::Label(config.token.clone()),
        key_label: Some(config.key.clone()),
        key_id: None,
        pin,
        sessions: Pkcs11Settings::SESSIONS,
    };
    Pkcs11Signer::new(settings).map_err(setup)
}

/// Who fetches the provider directory; none: it lies in a file.
pub(crate) fn fetcher(config: &Config, folder: &Folder) -> Result<Option<DirectoryFetcher>, Error> {
    let DirectoryConfig {
        url,
        client_certificate,
        client_key,
        roots,
    } = &config.directory;
    let Some(url) = url else { return Ok(None) };
    let source = DirectorySource {
        url: url.clone(),
        file: directory_file(config, folder),
        tls: TlsSettings {
            roots: roots.clone().unwrap_or_else(|| SYSTEM_ROOTS.into()),
            client: client_certificate
                .clone()
                .zip(client_key.clone())
                .map(|(certificates, key)| ClientIdentity { certificates, key }),
        },
        times: FetchTimes::default(),
        largest: DirectorySource::LARGEST,
        patience: DirectorySource::PATIENCE,
    };
    let fetcher = DirectoryFetcher::new(source, Box::new(SystemClock), Box::new(OsEntropy));
    fetcher.map(Some).map_err(setup)
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
    match userdb(config) {
        Some(userdb) => Box::new(userdb),
        None => mailboxes(&config.provider),
    }
}

/// Dovecot's user database, if it is the one who knows.
pub(crate) fn userdb(config: &Config) -> Option<DovecotUserdb> {
    let settings = DovecotSettings {
        socket: config.mailboxes.dovecot.clone()?,
        patience: DovecotSettings::PATIENCE,
        cache: UserdbCache::default(),
    };
    Some(DovecotUserdb::new(settings, Box::new(SystemClock)))
}

/// Dovecot.
fn depot(config: &Config) -> Result<LmtpDepot, Error> {
    let depot = LmtpDepot::new(config.lmtp.address.clone(), smtp_settings(config));
    Ok(match lookup(config)? {
        Some(lookup) => depot.looking_first(Box::new(lookup)),
        None => depot,
    })
}

/// Who knows what lies in mailboxes; none: nobody is asked.
pub(crate) fn lookup(config: &Config) -> Result<Option<DoveadmLookup>, Error> {
    let Some(DoveadmConfig { url, key_file }) = &config.lmtp.doveadm else {
        return Ok(None);
    };
    let remedy = "write Dovecot's doveadm_api_key into its first line";
    let text =
        std::fs::read_to_string(key_file).map_err(|error| Error::file(key_file, error, remedy))?;
    match text.lines().next().map(str::trim) {
        Some(key) if !key.is_empty() => Ok(Some(DoveadmLookup::new(url, key))),
        _ => Err(Error::file(key_file, "it is empty", remedy)),
    }
}

/// Postfix's port without milters.
fn relay(config: &Config) -> SmtpRelay {
    SmtpRelay::new(config.injection.address.clone(), smtp_settings(config))
}

fn policy(config: &Config) -> Policy {
    let mut policy = Policy::default();
    policy.retry_first = config.outbox.retry_first;
    policy.retry_most = config.outbox.retry_most;
    policy
}

/// Where everything is remembered.
pub(crate) fn store(config: &Config) -> Result<Store, Error> {
    let StoreConfig {
        folder,
        postgres,
        postgres_roots,
        lease,
    } = &config.store;
    let remedy = "mend what it says, or restore the store from a backup";
    match postgres {
        None => Store::open(folder).map_err(|error| Error::file(folder, error, remedy)),
        Some(url) => {
            let mut options = PostgresOptions::default();
            options.root_certificates.clone_from(postgres_roots);
            options.lease = *lease;
            // Workers, transactions of the milter, and one for whoever watches.
            options.connections = config.limits.workers + TRANSACTIONS + 1;
            let opened = Store::open_postgres(url.reveal(), &options);
            opened.map_err(|error| Error::file(Path::new("store.postgres"), error, remedy))
        }
    }
}

/// Where Postfix finds us.
pub(crate) fn listen(config: &Config, path: &Path) -> Result<Vec<Listen>, Error> {
    let group = match &config.listen.group {
        None => None,
        Some(name) => match Group::from_name(name) {
            Ok(Some(group)) => Some(group.gid.as_raw()),
            Ok(None) | Err(_) => {
                let problem = format!("this machine has no group `{name}`");
                let remedy = "name the group of Postfix's user";
                return Err(Error::field(path, "listen.group", problem, remedy));
            }
        },
    };
    let place = |socket: &Endpoint| match socket {
        Endpoint::Unix(path) => Ok(Listen::Unix {
            path: path.clone(),
            mode: config.listen.mode,
            group,
        }),
        Endpoint::Inet(_) => socket.to_string().parse().map_err(|error| {
            let remedy = "write inet:ADDRESS:PORT, with an address of this machine";
            Error::field(path, "listen.milter", error, remedy)
        }),
    };
    config.listen.milter.iter().map(place).collect()
}

/// How much the milter takes on.
pub(crate) fn limits(config: &Config) -> server::Limits {
    let mut limits = server::Limits::default();
    limits.connections = config.limits.connections;
    limits.octets_in_flight = config.limits.octets_in_flight;
    limits.transactions = TRANSACTIONS;
    limits
}

/// What is wrong with a part, in our words.
fn setup(error: SetupError) -> Error {
    Error::file(Path::new(&error.culprit), error.problem, error.remedy)
}

fn smtp_settings(config: &Config) -> SmtpSettings {
    SmtpSettings {
        // As many as there are workers to use them.
        max_connections: config.limits.workers,
        ..SmtpSettings::named(config.provider.mail_domain.as_str())
    }
}

/// Transactions at a time: see [`server::Limits::transactions`].
const TRANSACTIONS: usize = 16;
const PUBLISHED: &str = "published";
/// Debian's list of authorities (package ca-certificates).
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
