//! Conversations of two real providers with the native core, written down call by call.

use std::collections::HashMap;
use std::path::Path;

use ceralacca::directory::ProviderRecord;
use ceralacca::event::Context;
use ceralacca::ids::PecId;
use ceralacca::instant::Instant;
use ceralacca::log_register::{Dossier, LogRow};
use ceralacca::outcome::{Effect, LogEntry, MessageKind, Outcome};
use ceralacca::question::{
    Answer, Mailbox, OrdinaryMailPolicy, Question, ScanVerdict, TrackedMessage,
};
use ceralacca::settings::{MessageLimits, RevocationPolicy, Settings};
use ceralacca::values::{self, Value};
use ceralacca::{Fault, Step, Transaction};
use ceralacca_harness::moment::Moment;
use ceralacca_harness::provider::Folder;
use ceralacca_harness::provider::init::NewProvider;
use ceralacca_host::provider::certificates;
use ceralacca_host::{RsaSigner, Signer as _};
use serde::Serialize;

use super::value::map;

/// 2026-09-19T13:41:19Z.
pub const START: u64 = 1_789_825_279;

/// One call: what went in, and what the core said.
pub struct Exchange {
    /// The story's name for the conversation.
    pub name: &'static str,
    /// The function, as the Extism face has it.
    pub function: &'static str,
    pub asked: Value,
    pub answered: Result<Value, Fault>,
}

/// Writes down what is said.
#[derive(Default)]
pub struct Recorder {
    pub exchanges: Vec<Exchange>,
    /// How many conversations have begun.
    pub begun: u64,
}

/// A conversation that has begun.
pub struct Standing {
    name: &'static str,
    number: u64,
    transaction: Transaction,
    said: Result<Step, Fault>,
}

impl Standing {
    /// What the core said last.
    pub fn said(&self) -> Result<&Step, &Fault> {
        self.said.as_ref()
    }

    /// The outcome, when it has come to one.
    pub fn outcome(self) -> Option<Outcome> {
        match self.said {
            Ok(Step::Done(outcome)) => Some(*outcome),
            _ => None,
        }
    }
}

impl Recorder {
    /// A conversation from its event to its outcome, or to the first fault.
    pub fn converse<E: Clone + Serialize>(
        &mut self,
        call: (&'static str, &'static str),
        begin: impl FnOnce(Context, E) -> Transaction,
        (context, event): (Context, E),
        answer: impl Fn(Question) -> Answer,
    ) -> Option<Outcome> {
        let transaction = begin(context.clone(), event.clone());
        let mut standing = self.begin(call, transaction, (&context, &event));
        while let Ok(Step::Ask(questions)) = standing.said() {
            let answers = questions.iter().cloned().map(&answer).collect();
            self.advance(&mut standing, answers);
        }
        standing.outcome()
    }

    /// Begins, and takes the first step.
    pub fn begin<E: Serialize>(
        &mut self,
        (name, function): (&'static str, &'static str),
        mut transaction: Transaction,
        (context, event): (&Context, &E),
    ) -> Standing {
        let asked = map([
            ("context", values::write(context)),
            ("event", values::write(event)),
        ]);
        let said = transaction.advance(Vec::new());
        // One that is refused has no number.
        self.begun += u64::from(said.is_ok());
        let standing = Standing {
            name,
            number: self.begun,
            transaction,
            said,
        };
        self.note(&standing, function, asked);
        standing
    }

    /// One `advance` with these answers, whatever they are.
    pub fn advance(&mut self, standing: &mut Standing, answers: Vec<Answer>) {
        let asked = map([
            ("transaction", Value::U64(standing.number)),
            ("answers", values::write(&answers)),
        ]);
        let said = standing.transaction.advance(answers);
        let refused = matches!(said, Err(Fault::WrongAnswers(_)));
        let before = std::mem::replace(&mut standing.said, said);
        self.note(standing, "advance", asked);
        if refused {
            // The questions still stand.
            standing.said = before;
        }
    }

    /// A call that begins no conversation.
    pub fn call(
        &mut self,
        (name, function): (&'static str, &'static str),
        asked: Value,
        said: Result<Value, Fault>,
    ) {
        self.exchanges.push(Exchange {
            name,
            function,
            asked,
            answered: said,
        });
    }

    fn note(&mut self, standing: &Standing, function: &'static str, asked: Value) {
        let answered = match &standing.said {
            Ok(step) => Ok(map([
                ("step", values::write(step)),
                ("transaction", Value::U64(standing.number)),
            ])),
            Err(fault) => Err(fault.clone()),
        };
        self.exchanges.push(Exchange {
            name: standing.name,
            function,
            asked,
            answered,
        });
    }
}

/// A provider without a store: what it must remember it keeps in memory.
pub struct Station {
    pub context: Context,
    pub folder: Folder,
    signer: RsaSigner,
    directory: Vec<ProviderRecord>,
    tracked: HashMap<PecId, TrackedMessage>,
    memory: HashMap<String, Vec<u8>>,
    entropy: u8,
    log: Vec<LogEntry>,
}

