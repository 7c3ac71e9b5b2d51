//! Judging messages without being a provider: no store, no key, no mailboxes, no outbox.

use std::collections::HashMap;

use crate::engine::{Engine, Event};
use crate::host::{HostError, converse};
use crate::parts::{Clock, Revocation, Unavailable};
use crate::{pec, verify};

/// Tells of any message what it is, whether it holds, and what is inside.
pub struct Examiner {
    engine: Box<dyn Engine>,
    settings: pec::Settings,
    revocation: Box<dyn Revocation>,
    clock: Box<dyn Clock>,
    directory: Option<Directory>,
}

impl Examiner {
    /// An examiner who trusts these roots (DER) and knows no provider yet.
    pub fn new(
        engine: Box<dyn Engine>,
        trust_anchors: Vec<Vec<u8>>,
        revocation: Box<dyn Revocation>,
        clock: Box<dyn Clock>,
    ) -> Self {
        Self {
            engine,
            settings: onlooker(trust_anchors),
            revocation,
            clock,
            directory: None,
        }
    }

    /// Takes from now on only directories that one of these certificates (DER) has signed; none:
    /// only unsigned ones.
    pub fn pin_directory_signers(&mut self, certificates: Vec<Vec<u8>>) {
        self.settings.directory_signers = certificates;
    }

    /// Puts a provider directory (RFC 6109 §4.5) in force. Without one no message holds, because
    /// nobody says that its signer is a provider.
    ///
    /// # Errors
    /// [`HostError::DirectoryRefused`] if it is bad, others if the plug-in failed; the one before
    /// stays in force.
    pub fn load_directory(&mut self, content: Vec<u8>) -> Result<(), HostError> {
        let event = Event::LoadDirectory(pec::DirectoryUpdate { content });
        let outcome = self.converse(event)?;
        let installed = outcome.effects.into_iter().find_map(|effect| match effect {
            pec::Effect::InstallDirectory(records) => Some(records),
            _ => None,
        });
        match installed {
            Some(records) => {
                self.directory = Some(Directory::new(records));
                Ok(())
            }
            None => Err(HostError::DirectoryRefused {
                path: None,
                reply: outcome.reply,
            }),
        }
    }

    /// Judges a message.
    ///
    /// # Errors
    /// The plug-in could not judge. That the message is bad is no error but a finding.
    pub fn examine(&self, examination: pec::Examination) -> Result<pec::Finding, HostError> {
        let outcome = self.converse(Event::Examine(examination))?;
        match outcome.finding {
            Some(finding) => Ok(finding),
            None => Err(HostError::Contract(
                "it examined and found nothing".to_owned(),
            )),
        }
    }

    fn converse(&self, event: Event) -> Result<pec::Outcome, HostError> {
        let context = pec::Context {
            now: self.clock.now(),
            // Nothing is made here that an identifier could belong to.
            entropy: Vec::new(),
            settings: self.settings.clone(),
            largest: None,
        };
        converse(&*self.engine, &context, event, |questions| {
            let answers = questions.iter().map(|question| self.answer(question));
            Ok(answers
                .map(|answer| {
                    answer.unwrap_or_else(|Unavailable(why)| pec::Answer::Unavailable(why))
                })
                .collect())
        })
    }

    fn answer(&self, question: &pec::Question) -> Result<pec::Answer, Unavailable> {
        let directory = || {
            let none = || Unavailable("no provider directory was given".to_owned());
            self.directory.as_ref().ok_or_else(none)
        };
        Ok(match question {
            pec::Question::ProviderOfDomain(domain) => {
                pec::Answer::Providers(directory()?.of_domain(domain))
            }
            pec::Question::ProviderOfCertificate(sha1) => {
                pec::Answer::Providers(directory()?.of_certificate(sha1))
            }
            pec::Question::RevocationData(query) => {
                pec::Answer::Revocation(self.revocation.revocation(query)?)
            }
            pec::Question::VerifySignature(check) => verify::verify_signature(check),
            // Each directory is the first one that it sees.
            pec::Question::Recall(_) => pec::Answer::Recalled(None),
            _ => return Err(Unavailable("an examiner has no such thing".to_owned())),
        })
    }
}

/// Settings of somebody who is no provider: what trust rests on, and nothing else. Enough for
/// events that make nothing: `examine`, `load-directory`.
#[must_use]
pub fn onlooker(trust_anchors: Vec<Vec<u8>>) -> pec::Settings {
    pec::Settings {
        provider_name: String::new(),
        mail_domain: String::new(),
        service_address: String::new(),
        service_mailbox: String::new(),
        certificates: Vec::new(),
        trust_anchors,
        directory_signers: Vec::new(),
        limits: pec::MessageLimits {
            max_size: 0,
            hard_size: 0,
            max_recipients: 0,
            max_product: 0,
            daily_recipients: None,
        },
        ordinary_mail: pec::OrdinaryMailPolicy::Refuse,
        revocation: pec::RevocationPolicy::AcceptAndLog,
        forbidden_attachments: Vec::new(),
        internal_server_server_acceptance: false,
        english_copy: false,
        texts: Vec::new(),
    }
}

/// A directory in memory, for as long as somebody looks at messages.
struct Directory {
    records: Vec<pec::ProviderRecord>,
    /// Lower case → the records that manage it.
    domains: HashMap<String, Vec<usize>>,
    /// SHA-1, lower-case hex → the records that hold it.
    certificates: HashMap<String, Vec<usize>>,
}

impl Directory {
    fn new(records: Vec<pec::ProviderRecord>) -> Self {
        let (mut domains, mut certificates) = (HashMap::new(), HashMap::new());
        let file = |table: &mut HashMap<String, Vec<usize>>, key: &str, index| {
            table
                .entry(key.to_ascii_lowercase())
                .or_default()
                .push(index);
        };
        for (index, record) in records.iter().enumerate() {
            for domain in &record.managed_domains {
                file(&mut domains, domain, index);
            }
            for sha1 in &record.provider.certificate_hashes {
                file(&mut certificates, sha1, index);
            }
        }
        Self {
            records,
            domains,
            certificates,
        }
    }

    fn of_domain(&self, domain: &str) -> Vec<pec::Provider> {
        let mut providers = self.providers(&self.domains, domain);
        for provider in &mut providers {
            provider.certificates = Vec::new();
        }
        providers
    }

    fn of_certificate(&self, sha1: &str) -> Vec<pec::Provider> {
        self.providers(&self.certificates, sha1)
    }

    fn providers(&self, table: &HashMap<String, Vec<usize>>, key: &str) -> Vec<pec::Provider> {
        let found = table.get(&key.to_ascii_lowercase());
        let records = found.into_iter().flatten();
        records
            .map(|&index| self.records[index].provider.clone())
            .collect()
    }
}
