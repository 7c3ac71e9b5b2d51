//! A provider behind a milter server, and what its plug-in is given.

#![allow(dead_code, reason = "each test program uses its part")]

pub mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ceralacca_harness::moment::Moment;
use ceralacca_harness::provider::init::NewProvider;
use ceralacca_harness::provider::settings::Settings;
use ceralacca_host::provider::{load_plug_in, pec_settings};
use ceralacca_host::{
    Clock as _, Dialogue, EmlFolder, Engine, Event, Host, HostParts, MailboxTable, Mailboxes,
    Maildir, NoPublisher, NoRevocationData, NoScanner, OsEntropy, Plugin, PluginError, Policy,
    RsaSigner, Stop, Store, SystemClock, Unavailable, pec,
};
use ceralacca_postfix::server::Limits;
use ceralacca_postfix::{Listen, Server};
use tempfile::TempDir;

pub const DOMAIN: &str = "pec.alfa.example";
pub const ANNA: &str = "anna@pec.alfa.example";
pub const BRUNO: &str = "bruno@pec.alfa.example";
/// Certified, at another provider of the directory.
pub const CARLA: &str = "carla@pec.beta.example";
pub const DARIO: &str = "dario@posta.example";
pub const USERS: &[(&str, &str)] = &[(ANNA, "segreto"), (BRUNO, "segreto")];

/// A provider with two mailboxes, the real plug-in, and a milter server on a Unix socket.
pub struct Rig {
    pub folder: TempDir,
    pub host: Arc<Host>,
    pub watch: Arc<Watch>,
    pub milter: Listen,
    stop: Stop,
    server: Option<JoinHandle<()>>,
}

/// What a test sees and may do between server and plug-in.
#[derive(Default)]
pub struct Watch {
    /// Events that have come, oldest first; of large messages only their beginning.
    pub events: Mutex<Vec<Event>>,
    /// How long the plug-in takes before it begins.
    pub delay: Mutex<Duration>,
    /// The user database cannot be reached.
    pub mailboxes_down: AtomicBool,
}

