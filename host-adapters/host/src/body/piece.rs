//! What a body is made of, and how the store writes it down.

use std::ops::Range;

/// A run of octets, and where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// These of a [`super::Body`]'s literal octets.
    Literal(Range<usize>),
    /// These octets of the file in the spool.
    Spool(Range<u64>),
}

impl Piece {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Literal(range) => range.len() as u64,
            Self::Spool(range) => range.end - range.start,
        }
    }

    /// Reads what `Display` writes; literals start at `used`.
    pub(super) fn parse(word: &str, used: usize) -> Option<Self> {
        if let Some(count) = word.strip_prefix("literal:") {
            let end = used.checked_add(count.parse().ok()?)?;
            return Some(Self::Literal(used..end));
        }
        let (start, length) = word.strip_prefix("spool:")?.split_once('+')?;
        let start: u64 = start.parse().ok()?;
        Some(Self::Spool(start..start.checked_add(length.parse().ok()?)?))
    }
}

impl std::fmt::Display for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(range) => write!(f, "literal:{}", range.len()),
            Self::Spool(range) => write!(f, "spool:{}+{}", range.start, self.length()),
        }
    }
}
