//! The toy plug-in: a function from what is known to the next step.

use std::collections::VecDeque;
use std::sync::Mutex;

use ceralacca_host::pec::{self, Answer, Effect, MessageKind, Question, RecipientState, Segment};
use ceralacca_host::{Dialogue, Engine, Event, PluginError};

/// Twelve hours, as the toy counts its deadlines.
pub const DEADLINE: u64 = 12 * 3600;

/// An engine with toy rules; `next` overrides them for the next transactions.
#[derive(Default)]
pub struct Toy {
    /// What the next transactions do instead of following the rules.
    next: Mutex<VecDeque<Rule>>,
    /// All answers the toy was given.
    heard: Mutex<Vec<Answer>>,
}

/// One transaction's rule.
pub enum Rule {
    /// Fails at once.
    Fail(PluginError),
    /// Asks these questions and then ends with this outcome.
    Script(Vec<Question>, Box<pec::Outcome>),
    /// Asks for ever.
    AskForEver,
    /// As the toy's rules say.
    Usual,
}

impl Toy {
    pub fn push(&self, rule: Rule) {
        self.next.lock().unwrap().push_back(rule);
    }

    /// Takes the answers heard so far.
    pub fn heard(&self) -> Vec<Answer> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

/// Hosts own their engine; tests keep a handle.
pub struct Shared(pub std::sync::Arc<Toy>);

impl Engine for Shared {
    fn begin(
        &self,
        context: &pec::Context,
        event: Event,
    ) -> Result<Box<dyn Dialogue>, PluginError> {
        let rule = self.0.next.lock().unwrap().pop_front();
        let (questions, end): (Vec<Question>, End) = match rule.unwrap_or(Rule::Usual) {
            Rule::Fail(error) => return Err(error),
            Rule::AskForEver => (vec![Question::Scan], End::Never),
            Rule::Script(questions, outcome) => (questions, End::Fixed(outcome)),
            Rule::Usual => (
                questions(&event),
                End::Rules(Box::new((context.clone(), event))),
            ),
        };
        Ok(Box::new(Talk {
            toy: self.0.clone(),
            questions: Some(questions),
            end: Some(end),
        }))
    }

    fn check_settings(&self, settings: &pec::Settings) -> Result<(), PluginError> {
        if settings.provider_name.is_empty() {
            let fault = pec::Fault::Settings("provider-name: is empty; give it one".to_owned());
            return Err(PluginError::Fault(fault));
        }
        Ok(())
    }

