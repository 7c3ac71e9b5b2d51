//! A small PEC world in simulated time: two providers, Alfa and Beta, a network between them,
//! and people with mailboxes. All decisions go through the component; nothing is mocked but the
//! wire and the mailboxes, which remember what they got.

#![allow(dead_code, reason = "each story uses the part of the world it needs")]

pub mod cms;
pub mod forgery;
pub mod mail;
pub mod oracles;
mod post;
pub mod verdicts;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ceralacca_harness::moment::Moment;
use ceralacca_harness::provider::Folder;
use ceralacca_harness::provider::init::NewProvider;
use ceralacca_harness::provider::settings::{OrdinaryMail, Settings};
use ceralacca_harness::running::{self, Surroundings};
use ceralacca_host::provider::{Address, Domain};
use ceralacca_host::{Committed, FixedClock, Host, Limits, Plugin, SeededEntropy, pec};

pub use post::{Deposited, Letter};
use post::{Post, Shared};

pub const ANNA: &str = "anna@pec.alfa.example";
pub const ALDO: &str = "aldo@pec.alfa.example";
pub const BRUNO: &str = "bruno@pec.beta.example";
pub const CARLA: &str = "carla@pec.beta.example";
pub const DARIO: &str = "dario@posta.example";

/// 2026-09-19T13:41:19Z: the second that PRACTICE 6 shows as 15:41:19 (+0200).
pub const START: u64 = 1_789_825_279;

/// Two providers and what lies between them.
pub struct World {
    pub clock: Arc<FixedClock>,
    pub alfa: Station,
    pub beta: Station,
    /// What left for neither provider: the rest of the Internet.
    pub outside: Vec<Letter>,
    /// Letters in flight are held back while this is set.
    pub network_down: bool,
    folder: tempfile::TempDir,
}

/// One provider.
pub struct Station {
    pub host: Host,
    pub folder: Folder,
    settings: Settings,
    seed: String,
    post: Arc<Post>,
}

/// How a world differs from the usual one.
#[derive(Default)]
pub struct Difference<'a> {
    /// Changes Alfa's settings.
    pub alfa: Option<&'a dyn Fn(&mut Settings)>,
    /// Changes Beta's settings.
    pub beta: Option<&'a dyn Fn(&mut Settings)>,
}

impl World {
    /// The usual world. None where the component is missing, which the caller's test says.
    pub fn new() -> Option<Self> {
        Self::with(Difference::default())
    }

    pub fn with(difference: Difference<'_>) -> Option<Self> {
        plugin()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = |domain: &str| folder.path().join(domain);
        let (alfas, betas) = ("pec.alfa.example", "pec.beta.example");
        let alfa = found("Alfa S.p.A.", alfas, None, &place(alfas));
        found("Beta S.p.A.", betas, Some(&alfa), &place(betas));
        Some(Self::open(folder, difference))
    }

    /// Another world with the same keys, certificates and settings, in which nothing has
    /// happened yet.
    pub fn twin(&self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for domain in ["pec.alfa.example", "pec.beta.example"] {
            let (from, to) = (self.folder.path().join(domain), folder.path().join(domain));
            std::fs::create_dir(&to).expect("a folder");
            for name in [
                "provider.toml",
                "key.pem",
                "certificate.pem",
                "roots.pem",
                "directory.ldif",
            ] {
                std::fs::copy(from.join(name), to.join(name)).expect("a copy");
            }
        }
        Self::open(folder, Difference::default())
    }

    fn open(folder: tempfile::TempDir, difference: Difference<'_>) -> Self {
        let plugin = plugin().expect("the component was there before");
        let clock = Arc::new(FixedClock::new(START));
        let station = |domain: &str, change: Option<&dyn Fn(&mut Settings)>| {
            let provider = Folder::at(&folder.path().join(domain));
            let mut settings = Settings::load(&provider).expect("settings");
            if let Some(change) = change {
                change(&mut settings);
            }
            Station::open(
                provider,
                settings,
                plugin.clone(),
                Arc::clone(&clock),
                domain,
            )
        };
        Self {
            alfa: station("pec.alfa.example", difference.alfa),
            beta: station("pec.beta.example", difference.beta),
            clock,
            outside: Vec::new(),
            network_down: false,
            folder,
        }
    }

