//! What the benchmarks work on: a provider folder, the plug-in, the signer, a message.

#![allow(dead_code, reason = "each benchmark uses its part")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ceralacca_harness::moment::Moment;
use ceralacca_harness::provider::init::NewProvider;
use ceralacca_harness::provider::settings::Settings;
use ceralacca_harness::provider::{DIRECTORY, Folder, KEY, MAIL, OUTBOX};
use ceralacca_harness::running::{self, Surroundings};
use ceralacca_host::provider::{load_plug_in, pec_settings};
use ceralacca_host::{
    EmlFolder, Engine as _, Event, FixedClock, Host, Maildir, NoScanner, OsEntropy, Plugin,
    PluginError, RsaSigner, Signer as _, pec,
};
use tempfile::TempDir;

/// When everything happens.
pub const NOW: u64 = 1_789_825_279;
/// The sender of everything.
pub const SENDER: &str = "anna@pec.alfa.example";
/// The recipient of everything.
pub const RECIPIENT: &str = "bruno@pec.beta.example";

/// One of two providers that know each other, Alfa unless it is said otherwise.
pub struct World {
    /// Removed when the benchmark ends. On a real disk, for the sake of the durable commit.
    pub place: Arc<TempDir>,
    /// The plug-in.
    pub plugin: Plugin,
    /// The provider's settings.
    pub settings: pec::Settings,
    /// The provider's key.
    pub signer: RsaSigner,
    /// Who manages which domain.
    pub providers: HashMap<String, Vec<pec::Provider>>,
    /// Who holds which certificate.
    pub holders: HashMap<String, Vec<pec::Provider>>,
    /// What the plug-in wanted remembered.
    pub memos: RefCell<HashMap<String, Vec<u8>>>,
    /// Revocation lists, for whatever issuer is asked for.
    pub lists: Vec<Vec<u8>>,
}

impl World {
    /// Sets everything up; none if the plug-in was not built.
    pub fn new() -> Option<World> {
        let plugin = match load_plug_in(None) {
            Ok(plugin) => plugin,
            Err(error) => {
                eprintln!("skipped: {error}");
                return None;
            }
        };
        let place = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let alfa = place.path().join("alfa");
        provider("Alfa", "pec.alfa.example", None)
            .create(&alfa)
            .expect("a provider");
        provider("Beta", "pec.beta.example", Some(alfa.clone()))
            .create(&place.path().join("beta"))
            .expect("another provider");
        Some(Self::at(Arc::new(place), "alfa", plugin))
    }

    /// The other provider.
    pub fn beta(&self) -> World {
        Self::at(Arc::clone(&self.place), "beta", self.plugin.clone())
    }

    fn at(place: Arc<TempDir>, name: &str, plugin: Plugin) -> World {
        let folder = Folder::at(&place.path().join(name));
        let settings = Settings::load(&folder).expect("settings");
        let settings = pec_settings(&folder, &settings).expect("certificates");
        let signer = RsaSigner::from_pem_file(&folder.file(KEY)).expect("a key");
        let mut world = World {
            place,
            plugin,
            settings,
            signer,
            providers: HashMap::new(),
            holders: HashMap::new(),
            memos: RefCell::default(),
            lists: Vec::new(),
        };
        world.load_directory(fs::read(folder.file(DIRECTORY)).expect("a directory"));
        world
    }

    /// One submission through the component, questions answered from memory, nothing committed.
    pub fn submit(&self, message: Vec<u8>) -> pec::Outcome {
        self.converse(Event::Submit(submission(message)))
    }

    /// A host on Alfa's folder, durable as in production.
    pub fn host(&self) -> Host {
        host_on(&self.alfa(), &self.plugin)
    }

    /// Alfa's folder.
    pub fn alfa(&self) -> PathBuf {
        self.place.path().join("alfa")
    }

    fn load_directory(&mut self, content: Vec<u8>) {
        let outcome = self.converse(Event::LoadDirectory(pec::DirectoryUpdate { content }));
        for effect in outcome.effects {
            let pec::Effect::InstallDirectory(records) = effect else {
                continue;
            };
            for record in records {
                for hash in &record.provider.certificate_hashes {
                    let holders = self.holders.entry(hash.clone()).or_default();
                    holders.push(record.provider.clone());
                }
                for domain in record.managed_domains {
                    // WIT: answers about domains come without certificates.
                    let provider = pec::Provider {
                        certificates: Vec::new(),
                        ..record.provider.clone()
                    };
                    self.providers.entry(domain).or_default().push(provider);
                }
            }
        }
    }

    /// One transaction through the component, questions answered from memory, nothing committed.
    pub fn converse(&self, event: Event) -> pec::Outcome {
        self.try_converse(event).expect("no fault")
    }