impl Rig {
    /// None where the plug-in is not built, which the test then says.
    pub fn new() -> Option<Self> {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Limits)) -> Option<Self> {
        Self::listening(None, change)
    }

    /// At another place than a Unix socket in the folder.
    pub fn listening(at: Option<Listen>, change: impl FnOnce(&mut Limits)) -> Option<Self> {
        let plugin = plugin()?;
        let folder = TempDir::new().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        let watch = Arc::<Watch>::default();
        let host = Arc::new(host(folder.path(), plugin, &watch));
        let mut limits = Limits::default();
        change(&mut limits);
        // Postfix connects as another user.
        let socket = Listen::Unix {
            path: folder.path().join("milter.sock"),
            mode: 0o666,
            group: None,
        };
        let listen = [at.unwrap_or(socket)];
        let server = Server::bind(&listen, Arc::new(Arc::clone(&host)), limits).expect("free");
        let milter = server.addresses().next().expect("one").clone();
        let stop = Stop::new();
        let told = stop.clone();
        let server = std::thread::spawn(move || server.run(&told));
        Some(Self {
            folder,
            host,
            watch,
            milter,
            stop,
            server: Some(server),
        })
    }

    /// Carries out what is in the outbox.
    pub fn settle(&self) {
        self.host.run_outbox(&mut |_| {}).expect("the outbox works");
    }

    /// The messages in a mailbox.
    pub fn mailbox(&self, address: &str) -> Vec<String> {
        let folder = self.folder.path().join("mail").join(address).join("new");
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
        files.sort();
        let read = |file: &PathBuf| fs::read(file).expect("it was listed");
        let text = |file| String::from_utf8_lossy(&read(file)).into_owned();
        files.iter().map(text).collect()
    }

    /// What left for the network: by name, envelopes included.
    pub fn sent(&self) -> BTreeMap<String, Vec<u8>> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("outbox")) else {
            return BTreeMap::new();
        };
        entries
            .map(|entry| {
                let entry = entry.expect("an entry");
                let name = entry.file_name().into_string().expect("UTF-8");
                (name, fs::read(entry.path()).expect("it was listed"))
            })
            .collect()
    }

    /// The submissions that reached the plug-in.
    pub fn submissions(&self) -> Vec<pec::Submission> {
        let events = self.watch.events.lock().expect("nobody panics with it");
        let submission = |event: &Event| match event {
            Event::Submit(submission) => Some(submission.clone()),
            _ => None,
        };
        events.iter().filter_map(submission).collect()
    }

    /// The arrivals that reached the plug-in.
    pub fn arrivals(&self) -> Vec<pec::Arrival> {
        let events = self.watch.events.lock().expect("nobody panics with it");
        let arrival = |event: &Event| match event {
            Event::Arrive(arrival) => Some(arrival.clone()),
            _ => None,
        };
        events.iter().filter_map(arrival).collect()
    }

    /// Tells the server to stop.
    pub fn request_stop(&self) {
        self.stop.request();
    }

    /// Waits until the server has stopped.
    pub fn join(&mut self) {
        if let Some(server) = self.server.take() {
            server.join().expect("the server ends well");
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.request();
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

/// A letter that passes the formal checks.
pub fn letter(to: &str, subject: &str) -> String {
    format!(
        "From: {ANNA}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@mua.example>\r\n\
         Date: Wed, 25 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain\r\n\r\nBuongiorno.\r\n"
    )
}

fn plugin() -> Option<Plugin> {
    match load_plug_in(None) {
        Ok(plugin) => Some(plugin),
        Err(error) => {
            assert!(
                std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
                "{error}"
            );
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn host(root: &Path, plugin: Plugin, watch: &Arc<Watch>) -> Host {
    let clock = SystemClock;
    let provider = NewProvider {
        name: "Alfa S.p.A.".to_owned(),
        domains: vec![DOMAIN.parse().expect("a domain")],
        mailboxes: Vec::new(),
        join: None,
        now: Moment(clock.now() - 60),
    };
    let folder = provider.create(&root.join("provider")).expect("a provider");
    // Another one, which is in the directory and nowhere else.
    let beta = NewProvider {
        name: "Beta S.p.A.".to_owned(),
        domains: vec!["pec.beta.example".parse().expect("a domain")],
        join: Some(folder.root().to_owned()),
        ..provider
    };
    beta.create(&root.join("beta")).expect("a provider");
    let settings = Settings::load(&folder).expect("settings");
    let mailbox = |address: &&str| pec::Mailbox {
        address: (*address).to_owned(),
        ordinary_mail: None,
        certified_only: false,
    };
    Host::new(HostParts {
        engine: Box::new(Watched {
            inner: plugin,
            watch: Arc::clone(watch),
        }),
        settings: pec_settings(&folder, &settings).expect("good settings"),
        store: Store::open(root).expect("a store"),
        signer: Box::new(RsaSigner::from_pem_file(&folder.file("key.pem")).expect("a key")),
        scanner: Some(Box::new(NoScanner)),
        mailboxes: Box::new(Moody {
            table: MailboxTable::new([ANNA, BRUNO].iter().map(mailbox)),
            watch: Arc::clone(watch),
        }),
        revocation: Box::new(NoRevocationData),
        depot: Box::new(Maildir::new(root.join("mail"))),
        relay: Box::new(EmlFolder::new(root.join("outbox"))),
        publisher: Box::new(NoPublisher),
        clock: Box::new(clock),
        entropy: Box::new(OsEntropy),
        directory_file: Some(folder.file("directory.ldif")),
        policy: Policy::default(),
    })
    .expect("a host")
}

/// The real plug-in, watched.
struct Watched {
    inner: Plugin,
    watch: Arc<Watch>,
}

impl Engine for Watched {
    fn begin(
        &self,
        context: &pec::Context,
        event: Event,
    ) -> Result<Box<dyn Dialogue>, PluginError> {
        let delay = *self.watch.delay.lock().expect("nobody panics with it");
        std::thread::sleep(delay);
        let small = |message: &[u8]| message[..message.len().min(1 << 20)].to_vec();
        let copy = match &event {
            Event::Submit(submission) => Some(Event::Submit(pec::Submission {
                message: small(&submission.message),
                account: submission.account.clone(),
                addresses: submission.addresses.clone(),
                reverse_path: submission.reverse_path.clone(),
                recipients: submission.recipients.clone(),
            })),
            Event::Arrive(arrival) => Some(Event::Arrive(pec::Arrival {
                message: small(&arrival.message),
                reverse_path: arrival.reverse_path.clone(),
                recipients: arrival.recipients.clone(),
                source: arrival.source,
            })),
            _ => None,
        };
        if let Some(copy) = copy {
            self.watch
                .events
                .lock()
                .expect("nobody panics with it")
                .push(copy);
        }
        self.inner.begin(context, event)
    }

    fn check_settings(&self, settings: &pec::Settings) -> Result<(), PluginError> {
        self.inner.check_settings(settings)
    }

    fn audit(&self, now: u64, dossier: &pec::Dossier) -> Result<Vec<pec::LogFinding>, PluginError> {
        self.inner.audit(now, dossier)
    }
}

/// A user database that can be out of reach.
struct Moody {
    table: MailboxTable,
    watch: Arc<Watch>,
}

impl Mailboxes for Moody {
    fn mailbox(&self, address: &str) -> Result<Option<pec::Mailbox>, Unavailable> {
        if self.watch.mailboxes_down.load(Ordering::SeqCst) {
            return Err(Unavailable("the table is out to lunch".to_owned()));
        }
        self.table.mailbox(address)
    }
}
