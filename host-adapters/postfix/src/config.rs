//! `ceralacca.toml`: who the provider is, and with what it works.
//!
//! The section `provider` is what a provider of the reference host writes into `provider.toml`
//! ([`Settings`]); the others are about this machine. Every field is explained where people meet
//! it, in the example that the package installs (`examples/postfix/ceralacca.toml`). Names of
//! files are relative to the folder of the configuration file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ceralacca_host::provider::settings::MailboxList;
use ceralacca_host::provider::{Error, Fields, Folder, Settings, parse_toml};
use ceralacca_host::{Endpoint, Policy, PostgresOptions};
use serde::Deserialize;

use fields::{endpoint, endpoints, level, mode};

mod fields;

/// All of the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Who the provider is and what it has decided.
    pub provider: Settings,
    /// Where everything is remembered.
    pub store: StoreConfig,
    /// The provider's key, where it is not the PEM file `provider.files.key`.
    #[serde(default)]
    pub signer: SignerConfig,
    /// The virus scanner.
    pub scanner: ScannerConfig,
    /// Where the provider directory comes from, where it does not lie in a file.
    #[serde(default)]
    pub directory: DirectoryConfig,
    /// Who knows which mailboxes there are, where it is not `provider.mailboxes`.
    #[serde(default)]
    pub mailboxes: MailboxesConfig,
    /// Where Postfix finds the milter.
    pub listen: ListenConfig,
    /// Postfix's port without milters.
    pub injection: InjectionConfig,
    /// Dovecot's LMTP.
    pub lmtp: LmtpConfig,
    /// Which Postfix; for `check-config`.
    #[serde(default)]
    pub postfix: PostfixConfig,
    /// Numbers for whoever watches; none: not offered.
    pub metrics: Option<MetricsConfig>,
    /// What goes to stderr, and how.
    #[serde(default)]
    pub log: LogConfig,
    /// What is done again when.
    #[serde(default)]
    pub outbox: OutboxConfig,
    /// How much at once.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// The plug-in, where it is not where the package puts it.
    pub plug_in: Option<PathBuf>,
}

/// Section `store`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StoreConfig {
    /// The spool of large messages, fetched revocation lists, our published record, and, without
    /// `postgres`, the database.
    pub folder: PathBuf,
    /// A database that several hosts share: `postgresql://…`.
    pub postgres: Option<Secret>,
    /// PEM file with what the server's certificate must lead to; none: not encrypted.
    pub postgres_roots: Option<PathBuf>,
    /// See [`PostgresOptions::lease`], in seconds.
    #[serde(default = "lease")]
    pub lease: u32,
}

fn lease() -> u32 {
    PostgresOptions::default().lease
}

/// Section `signer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SignerConfig {
    /// The key is in a module.
    pub pkcs11: Option<Pkcs11Config>,
}

/// Section `signer.pkcs11`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pkcs11Config {
    /// The module's shared library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The private key's label.
    pub key: String,
    /// A file with the PIN in its first line.
    pub pin_file: Option<PathBuf>,
    /// An environment variable with the PIN.
    pub pin_env: Option<String>,
}

/// Section `scanner`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScannerConfig {
    /// clamd's socket; none needs `none = true`.
    #[serde(default, deserialize_with = "endpoint::optional")]
    pub clamd: Option<Endpoint>,
    /// What becomes of messages while it is down.
    #[serde(default)]
    pub when_down: WhenDown,
    /// Yes, there is no scanner.
    #[serde(default)]
    pub none: bool,
}

/// What becomes of messages while the scanner is down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenDown {
    /// They wait.
    #[default]
    Defer,
    /// They pass.
    Accept,
}

/// Section `directory`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DirectoryConfig {
    /// Where it is fetched once a day, into `provider.files.directory`.
    pub url: Option<String>,
    /// The client certificate for that, PEM, with its chain.
    pub client_certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub client_key: Option<PathBuf>,
    /// Whom to trust there, PEM; none: the system's list.
    pub roots: Option<PathBuf>,
}

/// Section `mailboxes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MailboxesConfig {
    /// Dovecot's socket `auth-userdb`.
    #[serde(default, deserialize_with = "endpoint::optional")]
    pub dovecot: Option<Endpoint>,
}

