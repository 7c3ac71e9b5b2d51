//! Conversations: how a transaction asks the host and gets its answers (ARCHITECTURE, decision 2).
//!
//! The points are written as straight-line `async` functions that ask at a [`Desk`] whenever they
//! need to know something. There is no executor: [`Transaction::advance`] polls the function once,
//! and it runs until it has new questions or an outcome. Nothing else is ever awaited, so a poll
//! that returns `Pending` has always left questions behind.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use serde::Serialize;

use crate::address::{DomainName, EmailAddress};
use crate::fault::Fault;
use crate::ids::PecId;
use crate::outcome::{Outcome, Reply};
use crate::question::{
    Answer, EnvelopeKey, Mailbox, Provider, Question, RevocationQuery, ScanVerdict, TrackedMessage,
};
use crate::smime::BareCheck;

/// A conversation that has begun. Dropping it abandons it without any effect.
#[must_use = "nothing happens until the transaction is advanced to its outcome"]
pub struct Transaction {
    /// None once it has ended.
    run: Option<Pin<Box<Run>>>,
    exchange: Rc<RefCell<Exchange>>,
}

/// What the points are: a function that ends in an outcome, or stops before.
type Run = dyn Future<Output = Result<Outcome, Stop>>;

/// What [`Transaction::advance`] yields.
#[derive(Debug, Serialize)]
#[serde(tag = "tag", content = "val", rename_all = "kebab-case")]
pub enum Step {
    /// Answer these, in this order, in the next `advance`.
    Ask(Vec<Question>),
    /// The end.
    Done(Box<Outcome>),
}

impl Transaction {
    /// Begins the conversation that `run` describes; it starts with the first `advance`.
    pub(crate) fn begin<R, F>(run: R) -> Self
    where
        R: FnOnce(Desk) -> F,
        F: Future<Output = Result<Outcome, Stop>> + 'static,
    {
        let exchange = Rc::default();
        let future = run(Desk {
            exchange: Rc::clone(&exchange),
        });
        Self {
            run: Some(Box::pin(future)),
            exchange,
        }
    }

    /// One that ends in this fault when it is advanced for the first time.
    pub(crate) fn refused(fault: Fault) -> Self {
        Self::begin(|_| std::future::ready(Err(Stop::Fault(fault))))
    }

    /// Gives the answers to the last questions (none in the first call) and gets the next
    /// questions or the outcome.
    ///
    /// # Errors
    /// [`Fault::WrongAnswers`] leaves the same questions standing; after any other fault the
    /// transaction is over and [`Fault::Finished`] is all it will say.
    pub fn advance(&mut self, answers: Vec<Answer>) -> Result<Step, Fault> {
        let Some(run) = self.run.as_mut() else {
            return Err(Fault::Finished);
        };
        self.exchange.borrow_mut().accept(answers)?;
        match run.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Ok(Step::Ask(self.exchange.borrow().asked.clone())),
            Poll::Ready(end) => {
                self.run = None;
                match end {
                    Ok(outcome) => Ok(Step::Done(Box::new(outcome))),
                    Err(Stop::Unavailable(what)) => Ok(Step::Done(Box::new(unavailable(&what)))),
                    Err(Stop::Fault(fault)) => Err(fault),
                }
            }
        }
    }
}

/// Why a conversation ends before its natural outcome.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The host could not answer: whoever waits is told to come back (4xx).
    Unavailable(String),
    /// The host made a mistake.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Where the points ask.
pub(crate) struct Desk {
    exchange: Rc<RefCell<Exchange>>,
}

/// What lies on the desk between two polls.
#[derive(Default)]
struct Exchange {
    asked: Vec<Question>,
    answers: Option<Vec<Answer>>,
}

