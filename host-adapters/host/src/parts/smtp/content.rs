//! A message on its way through SMTP: what it holds that SMTP cannot carry, and its dots.

use std::io::{self, Write};

use memchr::memchr;

use crate::Body;

/// What a message is made of, as far as SMTP cares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// It has octets above 127: BODY=8BITMIME is needed (RFC 6152).
    pub eight_bit: bool,
    /// It has a line feed without a carriage return before it (RFC 5321 §2.3.8 forbids them).
    pub bare_line_feed: bool,
}

impl Survey {
    /// Reads all of it once.
    pub(super) fn of(body: &Body) -> io::Result<Self> {
        let mut looking = Looking::default();
        body.copy_to(&mut looking)?;
        Ok(looking.seen)
    }
}

#[derive(Default)]
struct Looking {
    seen: Survey,
    last: u8,
}

impl Write for Looking {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.seen.eight_bit |= !octets.is_ascii();
        if !self.seen.bare_line_feed {
            self.seen.bare_line_feed = memchr::memchr_iter(b'\n', octets).any(|at| {
                let before = at.checked_sub(1).map_or(self.last, |at| octets[at]);
                before != b'\r'
            });
        }
        self.last = octets.last().copied().unwrap_or(self.last);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Doubles the dots that begin lines (RFC 5321 §4.5.2) and gives the result on in large pieces.
///
/// Lines end in CR LF: see [`Survey::bare_line_feed`].
pub(super) struct Dots<F> {
    send: F,
    buffer: Vec<u8>,
    at_line_start: bool,
}

impl<E, F: FnMut(&[u8]) -> Result<(), E>> Dots<F> {
    pub(super) fn new(send: F) -> Self {
        Self {
            send,
            buffer: Vec::with_capacity(BUFFER),
            at_line_start: true,
        }
    }

    pub(super) fn push(&mut self, mut octets: &[u8]) -> Result<(), E> {
        while !octets.is_empty() {
            if self.at_line_start && octets[0] == b'.' {
                self.put(b".")?;
            }
            let length = memchr(b'\n', octets).map_or(octets.len(), |at| at + 1);
            let (line, rest) = octets.split_at(length);
            self.put(line)?;
            self.at_line_start = line.ends_with(b"\n");
            octets = rest;
        }
        Ok(())
    }

    /// The last line end, where it is missing, and the final dot. The dot leaves with the last
    /// piece: until this returns, or fails, the other side cannot have seen it.
    pub(super) fn finish(mut self) -> Result<(), E> {
        if !self.at_line_start {
            self.put(b"\r\n")?;
        }
        self.buffer.extend_from_slice(b".\r\n");
        (self.send)(&self.buffer)
    }

    fn put(&mut self, mut octets: &[u8]) -> Result<(), E> {
        while self.buffer.len() + octets.len() > BUFFER {
            let (fits, rest) = octets.split_at(BUFFER - self.buffer.len());
            self.buffer.extend_from_slice(fits);
            (self.send)(&self.buffer)?;
            self.buffer.clear();
            octets = rest;
        }
        self.buffer.extend_from_slice(octets);
        Ok(())
    }
}

/// A few packets' worth, so that a system call costs nothing to speak of.
const BUFFER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn stuffed(pieces: &[&[u8]]) -> Vec<u8> {
        let mut sent = Vec::new();
        let mut dots = Dots::new(|octets: &[u8]| {
            sent.extend_from_slice(octets);
            Ok::<(), ()>(())
        });
        for piece in pieces {
            dots.push(piece).unwrap();
        }
        dots.finish().unwrap();
        sent
    }

    /// RFC 5321 §4.5.2, the receiver's half: what we send must come back as it was.
    fn unstuffed(sent: &[u8]) -> Vec<u8> {
        let mut lines = Vec::new();
        let text = sent
            .strip_suffix(b"\r\n.\r\n")
            .map(|t| [t, b"\r\n"].concat());
        let text = text.unwrap_or_else(|| {
            assert_eq!(sent, b".\r\n");
            Vec::new()
        });
        for line in text.split_inclusive(|o| *o == b'\n') {
            lines.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
        lines
    }

    #[test]
    fn dots_are_doubled_wherever_the_pieces_end() {
        let message = b".\r\n..\r\na.b\r\n\r\n.x\r\ny.\r\n";
        assert_eq!(
            stuffed(&[message]),
            b"..\r\n...\r\na.b\r\n\r\n..x\r\ny.\r\n.\r\n"
        );
        for at in 0..=message.len() {
            let (one, two) = message.split_at(at);
            assert_eq!(stuffed(&[one, two]), stuffed(&[message]), "{at}");
        }
        assert_eq!(stuffed(&[]), b".\r\n");
        assert_eq!(stuffed(&[b"no end"]), b"no end\r\n.\r\n");
        assert_eq!(stuffed(&[b"cr\r"]), b"cr\r\r\n.\r\n");
    }

    #[test]
    fn what_is_larger_than_the_buffer_comes_out_whole() {
        let line = b".0123456789\r\n";
        for count in [BUFFER / 14, BUFFER / 13, 3 * BUFFER / 13] {
            let message = line.repeat(count);
            assert_eq!(unstuffed(&stuffed(&[&message])), message);
        }
        let long = vec![b'x'; 2 * BUFFER + 1];
        assert_eq!(unstuffed(&stuffed(&[&long])), [&long[..], b"\r\n"].concat());
    }

    #[test]
    fn surveys_see_across_pieces() {
        let survey = |text: &[u8]| {
            let whole = Survey::of(&Body::from_octets(text.to_vec())).unwrap();
            for at in 0..=text.len() {
                let mut looking = Looking::default();
                looking.write_all(&text[..at]).unwrap();
                looking.write_all(&text[at..]).unwrap();
                assert_eq!(looking.seen, whole);
            }
            (whole.eight_bit, whole.bare_line_feed)
        };
        assert_eq!(survey(b"a\r\nb\r\n"), (false, false));
        assert_eq!(survey(b"a\rb\r\n"), (false, false));
        assert_eq!(survey(b"\nb"), (false, true));
        assert_eq!(survey(b"a\r\n\nb"), (false, true));
        assert_eq!(survey(b"a\r\nb\n"), (false, true));
        assert_eq!(survey("perché\r\n".as_bytes()), (true, false));
    }
}