/// Section `listen`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ListenConfig {
    /// One socket or more.
    #[serde(deserialize_with = "endpoints")]
    pub milter: Vec<Endpoint>,
    /// The group that Unix sockets get; none: that of this process.
    pub group: Option<String>,
    /// Their mode, as `chmod` takes it.
    #[serde(default = "mode::usual", deserialize_with = "mode::read")]
    pub mode: u32,
}

/// Section `injection`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct InjectionConfig {
    /// Its address.
    #[serde(deserialize_with = "endpoint::read")]
    pub address: Endpoint,
}

/// Section `lmtp`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LmtpConfig {
    /// Its address.
    #[serde(deserialize_with = "endpoint::read")]
    pub address: Endpoint,
    /// Who knows whether a message lies in a mailbox, before a deposit is repeated.
    pub doveadm: Option<DoveadmConfig>,
}

/// Section `lmtp.doveadm`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DoveadmConfig {
    /// The root of Dovecot's HTTP interface: `http://127.0.0.1:8080`.
    pub url: String,
    /// A file with `doveadm_api_key` in its first line.
    pub key_file: PathBuf,
}

/// Section `postfix`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PostfixConfig {
    /// The folder of main.cf; none: the system's.
    pub config_directory: Option<PathBuf>,
}

/// Section `metrics`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MetricsConfig {
    /// A loopback address, port 0 for any: nobody is asked for a password there.
    pub address: SocketAddr,
}

/// Section `log`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LogConfig {
    /// For people or for programs.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or what `RUST_LOG` may hold.
    #[serde(deserialize_with = "level")]
    pub level: String,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// A line of words.
    #[default]
    Text,
    /// A JSON object on a line.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: "info".to_owned(),
        }
    }
}

/// Section `outbox`: what did not work is tried again, in ever longer intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct OutboxConfig {
    /// See [`Policy::retry_first`], in seconds.
    pub retry_first: u64,
    /// See [`Policy::retry_most`], in seconds.
    pub retry_most: u64,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            retry_first: policy.retry_first,
            retry_most: policy.retry_most,
        }
    }
}

/// Section `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Connections of Postfix at a time; further ones wait to be accepted.
    pub connections: usize,
    /// Octets of messages on their way in at a time; further ones are answered 4xx.
    pub octets_in_flight: usize,
    /// Items of the outbox at a time.
    pub workers: usize,
}

impl Default for LimitsConfig {
    /// Connections: ten times what Postfix opens by itself (`default_process_limit` is 100).
    /// Octets: four messages of the largest size. Workers: as many as Postfix opens connections to
    /// one destination by itself. An item mostly waits for disks, its commit's and Dovecot's, and the
    /// more wait together, the more share one turn of them.
    fn default() -> Self {
        Self {
            connections: 1000,
            octets_in_flight: 512 * 1024 * 1024,
            workers: 20,
        }
    }
}

