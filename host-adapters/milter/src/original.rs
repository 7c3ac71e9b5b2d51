//! The octets of a message, put together from what the mail server tells.
//!
//! | told | written |
//! |---|---|
//! | header `Subject`, value ` Prova\n di` | `Subject: Prova CR LF  di CR LF` |
//! | the first piece of the body, or the end | `CR LF`, once, and then the piece |
//!
//! - The value begins after the colon, blanks included, if the mail server agreed to tell them;
//!   otherwise one blank is put there, as almost everybody writes.
//! - Folds come as a bare LF and are CR LF again. Bodies come with CR LF already.
//! - What the mail server does not tell cannot be known: blanks *before* the colon, whether a message
//!   without a body ended with an empty line, what it cut or rewrote. Postfix tells a header up to
//!   the first NUL, and cuts it to 60,000 octets, without a word: a header of that length is a
//!   [`Flaw::HeaderCut`] here.
//!
//! There is one copy of the message in memory, and room for all of it is made at once where the
//! client announced its size.

use crate::{Budget, Flaw, Limits, Reservation};

/// The octets of a message, and their part of the [`Budget`] until dropped.
#[derive(Debug)]
pub struct Original {
    octets: Vec<u8>,
    reservation: Reservation,
}

impl Original {
    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The octets, to be handed on; the reservation should live as long as they do.
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, Reservation) {
        (self.octets, self.reservation)
    }
}

/// A message that is being told.
#[derive(Debug)]
pub(crate) struct Telling {
    octets: Vec<u8>,
    reservation: Reservation,
    in_body: bool,
    /// What the client announced.
    announced: usize,
    /// Once there is one, nothing more is kept.
    flaw: Option<Flaw>,
}

impl Telling {
    pub(crate) fn new(budget: &Budget, announced: Option<usize>) -> Self {
        Self {
            octets: Vec::new(),
            reservation: budget.reservation(),
            in_body: false,
            announced: announced.unwrap_or_default(),
            flaw: None,
        }
    }

    pub(crate) fn header(&mut self, name: &[u8], value: &[u8], spaced: bool, limits: &Limits) {
        if name.len() + 1 + value.len() >= limits.header {
            let name = name.iter().take(NAME_IN_TEXT).map(|&octet| octet.into());
            let visible = |c: char| if c.is_ascii_graphic() { c } else { '?' };
            self.spoil(Flaw::HeaderCut {
                name: name.map(visible).collect(),
                limit: limits.header,
            });
        }
        self.append(name, limits);
        self.append(if spaced { b":" } else { b": " }, limits);
        let mut lines = value.split(|octet| *octet == b'\n');
        self.append(lines.next().unwrap_or_default(), limits);
        for line in lines {
            self.append(CRLF, limits);
            self.append(line, limits);
        }
        self.append(CRLF, limits);
    }

    pub(crate) fn body(&mut self, piece: &[u8], limits: &Limits) {
        if !self.in_body {
            self.in_body = true;
            self.append(CRLF, limits);
        }
        self.append(piece, limits);
    }

    pub(crate) fn end(mut self, limits: &Limits) -> Result<Original, Flaw> {
        self.body(&[], limits);
        match self.flaw {
            Some(flaw) => Err(flaw),
            None => Ok(Original {
                octets: self.octets,
                reservation: self.reservation,
            }),
        }
    }

    fn append(&mut self, piece: &[u8], limits: &Limits) {
        if self.flaw.is_some() {
            return;
        }
        if let Err(flaw) = self.try_append(piece, limits) {
            self.spoil(flaw);
        }
    }

    fn try_append(&mut self, piece: &[u8], limits: &Limits) -> Result<(), Flaw> {
        let length = self.octets.len() + piece.len();
        if length > limits.message {
            return Err(Flaw::TooLarge {
                limit: limits.message,
            });
        }
        self.reservation.cover(length)?;
        if length > self.octets.capacity() {
            self.make_room(length, limits)?;
        }
        self.octets.extend_from_slice(piece);
        Ok(())
    }

