//! A provider folder with a host in it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ceralacca_host::pec;
use ceralacca_host::*;

use super::postgres::{connect, database_of};
use super::toy::{Shared, Toy};
use super::tree::tree;

/// 2026-01-15 10:00 UTC.
pub const NOON: u64 = 1_768_471_200;

/// One provider: a folder, a clock, and a host over them that can be stopped and started.
pub struct Provider {
    pub folder: PathBuf,
    pub clock: Arc<FixedClock>,
    pub toy: Arc<Toy>,
    pub depot: Option<Box<dyn Depot>>,
    pub relay: Option<Box<dyn Relay>>,
    pub scanner: Option<Box<dyn Scanner>>,
    pub directory_file: Option<PathBuf>,
    pub in_memory: bool,
    /// On PostgreSQL, the URL of its database.
    pub database: Option<String>,
    pub options: PostgresOptions,
}

impl Provider {
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            clock: Arc::new(FixedClock::new(NOON)),
            toy: Arc::new(Toy::default()),
            depot: None,
            relay: None,
            scanner: None,
            directory_file: None,
            in_memory: false,
            database: database_of(folder),
            options: PostgresOptions::default(),
        }
    }

    /// Starts a host on the folder. Parts that were set are used up.
    pub fn start(&mut self) -> Host {
        self.try_start().unwrap()
    }

    pub fn try_start(&mut self) -> Result<Host, HostError> {
        Host::new(HostParts {
            engine: Box::new(Shared(self.toy.clone())),
            settings: settings(),
            store: self.open_store()?,
            signer: Box::new(NoKey),
            scanner: self.scanner.take(),
            mailboxes: Box::new(MailboxTable::new([pec::Mailbox {
                address: "Bruno@here.example".to_owned(),
                ordinary_mail: None,
                certified_only: false,
            }])),
            revocation: Box::new(NoRevocationData),
            depot: self
                .depot
                .take()
                .unwrap_or_else(|| Box::new(Maildir::new(self.folder.join("mail")))),
            relay: self
                .relay
                .take()
                .unwrap_or_else(|| Box::new(EmlFolder::new(self.folder.join("outbox")))),
            clock: Box::new(self.clock.clone()),
            entropy: Box::new(SeededEntropy::new("seed")),
            publisher: Box::new(PublishedFolder::new(self.folder.join("published"))),
            directory_file: self.directory_file.clone(),
            policy: Policy::default(),
        })
    }

    /// The store, once more.
    pub fn open_store(&self) -> Result<Store, StoreError> {
        match &self.database {
            _ if self.in_memory => Store::in_memory(),
            Some(url) => Store::open_postgres(url, &self.options),
            None => Store::open(&self.folder),
        }
    }

    /// What the world outside sees.
    pub fn world(&self) -> std::collections::BTreeMap<String, Vec<u8>> {
        let mut files = tree(&self.folder);
        files.retain(|name, _| name.starts_with("mail/") || name.starts_with("outbox/"));
        files
    }

    /// The first lines of the messages in a mailbox, in no order.
    pub fn mailbox(&self, address: &str) -> Vec<String> {
        let mut lines: Vec<String> = tree(&self.folder.join("mail").join(address))
            .values()
            .map(|octets| first_line(octets))
            .collect();
        lines.sort();
        lines
    }

    /// The first lines of the messages that left for the network, in their order.
    pub fn sent(&self) -> Vec<String> {
        tree(&self.folder.join("outbox"))
            .iter()
            .filter(|(name, _)| name.ends_with(".eml"))
            .map(|(_, octets)| first_line(octets))
            .collect()
    }

    /// Executes a statement behind the host's back.
    pub fn tamper(&self, sql: &str) {
        match &self.database {
            Some(url) => connect(url).batch_execute(sql).unwrap(),
            None => rusqlite::Connection::open(self.folder.join("store.sqlite"))
                .unwrap()
                .execute_batch(sql)
                .unwrap(),
        }
    }

    /// How much of the messages is in rows of their own.
    pub fn octets_in_rows(&self) -> i64 {
        self.number("SELECT CAST(sum(length(octets)) AS BIGINT) FROM message")
    }

    /// How many items somebody has claimed that are not ended.
    pub fn claimed(&self) -> i64 {
        self.number("SELECT count(*) FROM outbox WHERE claimed_by IS NOT NULL")
    }

    fn number(&self, sql: &str) -> i64 {
        match &self.database {
            Some(url) => connect(url).query_one(sql, &[]).unwrap().get(0),
            None => rusqlite::Connection::open(self.folder.join("store.sqlite"))
                .unwrap()
                .query_row(sql, [], |row| row.get(0))
                .unwrap(),
        }
    }

    /// The large messages that the store keeps.
    pub fn spool(&self) -> Vec<String> {
        if let Some(url) = &self.database {
            let rows = connect(url).query("SELECT name FROM spool", &[]).unwrap();
            return rows.iter().map(|row| row.get(0)).collect();
        }
        tree(&self.folder.join("spool")).into_keys().collect()
    }
}