/// Text that must not be shown: a database address may hold a password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// For whom it is meant.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// One sentence: file, line, field, what is wrong, what to do.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let remedy =
                "name the configuration with --config FILE, readable by the service's user";
            Error::file(path, error, remedy)
        })?;
        Self::parse(&text, path)
    }

    /// Reads its text; `path` is for errors, and where relative names begin.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let mut config: Self = parse_toml(text, path, REMEDY)?;
        config.provider.check(Fields::under(path, "provider"))?;
        config.check(Fields::of(path))?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// What no single field shows.
    fn check(&self, fields: Fields<'_>) -> Result<(), Error> {
        let Self {
            scanner,
            signer,
            directory,
            ..
        } = self;
        if scanner.clamd.is_none() != scanner.none {
            let (problem, remedy) = match scanner.none {
                true => ("there is a scanner", "remove the line, or `clamd`"),
                false => (
                    "there is none (RFC 6109 §3.1.3 wants one)",
                    "write clamd = \"unix:/run/clamav/clamd.ctl\", or none = true to do without",
                ),
            };
            return Err(fields.error(
                if scanner.none {
                    "scanner.none"
                } else {
                    "scanner.clamd"
                },
                problem,
                remedy,
            ));
        }
        if let Some(pkcs11) = &signer.pkcs11
            && pkcs11.pin_file.is_some() == pkcs11.pin_env.is_some()
        {
            let remedy = "write one of pin-file and pin-env";
            return Err(fields.error("signer.pkcs11", "the PIN must come from one place", remedy));
        }
        if directory.client_certificate.is_some() != directory.client_key.is_some() {
            let remedy = "write both client-certificate and client-key, or none";
            return Err(fields.error("directory", "a certificate needs its key", remedy));
        }
        if directory.url.is_none() && *directory != DirectoryConfig::default() {
            let remedy = "write url = \"https://…\", or remove the section";
            return Err(fields.error("directory.url", "there is none to fetch from", remedy));
        }
        if let Some(metrics) = &self.metrics
            && !metrics.address.ip().is_loopback()
        {
            let problem = format!("{} can be reached from elsewhere", metrics.address);
            let remedy = "use 127.0.0.1:PORT, and a proxy that asks who is there";
            return Err(fields.error("metrics.address", problem, remedy));
        }
        if self.listen.milter.is_empty() {
            let remedy = "write milter = [\"unix:/var/spool/postfix/pec/milter.sock\"]";
            return Err(fields.error("listen.milter", "there is none", remedy));
        }
        for (field, number) in [
            ("limits.connections", self.limits.connections),
            ("limits.workers", self.limits.workers),
        ] {
            if number == 0 {
                return Err(fields.error(field, "nothing could be done", "write at least 1"));
            }
        }
        let OutboxConfig {
            retry_first,
            retry_most,
        } = self.outbox;
        if retry_first == 0 {
            let problem = "a server that is down would be asked without a pause";
            return Err(fields.error("outbox.retry-first", problem, "write at least 1"));
        }
        if retry_most < retry_first {
            let problem = format!("it is less than retry-first, {retry_first}");
            return Err(fields.error("outbox.retry-most", problem, "write at least that"));
        }
        if self.store.lease < LEASE_LEAST {
            let problem = "another host could take over what this one is doing";
            let remedy = format!("write at least {LEASE_LEAST}");
            return Err(fields.error("store.lease", problem, remedy));
        }
        if (self.limits.octets_in_flight as u64) < self.provider.limits.hard_size {
            let problem = format!(
                "a message may have {} octets",
                self.provider.limits.hard_size
            );
            let remedy = "write at least that, or lower provider.limits.hard-size";
            return Err(fields.error("limits.octets-in-flight", problem, remedy));
        }
        Ok(())
    }

    /// Are the mailboxes any address at all? Right for trying things out only.
    pub fn takes_any_mailbox(&self) -> bool {
        self.mailboxes.dovecot.is_none() && self.provider.mailboxes == MailboxList::Any
    }

    /// The names that relative ones of `provider.files` begin with.
    pub fn folder(path: &Path) -> Folder {
        Folder::at(path.parent().unwrap_or(Path::new("")))
    }

    fn resolve(&mut self, folder: &Path) {
        let pkcs11 = self.signer.pkcs11.as_mut();
        let files = [
            Some(&mut self.store.folder),
            self.store.postgres_roots.as_mut(),
            self.plug_in.as_mut(),
            self.postfix.config_directory.as_mut(),
            self.directory.client_certificate.as_mut(),
            self.directory.client_key.as_mut(),
            self.directory.roots.as_mut(),
            self.lmtp
                .doveadm
                .as_mut()
                .map(|doveadm| &mut doveadm.key_file),
        ];
        let of_pkcs11 = pkcs11.into_iter().flat_map(|pkcs11| {
            [Some(&mut pkcs11.module), pkcs11.pin_file.as_mut()]
                .into_iter()
                .flatten()
        });
        for file in files.into_iter().flatten().chain(of_pkcs11) {
            *file = folder.join(&*file);
        }
    }
}

const REMEDY: &str =
    "the comments in /usr/share/doc/ceralacca-postfix/examples/ceralacca.toml explain it";

/// Seconds. It is renewed three times as often, and a renewal may have to wait for a lock (15 s) or
/// for a server that has vanished (30 s).
const LEASE_LEAST: u32 = 30;