impl Station {
    /// A provider with certificates of a test authority, in the directory of `join` where given.
    pub fn found(name: &str, domain: &str, join: Option<&Station>, place: &Path) -> Self {
        let new = NewProvider {
            name: name.to_owned(),
            domains: vec![domain.parse().expect("a domain")],
            mailboxes: Vec::new(),
            join: join.map(|other| other.folder.root().to_owned()),
            now: Moment(START - 86_400),
        };
        let folder = new.create(&place.join(domain)).expect("a provider folder");
        let certificates = |name| certificates(&folder, name).expect("certificates");
        let settings = Settings {
            provider_name: name.to_owned(),
            mail_domain: domain.to_owned(),
            service_address: format!("posta-certificata@{domain}"),
            service_mailbox: format!("ricevute@{domain}"),
            certificates: certificates("certificate.pem"),
            trust_anchors: certificates("roots.pem"),
            directory_signers: Vec::new(),
            limits: MessageLimits {
                max_size: 30_000_000,
                hard_size: 100_000_000,
                max_recipients: 50,
                max_product: 30_000_000,
                daily_recipients: Some(1_000),
            },
            ordinary_mail: OrdinaryMailPolicy::Accept,
            revocation: RevocationPolicy::AcceptAndLog,
            forbidden_attachments: vec!["exe".to_owned()],
            internal_server_server_acceptance: true,
            english_copy: true,
            texts: Vec::new(),
        };
        let signer = RsaSigner::from_pem_file(&folder.file("key.pem")).expect("a key");
        Self {
            context: Context {
                now: instant(START),
                entropy: Vec::new(),
                settings,
                largest: None,
            },
            folder,
            signer,
            directory: Vec::new(),
            tracked: HashMap::new(),
            memory: HashMap::new(),
            entropy: 0,
            log: Vec::new(),
        }
    }

    /// The directory file as it is now.
    pub fn ldif(&self) -> Vec<u8> {
        std::fs::read(self.folder.file("directory.ldif")).expect("a directory")
    }

    /// The context of the next event.
    pub fn context(&mut self, now: u64) -> Context {
        self.entropy += 1;
        Context {
            now: instant(now),
            entropy: vec![self.entropy; 32],
            ..self.context.clone()
        }
    }

    /// Answers as a host would; the core verifies signatures itself.
    pub fn answer(&self, question: Question, message: &[u8]) -> Answer {
        let providers = |with: &dyn Fn(&&ProviderRecord) -> bool| {
            let found = self.directory.iter().filter(with);
            found
                .map(|record| record.provider.clone())
                .collect::<Vec<_>>()
        };
        match question {
            Question::ProviderOfDomain(domain) => {
                let mut found = providers(&|record| record.managed_domains.contains(&domain));
                found.iter_mut().for_each(|p| p.certificates.clear());
                Answer::Providers(found)
            }
            Question::ProviderOfCertificate(hash) => Answer::Providers(providers(&|record| {
                record.provider.certificate_hashes.contains(&hash)
            })),
            Question::RevocationData(_) => Answer::Revocation(Vec::new()),
            Question::TrackedMessage(id) => Answer::Tracked(self.tracked.get(&id).cloned()),
            Question::TakenInCharge(_) => Answer::Recipients(Vec::new()),
            Question::Mailbox(address) => {
                Answer::Mailbox((address.local_part() != "nessuno").then_some(Mailbox {
                    address,
                    ordinary_mail: None,
                    certified_only: false,
                }))
            }
            Question::Sign(octets) => {
                Answer::Signature(self.signer.sign(&octets).expect("a signature"))
            }
            Question::VerifySignature(_) => Answer::Declined,
            Question::Scan if holds(message, VIRUS) => {
                Answer::Scanned(ScanVerdict::Infected("Eicar-Test-Signature".to_owned()))
            }
            Question::Scan => Answer::Scanned(ScanVerdict::Clean),
            Question::Recall(key) => Answer::Recalled(self.memory.get(&key).cloned()),
            Question::Usage(_) => Answer::Usage(3),
        }
    }

    /// Remembers what an outcome says.
    pub fn commit(&mut self, outcome: &Outcome) {
        for effect in &outcome.effects {
            match effect {
                Effect::Track(message) => {
                    self.tracked.insert(message.pec_id.clone(), message.clone());
                }
                Effect::Remember { key, value, .. } => {
                    self.memory.insert(key.clone(), value.clone());
                }
                Effect::InstallDirectory(records) => self.directory.clone_from(records),
                Effect::Log(row) => self.log.push(row.clone()),
                _ => {}
            }
        }
    }

    /// All that is written down about a message.
    pub fn dossier(&self, pec_id: &PecId) -> Dossier {
        let of_it = |row: &&LogEntry| row.pec_id.as_ref() == Some(pec_id);
        let rows = self.log.iter().filter(of_it).map(|row| LogRow {
            event: row.event.to_owned(),
            pec_id: row.pec_id.as_ref().map(PecId::to_string),
            message_id: row.message_id.clone(),
            at: row.at,
            sender: row.sender.clone(),
            recipients: row.recipients.clone(),
            subject: row.subject.clone(),
            generated: row.generated.clone(),
            provider: row.provider.clone(),
            error: row.error.clone(),
        });
        Dossier {
            pec_id: pec_id.to_string(),
            entries: rows.collect(),
            tracked: self.tracked.get(pec_id).cloned(),
        }
    }

    /// All that is tracked, in the same order each time.
    pub fn tracked(&self) -> Vec<TrackedMessage> {
        let mut all: Vec<TrackedMessage> = self.tracked.values().cloned().collect();
        all.sort_by(|a, b| a.pec_id.as_str().cmp(b.pec_id.as_str()));
        all
    }
}

/// The first message of this kind, whole.
pub fn made(outcome: &Outcome, kind: &MessageKind, original: &[u8]) -> Vec<u8> {
    let message = outcome.messages.iter().find(|m| m.kind == *kind);
    message
        .unwrap_or_else(|| panic!("no {kind:?}: {:?}", outcome.reply))
        .splice(original)
}

pub fn instant(seconds: u64) -> Instant {
    Instant::from_unix(seconds).expect("an instant")
}

fn holds(message: &[u8], needle: &[u8]) -> bool {
    message.windows(needle.len()).any(|window| window == needle)
}

/// What the scanner of the story finds.
pub const VIRUS: &[u8] = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE";
