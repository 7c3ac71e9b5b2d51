//! Reading a body from its beginning, wherever its octets are.

use std::io::{self, Read, SeekFrom};

use super::piece::Piece;
use super::{Body, Source};

/// Reads piece after piece.
pub(super) struct BodyReader<'a> {
    body: &'a Body,
    file: Option<Box<dyn Source>>,
    /// The piece that is being read.
    next: usize,
    /// How much of it has been.
    done: u64,
}

impl<'a> BodyReader<'a> {
    /// `file` is the body's file in the spool, where it has one.
    pub(super) fn new(body: &'a Body, file: Option<Box<dyn Source>>) -> Self {
        Self {
            body,
            file,
            next: 0,
            done: 0,
        }
    }
}

impl Read for BodyReader<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.body.pieces.get(self.next) {
            let left = piece.length() - self.done;
            if left == 0 {
                self.next += 1;
                self.done = 0;
                continue;
            }
            // The smaller of two numbers, one of which is a `usize`.
            let want = left.min(to.len() as u64) as usize;
            let count = match (piece, &mut self.file) {
                (Piece::Literal(range), _) => {
                    let start = range.start + self.done as usize;
                    to[..want].copy_from_slice(&self.body.literal[start..start + want]);
                    want
                }
                (Piece::Spool(range), Some(file)) => {
                    if self.done == 0 {
                        file.seek(SeekFrom::Start(range.start))?;
                    }
                    file.read(&mut to[..want])?
                }
                (Piece::Spool(_), None) => 0,
            };
            if count == 0 && want > 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "a spool file is shorter than the message in it",
                ));
            }
            self.done += count as u64;
            return Ok(count);
        }
        Ok(0)
    }
}
