//! What the demonstration tells: values only, made by the network and shown by the page.

use ceralacca_host::pec::MessageKind;

use crate::moment::Moment;

/// Everything that one run of the demonstration tells.
#[derive(Clone, Debug)]
pub struct Chronicle {
    /// When it began.
    pub began: Moment,
    /// The providers in it.
    pub providers: Vec<Party>,
    /// Its stories, in the order of time.
    pub stories: Vec<Story>,
}

/// A provider, as the directory knows it.
#[derive(Clone, Debug)]
pub struct Party {
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// The address that signs.
    pub service_address: String,
    /// SHA-1 of its certificate, as in the directory.
    pub certificate_hash: String,
}

/// One message handed in, and all that comes of it.
///
/// In the texts, what is to be typed or found on the wire stands between grave accents.
#[derive(Clone, Debug)]
pub struct Story {
    /// Stories of one chapter stand together.
    pub chapter: String,
    /// A heading.
    pub title: String,
    /// What it shows, in one sentence.
    pub proves: String,
    /// What is about to happen.
    pub opening: String,
    /// How it ends, in a few words for the table of contents.
    pub outcome: String,
    /// What it amounts to.
    pub moral: String,
    /// Everybody in it, from left to right in the drawing.
    pub lanes: Vec<Lane>,
    /// What happened, in the order of time.
    pub events: Vec<Event>,
    /// What the reader can check beyond the signatures.
    pub proof: Option<Proof>,
}

/// Somebody who sends or receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// A short name.
    pub name: String,
    /// Address or domain.
    pub detail: String,
    /// What they are.
    pub role: Role,
}

/// What somebody in a story is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The owner of a certified mailbox.
    User,
    /// A PEC provider.
    Provider,
    /// Somebody with an ordinary mailbox, or something in between.
    Ordinary,
}

/// A message goes from one to another.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Moment,
    /// Index into [`Story::lanes`].
    pub from: usize,
    /// Index into [`Story::lanes`]; never `from`.
    pub to: usize,
    /// What it is.
    pub kind: MessageKind,
    /// What to call it, where that is not the name of its kind.
    pub name: Option<String>,
    /// Its `Subject:`, decoded.
    pub subject: String,
    /// The file it lies in, relative to the page.
    pub file: String,
    /// The number that the file's name begins with.
    pub number: u32,
    /// What happens, in a sentence without its end: `Alfa sends Beta the transport envelope`.
    pub sentence: String,
    /// Does it get there?
    pub fate: Fate,
    /// The code of the error that it gives notice of: `5.2.2` (PRACTICE 5).
    pub code: Option<String>,
    /// What is particular about it, in a few words.
    pub note: Option<String>,
    /// What went on in the long time before it.
    pub meanwhile: Option<String>,
}

/// Whether a message gets where it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It does.
    Arrives,
    /// It does, and is not taken there.
    Refused,
    /// It does not.
    Lost,
}

/// Something that the reader can check with tools of their own.
#[derive(Clone, Debug)]
pub struct Proof {
    /// What it shows.
    pub text: String,
    /// What to type, in the folder of the page.
    pub command: String,
    /// What that must print, somewhere.
    pub output: String,
}

impl Story {
    /// The events, each with the pause before it where that is worth a word:
    /// `12 hours later, 25 November`.
    pub fn with_pauses(&self) -> Vec<(Option<String>, &Event)> {
        let before = std::iter::once(None).chain(self.events.iter().map(|event| Some(event.at)));
        before
            .zip(&self.events)
            .map(|(before, event)| (before.and_then(|before| pause(before, event.at)), event))
            .collect()
    }
}

/// What to say of the time between two events, if it is long.
pub fn pause(before: Moment, after: Moment) -> Option<String> {
    let seconds = after.0.saturating_sub(before.0);
    // To the nearest hour: nobody counts seconds who waits for half a day.
    let hours = (seconds + HOUR / 2) / HOUR;
    (seconds >= LONG).then(|| match hours {
        0 | 1 => format!("an hour later, {}", after.day_in_italy()),
        _ => format!("{hours} hours later, {}", after.day_in_italy()),
    })
}

const HOUR: u64 = 3_600;
/// From here on the drawing's axis is broken, seconds.
const LONG: u64 = HOUR / 2;
