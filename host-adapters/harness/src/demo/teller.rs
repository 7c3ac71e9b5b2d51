//! Tells what happens in the demonstration: to people as it happens, to the page at the end.

use ceralacca_host::{kind_name, pec};
use mail_parser::{MessageParser, MimeHeaders as _};

use super::cast::{ALFA, ANNA, PROVIDERS, Person, name_of, provider_of};
use super::network::{Deed, Ending, Happening, REPORT};
use super::output::{Output, Written};
use super::scene::Scene;
use super::story::{Event, Fate, Story, pause};
use crate::error::Error;
use crate::kind::facts;
use crate::moment::Moment;
use crate::narrate::say;

/// Turns what happens into a story: files, lines for people, events for the page.
///
/// It also keeps count of what everybody gets. A demonstration whose text says one thing and whose
/// messages another would be worse than none, so such a story does not end: it fails.
pub struct Teller<'a> {
    scene: &'a Scene,
    output: &'a mut Output,
    events: Vec<Event>,
    /// Every message of the story, once for each time it was told of.
    told: Vec<Told>,
    /// Who has got what so far.
    held: Vec<(String, pec::MessageKind)>,
    /// When something was told last.
    last: Option<Moment>,
    /// What has been tried in vain and will be tried again; how often since it was told.
    in_vain: u32,
}

/// A message of the story and the file it lies in.
pub struct Told {
    /// What it is.
    pub kind: pec::MessageKind,
    /// The message.
    pub octets: Vec<u8>,
    /// The file, relative to the page.
    pub file: String,
}

/// A step of the story, before it has a file.
struct Step<'a> {
    at: Moment,
    kind: &'a pec::MessageKind,
    octets: &'a [u8],
    /// Lanes from which and to which it goes; none: it is told, and has no place in the drawing.
    lanes: Option<(usize, usize)>,
    sentence: String,
    name: Option<&'static str>,
    fate: Fate,
    note: Option<String>,
}

