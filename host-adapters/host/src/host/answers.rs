//! Answers to the plug-in's questions.

use std::time::Instant;

use super::{Host, HostError};
use crate::parts::Unavailable;
use crate::store::{Original, Seen, Store, StoreError};
use crate::{pec, verify};

/// Answers the questions of one conversation.
pub(super) struct Answers<'a> {
    pub(super) host: &'a Host,
    /// The transaction's time.
    pub(super) now: u64,
    /// The event's message.
    pub(super) original: &'a Original,
    pub(super) seeing: Seeing<'a>,
}

/// What a conversation is shown of tracked messages.
pub(super) struct Seeing<'a> {
    /// What it was shown of the store, for the commit.
    pub(super) seen: &'a mut Seen,
    /// What is decided already and will be committed together with its outcome: what that tracks is
    /// recorded as soon as anything rests on it, and is not in the store yet.
    pub(super) beside: Option<&'a [pec::Effect]>,
}

impl<'a> Seeing<'a> {
    /// The store's alone.
    pub(super) fn only(seen: &'a mut Seen) -> Self {
        Self { seen, beside: None }
    }

    fn tracked(
        &mut self,
        store: &Store,
        pec_id: &str,
    ) -> Result<Option<pec::TrackedMessage>, StoreError> {
        let beside = self.beside.unwrap_or_default();
        let beside = beside.iter().find_map(|effect| match effect {
            pec::Effect::Track(message) if message.pec_id == pec_id => Some(message),
            _ => None,
        });
        match beside {
            Some(message) => Ok(Some(message.clone())),
            None => store.tracked(pec_id, self.seen),
        }
    }
}

impl Answers<'_> {
    /// One answer per question, in their order.
    ///
    /// # Errors
    /// A revocation list is wanted for what is to be decided at once. Fetching one may take as long as
    /// its server likes, and without one the plug-in might decide otherwise.
    pub(super) fn answer(
        &mut self,
        questions: &[pec::Question],
    ) -> Result<Vec<pec::Answer>, HostError> {
        let may_take_long = |question| matches!(question, &pec::Question::RevocationData(_));
        if self.seeing.beside.is_some() && questions.iter().any(may_take_long) {
            let text = "a revocation list is wanted, for which nobody is to wait now";
            return Err(Unavailable(text.to_owned()).into());
        }
        Ok(questions
            .iter()
            .map(|question| {
                let host = self.host;
                let name = name(question);
                let answer = host.awaited.during(name, || self.try_answer(question));
                answer.unwrap_or_else(|Unavailable(reason)| {
                    // The plug-in ends the transaction with a 4xx reply; operators want to know.
                    metrics::counter!("ceralacca_unavailable_total", "question" => name)
                        .increment(1);
                    tracing::error!(question = name, reason, "a question has no answer");
                    pec::Answer::Unavailable(reason)
                })
            })
            .collect())
    }

    fn try_answer(&mut self, question: &pec::Question) -> Result<pec::Answer, Unavailable> {
        let parts = &self.host.parts;
        let store = &parts.store;
        Ok(match question {
            pec::Question::ProviderOfDomain(domain) => {
                pec::Answer::Providers(self.host.providers_of_domain(domain))
            }
            pec::Question::ProviderOfCertificate(sha1) => {
                pec::Answer::Providers(self.host.providers_of_certificate(sha1))
            }
            pec::Question::RevocationData(query) => {
                pec::Answer::Revocation(parts.revocation.revocation(query)?)
            }
            pec::Question::TrackedMessage(pec_id) => {
                pec::Answer::Tracked(self.seeing.tracked(store, pec_id)?)
            }
            pec::Question::TakenInCharge(envelope) => {
                pec::Answer::Recipients(store.taken_in_charge(envelope)?)
            }
            pec::Question::Mailbox(address) => {
                pec::Answer::Mailbox(parts.mailboxes.mailbox(address)?)
            }
            pec::Question::Sign(octets) => {
                let signed = timed("ceralacca_sign_seconds", || parts.signer.sign(octets));
                pec::Answer::Signature(signed?)
            }
            pec::Question::VerifySignature(check) => verify::verify_signature(check),
            pec::Question::Scan => pec::Answer::Scanned(self.scan()?),
            pec::Question::Recall(key) => pec::Answer::Recalled(store.recall(key, self.now)?),
            pec::Question::Usage(query) => pec::Answer::Usage(store.usage(query)?),
        })
    }

    fn scan(&self) -> Result<pec::ScanVerdict, Unavailable> {
        let Some(scanner) = &self.host.parts.scanner else {
            return Ok(pec::ScanVerdict::Clean);
        };
        let mut reader =
            self.original.body().reader().map_err(|error| {
                Unavailable::because("the message to scan cannot be read", error)
            })?;
        timed("ceralacca_scan_seconds", || scanner.scan(&mut reader))
    }
}

/// Does it, and enters how long it took into a histogram.
fn timed<T>(histogram: &'static str, does: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = does();
    metrics::histogram!(histogram).record(begun.elapsed());
    result
}

/// A store that cannot be read is one more thing that cannot be had now.
impl From<StoreError> for Unavailable {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// What `wit/types.wit` calls the question.
fn name(question: &pec::Question) -> &'static str {
    match question {
        pec::Question::ProviderOfDomain(_) => "provider-of-domain",
        pec::Question::ProviderOfCertificate(_) => "provider-of-certificate",
        pec::Question::RevocationData(_) => "revocation-data",
        pec::Question::TrackedMessage(_) => "tracked-message",
        pec::Question::TakenInCharge(_) => "taken-in-charge",
        pec::Question::Mailbox(_) => "mailbox",
        pec::Question::Sign(_) => "sign",
        pec::Question::VerifySignature(_) => "verify-signature",
        pec::Question::Scan => "scan",
        pec::Question::Recall(_) => "recall",
        pec::Question::Usage(_) => "usage",
    }
}
