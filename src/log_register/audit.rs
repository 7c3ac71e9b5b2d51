//! Do the rows about one PEC id tell one story, whole and once?
//!
//! The rules follow from what RFC 6109 has a provider do: accept once (§3.1.4), take in charge once
//! per recipient (§3.2.1), end each certified recipient once (§3.3.2, §3.3.3, §3.2.3), and log all of
//! it (§2.3). A rule that is broken means a lost or doubled event, a log that was changed, or a bug.
//!
//! Rows that repeat what others claim prove nothing against us: anomaly envelopes, and notifications
//! that settled nothing. A PEC id that a second provider makes use of breaks rules all the same: the
//! rows cannot tell malice from a doubled log, and operators should look at either.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LogEvent;
use crate::instant::Instant;
use crate::question::{RecipientState, TrackedMessage};

/// All that is written down about one PEC id.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dossier {
    /// The PEC id.
    pub pec_id: String,
    /// Its rows in the log, in the order in which they were written.
    pub entries: Vec<LogRow>,
    /// What is tracked under it; none for a message of another provider.
    pub tracked: Option<TrackedMessage>,
}

/// A row of the log as somebody kept it: a [`crate::outcome::LogEntry`], perhaps of another version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogRow {
    /// What happened.
    pub event: String,
    /// PEC id.
    pub pec_id: Option<String>,
    /// The client's Message-ID, with brackets.
    pub message_id: Option<String>,
    /// When.
    pub at: Instant,
    /// Original sender.
    pub sender: String,
    /// Original recipients that the row is about.
    pub recipients: Vec<String>,
    /// Decoded subject.
    pub subject: String,
    /// Message-IDs of the messages made in this step.
    pub generated: Vec<String>,
    /// The sending provider.
    pub provider: String,
    /// What went wrong.
    pub error: Option<String>,
}

/// A rule of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "tag", rename_all = "kebab-case")]
pub enum LogRule {
    /// All rows name the same sender and the same recipients.
    OneStory,
    /// What was accepted has one acceptance and one envelope; what was refused one notice, and
    /// neither.
    SentOnce,
    /// What came from elsewhere has one envelope for each recipient and no acceptance. *(Reading:
    /// one provider may hand an envelope over in several SMTP transactions, which are logged one
    /// by one, PRACTICE 8.8.)*
    ReceivedOnce,
    /// Each certified recipient is taken in charge once and has one end.
    OneEnd,
    /// An ordinary recipient has none of that.
    OrdinaryRecipient,
    /// A virus that was detected was told to the sender.
    VirusTold,
    /// Only recipients of the message are taken in charge or have an end.
    Stranger,
}

/// A rule that is broken, and by whom or what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogFinding {
    /// The rule.
    pub rule: LogRule,
    /// One line.
    pub text: String,
}

/// Every rule that the dossier breaks at `now`. What may still happen in time breaks none.
pub fn audit(now: Instant, dossier: &Dossier) -> Vec<LogFinding> {
    let mut audit = Audit::new(now, dossier);
    audit.one_story();
    audit.sent_once();
    audit.received_once();
    audit.one_end();
    audit.ordinary_recipients();
    audit.virus_told();
    audit.strangers();
    audit.findings
}

struct Audit<'a> {
    now: Instant,
    tracked: Option<&'a TrackedMessage>,
    /// Those that this version knows and that are our own word.
    rows: Vec<(LogEvent, &'a LogRow)>,
    /// By address in lower case, whoever is certified and a recipient of the message.
    people: BTreeMap<String, Person>,
    findings: Vec<LogFinding>,
}

/// A recipient of the message.
#[derive(Clone, Copy, Debug)]
struct Person {
    certified: bool,
    /// Where it stands, if the message was accepted here.
    state: Option<RecipientState>,
    /// When its message was accepted here or received.
    since: Instant,
}

impl<'a> Audit<'a> {
    fn new(now: Instant, dossier: &'a Dossier) -> Self {
        let rows = dossier.entries.iter().filter_map(|row| {
            let event = LogEvent::from_name(&row.event)?;
            let hearsay = match event {
                LogEvent::AnomalyEnvelope => true,
                LogEvent::NotificationReceived => row.error.is_some(),
                _ => false,
            };
            (!hearsay).then_some((event, row))
        });
        let mut audit = Self {
            now,
            tracked: dossier.tracked.as_ref(),
            rows: rows.collect(),
            people: BTreeMap::new(),
            findings: Vec::new(),
        };
        audit.people = audit.people();
        audit
    }

