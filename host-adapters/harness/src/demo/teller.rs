//! Tells what happens in the demonstration: to people as it happens, to the page at the end.

use ceralacca_host::{kind_name, pec};
use mail_parser::MessageParser;

use super::network::{Deed, Happening};
use super::output::Output;
use super::scenes::{ANNA, PROVIDERS, Scene};
use super::story::{Event, Story};
use crate::error::Error;
use crate::kind::phrase;
use crate::moment::Moment;
use crate::narrate::say;

/// Turns what happens into a story: files, lines for people, events for the page.
///
/// It also keeps count of what the sender gets. A demonstration whose text says one thing and whose
/// messages another would be worse than none, so such a story does not end: it fails.
pub struct Teller<'a> {
    scene: &'a Scene,
    output: &'a mut Output,
    events: Vec<Event>,
    /// What the sender has got so far.
    held: Vec<pec::MessageKind>,
}

impl<'a> Teller<'a> {
    /// Begins a story.
    pub fn new(scene: &'a Scene, output: &'a mut Output) -> Teller<'a> {
        Teller {
            scene,
            output,
            events: Vec::new(),
            held: Vec::new(),
        }
    }

    /// The sender hands in a message.
    pub fn handed_in(&mut self, at: Moment, message: &[u8]) -> Result<(), Error> {
        let alfa = self.scene.lane_of_provider(0);
        let who = PROVIDERS[0].short;
        let sentence = format!("{} hands {who} a message", ANNA.name);
        self.tell(
            at,
            &pec::MessageKind::Ordinary,
            message,
            Some((0, alfa)),
            sentence,
        )
    }

    /// A host has done something.
    pub fn happened(&mut self, happening: &Happening) -> Result<(), Error> {
        let who = PROVIDERS[happening.provider].short;
        let from = self.scene.lane_of_provider(happening.provider);
        let what = phrase(&happening.kind);
        // Where it goes in the drawing, and the line for people.
        let (to, sentence) = match &happening.deed {
            Deed::Sent { to, recipients } => {
                let whom = PROVIDERS[*to].short;
                let names: Vec<&str> = recipients.iter().map(|r| self.scene.name_of(r)).collect();
                let sentence = format!("{who} sends {whom} the {what} for {}", names.join(", "));
                (Some(self.scene.lane_of_provider(*to)), sentence)
            }
            Deed::SentOut { recipient } => {
                let whom = self.scene.name_of(recipient);
                (
                    self.scene.lane_of(recipient),
                    format!("{who} sends {whom} the {what}"),
                )
            }
            // The service mailbox has no lane: what arrives there is between the providers.
            Deed::Deposited { recipient } if recipient.starts_with("ricevute@") => (
                None,
                format!("{who} files the {what} in its service mailbox"),
            ),
            Deed::Deposited { recipient } => {
                let whom = self.scene.name_of(recipient);
                (
                    self.scene.lane_of(recipient),
                    format!("{who} puts the {what} into {whom}’s mailbox"),
                )
            }
        };
        if let Deed::Deposited { recipient } = &happening.deed
            && recipient == ANNA.address
        {
            self.held.push(happening.kind.clone());
        }
        let lanes = to.map(|to| (from, to));
        let at = Moment(happening.at);
        self.tell(at, &happening.kind, &happening.octets, lanes, sentence)
    }

    /// Writes the file, prints the line, and notes the event if it has its place in the drawing.
    fn tell(
        &mut self,
        at: Moment,
        kind: &pec::MessageKind,
        octets: &[u8],
        lanes: Option<(usize, usize)>,
        sentence: String,
    ) -> Result<(), Error> {
        let written = self.output.message(kind, octets)?;
        let shown = self.output.shown(&written.file);
        say(&format!("  {}  {sentence}: {shown}", at.time_in_italy()));
        if let Some((from, to)) = lanes {
            self.events.push(Event {
                at,
                from,
                to,
                kind: kind.clone(),
                subject: subject(octets),
                file: written.file,
                number: written.number,
                sentence,
            });
        }
        Ok(())
    }

    /// The whole story, if the sender holds exactly what the scene expects, in whatever order: how
    /// receipts overtake each other is the network's affair.
    pub fn end(self) -> Result<Story, Error> {
        let names = |kinds: &[pec::MessageKind]| {
            let mut names: Vec<String> = kinds.iter().map(|k| kind_name(k).into_owned()).collect();
            names.sort();
            names.join(", ")
        };
        let (held, expected) = (names(&self.held), names(self.scene.expected));
        if held != expected {
            let problem = format!("{} holds [{held}] instead of [{expected}]", ANNA.name);
            return Err(Error::argument(
                "demo",
                problem,
                "please report this as a bug",
            ));
        }
        say(&format!("  → {}", self.scene.outcome));
        Ok(Story {
            title: self.scene.title.to_owned(),
            opening: self.scene.opening.to_owned(),
            outcome: self.scene.outcome.to_owned(),
            moral: self.scene.moral.to_owned(),
            lanes: self.scene.lanes(),
            events: self.events,
        })
    }
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