    /// For all that was announced, once; beyond that by doubling. Memory that is not touched costs
    /// nothing, so a client gains nothing by announcing more than it sends.
    fn make_room(&mut self, length: usize, limits: &Limits) -> Result<(), Flaw> {
        let announced = self.announced.min(limits.message).saturating_add(SPARE);
        let wanted = length.max(announced).max(self.octets.capacity() * 2);
        let more = wanted - self.octets.len();
        self.octets
            .try_reserve_exact(more)
            .map_err(|_| Flaw::NoRoom { limit: length })
    }

    /// The octets are given back at once: the message will not be taken.
    fn spoil(&mut self, flaw: Flaw) {
        if self.flaw.is_none() {
            self.flaw = Some(flaw);
            self.octets = Vec::new();
            self.reservation.release();
        }
    }
}

const CRLF: &[u8] = b"\r\n";

/// Clients count as they like: with or without the last line end.
const SPARE: usize = 1_024;

/// Enough to find the header by.
const NAME_IN_TEXT: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tell: impl FnOnce(&mut Telling, &Limits)) -> Result<Vec<u8>, Flaw> {
        let limits = Limits {
            message: 100_000,
            ..Limits::default()
        };
        let budget = Budget::new(1_000_000);
        let mut telling = Telling::new(&budget, None);
        tell(&mut telling, &limits);
        let octets = telling.end(&limits).map(|original| original.into_parts().0);
        assert_eq!(budget.used(), 0, "given back");
        octets
    }

    #[test]
    fn headers_get_their_colon_their_folds_and_their_empty_line_back() {
        let octets = told(|telling, limits| {
            telling.header(b"Subject", b"  Prova\n\tdi\n piega ", true, limits);
            telling.header(b"X-Nothing", b"", true, limits);
            telling.header(b"X-Tight", b"now", true, limits);
            telling.body(b"one\r\n", limits);
            telling.body(b".two\r\n", limits);
        });
        assert_eq!(
            octets.unwrap(),
            b"Subject:  Prova\r\n\tdi\r\n piega \r\nX-Nothing:\r\nX-Tight:now\r\n\r\none\r\n.two\r\n"
        );
    }

    #[test]
    fn a_mail_server_that_eats_blanks_gets_one_put_back() {
        let octets = told(|telling, limits| telling.header(b"To", b"x", false, limits));
        assert_eq!(octets.unwrap(), b"To: x\r\n\r\n");
    }

    #[test]
    fn a_message_without_headers_begins_with_the_empty_line() {
        let octets = told(|telling, limits| telling.body(b"ciao\r\n", limits));
        assert_eq!(octets.unwrap(), b"\r\nciao\r\n");
        assert_eq!(told(|_, _| {}).unwrap(), b"\r\n");
    }

    #[test]
    fn a_cut_header_is_a_flaw_that_names_it() {
        let flaw = told(|telling, limits| {
            telling.header(b"X-Short", &[b'x'; 59_991], true, limits);
            telling.header(b"X-L\xe8ngth", &[b'x'; 59_991], true, limits);
        });
        let text = flaw.unwrap_err().to_string();
        assert_eq!(text, "the header X-L?ngth is longer than 60000 octets");
    }

    #[test]
    fn too_much_is_a_flaw_and_the_first_flaw_counts() {
        let flaw = told(|telling, limits| {
            telling.body(&[b'x'; 60_000], limits);
            telling.body(&[b'x'; 60_000], limits);
            assert_eq!(telling.octets.capacity(), 0, "nothing is kept");
            telling.header(b"X", &[b'x'; 70_000], true, limits);
        });
        assert_eq!(flaw, Err(Flaw::TooLarge { limit: 100_000 }));
    }

    #[test]
    fn a_message_of_the_announced_size_is_never_moved() {
        let limits = Limits::default();
        let budget = Budget::new(10_000_000);
        let mut telling = Telling::new(&budget, Some(1_000_000));
        telling.header(b"Subject", b" x", true, &limits);
        let begin = telling.octets.as_ptr();
        for _ in 0..10 {
            telling.body(&[b'x'; 99_000], &limits);
        }
        let original = telling.end(&limits).unwrap();
        assert_eq!(original.octets().as_ptr(), begin);
        assert!(budget.used() >= original.octets().len());
    }
}