    /// Those of a message of ours are tracked; of others' messages we know whom we received for.
    fn people(&self) -> BTreeMap<String, Person> {
        if let Some(tracked) = self.tracked {
            let person = |r: &crate::question::TrackedRecipient| Person {
                certified: r.certified,
                state: Some(r.state),
                since: tracked.accepted_at,
            };
            let all = tracked.recipients.iter();
            return all.map(|r| (key(r.address.as_str()), person(r))).collect();
        }
        let mut people = BTreeMap::new();
        for (_, row) in self.of(&[LogEvent::EnvelopeReceived]) {
            for recipient in &row.recipients {
                people.entry(key(recipient)).or_insert(Person {
                    certified: true,
                    state: None,
                    since: row.at,
                });
            }
        }
        people
    }

    fn one_story(&mut self) {
        let first = self.rows.first().map(|(_, row)| row.sender.as_str());
        let sender = self.tracked.map(|t| t.sender.as_str()).or(first);
        let Some(sender) = sender else { return };
        for (event, row) in self.rows.clone() {
            if !row.sender.eq_ignore_ascii_case(sender) {
                let text = format!(
                    "{} names the sender {}, not {sender}",
                    event.name(),
                    row.sender
                );
                self.found(LogRule::OneStory, text);
            }
        }
        let Some(tracked) = self.tracked else { return };
        let expected: Vec<String> = sorted(tracked.recipients.iter().map(|r| r.address.as_str()));
        for (event, row) in self.of(&SENDING) {
            if sorted(row.recipients.iter().map(String::as_str)) != expected {
                let text = format!(
                    "{} names the recipients {}, not {}",
                    event.name(),
                    row.recipients.join(", "),
                    expected.join(", ")
                );
                self.found(LogRule::OneStory, text);
            }
        }
    }

    fn sent_once(&mut self) {
        let count = |events: &[LogEvent]| self.of(events).len();
        let acceptances = count(&[LogEvent::ServerUserAcceptance]);
        let envelopes = count(&[LogEvent::TransportEnvelope]);
        let refusals = count(&[LogEvent::NonAcceptance, LogEvent::VirusNonAcceptance]);
        // An acceptance alone is no proof of sending: see `received_once`.
        let sent = self.tracked.is_some() || envelopes > 0 || refusals > 0;
        let expected = if refusals > 0 { (0, 0, 1) } else { (1, 1, 0) };
        if sent && (acceptances, envelopes, refusals) != expected {
            let text = format!(
                "{acceptances} rows of acceptance, {envelopes} of envelopes and {refusals} of \
                 non-acceptance"
            );
            self.found(LogRule::SentOnce, text);
        }
    }

    fn received_once(&mut self) {
        let received = self.count(&[LogEvent::EnvelopeReceived]);
        for (recipient, count) in &received {
            if *count > 1 {
                let text = format!("the envelope was received {count} times for {recipient}");
                self.found(LogRule::ReceivedOnce, text);
            }
        }
        // Whom we took in charge, delivered to or found a virus for, we have received for.
        let only_after = [
            LogEvent::ServerServerAcceptance,
            LogEvent::Delivery,
            LogEvent::VirusDetection,
        ];
        for (recipient, _) in self.count(&only_after) {
            let person = self.people.get(&recipient);
            let known = self.tracked.is_none() || person.is_some_and(|p| p.certified);
            // With no reception at all; a stranger beside those received for is `stranger`.
            let missing = match self.tracked {
                Some(_) => !received.contains_key(&recipient),
                None => received.is_empty(),
            };
            if known && missing {
                let text = format!("no envelope was received for {recipient}");
                self.found(LogRule::ReceivedOnce, text);
            }
        }
        let acceptances = self.of(&[LogEvent::ServerUserAcceptance]).len();
        let sent = self.tracked.is_some() || !self.of(&[LogEvent::TransportEnvelope]).is_empty();
        if acceptances > 0 && !sent {
            let text = "an acceptance, but no message of ours".to_owned();
            self.found(LogRule::ReceivedOnce, text);
        }
    }

    fn one_end(&mut self) {
        let received = self.count(&[LogEvent::EnvelopeReceived]);
        let charges = self.count(&[LogEvent::ServerServerAcceptance]);
        let ends = self.count(&ENDS);
        for (recipient, person) in self.people.clone() {
            if !person.certified {
                continue;
            }
            let of =
                |counts: &BTreeMap<String, usize>| counts.get(&recipient).copied().unwrap_or(0);
            let (charged, ended) = (of(&charges), of(&ends));
            // Taking in charge is logged with the reception itself.
            let here = received.contains_key(&recipient);
            if charged > 1 || (here && charged == 0) {
                let text = format!("{recipient} was taken in charge {charged} times");
                self.found(LogRule::OneEnd, text);
            }
            let due = self.now >= person.since.plus(END_WITHIN);
            let open = matches!(
                person.state,
                Some(RecipientState::Accepted | RecipientState::TakenInCharge)
            );
            if ended > 1 || (here && ended == 0 && due) {
                let text = format!("{recipient} has {ended} ends");
                self.found(LogRule::OneEnd, text);
            } else if open && due {
                let text =
                    format!("nothing has come back about {recipient}, and nobody was warned");
                self.found(LogRule::OneEnd, text);
            }
        }
    }