    /// Beta stops, and starts again on the same folder with other settings.
    pub fn reopen_beta(&mut self, change: &dyn Fn(&mut Settings)) {
        let folder = self.beta.folder.clone();
        let mut settings = Settings::load(&folder).expect("settings");
        change(&mut settings);
        self.beta = Station::open(
            folder,
            settings,
            plugin().expect("the component was there before"),
            Arc::clone(&self.clock),
            "pec.beta.example",
        );
    }

    /// Anna, or whoever `from` is, hands her provider a message; then everything runs until
    /// nothing is in flight.
    pub fn submit(&mut self, from: &str, to: &[&str], message: impl AsRef<[u8]>) -> Committed {
        let committed = self.station(from).submit(from, to, message.as_ref());
        self.settle();
        committed
    }

    /// Anna's envelope for Bruno on the wire: it has not arrived.
    pub fn catch(&mut self, message: impl AsRef<[u8]>) -> Vec<u8> {
        self.network_down = true;
        let _ = self.submit(ANNA, &[BRUNO], message);
        let mut letters = self.alfa.letters().into_iter();
        let envelope = letters.find(|l| l.kind == pec::MessageKind::TransportEnvelope);
        self.network_down = false;
        envelope.expect("an envelope").octets
    }

    /// A message from the Internet.
    pub fn arrive(&mut self, from: &str, to: &[&str], message: impl AsRef<[u8]>) -> Committed {
        let committed = self.station(to[0]).arrive(from, to, message.as_ref());
        self.settle();
        committed
    }

    /// A third provider of the same directory, of which everybody has heard. It does nothing.
    pub fn join(&mut self, name: &str, domain: &str) -> Folder {
        let place = self.folder.path().join(domain);
        let gamma = found(name, domain, Some(&self.alfa.folder), &place);
        self.publish(str::to_owned);
        gamma
    }

    /// The directory as Alfa has it, changed, comes into force everywhere.
    pub fn publish(&mut self, change: impl FnOnce(&str) -> String) {
        let file = self.alfa.folder.file("directory.ldif");
        let ldif = change(&std::fs::read_to_string(file).expect("a directory"));
        for station in [&self.alfa, &self.beta] {
            std::fs::write(station.folder.file("directory.ldif"), &ldif).expect("a file");
            let loaded = station.host.load_directory(ldif.clone().into_bytes());
            loaded.expect("a good directory");
        }
    }

    /// Lets outboxes and network run until nothing moves.
    pub fn settle(&mut self) {
        loop {
            self.alfa.run();
            self.beta.run();
            if self.network_down {
                return;
            }
            let Some(letter) = self.alfa.post.take().or_else(|| self.beta.post.take()) else {
                return;
            };
            let of = |domain: &str| -> Vec<String> {
                let ours = |r: &&String| r.ends_with(&format!("@{domain}"));
                letter.recipients.iter().filter(ours).cloned().collect()
            };
            for (station, domain) in [
                (&self.alfa, "pec.alfa.example"),
                (&self.beta, "pec.beta.example"),
            ] {
                let recipients = of(domain);
                if !recipients.is_empty() {
                    let to: Vec<&str> = recipients.iter().map(String::as_str).collect();
                    let reply = station
                        .arrive(&letter.reverse_path, &to, &letter.octets)
                        .reply;
                    assert_eq!(reply.code, 250, "{reply:?} to {:?}", letter.kind);
                }
            }
            let rest: Vec<String> = letter
                .recipients
                .iter()
                .filter(|r| !r.ends_with("@pec.alfa.example") && !r.ends_with("@pec.beta.example"))
                .cloned()
                .collect();
            if !rest.is_empty() {
                self.outside.push(Letter {
                    recipients: rest,
                    ..letter
                });
            }
        }
    }

    /// Both hosts end and begin again on their stores; mailboxes and network stay.
    pub fn restart(self) -> Self {
        let Self {
            alfa, beta, clock, ..
        } = self;
        Self {
            alfa: alfa.reopen(&clock),
            beta: beta.reopen(&clock),
            clock,
            ..self
        }
    }

