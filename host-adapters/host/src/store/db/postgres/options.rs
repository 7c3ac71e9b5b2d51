//! How a connection is made.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::runtime::Builder;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Session;
use crate::StoreError;
use crate::store::db::DbError;
use crate::store::db::error::with_causes;

/// What a provider may choose about a store on PostgreSQL.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// How many connections this host may have. As many as there are threads that take in and
    /// carry out messages at once do not wait for each other; the server's `max_connections`
    /// (100 by default) is for all hosts together. 16.
    pub connections: usize,
    /// PEM file with the certificates that the server's must lead to. With it, connections over
    /// the network are encrypted and the server's name is checked; without it, they are neither,
    /// so only a Unix socket or a network of one's own will do.
    pub root_certificates: Option<PathBuf>,
    /// For how many seconds a claim on an outbox item holds unless renewed: so long do items wait
    /// that a host had in hand when it died. Renewed three times as often. 60.
    pub lease: u32,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 16,
            root_certificates: None,
            lease: crate::store::LEASE,
        }
    }
}

/// Makes connections.
pub(in crate::store) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

/// A configuration has a password in it.
impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place())
    }
}

impl Connector {
    /// # Errors
    /// The URL cannot be read, or the options do not fit it.
    pub(super) fn new(url: &str, options: &PostgresOptions) -> Result<Self, StoreError> {
        // The URL has a password in it, so it is not said which it was.
        let parsed = url.parse().map_err(|error: tokio_postgres::Error| {
            connect_error("postgresql".to_owned(), with_causes(&error))
        });
        let mut this = Self {
            config: parsed?,
            tls: None,
        };
        this.config
            .application_name("ceralacca")
            .connect_timeout(CONNECT)
            // A server that has vanished is noticed, not waited for.
            .keepalives_idle(SILENCE)
            .tcp_user_timeout(SILENCE);
        this.encrypt(options.root_certificates.as_deref())
            .map_err(|text| connect_error(this.place(), text))?;
        Ok(this)
    }

    fn encrypt(&mut self, roots: Option<&Path>) -> Result<(), String> {
        let hosts = self.config.get_hosts();
        let over_network = hosts.iter().any(|host| matches!(host, Host::Tcp(_)));
        match roots {
            None if self.config.get_ssl_mode() == SslMode::Require => {
                Err("sslmode=require needs the file of root certificates as well".to_owned())
            }
            Some(roots) if over_network => {
                // "Prefer" would let whoever is in between say that there is no TLS.
                self.config.ssl_mode(SslMode::Require);
                self.tls = Some(tls(roots)?);
                Ok(())
            }
            // A Unix socket has nobody in between, and no name to check.
            _ => Ok(()),
        }
    }

    /// Server and database, as in `postgresql db.example/pec`.
    pub(super) fn place(&self) -> String {
        let host = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        };
        let hosts: Vec<String> = self.config.get_hosts().iter().map(host).collect();
        let database = self.config.get_dbname().or(self.config.get_user());
        format!(
            "postgresql {}/{}",
            hosts.join(","),
            database.unwrap_or_default()
        )
    }

    pub(super) fn connect(&self) -> Result<Session, DbError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| DbError::Runtime(Arc::new(error)))?;
        let client = runtime.block_on(async {
            let client = match &self.tls {
                Some(tls) => {
                    let (client, connection) = self.config.connect(tls.clone()).await?;
                    tokio::spawn(connection);
                    client
                }
                None => {
                    let (client, connection) = self.config.connect(NoTls).await?;
                    tokio::spawn(connection);
                    client
                }
            };
            client.batch_execute(PROMISES).await?;
            Ok::<_, tokio_postgres::Error>(client)
        })?;
        Ok(Session::new(runtime, client))
    }
}

fn tls(roots: &Path) -> Result<MakeRustlsConnect, String> {
    let failed = |error: &dyn Error| format!("root certificates {}: {error}", roots.display());
    let mut store = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(roots).map_err(|error| failed(&error))? {
        let certificate = certificate.map_err(|error| failed(&error))?;
        store.add(certificate).map_err(|error| failed(&error))?;
    }
    if store.is_empty() {
        return Err(format!(
            "root certificates {}: there is none in it",
            roots.display()
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn connect_error(place: String, text: String) -> StoreError {
    StoreError::Connect {
        place,
        source: text.into(),
    }
}

/// Said on each connection. A commit is durable, also where the server, the database or the role
/// was told otherwise; stronger settings (`remote_apply`) stay. A statement alone has no BEGIN to say
/// how it is isolated, so this does. What is looked for is found by an index
/// where there is one: plans are made when the tables are empty, and kept, and one that reads or sorts
/// all there is would be good for nothing but that. (A plan that cannot do so looks dear, and is not to
/// be compiled for that.) Whoever waits longer for a lock than SQLite's writers would gets an error.
const PROMISES: &str = "
SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') IN ('off', 'local');
SELECT set_config(name, 'off', false)
    FROM (VALUES ('enable_seqscan'), ('enable_bitmapscan'), ('enable_hashjoin'), ('enable_mergejoin'),
        ('jit')) AS planner (name)
    WHERE current_setting(name, true) = 'on';
SET default_transaction_isolation = 'read committed';
SET lock_timeout = '15s';
SET idle_in_transaction_session_timeout = '60s';
";

const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);