impl<'a> Teller<'a> {
    /// Begins a story.
    pub fn new(number: usize, scene: &'a Scene, output: &'a mut Output) -> Teller<'a> {
        say(&format!("\n{number}. {}\n   {}", scene.title, scene.proves));
        Teller {
            scene,
            output,
            events: Vec::new(),
            told: Vec::new(),
            held: Vec::new(),
            last: None,
            in_vain: 0,
        }
    }

    /// Anna hands in a message.
    pub fn submitted(&mut self, at: Moment, message: &[u8]) -> Result<(), Error> {
        self.tell(Step {
            lanes: self.lanes(self.scene.lane_of(ANNA.address), Some(ALFA)),
            sentence: format!(
                "{} hands {} a message",
                ANNA.first_name(),
                PROVIDERS[ALFA].short
            ),
            ..Step::new(at, &pec::MessageKind::Ordinary, message)
        })
    }

    /// Ordinary mail comes in, and the provider takes it or refuses with a reply.
    pub fn arrived(
        &mut self,
        at: Moment,
        from: &Person,
        to: &Person,
        message: &[u8],
        refused: Option<String>,
    ) -> Result<(), Error> {
        let Some(provider) = to.provider() else {
            return Err(Error::argument("demo", "nobody can take it", REPORT));
        };
        let who = PROVIDERS[provider].short;
        let step = Step {
            lanes: self.lanes(self.scene.lane_of(from.address), Some(provider)),
            sentence: format!(
                "{} sends {who} a message for {}",
                from.first_name(),
                to.first_name()
            ),
            name: Some(ORDINARY_MAIL),
            note: Some(format!("for {}", to.first_name())),
            ..Step::new(at, &pec::MessageKind::Ordinary, message)
        };
        self.tell_ending(step, who, refused.as_deref())
    }

    /// A host has done something.
    pub fn happened(&mut self, happening: &Happening) -> Result<(), Error> {
        let who = PROVIDERS[happening.provider].short;
        let what = what(&happening.kind, &happening.octets);
        let step = Step::new(Moment(happening.at), &happening.kind, &happening.octets);
        let from = self.scene.lane_of_provider(happening.provider);
        match &happening.deed {
            Deed::Sent {
                to,
                recipients,
                ending,
            } => self.sent(step, happening.provider, *to, recipients, ending),
            Deed::Unreachable { to } => {
                let whom = PROVIDERS[*to].short;
                self.tell_vain(Step {
                    lanes: self.lanes(from, Some(*to)),
                    sentence: format!("{who} cannot reach {whom}, and will try again"),
                    fate: Fate::Lost,
                    note: Some(format!("{whom} does not answer")),
                    ..step
                })
            }
            Deed::SentOut { recipient } => {
                self.held.push((recipient.clone(), happening.kind.clone()));
                let is_ordinary = happening.kind == pec::MessageKind::Ordinary;
                let what = if is_ordinary {
                    "message as it came"
                } else {
                    &what
                };
                self.tell(Step {
                    lanes: from.zip(self.scene.lane_of(recipient)),
                    sentence: format!("{who} sends {} the {what}", name_of(recipient)),
                    name: is_ordinary.then_some(ORDINARY_MAIL),
                    note: is_ordinary.then(|| "redirected".to_owned()),
                    ..step
                })
            }
            // The service mailbox has no lane: what arrives there is between the providers.
            Deed::Deposited { recipient } if recipient.starts_with("ricevute@") => {
                self.tell(Step {
                    sentence: format!("{who} files the {what}"),
                    ..step
                })
            }
            Deed::Deposited { recipient } => {
                self.held.push((recipient.clone(), happening.kind.clone()));
                self.tell(Step {
                    lanes: from.zip(self.scene.lane_of(recipient)),
                    sentence: format!("{who} delivers the {what} to {}", name_of(recipient)),
                    ..step
                })
            }
            Deed::NotDeposited {
                recipient,
                reason,
                again,
            } => {
                let step = Step {
                    lanes: from.zip(self.scene.lane_of(recipient)),
                    sentence: format!("{who} cannot deliver to {}: {reason}", name_of(recipient)),
                    fate: if *again { Fate::Lost } else { Fate::Refused },
                    note: Some(reason.clone()),
                    ..step
                };
                if *again {
                    self.tell_vain(step)
                } else {
                    self.tell(step)
                }
            }
        }
    }

    /// From provider to provider.
    fn sent(
        &mut self,
        step: Step<'_>,
        provider: usize,
        to: usize,
        recipients: &[String],
        ending: &Ending,
    ) -> Result<(), Error> {
        let (who, whom) = (PROVIDERS[provider].short, PROVIDERS[to].short);
        let from = self.scene.lane_of_provider(provider);
        let what = what(step.kind, step.octets);
        let names: Vec<&str> = recipients.iter().map(|r| name_of(r)).collect();
        let service = recipients
            .iter()
            .all(|r| provider_of(r) == Some(to) && r.starts_with("ricevute@"));
        let sentence = match service {
            true => format!("{who} sends {whom} the {what}"),
            false => format!("{who} sends {whom} the {what} for {}", names.join(", ")),
        };
        let straight = self.lanes(from, Some(to));
        match ending {
            Ending::Taken => self.tell(Step {
                lanes: straight,
                sentence,
                ..step
            }),
            Ending::TakenAgain => self.tell(Step {
                lanes: straight,
                sentence: format!("{who} sends {whom} the {what} again"),
                note: Some("again; taken, and nothing done".to_owned()),
                ..step
            }),
            Ending::Refused(reply) => {
                let step = Step {
                    lanes: straight,
                    sentence,
                    ..step
                };
                self.tell_ending(step, whom, Some(reply))
            }
            Ending::Changed { arrived, refused } => {
                let between = self.scene.lane_between();
                let (at, kind) = (step.at, step.kind);
                self.tell(Step {
                    lanes: from.zip(between),
                    sentence,
                    ..step
                })?;
                let altered = Step {
                    lanes: self.lanes(between, Some(to)),
                    sentence: format!("{whom} is handed an altered copy"),
                    name: Some(ALTERED_COPY),
                    ..Step::new(at, kind, arrived)
                };
                self.tell_ending(altered, whom, refused.as_deref())
            }
        }
    }

    /// Tells a step, and the reply of who did not take it.
    fn tell_ending(
        &mut self,
        step: Step<'_>,
        whom: &str,
        refused: Option<&str>,
    ) -> Result<(), Error> {
        let Some(reply) = refused else {
            return self.tell(step);
        };
        // Code and status: what is said in words stands in the lines for people.
        let code: Vec<&str> = reply.split(' ').take(2).collect();
        let about = step
            .note
            .map(|note| format!("{note}: "))
            .unwrap_or_default();
        self.tell(Step {
            fate: Fate::Refused,
            note: Some(format!("{about}refused, {}", code.join(" "))),
            ..step
        })?;
        say(&format!("{INDENT}{whom} refuses it: {reply}"));
        Ok(())
    }

    /// Tells a step in vain the first time; after that it is only counted.
    fn tell_vain(&mut self, step: Step<'_>) -> Result<(), Error> {
        if self.events.iter().any(|event| event.fate == Fate::Lost) {
            self.in_vain += 1;
            return Ok(());
        }
        self.tell(step)
    }

    /// Writes the file, prints the line, and notes the event if it has its place in the drawing.
    fn tell(&mut self, step: Step<'_>) -> Result<(), Error> {
        let altered = step.name == Some(ALTERED_COPY);
        let Written { number, file } = match altered {
            true => self.output.altered(step.octets)?,
            false => self.output.message(step.kind, step.octets)?,
        };
        let long = self.last.and_then(|last| pause(last, step.at));
        let meanwhile = match self.in_vain {
            0 => None,
            1 => Some("one more try in vain".to_owned()),
            more => Some(format!("{more} more tries in vain")),
        };
        if let Some(long) = &long {
            self.in_vain = 0;
            let meanwhile = meanwhile.iter().map(|words| format!("; {words}"));
            say(&format!("  …  {long}{}", meanwhile.collect::<String>()));
        }
        self.last = Some(step.at);
        say(&line(step.at, &step.sentence, &file));
        self.told.push(Told {
            kind: step.kind.clone(),
            octets: step.octets.to_vec(),
            file: file.clone(),
        });
        if let Some((from, to)) = step.lanes {
            self.events.push(Event {
                at: step.at,
                from,
                to,
                kind: step.kind.clone(),
                name: step.name.map(str::to_owned),
                subject: subject(step.octets),
                file,
                number,
                sentence: step.sentence,
                fate: step.fate,
                code: error_code(step.kind, step.octets),
                note: step.note,
                meanwhile: long.and(meanwhile),
            });
        }
        Ok(())
    }

    /// Two lanes, the second one a provider's.
    fn lanes(&self, from: Option<usize>, to: Option<usize>) -> Option<(usize, usize)> {
        from.zip(to.and_then(|to| self.scene.lane_of_provider(to)))
    }

    /// The whole story, if everybody holds exactly what the scene expects, in whatever order: how
    /// receipts overtake each other is the network's affair.
    pub fn end(self) -> Result<Story, Error> {
        let bug = |problem: String| Error::argument("demo", problem, REPORT);
        let one =
            |(address, kind): (&str, &pec::MessageKind)| format!("{address}: {}", kind_name(kind));
        let mut held: Vec<String> = self.held.iter().map(|(a, k)| one((a, k))).collect();
        let expected = self.scene.expected.iter();
        let mut expected: Vec<String> = expected
            .flat_map(|(person, kinds)| kinds.iter().map(|kind| one((person.address, kind))))
            .collect();
        held.sort();
        expected.sort();
        if held != expected {
            return Err(bug(format!(
                "“{}” ends with [{}] instead of [{}]",
                self.scene.title,
                held.join(", "),
                expected.join(", ")
            )));
        }
        let proof = match self.scene.proof {
            None => None,
            Some(proof) => Some(proof(&self.told).ok_or_else(|| {
                bug(format!(
                    "“{}” does not show what it should",
                    self.scene.title
                ))
            })?),
        };
        if let Some(proof) = &proof {
            say(&format!(
                "  To check, in the folder, with {} as the answer:",
                proof.output
            ));
            for part in proof.command.lines() {
                say(&format!("    {part}"));
            }
        }
        say(&format!("  → {}", self.scene.outcome));
        Ok(Story {
            chapter: self.scene.chapter.to_owned(),
            title: self.scene.title.to_owned(),
            proves: self.scene.proves.to_owned(),
            opening: self.scene.opening.to_owned(),
            outcome: self.scene.outcome.to_owned(),
            moral: self.scene.moral.to_owned(),
            lanes: self.scene.lanes(),
            events: self.events,
            proof,
        })
    }
}