impl Exchange {
    /// Checks number and kind before anything runs, so that a host's slip costs nothing.
    fn accept(&mut self, answers: Vec<Answer>) -> Result<(), Fault> {
        if answers.len() != self.asked.len() {
            return Err(Fault::WrongAnswers(format!(
                "{} questions stand, {} answers came",
                self.asked.len(),
                answers.len()
            )));
        }
        for (index, (question, answer)) in self.asked.iter().zip(&answers).enumerate() {
            if !question.takes(answer) {
                return Err(Fault::WrongAnswers(format!(
                    "question {index} is {}, its answer is {}",
                    question.name(),
                    answer.name()
                )));
            }
        }
        self.answers = Some(answers);
        Ok(())
    }
}

impl Desk {
    /// Asks a batch; answers come in the same order and are of the right kinds.
    pub async fn ask(&self, questions: Vec<Question>) -> Result<Vec<Answer>, Stop> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        {
            let mut exchange = self.exchange.borrow_mut();
            exchange.asked = questions;
            exchange.answers = None;
        }
        let answers = poll_fn(|_| match self.exchange.borrow_mut().answers.take() {
            Some(answers) => Poll::Ready(answers),
            None => Poll::Pending,
        })
        .await;
        let asked = std::mem::take(&mut self.exchange.borrow_mut().asked);
        for (question, answer) in asked.iter().zip(&answers) {
            if let Answer::Unavailable(why) = answer {
                return Err(Stop::Unavailable(format!("{}: {why}", question.name())));
            }
        }
        Ok(answers)
    }

    /// The directory records that manage each of these domains.
    pub async fn providers_of_domains(
        &self,
        domains: &[DomainName],
    ) -> Result<Vec<Vec<Provider>>, Stop> {
        let questions = domains
            .iter()
            .cloned()
            .map(Question::ProviderOfDomain)
            .collect();
        let answers = self.ask(questions).await?;
        Ok(answers
            .into_iter()
            .filter_map(Answer::into_providers)
            .collect())
    }

    /// The directory records that hold the certificate with this SHA-1 (hex).
    pub async fn providers_of_certificate(&self, sha1: String) -> Result<Vec<Provider>, Stop> {
        let answers = self
            .ask(vec![Question::ProviderOfCertificate(sha1)])
            .await?;
        Ok(answers
            .into_iter()
            .find_map(Answer::into_providers)
            .unwrap_or_default())
    }

    /// Signatures of the provider's key over each of these.
    pub async fn sign(&self, octets: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, Stop> {
        let answers = self
            .ask(octets.into_iter().map(Question::Sign).collect())
            .await?;
        Ok(answers
            .into_iter()
            .filter_map(|a| {
                if let Answer::Signature(s) = a {
                    Some(s)
                } else {
                    None
                }
            })
            .collect())
    }

    /// Does the signature hold? The host says so, or leaves it to us.
    pub async fn verify(&self, check: &BareCheck) -> Result<bool, Stop> {
        let question = Question::VerifySignature(check.question());
        let answers = self.ask(vec![question]).await?;
        let answered = answers.into_iter().find_map(|a| match a {
            Answer::Verified(holds) => Some(holds),
            _ => None,
        });
        Ok(answered.unwrap_or_else(|| check.holds()))
    }

    /// Revocation lists of an issuer, DER. None: they cannot be had, which is for the policy to
    /// judge (PRACTICE 7), not a reason to stop.
    pub async fn revocation(&self, query: RevocationQuery) -> Result<Option<Vec<Vec<u8>>>, Stop> {
        match self.ask(vec![Question::RevocationData(query)]).await {
            Ok(answers) => Ok(answers.into_iter().find_map(|a| match a {
                Answer::Revocation(lists) => Some(lists),
                _ => None,
            })),
            Err(Stop::Unavailable(_)) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// What we remember of a message that we accepted.
    pub async fn tracked(&self, pec_id: &PecId) -> Result<Option<TrackedMessage>, Stop> {
        let answers = self
            .ask(vec![Question::TrackedMessage(pec_id.clone())])
            .await?;
        Ok(answers.into_iter().find_map(|a| match a {
            Answer::Tracked(message) => message,
            _ => None,
        }))
    }

    /// For whom we already answer as receivers of this envelope.
    pub async fn taken_in_charge(&self, envelope: &EnvelopeKey) -> Result<Vec<EmailAddress>, Stop> {
        let answers = self
            .ask(vec![Question::TakenInCharge(envelope.clone())])
            .await?;
        Ok(answers
            .into_iter()
            .find_map(|a| {
                if let Answer::Recipients(r) = a {
                    Some(r)
                } else {
                    None
                }
            })
            .unwrap_or_default())
    }

    /// Our mailboxes of these names; none where there is no such mailbox.
    pub async fn mailboxes(
        &self,
        addresses: &[EmailAddress],
    ) -> Result<Vec<Option<Mailbox>>, Stop> {
        let questions = addresses.iter().cloned().map(Question::Mailbox).collect();
        let answers = self.ask(questions).await?;
        Ok(answers
            .into_iter()
            .filter_map(|a| {
                if let Answer::Mailbox(m) = a {
                    Some(m)
                } else {
                    None
                }
            })
            .collect())
    }

    /// What the virus scanner says of the event's message.
    pub async fn scan(&self) -> Result<ScanVerdict, Stop> {
        let mut answers = self.ask(vec![Question::Scan]).await?;
        scanned(answers.pop())
    }

    /// What an earlier transaction remembered.
    pub async fn recall(&self, key: String) -> Result<Option<Vec<u8>>, Stop> {
        let answers = self.ask(vec![Question::Recall(key)]).await?;
        Ok(answers.into_iter().find_map(|a| match a {
            Answer::Recalled(value) => value,
            _ => None,
        }))
    }
}

fn scanned(answer: Option<Answer>) -> Result<ScanVerdict, Stop> {
    match answer {
        Some(Answer::Scanned(verdict)) => Ok(verdict),
        _ => Err(Stop::Unavailable("scan: no verdict".to_owned())),
    }
}

/// Nobody is to blame but us: come back later, nothing happened (cases F31, I05).
fn unavailable(_what: &str) -> Outcome {
    // The reason is for the operators: the host knows which answer it could not give. The client
    // is told nothing of our innards.
    Outcome::only(Reply::new(
        451,
        "4.3.0",
        "Certified mail is temporarily unavailable",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks_to_sign() -> Transaction {
        Transaction::begin(|desk| async move {
            let signatures = desk.sign(vec![b"a".to_vec(), b"b".to_vec()]).await?;
            assert_eq!(signatures, [b"1".to_vec(), b"2".to_vec()]);
            Ok(Outcome::only(Reply::new(250, "2.0.0", "done")))
        })
    }

    #[test]
    fn a_slip_of_the_host_leaves_the_questions_standing() {
        let mut transaction = asks_to_sign();
        assert!(matches!(transaction.advance(vec![]), Ok(Step::Ask(q)) if q.len() == 2));
        let fault = transaction
            .advance(vec![Answer::Signature(b"1".to_vec())])
            .unwrap_err();
        assert!(matches!(fault, Fault::WrongAnswers(_)));
        let fault = transaction.advance(vec![Answer::Verified(true), Answer::Declined]);
        assert!(matches!(fault, Err(Fault::WrongAnswers(why)) if why.contains("question 0")));
        let right = vec![
            Answer::Signature(b"1".to_vec()),
            Answer::Signature(b"2".to_vec()),
        ];
        assert!(matches!(transaction.advance(right), Ok(Step::Done(o)) if o.reply.code == 250));
        assert!(matches!(transaction.advance(vec![]), Err(Fault::Finished)));
    }

    #[test]
    fn f31_what_cannot_be_answered_ends_in_4xx_without_effects() {
        let mut transaction = asks_to_sign();
        let _ = transaction.advance(vec![]);
        let answers = vec![
            Answer::Signature(vec![]),
            Answer::Unavailable("HSM gone".into()),
        ];
        let Ok(Step::Done(outcome)) = transaction.advance(answers) else {
            panic!("not done")
        };
        assert_eq!(outcome.reply.code, 451);
        assert!(outcome.effects.is_empty() && outcome.messages.is_empty());
    }
}