    /// The toy finds fault with logs of one row.
    fn audit(&self, _: u64, dossier: &pec::Dossier) -> Result<Vec<pec::LogFinding>, PluginError> {
        let lonely = dossier.entries.len() == 1;
        let finding = pec::LogFinding {
            rule: pec::LogRule::OneStory,
            text: "a lonely row".to_owned(),
        };
        Ok(lonely.then_some(finding).into_iter().collect())
    }
}

enum End {
    Fixed(Box<pec::Outcome>),
    Rules(Box<(pec::Context, Event)>),
    Never,
}

struct Talk {
    toy: std::sync::Arc<Toy>,
    questions: Option<Vec<Question>>,
    end: Option<End>,
}

impl Dialogue for Talk {
    fn advance(&mut self, answers: Vec<Answer>) -> Result<pec::Step, PluginError> {
        self.toy.heard.lock().unwrap().extend_from_slice(&answers);
        if let Some(Answer::Unavailable(_)) =
            answers.iter().find(|a| matches!(a, Answer::Unavailable(_)))
        {
            return Ok(pec::Step::Done(outcome(451, vec![], vec![])));
        }
        if let Some(questions) = self.questions.take() {
            return Ok(pec::Step::Ask(questions));
        }
        match self.end.take() {
            Some(End::Never) => {
                self.end = Some(End::Never);
                Ok(pec::Step::Ask(vec![Question::Scan]))
            }
            Some(End::Fixed(outcome)) => Ok(pec::Step::Done(*outcome)),
            Some(End::Rules(known)) => {
                let (context, event) = *known;
                Ok(pec::Step::Done(follow_rules(&context, event, &answers)))
            }

            None => Err(PluginError::Fault(pec::Fault::Finished)),
        }
    }
}

/// The key of an envelope of the toy network's other provider.
pub fn envelope_key(pec_id: &str) -> pec::EnvelopeKey {
    pec::EnvelopeKey {
        pec_id: pec_id.to_owned(),
        provider: "o=There".to_owned(),
    }
}

fn questions(event: &Event) -> Vec<Question> {
    match event {
        Event::Submit(_) => vec![Question::Sign(b"attributes".to_vec())],
        Event::Arrive(arrival) => {
            let (_, id, _) = first_line(&arrival.message);
            vec![
                Question::TakenInCharge(envelope_key(&id)),
                Question::TrackedMessage(id),
            ]
        }
        Event::FailRelay(failure) => vec![Question::TrackedMessage(failure.pec_id.clone())],
        _ => Vec::new(),
    }
}

fn follow_rules(context: &pec::Context, event: Event, answers: &[Answer]) -> pec::Outcome {
    match event {
        Event::Submit(event) => submit(context, &event),
        Event::Arrive(event) => arrive(&event, answers),
        Event::FinishDeposit(event) => finish_deposit(&event),
        Event::FailRelay(event) => outcome(
            250,
            vec![],
            vec![settle(
                &event.pec_id,
                &event.recipient,
                RecipientState::NotDelivered,
            )],
        ),
        Event::PassTime(tick) => {
            let expire = |due: &pec::DueRecipient| {
                settle(&due.message.pec_id, &due.recipient, RecipientState::Expired)
            };
            outcome(250, vec![], tick.due.iter().map(expire).collect())
        }
        Event::LoadDirectory(update) => load_directory(&update),
        Event::ComposeRecord(_) | Event::Examine(_) => outcome(250, vec![], vec![]),
    }
}

fn submit(context: &pec::Context, event: &pec::Submission) -> pec::Outcome {
    let id: String = context.entropy[..8]
        .iter()
        .map(|o| format!("{o:02x}"))
        .collect();
    let whole = pec::Span {
        start: 0,
        length: event.message.len() as u64,
    };
    let messages = vec![
        message(
            MessageKind::ServerUserAcceptance,
            &id,
            vec![text(format!("acceptance {id}\r\n"))],
        ),
        message(
            MessageKind::TransportEnvelope,
            &id,
            vec![
                text(format!("envelope {id}\r\n")),
                Segment::Original(whole),
                text("end\r\n".to_owned()),
            ],
        ),
    ];
    let (ours, theirs): (Vec<_>, Vec<_>) =
        event.recipients.iter().cloned().partition(|r| is_ours(r));
    let mut effects = vec![
        Effect::Track(tracked(context.now, &id, event)),
        Effect::Log(log(context.now, &id, "acceptance", event)),
        deposit(0, &event.reverse_path, false),
    ];
    for (route, recipients) in [
        (pec::Route::Network, theirs),
        (pec::Route::OwnIncomingPoint, ours),
    ] {
        if !recipients.is_empty() {
            effects.push(relay(1, route, &event.reverse_path, recipients));
        }
    }
    outcome(250, messages, effects)
}

fn arrive(event: &pec::Arrival, answers: &[Answer]) -> pec::Outcome {
    let (what, id, recipient) = first_line(&event.message);
    let (kind, length) = (kind_of(&what), event.message.len() as u64);
    let whole = Segment::Original(pec::Span { start: 0, length });
    let passed_on = vec![message(kind, &id, vec![whole])];
    match what.as_str() {
        "envelope" => {
            if answers.contains(&Answer::Recipients(event.recipients.clone())) {
                return outcome(250, vec![], vec![]);
            }
            let mut effects = vec![Effect::TakeInCharge(pec::TakeInCharge {
                envelope: envelope_key(&id),
                recipients: event.recipients.clone(),
            })];
            effects.extend(event.recipients.iter().map(|r| {
                Effect::Deposit(pec::Deposit {
                    message: 0,
                    reverse_path: event.reverse_path.clone(),
                    recipient: r.clone(),
                    confirm: true,
                })
            }));
            outcome(250, passed_on, effects)
        }
        "delivery" => {
            let state = RecipientState::Delivered;
            let effects = vec![
                settle(&id, &recipient, state),
                deposit(0, &event.recipients[0], false),
            ];
            outcome(250, passed_on, effects)
        }
        _ => outcome(550, vec![], vec![]),
    }
}

fn finish_deposit(event: &pec::DepositResult) -> pec::Outcome {
    let (_, id, _) = first_line(&event.message);
    let (what, kind) = match event.verdict {
        pec::DepositVerdict::Deposited => ("delivery", MessageKind::Delivery),
        pec::DepositVerdict::Failed(_) => ("non-delivery", MessageKind::NonDelivery),
    };
    let receipt = text(format!("{what} {id} {}\r\n", event.recipient));
    let route = if is_ours(&event.reverse_path) && what == "delivery" {
        pec::Route::OwnIncomingPoint
    } else {
        pec::Route::Network
    };
    let to = vec![event.reverse_path.clone()];
    let relay = relay(0, route, "", to);
    outcome(250, vec![message(kind, &id, vec![receipt])], vec![relay])
}

/// A directory is lines `domain provider`; one that says `refuse` is bad.
fn load_directory(update: &pec::DirectoryUpdate) -> pec::Outcome {
    let content = String::from_utf8(update.content.clone()).unwrap();
    if content.contains("refuse") {
        return outcome(550, vec![], vec![]);
    }
    let record = |line: &str| {
        let (domain, name) = line.split_once(' ').unwrap();
        pec::ProviderRecord {
            provider: pec::Provider {
                dn: format!("providerName={name}"),
                name: name.to_owned(),
                unit: None,
                mail_receipt: format!("ricevute@{domain}"),
                certificate_hashes: vec!["ab".repeat(20)],
                certificates: vec![name.as_bytes().to_vec()],
            },
            managed_domains: vec![domain.to_owned()],
        }
    };
    let records = content.lines().map(record).collect();
    outcome(250, vec![], vec![Effect::InstallDirectory(records)])
}

pub fn outcome(code: u16, messages: Vec<pec::Message>, effects: Vec<Effect>) -> pec::Outcome {
    let text = match code {
        250 => "good",
        _ => "not good",
    };
    pec::Outcome {
        reply: pec::Reply {
            code,
            status: format!("{}.0.0", code / 100),
            text: text.to_owned(),
        },
        messages,
        effects,
        finding: None,
    }
}

pub fn message(kind: MessageKind, pec_id: &str, segments: Vec<Segment>) -> pec::Message {
    pec::Message {
        message_id: format!("{pec_id}.{}", ceralacca_host::kind_name(&kind)),
        kind,
        pec_id: Some(pec_id.to_owned()),
        segments,
    }
}

pub fn text(text: String) -> Segment {
    Segment::Bytes(text.into_bytes())
}

pub fn deposit(message: u32, recipient: &str, confirm: bool) -> Effect {
    Effect::Deposit(pec::Deposit {
        message,
        reverse_path: String::new(),
        recipient: recipient.to_owned(),
        confirm,
    })
}

pub fn relay(
    message: u32,
    route: pec::Route,
    reverse_path: &str,
    recipients: Vec<String>,
) -> Effect {
    Effect::Relay(pec::Relay {
        message,
        route,
        reverse_path: reverse_path.to_owned(),
        recipients,
    })
}

pub fn settle(pec_id: &str, recipient: &str, state: RecipientState) -> Effect {
    Effect::Settle(pec::Settlement {
        pec_id: pec_id.to_owned(),
        recipient: recipient.to_owned(),
        state,
        warned: false,
        deadline: None,
    })
}

pub fn tracked(now: u64, pec_id: &str, event: &pec::Submission) -> pec::TrackedMessage {
    let recipient = |address: &String| pec::TrackedRecipient {
        address: address.clone(),
        certified: true,
        state: RecipientState::Accepted,
        warned: false,
        deadline: Some(now + DEADLINE),
    };
    pec::TrackedMessage {
        pec_id: pec_id.to_owned(),
        message_id: None,
        sender: event.reverse_path.clone(),
        reply_to: event.reverse_path.clone(),
        subject: "Oggetto".to_owned(),
        accepted_at: now,
        recipients: event.recipients.iter().map(recipient).collect(),
    }
}

fn log(now: u64, pec_id: &str, event: &str, submission: &pec::Submission) -> pec::LogEntry {
    pec::LogEntry {
        event: event.to_owned(),
        pec_id: Some(pec_id.to_owned()),
        message_id: None,
        at: now,
        sender: submission.reverse_path.clone(),
        recipients: submission.recipients.clone(),
        subject: "Oggetto".to_owned(),
        generated: vec![],
        provider: "Toy".to_owned(),
        error: None,
    }
}

/// The words of a message's first line.
fn first_line(message: &[u8]) -> (String, String, String) {
    let line = message
        .split(|octet| *octet == b'\r')
        .next()
        .unwrap_or_default();
    let mut words = String::from_utf8_lossy(line)
        .split(' ')
        .map(str::to_owned)
        .collect::<VecDeque<_>>();
    let mut word = || words.pop_front().unwrap_or_default();
    (word(), word(), word())
}

fn kind_of(word: &str) -> MessageKind {
    match word {
        "envelope" => MessageKind::TransportEnvelope,
        "delivery" => MessageKind::Delivery,
        _ => MessageKind::Ordinary,
    }
}

fn is_ours(address: &str) -> bool {
    address.ends_with("@here.example")
}