    /// Time passes for both; ticks run, then mail.
    pub fn pass(&mut self, seconds: u64) {
        self.clock.advance(seconds);
        self.tick();
    }

    pub fn tick(&mut self) {
        for station in [&self.alfa, &self.beta] {
            station.host.tick(&mut |_| {}).expect("a tick");
        }
        self.settle();
    }

    pub fn station(&self, address: &str) -> &Station {
        if address.ends_with("@pec.alfa.example") {
            &self.alfa
        } else {
            &self.beta
        }
    }

    /// What lies in a mailbox, in order.
    pub fn mailbox(&self, address: &str) -> Vec<Deposited> {
        let mailboxes = self.station(address).post.mailboxes.lock().unwrap();
        mailboxes
            .iter()
            .filter(|d| d.mailbox.eq_ignore_ascii_case(address))
            .cloned()
            .collect()
    }

    /// The kinds in a mailbox, in the words of the wit.
    pub fn kinds(&self, address: &str) -> Vec<String> {
        self.mailbox(address)
            .iter()
            .map(|d| ceralacca_host::kind_name(&d.kind).into())
            .collect()
    }

    pub fn roots(&self) -> PathBuf {
        self.alfa.folder.file("roots.pem")
    }

    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }
}

/// Makes a provider's folder at `place`.
fn found(name: &str, domain: &str, join: Option<&Folder>, place: &Path) -> Folder {
    let new = NewProvider {
        name: name.to_owned(),
        domains: vec![domain.parse::<Domain>().expect("a domain")],
        mailboxes: Vec::new(),
        join: join.map(|other| other.root().to_owned()),
        // Certificates begin a day earlier, as certificates do.
        now: Moment(START - 86_400),
    };
    new.create(place).expect("a provider folder")
}

impl Station {
    fn open(
        folder: Folder,
        settings: Settings,
        plugin: Plugin,
        clock: Arc<FixedClock>,
        seed: &str,
    ) -> Self {
        Self::open_with(folder, settings, plugin, clock, seed, Arc::default())
    }

    /// The same provider after its host has ended.
    fn reopen(self, clock: &Arc<FixedClock>) -> Self {
        let Self {
            host,
            folder,
            settings,
            seed,
            post,
        } = self;
        drop(host);
        let plugin = plugin().expect("the component was there before");
        Self::open_with(folder, settings, plugin, Arc::clone(clock), &seed, post)
    }

    fn open_with(
        folder: Folder,
        settings: Settings,
        plugin: Plugin,
        clock: Arc<FixedClock>,
        seed: &str,
        post: Arc<Post>,
    ) -> Self {
        let surroundings = Surroundings {
            engine: Box::new(plugin),
            clock: Box::new(clock),
            entropy: Box::new(SeededEntropy::new(seed)),
            depot: Box::new(Shared(Arc::clone(&post))),
            relay: Box::new(Shared(Arc::clone(&post))),
            scanner: Some(Box::new(Shared(Arc::clone(&post)))),
        };
        let host = running::host(&folder, settings.clone(), surroundings).expect("a host");
        Self {
            host,
            folder,
            settings,
            seed: seed.to_owned(),
            post,
        }
    }

    pub fn submit(&self, from: &str, to: &[&str], message: &[u8]) -> Committed {
        self.host.submit(pec::Submission {
            account: Some(from.to_owned()),
            addresses: vec![from.to_owned()],
            reverse_path: from.to_owned(),
            recipients: to.iter().map(|r| (*r).to_owned()).collect(),
            message: message.to_vec(),
        })
    }

    /// From another server, over TLS.
    pub fn arrive(&self, from: &str, to: &[&str], message: &[u8]) -> Committed {
        self.arrive_by(pec::ArrivalSource::Encrypted, from, to, message)
    }

    pub fn arrive_by(
        &self,
        source: pec::ArrivalSource,
        from: &str,
        to: &[&str],
        message: &[u8],
    ) -> Committed {
        self.host.arrive(pec::Arrival {
            reverse_path: from.to_owned(),
            recipients: to.iter().map(|r| (*r).to_owned()).collect(),
            source,
            message: message.to_vec(),
        })
    }

