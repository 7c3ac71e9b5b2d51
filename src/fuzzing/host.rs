//! A host without memory: two providers, Alfa and Beta, whose answers depend on nothing but the
//! question and the event's message.

use crate::address::EmailAddress;
use crate::conversation::{Step, Transaction};
use crate::event::Context;
use crate::hex;
use crate::instant::Instant;
use crate::outcome::Outcome;
use crate::question::{
    Answer, Mailbox, OrdinaryMailPolicy, Provider, Question, RecipientState, ScanVerdict,
    TrackedMessage, TrackedRecipient,
};
use crate::settings::{MessageLimits, RevocationPolicy, Settings};
use crate::smime;

/// Alfa's signing certificate, its issuer and the root (`tests/fuzz/seeds.sh`).
pub(super) const LEAF: &[u8] = include_bytes!("../../tests/fuzz/pki/leaf.der");
pub(super) const CA: &[u8] = include_bytes!("../../tests/fuzz/pki/ca.der");
pub(super) const ROOT: &[u8] = include_bytes!("../../tests/fuzz/pki/root.der");
/// 2027-01-01T00:00:00Z, inside the validity of all three.
pub(super) const NOW: u64 = 1_798_761_600;

/// Which provider an event happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Station {
    Alfa,
    Beta,
}

impl Station {
    pub fn domain(self) -> &'static str {
        match self {
            Self::Alfa => "pec.alfa.example",
            Self::Beta => "pec.beta.example",
        }
    }

    /// The certificate the station signs with. Beta's is no leaf, which nobody looks at here.
    fn certificate(self) -> &'static [u8] {
        match self {
            Self::Alfa => LEAF,
            Self::Beta => CA,
        }
    }

    pub fn context(self) -> Context {
        let domain = self.domain();
        Context {
            now: Instant::from_unix(NOW).expect("a legal instant"),
            entropy: vec![7; 32],
            largest: None,
            settings: Settings {
                provider_name: format!("{self:?} S.p.A."),
                mail_domain: domain.to_owned(),
                service_address: format!("posta-certificata@{domain}"),
                service_mailbox: format!("ricevute@{domain}"),
                certificates: vec![self.certificate().to_vec(), CA.to_vec()],
                trust_anchors: vec![ROOT.to_vec()],
                limits: MessageLimits {
                    max_size: 30_000_000,
                    hard_size: 40_000_000,
                    max_recipients: 50,
                    max_product: 30_000_000,
                    daily_recipients: None,
                },
                ordinary_mail: OrdinaryMailPolicy::Accept,
                revocation: RevocationPolicy::AcceptAndLog,
                forbidden_attachments: vec!["exe".to_owned()],
                internal_server_server_acceptance: true,
                directory_signers: Vec::new(),
                english_copy: true,
                texts: Vec::new(),
            },
        }
    }

    fn provider(self) -> Provider {
        Provider {
            dn: format!("providerName={self:?},o=postacert"),
            name: format!("{self:?} S.p.A."),
            unit: None,
            mail_receipt: address(&format!("ricevute@{}", self.domain())),
            certificate_hashes: vec![hex::encode(&smime::sha1(self.certificate()))],
            certificates: vec![self.certificate().to_vec()],
        }
    }
}

/// Runs a conversation to its end. None where the host was to blame for the event.
pub(super) fn converse(mut transaction: Transaction, message: &[u8]) -> Option<Outcome> {
    let mut answers = Vec::new();
    for _ in 0..MOST_ROUNDS {
        match transaction.advance(answers) {
            Ok(Step::Ask(questions)) => {
                answers = questions.into_iter().map(|q| answer(q, message)).collect();
            }
            Ok(Step::Done(outcome)) => return Some(*outcome),
            Err(_) => return None,
        }
    }
    panic!("a conversation without end");
}

fn answer(question: Question, message: &[u8]) -> Answer {
    let stations = [Station::Alfa, Station::Beta];
    let providers = |holds: &dyn Fn(&Station) -> bool| {
        Answer::Providers(
            stations
                .into_iter()
                .filter(holds)
                .map(Station::provider)
                .collect(),
        )
    };
    match question {
        Question::ProviderOfDomain(domain) => providers(&|s| domain.as_str() == s.domain()),
        Question::ProviderOfCertificate(hash) => {
            providers(&|s| s.provider().certificate_hashes[0] == hash)
        }
        Question::RevocationData(_) => Answer::Revocation(Vec::new()),
        Question::TrackedMessage(pec_id) => Answer::Tracked(Some(TrackedMessage {
            pec_id,
            message_id: Some("<client-1@mua.example>".to_owned()),
            sender: address("anna@pec.alfa.example"),
            reply_to: "anna@pec.alfa.example".to_owned(),
            subject: "Offerta".to_owned(),
            accepted_at: Instant::from_unix(NOW - 60).expect("a legal instant"),
            recipients: vec![TrackedRecipient {
                address: address("bruno@pec.beta.example"),
                certified: true,
                state: RecipientState::Accepted,
                warned: false,
                deadline: None,
            }],
        })),
        Question::TakenInCharge(_) => Answer::Recipients(Vec::new()),
        Question::Mailbox(address) => {
            let exists = address.local_part() != "nessuno";
            Answer::Mailbox(exists.then_some(Mailbox {
                address,
                ordinary_mail: None,
                certified_only: false,
            }))
        }
        // Nobody checks it: `VerifySignature` is always answered yes.
        Question::Sign(_) => Answer::Signature(vec![0x5a; 256]),
        Question::VerifySignature(_) => Answer::Verified(true),
        Question::Scan if memchr::memmem::find(message, EICAR).is_some() => {
            Answer::Scanned(ScanVerdict::Infected("Eicar-Test-Signature".to_owned()))
        }
        Question::Scan => Answer::Scanned(ScanVerdict::Clean),
        // Every path was found good for all time.
        Question::Recall(_) => Answer::Recalled(Some([[0; 8], [0xff; 8]].concat())),
        Question::Usage(_) => Answer::Usage(0),
    }
}

pub(super) fn address(text: &str) -> EmailAddress {
    EmailAddress::try_from(text).expect("an address of ours")
}

/// The middle of the EICAR test file: no scanner on a developer's machine is woken by it.
const EICAR: &[u8] = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE";
/// The longest conversation asks some ten times.
const MOST_ROUNDS: usize = 100;
