//! A story before it is played.

use ceralacca_host::pec::MessageKind;

use super::cast::{Person, Player};
use super::letters::Mail;
use super::story::{Lane, Proof};
use super::teller::Told;
use super::trouble::Trouble;
use crate::moment::Moment;

/// A story before it is played: who is in it, what they do, and what has to come of it.
pub struct Scene {
    /// Stories of one chapter stand together.
    pub chapter: &'static str,
    /// See [`super::story::Story`].
    pub title: &'static str,
    /// See [`super::story::Story`].
    pub proves: &'static str,
    /// See [`super::story::Story`].
    pub opening: &'static str,
    /// See [`super::story::Story`].
    pub outcome: &'static str,
    /// See [`super::story::Story`].
    pub moral: &'static str,
    /// The lanes, from left to right.
    pub players: &'static [Player],
    /// What is done, in this order; after each act everything runs until nothing moves.
    pub acts: &'static [Act],
    /// Who must hold what in the end: everybody who holds anything. Otherwise the demonstration
    /// has failed.
    pub expected: &'static [(Person, &'static [MessageKind])],
    /// What the reader can check beyond the signatures.
    pub proof: Option<Prove>,
}

/// Makes a proof of the story's messages; none if they do not show what they should.
pub type Prove = fn(&[Told]) -> Option<Proof>;

/// One thing that somebody does, or that happens to them.
#[derive(Clone, Copy)]
pub enum Act {
    /// Anna hands a message to her provider.
    Submit {
        /// SMTP recipients.
        rcpt: &'static [&'static str],
        /// Writes it.
        write: fn(Moment) -> Mail,
    },
    /// Somebody's ordinary mail comes in from the Internet.
    Arrive {
        /// Whose.
        from: Person,
        /// For whom.
        to: Person,
        /// Writes it.
        write: fn(Moment) -> Mail,
    },
    /// From now on, and until the end of the story, something is out of order.
    Trouble(Trouble),
    /// It is mended.
    Mended,
    /// Time passes, in seconds; both providers' clocks run on.
    Wait(u64),
}

impl Scene {
    /// The lanes, from left to right.
    pub fn lanes(&self) -> Vec<Lane> {
        self.players.iter().map(Player::lane).collect()
    }

    /// The lane of whoever has this address.
    pub fn lane_of(&self, address: &str) -> Option<usize> {
        self.players.iter().position(|player| {
            matches!(player, Player::Person(person) if person.address.eq_ignore_ascii_case(address))
        })
    }

    /// The lane of a provider.
    pub fn lane_of_provider(&self, provider: usize) -> Option<usize> {
        self.players
            .iter()
            .position(|player| *player == Player::Provider(provider))
    }

    /// The lane of what stands between the providers.
    pub fn lane_between(&self) -> Option<usize> {
        self.players
            .iter()
            .position(|player| matches!(player, Player::Between { .. }))
    }

    /// How long the people in it wait, seconds.
    pub fn duration(&self) -> u64 {
        let seconds = |act: &Act| match act {
            Act::Wait(seconds) => *seconds,
            _ => 0,
        };
        self.acts.iter().map(seconds).sum()
    }
}
