//! The octets of a message, in memory or on disk.
//!
//! What the plug-in makes out of a large message is a few kilobytes of its own with the original
//! in between. A [`Body`] keeps it that way: literal octets, and ranges of **one** file in the
//! spool. The 100 MB of an original are written once, when the event comes in; the envelope, the
//! receipts and whatever is later made out of the envelope refer to the same file.

use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

use crate::pec;
use piece::Piece;
use reader::BodyReader;

mod piece;
mod reader;

/// The octets of one message. Cheap to hold: what is large stays on disk.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// All octets that are not in the spool, in order.
    literal: Vec<u8>,
    pieces: Vec<Piece>,
    /// The file that [`Piece::Spool`] ranges are of.
    spool: Option<SpoolRef>,
    length: u64,
}

impl Body {
    /// A message in memory.
    #[must_use]
    pub fn from_octets(octets: Vec<u8>) -> Self {
        let length = octets.len() as u64;
        Self {
            pieces: vec![Piece::Literal(0..octets.len())],
            literal: octets,
            spool: None,
            length,
        }
    }

    /// How many octets it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Has it none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Reads it from its beginning.
    ///
    /// # Errors
    /// The file in the spool cannot be opened.
    pub fn reader(&self) -> io::Result<impl Read + '_> {
        let file = match &self.spool {
            Some(spool) => Some(spool.place.open(&spool.name)?),
            None => None,
        };
        Ok(BodyReader::new(self, file))
    }

    /// Writes all of it through a buffer of fixed size.
    ///
    /// # Errors
    /// The file in the spool cannot be read or is shorter than it was, or `to` fails.
    pub fn copy_to(&self, to: &mut dyn Write) -> io::Result<()> {
        if self.spool.is_none() {
            return to.write_all(&self.literal);
        }
        let mut reader = self.reader()?;
        let mut buffer = vec![0; COPY_BUFFER];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(()),
                count => to.write_all(&buffer[..count])?,
            }
        }
    }

    /// All of it in memory: only for handing it to the plug-in.
    ///
    /// # Errors
    /// The file in the spool cannot be read, is shorter than it was, or memory does not suffice.
    pub fn read_whole(&self) -> io::Result<Vec<u8>> {
        if self.spool.is_none() {
            return Ok(self.literal.clone());
        }
        let size = usize::try_from(self.length).map_err(io::Error::other)?;
        let mut octets = Vec::new();
        octets.try_reserve_exact(size).map_err(io::Error::other)?;
        self.copy_to(&mut octets)?;
        Ok(octets)
    }

    /// A message that is one file of the spool.
    pub(crate) fn from_spool(spool: SpoolRef, length: u64) -> Self {
        Self {
            literal: Vec::new(),
            pieces: vec![Piece::Spool(0..length)],
            spool: Some(spool),
            length,
        }
    }

    /// What the plug-in made of `self`, the message of its event.
    ///
    /// # Errors
    /// A span reaches beyond the message: the plug-in broke its guarantee.
    pub(crate) fn splice(&self, segments: Vec<pec::Segment>) -> Result<Self, BadSpan> {
        let mut made = Self {
            spool: self.spool.clone(),
            ..Self::default()
        };
        for segment in segments {
            match segment {
                pec::Segment::Bytes(octets) => made.push_owned(octets),
                pec::Segment::Original(span) => self.copy_span(span, &mut made)?,
            }
        }
        if !made
            .pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Spool(_)))
        {
            made.spool = None;
        }
        Ok(made)
    }

    /// The file of the spool that it refers to, if it does.
    pub(crate) fn spool_name(&self) -> Option<&str> {
        self.spool.as_ref().map(|spool| &*spool.name)
    }

    /// Is it made of the same octets, in the same places?
    pub(crate) fn is_kept_like(&self, other: &Self) -> bool {
        self.spool_name() == other.spool_name()
            && self.pieces == other.pieces
            && self.literal == other.literal
    }

    /// How many octets are not in the spool.
    pub(crate) fn literal_len(&self) -> usize {
        self.literal.len()
    }

    /// The octets outside the spool, the file of those inside, and how they interleave.
    pub(crate) fn stored_form(&self) -> (&[u8], Option<&SpoolRef>, Option<String>) {
        let recipe = self.spool.as_ref().map(|_| {
            let words: Vec<String> = self.pieces.iter().map(Piece::to_string).collect();
            words.join(" ")
        });
        (&self.literal, self.spool.as_ref(), recipe)
    }

    /// The inverse of [`Self::stored_form`].
    ///
    /// # Errors
    /// The recipe is not one, or does not fit the octets: the store is damaged.
    pub(crate) fn from_stored(
        literal: Vec<u8>,
        spool: Option<SpoolRef>,
        recipe: Option<&str>,
    ) -> Result<Self, String> {
        let (Some(recipe), Some(spool)) = (recipe, spool) else {
            return Ok(Self::from_octets(literal));
        };
        let mut body = Self {
            spool: Some(spool),
            ..Self::default()
        };
        let mut used = 0;
        for word in recipe.split(' ') {
            let piece = Piece::parse(word, used).ok_or_else(|| format!("piece {word:?}"))?;
            if let Piece::Literal(range) = &piece {
                used = range.end;
            }
            body.push_piece(piece);
        }
        if used != literal.len() {
            return Err(format!(
                "{used} octets in the recipe, {} there",
                literal.len()
            ));
        }
        body.literal = literal;
        Ok(body)
    }

    /// Appends a span of `self` to `made`, by reference where it is on disk.
    fn copy_span(&self, span: pec::Span, made: &mut Self) -> Result<(), BadSpan> {
        let bad = BadSpan {
            start: span.start,
            length: span.length,
            message: self.length,
        };
        let end = span.start.checked_add(span.length).ok_or(bad)?;
        if end > self.length {
            return Err(bad);
        }
        let mut offset = 0;
        for piece in &self.pieces {
            let from = span.start.clamp(offset, offset + piece.length()) - offset;
            let to = end.clamp(offset, offset + piece.length()) - offset;
            offset += piece.length();
            if from == to {
                continue;
            }
            match piece {
                // Both fit: they lie within a range of a vector.
                Piece::Literal(range) => made.push_octets(
                    &self.literal[range.start + from as usize..range.start + to as usize],
                ),
                Piece::Spool(range) => {
                    made.push_piece(Piece::Spool(range.start + from..range.start + to));
                }
            }
        }
        Ok(())
    }

    fn push_owned(&mut self, octets: Vec<u8>) {
        if self.literal.is_empty() && !octets.is_empty() {
            self.push_piece(Piece::Literal(0..octets.len()));
            self.literal = octets;
        } else {
            self.push_octets(&octets);
        }
    }

    fn push_octets(&mut self, octets: &[u8]) {
        if octets.is_empty() {
            return;
        }
        let start = self.literal.len();
        self.literal.extend_from_slice(octets);
        self.push_piece(Piece::Literal(start..self.literal.len()));
    }

    /// Appends a piece, joining it to the last one where they touch: a message in memory is one
    /// piece however many segments it came in.
    fn push_piece(&mut self, piece: Piece) {
        self.length += piece.length();
        match (self.pieces.last_mut(), &piece) {
            (Some(Piece::Literal(last)), Piece::Literal(next)) if last.end == next.start => {
                last.end = next.end;
            }
            _ => self.pieces.push(piece),
        }
    }
}

/// A file of the spool.
#[derive(Clone, Debug)]
pub(crate) struct SpoolRef {
    /// What the store calls it.
    pub(crate) name: Arc<str>,
    place: Arc<dyn Place>,
}

impl SpoolRef {
    /// The file `name` in a place.
    pub(crate) fn new(name: &str, place: Arc<dyn Place>) -> Self {
        Self {
            name: name.into(),
            place,
        }
    }
}

/// Where files of the spool are.
pub(crate) trait Place: std::fmt::Debug + Send + Sync {
    /// Opens one.
    ///
    /// # Errors
    /// It is not there, or cannot be read now.
    fn open(&self, name: &str) -> io::Result<Box<dyn Source>>;
}

/// A file of the spool that is being read.
pub(crate) trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

/// A span that reaches beyond the message it is of.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("original({start}, {length}) reaches beyond the event's message of {message} octets")]
pub(crate) struct BadSpan {
    start: u64,
    length: u64,
    message: u64,
}

/// Enough to keep a disk busy, little enough to forget about.
const COPY_BUFFER: usize = 256 * 1024;

#[cfg(test)]
mod tests;