    /// As [`Self::converse`].
    ///
    /// # Errors
    /// The component found fault with the host, trapped, or ran out of its limits.
    pub fn try_converse(&self, event: Event) -> Result<pec::Outcome, PluginError> {
        let context = pec::Context {
            now: NOW,
            entropy: (0..32).collect(),
            settings: self.settings.clone(),
            largest: None,
        };
        let mut dialogue = self.plugin.begin(&context, event)?;
        let mut answers = Vec::new();
        loop {
            match dialogue.advance(std::mem::take(&mut answers))? {
                pec::Step::Done(outcome) => {
                    self.remember(&outcome);
                    return Ok(outcome);
                }
                pec::Step::Ask(questions) => {
                    answers = questions
                        .into_iter()
                        .map(|question| self.answer(question))
                        .collect();
                }
            }
        }
    }

    fn remember(&self, outcome: &pec::Outcome) {
        for effect in &outcome.effects {
            if let pec::Effect::Remember(memo) = effect {
                let mut memos = self.memos.borrow_mut();
                memos.insert(memo.key.clone(), memo.value.clone());
            }
        }
    }

    fn answer(&self, question: pec::Question) -> pec::Answer {
        match question {
            pec::Question::ProviderOfDomain(domain) => pec::Answer::Providers(
                self.providers
                    .get(&domain.to_ascii_lowercase())
                    .cloned()
                    .unwrap_or_default(),
            ),
            pec::Question::Sign(octets) => {
                pec::Answer::Signature(self.signer.sign(&octets).expect("a signature"))
            }
            pec::Question::Scan => pec::Answer::Scanned(pec::ScanVerdict::Clean),
            pec::Question::Usage(_) => pec::Answer::Usage(0),
            pec::Question::Recall(key) => {
                pec::Answer::Recalled(self.memos.borrow().get(&key).cloned())
            }
            pec::Question::ProviderOfCertificate(hash) => {
                pec::Answer::Providers(self.holders.get(&hash).cloned().unwrap_or_default())
            }
            pec::Question::VerifySignature(check) => ceralacca_host::verify_signature(&check),
            pec::Question::RevocationData(_) => pec::Answer::Revocation(self.lists.clone()),
            pec::Question::TakenInCharge(_) => pec::Answer::Recipients(Vec::new()),
            pec::Question::TrackedMessage(_) => pec::Answer::Tracked(None),
            pec::Question::Mailbox(address) => pec::Answer::Mailbox(Some(pec::Mailbox {
                address,
                ordinary_mail: None,
                certified_only: false,
            })),
        }
    }
}

/// A host on a provider's folder, in a process of its own.
pub fn host_of(folder: &Path) -> Host {
    let plugin = load_plug_in(None).expect("the plug-in");
    host_on(folder, &plugin)
}

fn host_on(folder: &Path, plugin: &Plugin) -> Host {
    let folder = Folder::at(folder);
    let surroundings = Surroundings {
        engine: Box::new(plugin.clone()),
        clock: Box::new(Arc::new(FixedClock::new(NOW))),
        entropy: Box::new(OsEntropy),
        depot: Box::new(Maildir::new(folder.file(MAIL))),
        relay: Box::new(EmlFolder::new(folder.file(OUTBOX))),
        scanner: Some(Box::new(NoScanner)),
    };
    let settings = Settings::load(&folder).expect("settings");
    running::host(&folder, settings, surroundings).expect("a host")
}

/// Hands in `message` from the sender to the recipient of everything.
pub fn submission(message: Vec<u8>) -> pec::Submission {
    pec::Submission {
        account: Some(SENDER.to_owned()),
        addresses: vec![SENDER.to_owned()],
        reverse_path: SENDER.to_owned(),
        recipients: vec![RECIPIENT.to_owned()],
        message,
    }
}

/// A plain message of `size` octets or a line more; `number` makes it unlike any other.
pub fn message(size: usize, number: u64) -> Vec<u8> {
    let mut message = format!(
        "From: Anna Rossi <{SENDER}>\r\nTo: Bruno Verdi <{RECIPIENT}>\r\n\
         Subject: Offerta {number}\r\nDate: Sat, 19 Sep 2026 15:41:00 +0200\r\n\
         Message-ID: <{number}@studio.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\r\n"
    )
    .into_bytes();
    message.reserve(size.saturating_sub(message.len()) + LINE.len());
    while message.len() < size {
        message.extend_from_slice(LINE);
    }
    message
}

/// The message of this kind that was made of `original`, whole.
pub fn splice(outcome: &pec::Outcome, kind: &pec::MessageKind, original: &[u8]) -> Vec<u8> {
    let message = outcome.messages.iter().find(|m| m.kind == *kind);
    let message = message.unwrap_or_else(|| panic!("no {kind:?}: {:?}", outcome.reply));
    let mut whole = Vec::new();
    for segment in &message.segments {
        match segment {
            pec::Segment::Bytes(octets) => whole.extend_from_slice(octets),
            pec::Segment::Original(span) => {
                let start = span.start as usize;
                whole.extend_from_slice(&original[start..start + span.length as usize]);
            }
        }
    }
    whole
}

fn provider(name: &str, domain: &str, join: Option<PathBuf>) -> NewProvider {
    NewProvider {
        name: name.to_owned(),
        domains: vec![domain.parse().expect("a domain")],
        mailboxes: Vec::new(),
        join,
        now: Moment(NOW - 86_400),
    }
}

const LINE: &[u8] =
    b"The quick brown fox jumps over the lazy dog and comes back by the same way.\r\n";