impl<'a> Step<'a> {
    /// A step that is nothing but a message so far.
    fn new(at: Moment, kind: &'a pec::MessageKind, octets: &'a [u8]) -> Step<'a> {
        Step {
            at,
            kind,
            octets,
            lanes: None,
            sentence: String::new(),
            name: None,
            fate: Fate::Arrives,
            note: None,
        }
    }
}

/// One line for people, of 100 columns at most: time, what happens, the file. Sentences that are
/// too long for that have the file below.
fn line(at: Moment, sentence: &str, file: &str) -> String {
    let time = at.time_in_italy();
    let length = sentence.chars().count();
    if length <= SENTENCE {
        format!("  {time}  {sentence:SENTENCE$}  {file}")
    } else {
        format!("  {time}  {sentence}\n{INDENT}{:SENTENCE$}  {file}", "")
    }
}

/// What to call a message in a sentence: `timeout notice (4.4.1)`.
fn what(kind: &pec::MessageKind, octets: &[u8]) -> String {
    let english = facts(kind).english;
    match error_code(kind, octets) {
        Some(code) => format!("{english} ({code})"),
        None => english.to_owned(),
    }
}

/// The code of the error that a notice to a user is about: the first word of `errore-esteso`
/// (PRACTICE 5). It tells the two timeout notices apart.
fn error_code(kind: &pec::MessageKind, octets: &[u8]) -> Option<String> {
    use pec::MessageKind::{NonDelivery, Timeout, VirusNonDelivery};
    if !matches!(kind, NonDelivery | Timeout | VirusNonDelivery) {
        return None;
    }
    let message = MessageParser::default().parse(octets)?;
    let daticert = message
        .parts
        .iter()
        .find(|part| part.attachment_name() == Some("daticert.xml"))?;
    let text = std::str::from_utf8(daticert.contents()).ok()?;
    let (_, error) = text.split_once("<errore-esteso>")?;
    error.split_whitespace().next().map(str::to_owned)
}

/// `Subject:` of a message, decoded; empty where there is none. For the eyes of the reader only:
/// what a message *is* was said by the plug-in.
fn subject(octets: &[u8]) -> String {
    MessageParser::new()
        .with_mime_headers()
        .with_minimal_headers()
        .parse_headers(octets)
        .and_then(|message| message.subject().map(str::to_owned))
        .unwrap_or_default()
}

/// Below the sentences.
const INDENT: &str = "            ";
/// Columns for a sentence: the time takes 12, the longest file name 31, and 2 are between.
const SENTENCE: usize = 55;
/// What is not called after its kind.
const ORDINARY_MAIL: &str = "ordinary mail";
const ALTERED_COPY: &str = "altered copy";
