//! Questions about runs of octets, answered many octets at a time: a message of 100 MB has a
//! million lines, and reading each of them would be most of what its transaction costs.
//!
//! The loops have no early exit, so that compilers make vector instructions of them.

use memchr::{memchr, memrchr};

/// Octets that survive no transport unchanged (RFC 5321 §4.1.1.4, RFC 5322 §2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Irregular {
    pub nul: bool,
    /// A CR that no LF follows.
    pub bare_cr: bool,
    /// An LF that follows no CR.
    pub bare_lf: bool,
}

impl Irregular {
    /// What a whole message has of them.
    pub fn of(message: &[u8]) -> Self {
        let (Some(first), Some(last)) = (message.first(), message.last()) else {
            return Self::default();
        };
        let (mut nul, mut cr, mut lf) = (*last == 0, *last == b'\r', *first == b'\n');
        for (&octet, &next) in message.iter().zip(&message[1..]) {
            let (is_cr, is_lf) = (octet == b'\r', next == b'\n');
            nul |= octet == 0;
            cr |= is_cr & !is_lf;
            lf |= is_lf & !is_cr;
        }
        Self {
            nul,
            bare_cr: cr,
            bare_lf: lf,
        }
    }
}

/// Is there an octet above 127?
pub(super) fn has_8bit(text: &[u8]) -> bool {
    text.iter().fold(0, |all, octet| all | octet) > 127
}

/// Is there a line of more than `limit` octets, its line break not counted? `text` begins where a
/// line does.
///
/// Leaps as far as a line may reach and looks back for a line break: the last one in reach is as
/// good a place to leap from as any before it.
pub(super) fn has_long_line(text: &[u8], limit: usize) -> bool {
    let mut rest = text;
    while rest.len() > limit {
        let reach = &rest[..rest.len().min(limit + 2)];
        match memrchr(b'\n', reach) {
            None => return true,
            // One line fills the whole reach: it is within the limit only if it ends in CRLF.
            Some(at)
                if at > limit && reach[limit] != b'\r' && memchr(b'\n', &reach[..at]).is_none() =>
            {
                return true;
            }
            Some(at) => rest = &rest[at + 1..],
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, line by line.
    fn slowly(text: &[u8], limit: usize) -> bool {
        text.split(|&b| b == b'\n')
            .enumerate()
            .any(|(index, line)| {
                let last = index == text.iter().filter(|&&b| b == b'\n').count();
                let line = if last {
                    line
                } else {
                    line.strip_suffix(b"\r").unwrap_or(line)
                };
                line.len() > limit
            })
    }

    #[test]
    fn long_lines_are_found_wherever_they_stand() {
        // All texts of up to eight octets over a small alphabet, for two limits.
        for length in 0..=8_u32 {
            for number in 0..3_usize.pow(length) {
                let text: Vec<u8> = (0..length)
                    .map(|place| b"x\r\n"[number / 3_usize.pow(place) % 3])
                    .collect();
                for limit in [1, 3] {
                    assert_eq!(
                        has_long_line(&text, limit),
                        slowly(&text, limit),
                        "{:?}, {limit}",
                        String::from_utf8_lossy(&text)
                    );
                }
            }
        }
    }

    #[test]
    fn irregular_octets_are_found_at_either_end_too() {
        let found = |text: &[u8]| {
            let Irregular {
                nul,
                bare_cr,
                bare_lf,
            } = Irregular::of(text);
            [nul, bare_cr, bare_lf]
        };
        assert_eq!(found(b""), [false; 3]);
        assert_eq!(found(b"a\r\nb\r\n"), [false; 3]);
        assert_eq!(found(b"\na"), [false, false, true]);
        assert_eq!(found(b"a\r"), [false, true, false]);
        assert_eq!(found(b"a\0"), [true, false, false]);
        assert_eq!(found(b"\0"), [true, false, false]);
        assert_eq!(found(b"\r\r\n"), [false, true, false]);
        assert_eq!(found(b"\r\n\n"), [false, false, true]);
    }
}
