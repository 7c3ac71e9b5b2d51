//! What the access point must know from the host: one batch of questions, one round.

use crate::address::EmailAddress;
use crate::conversation::{Desk, Stop};
use crate::domains::{self, Certification};
use crate::instant::Instant;
use crate::question::{Answer, Mailbox, Question, ScanVerdict, UsageQuery};
use crate::settings::Profile;

/// What is asked about.
pub(super) struct Inquiry<'a> {
    pub account: &'a str,
    pub sender: &'a EmailAddress,
    pub recipients: &'a [EmailAddress],
    /// Recipients of the account count from then on.
    pub since: Instant,
    /// It has formal exceptions already: no scan, no count.
    pub is_refused: bool,
}

/// What the host knows.
pub(super) struct Known {
    pub certified: Vec<(EmailAddress, Certification)>,
    /// The sender's own.
    pub mailbox: Option<Mailbox>,
    /// Recipients of the account's accepted messages; 0 where nobody set a limit.
    pub used: u64,
    /// Clean where no scan was asked for.
    pub verdict: ScanVerdict,
}

impl Inquiry<'_> {
    /// Asks.
    pub async fn make(self, profile: &Profile, desk: &Desk) -> Result<Known, Stop> {
        let domains = domains::distinct(self.recipients);
        let mut questions: Vec<Question> = domains
            .iter()
            .cloned()
            .map(Question::ProviderOfDomain)
            .collect();
        questions.push(Question::Mailbox(self.sender.clone()));
        if !self.is_refused {
            questions.push(Question::Scan);
            if profile.limits.daily_recipients.is_some() {
                questions.push(Question::Usage(UsageQuery {
                    account: self.account.to_owned(),
                    since: self.since,
                }));
            }
        }
        let mut providers = Vec::with_capacity(domains.len());
        let (mut mailbox, mut used, mut verdict) = (None, 0, ScanVerdict::Clean);
        for answer in desk.ask(questions).await? {
            match answer {
                Answer::Providers(records) => providers.push(records),
                Answer::Mailbox(found) => mailbox = found,
                Answer::Usage(count) => used = count,
                Answer::Scanned(says) => verdict = says,
                // The desk lets answers pass only to questions that take them.
                _ => {}
            }
        }
        Ok(Known {
            certified: domains::judge(self.recipients, domains, &providers, profile),
            mailbox,
            used,
            verdict,
        })
    }
}