    pub fn run(&self) {
        self.host.run_outbox(&mut |_| {}).expect("the outbox runs");
    }

    /// From now on this mailbox is full.
    pub fn fill(&self, mailbox: &str) {
        self.post.full.lock().unwrap().push(mailbox.to_owned());
    }

    /// From now on the network refuses this recipient for good.
    pub fn refuse(&self, recipient: &str) {
        self.post.refused.lock().unwrap().push(recipient.to_owned());
    }

    /// From now on this domain does not exist in DNS.
    pub fn lose(&self, domain: &str) {
        self.cut_off(domain, "", "Host or domain name not found", true);
    }

    /// From now on nothing reaches this domain; what the mail server says.
    pub fn cut_off(&self, domain: &str, status: &str, text: &str, no_such_domain: bool) {
        let failure = pec::Failure {
            status: status.to_owned(),
            code: 0,
            text: text.to_owned(),
            no_such_domain,
        };
        let mut unreachable = self.post.unreachable.lock().unwrap();
        unreachable.push((domain.to_owned(), failure));
    }

    /// From now on messages with these octets are infected.
    pub fn infect(&self, octets: &[u8], name: &str) {
        *self.post.virus.lock().unwrap() = Some((octets.to_vec(), name.to_owned()));
    }

    /// Letters that wait for the network, taken out.
    pub fn letters(&self) -> Vec<Letter> {
        self.post.sent.lock().unwrap().drain(..).collect()
    }

    /// What the host says of a message, with no effect: judged at its signing time.
    pub fn examine(&self, message: &[u8]) -> pec::Finding {
        self.examine_at(message, None)
    }

    pub fn examine_at(&self, message: &[u8], at: Option<u64>) -> pec::Finding {
        let message = message.to_vec();
        let contents = None;
        let examination = pec::Examination {
            message,
            at,
            contents,
        };
        self.host.examine(examination).expect("a finding")
    }

    /// The rows of a look into the store; None where sqlite3 is not here.
    pub fn query(&self, sql: &str) -> Option<Vec<Vec<String>>> {
        oracles::sqlite_rows(&self.folder.file("store.sqlite"), sql)
    }

    pub fn events(&self, pec_id: &str) -> Vec<String> {
        let status = self.host.status(Some(pec_id)).expect("a status");
        status
            .iter()
            .flat_map(|m| m.log.iter().map(|row| row.event.clone()))
            .collect()
    }
}

/// The component, compiled once per process and cached between them.
pub fn plugin() -> Option<Plugin> {
    static PLUGIN: OnceLock<Option<Plugin>> = OnceLock::new();
    PLUGIN
        .get_or_init(|| {
            let file = component()?;
            let cache = file.with_file_name("component-cache");
            Some(Plugin::load(&file, Some(&cache), Limits::default()).expect("the component loads"))
        })
        .clone()
}

/// Where `make component` puts it.
fn component() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    let file = target.join("ceralacca.component.wasm");
    if file.is_file() {
        return Some(file);
    }
    oracles::missing("the component (run `make component`)");
    None
}

/// Anna's envelope for Bruno, caught on the wire.
pub fn caught() -> Option<(World, Vec<u8>)> {
    let mut world = World::new()?;
    let envelope = world.catch(mail::letter(ANNA, BRUNO, "Raccomandata"));
    Some((world, envelope))
}

/// A world in which every mailbox of Beta takes ordinary mail.
pub fn tolerant() -> Option<World> {
    let accept = |s: &mut Settings| s.ordinary_mail = OrdinaryMail::Accept;
    World::with(Difference {
        beta: Some(&accept),
        ..Default::default()
    })
}

/// The codes of a finding's defects.
pub fn codes(finding: &pec::Finding) -> Vec<&str> {
    finding.defects.iter().map(|d| d.code.as_str()).collect()
}

/// An address, checked by the harness.
pub fn address(text: &str) -> Address {
    text.parse().expect("an address")
}
