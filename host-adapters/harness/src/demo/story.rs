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
#[derive(Clone, Debug)]
pub struct Story {
    /// A heading.
    pub title: String,
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
    /// Somebody with an ordinary mailbox.
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
    /// Its `Subject:`, decoded.
    pub subject: String,
    /// The file it lies in, relative to the page.
    pub file: String,
    /// The number that the file's name begins with.
    pub number: u32,
    /// What happens, in a sentence without its end: `Alfa sends Beta the transport envelope`.
    pub sentence: String,
}