/// The scanner is asked between what the plug-in sees and what it decides: the moment for others to be
/// quicker. Does it once.
pub struct Meanwhile(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Meanwhile {
    pub fn scanner(does: impl FnOnce() + Send + 'static) -> Option<Box<dyn Scanner>> {
        Some(Box::new(Self(Mutex::new(Some(Box::new(does))))))
    }
}

impl Scanner for Meanwhile {
    fn scan(&self, _: &mut dyn std::io::Read) -> Result<pec::ScanVerdict, Unavailable> {
        let does = self.0.lock().unwrap().take();
        if let Some(does) = does {
            does();
        }
        Ok(pec::ScanVerdict::Clean)
    }
}

/// Carries out what can be, and gives the story's lines.
pub fn run(host: &Host) -> (OutboxReport, Vec<Progress>) {
    let mut story = Vec::new();
    let report = host.run_outbox(&mut |progress| story.push(progress.clone()));
    (report.unwrap(), story)
}

/// A message from Anna, who is ours.
pub fn submission(recipients: &[&str], message: &[u8]) -> pec::Submission {
    pec::Submission {
        account: Some("anna".to_owned()),
        addresses: vec!["anna@here.example".to_owned()],
        reverse_path: "anna@here.example".to_owned(),
        recipients: recipients.iter().map(|r| (*r).to_owned()).collect(),
        message: message.to_vec(),
    }
}

pub fn arrival(recipients: &[&str], message: &[u8]) -> pec::Arrival {
    pec::Arrival {
        reverse_path: "carla@there.example".to_owned(),
        recipients: recipients.iter().map(|r| (*r).to_owned()).collect(),
        source: pec::ArrivalSource::Encrypted,
        message: message.to_vec(),
    }
}

/// A message that goes into the spool.
pub fn large() -> Vec<u8> {
    (0..60_000)
        .flat_map(|n: u32| format!("{n}\r\n").into_bytes())
        .collect()
}

pub fn settings() -> pec::Settings {
    pec::Settings {
        provider_name: "Toy".to_owned(),
        mail_domain: "here.example".to_owned(),
        service_address: "posta-certificata@here.example".to_owned(),
        service_mailbox: "ricevute@here.example".to_owned(),
        certificates: vec![],
        trust_anchors: vec![],
        directory_signers: vec![],
        limits: pec::MessageLimits {
            max_size: 30_000_000,
            hard_size: 60_000_000,
            max_recipients: 50,
            max_product: 30_000_000,
            daily_recipients: None,
        },
        ordinary_mail: pec::OrdinaryMailPolicy::Refuse,
        revocation: pec::RevocationPolicy::AcceptAndLog,
        forbidden_attachments: vec![],
        internal_server_server_acceptance: false,
        english_copy: false,
        texts: vec![],
    }
}

/// The toy does not look at signatures.
struct NoKey;

impl Signer for NoKey {
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, Unavailable> {
        Ok(octets.to_vec())
    }
}

/// A relay or depot that does as it is told, and notes what it was given.
#[derive(Default)]
pub struct Told {
    pub relays: Mutex<Vec<RelayOutcome>>,
    pub deposits: Mutex<Vec<DepositOutcome>>,
    pub keys: Mutex<Vec<String>>,
    /// The recipients of each relay.
    pub addressed: Mutex<Vec<Vec<String>>>,
}

pub struct ToldParts(pub Arc<Told>);

impl Relay for ToldParts {
    fn relay(&self, item: &RelayItem<'_>) -> RelayOutcome {
        self.0.keys.lock().unwrap().push(item.key.to_owned());
        let recipients = item.recipients.to_vec();
        self.0.addressed.lock().unwrap().push(recipients);
        self.0
            .relays
            .lock()
            .unwrap()
            .pop()
            .unwrap_or(RelayOutcome::Handed)
    }
}

impl Depot for ToldParts {
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
        self.0.keys.lock().unwrap().push(item.key.to_owned());
        self.0
            .deposits
            .lock()
            .unwrap()
            .pop()
            .unwrap_or(DepositOutcome::Stored)
    }
}

fn first_line(octets: &[u8]) -> String {
    let line = octets
        .split(|octet| *octet == b'\r')
        .next()
        .unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}