    fn ordinary_recipients(&mut self) {
        for (event, recipient) in self.mentions(&CERTIFIED_ONLY) {
            if self
                .people
                .get(&key(&recipient))
                .is_some_and(|p| !p.certified)
            {
                let text = format!("{} names the ordinary recipient {recipient}", event.name());
                self.found(LogRule::OrdinaryRecipient, text);
            }
        }
    }

    /// Telling the sender is its provider's part, so only messages of ours have such rows.
    fn virus_told(&mut self) {
        if self.tracked.is_none() {
            return;
        }
        let told = self.count(&[LogEvent::VirusNonDelivery]);
        let detected = self.of(&[LogEvent::VirusDetection]);
        for (recipient, person) in self.people.clone() {
            let rows = detected.iter().filter(|(_, row)| names(row, &recipient));
            let found_at = rows.map(|(_, row)| row.at).min();
            // What another provider found is known by the state alone.
            let infected = person.state == Some(RecipientState::Infected);
            let count = told.get(&recipient).copied().unwrap_or(0);
            let due = infected || found_at.is_some_and(|at| self.now >= at.plus(END_WITHIN));
            if count > 1 || (due && count == 0) {
                let text =
                    format!("the sender was told {count} times of the virus for {recipient}");
                self.found(LogRule::VirusTold, text);
            }
        }
    }

    fn strangers(&mut self) {
        // Without either we do not know who belongs to the message.
        if self.people.is_empty() {
            return;
        }
        for (event, recipient) in self.mentions(&CERTIFIED_ONLY) {
            if !self.people.contains_key(&key(&recipient)) {
                let text = format!("{} names {recipient}, no recipient", event.name());
                self.found(LogRule::Stranger, text);
            }
        }
    }

    fn of(&self, events: &[LogEvent]) -> Vec<(LogEvent, &'a LogRow)> {
        let rows = self.rows.iter().filter(|(event, _)| events.contains(event));
        rows.copied().collect()
    }

    /// Every recipient of every row of these events.
    fn mentions(&self, events: &[LogEvent]) -> Vec<(LogEvent, String)> {
        let rows = self.of(events).into_iter();
        rows.flat_map(|(event, row)| row.recipients.iter().map(move |r| (event, r.clone())))
            .collect()
    }

    /// In how many rows of these events each recipient stands, or how often in one.
    fn count(&self, events: &[LogEvent]) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (_, recipient) in self.mentions(events) {
            *counts.entry(key(&recipient)).or_default() += 1;
        }
        counts
    }

    fn found(&mut self, rule: LogRule, text: String) {
        self.findings.push(LogFinding { rule, text });
    }
}

/// Addresses are compared without regard to case, as everywhere ([`crate::address`]).
fn key(address: &str) -> String {
    address.to_ascii_lowercase()
}

fn names(row: &LogRow, recipient: &str) -> bool {
    let mut all = row.recipients.iter();
    all.any(|r| r.eq_ignore_ascii_case(recipient))
}

fn sorted<'b>(addresses: impl Iterator<Item = &'b str>) -> Vec<String> {
    let mut keys: Vec<String> = addresses.map(key).collect();
    keys.sort();
    keys
}

/// The rows about all recipients of a message.
const SENDING: [LogEvent; 2] = [LogEvent::ServerUserAcceptance, LogEvent::TransportEnvelope];

/// How a certified recipient may end.
const ENDS: [LogEvent; 3] = [
    LogEvent::Delivery,
    LogEvent::NonDelivery,
    LogEvent::VirusDetection,
];

/// What happens to certified recipients of the message and to nobody else.
const CERTIFIED_ONLY: [LogEvent; 7] = [
    LogEvent::EnvelopeReceived,
    LogEvent::ServerServerAcceptance,
    LogEvent::Delivery,
    LogEvent::NonDelivery,
    LogEvent::VirusDetection,
    LogEvent::VirusNonDelivery,
    LogEvent::Timeout,
];

/// RFC 6109 §3.1.6: within 24 hours there is a delivery, or the sender is warned.
const END_WITHIN: u64 = 24 * 3_600;
