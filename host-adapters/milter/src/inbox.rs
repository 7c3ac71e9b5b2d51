//! From octets to packets.

use crate::{Limits, Malformed};

/// A packet: a command and its data, without the length in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The command octet.
    pub command: u8,
    /// Its data.
    pub data: &'a [u8],
}

/// A buffer that octets are read into and packets are taken out of.
///
/// It grows to the longest packet that came, and no further than [`Limits::packet`] allows.
#[derive(Debug)]
pub struct Inbox {
    octets: Vec<u8>,
    /// `octets[start..end]` came and has not been taken.
    start: usize,
    end: usize,
    limit: usize,
}

impl Inbox {
    /// An empty one.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            octets: vec![0; SMALL],
            start: 0,
            end: 0,
            limit: limits.packet,
        }
    }

    /// Room to read into: never empty while [`Self::next`] gives `None`. Say with [`Self::filled`]
    /// how much came.
    pub fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let wanted = match self.announced() {
            Some(length) => LENGTH + length.min(self.limit),
            None => SMALL,
        };
        if self.octets.len() - self.start < wanted || self.octets.len() == self.end {
            self.octets.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.octets.len() < wanted {
                self.octets.resize(wanted, 0);
            }
        }
        &mut self.octets[self.end..]
    }

    /// So many octets have been read into [`Self::room`].
    ///
    /// # Panics
    /// There was not that much room: the caller's mistake.
    pub fn filled(&mut self, count: usize) {
        assert!(count <= self.octets.len() - self.end, "beyond the room");
        self.end += count;
    }

    /// The next packet; none: more must be read first.
    ///
    /// # Errors
    /// What came is no packet. The stream cannot be followed any further.
    #[allow(
        clippy::should_implement_trait,
        reason = "a packet borrows the inbox, which an iterator's items cannot"
    )]
    pub fn next(&mut self) -> Result<Option<Packet<'_>>, Malformed> {
        let Some(length) = self.announced() else {
            return Ok(None);
        };
        if length == 0 {
            return Err(Malformed::Empty);
        }
        if length > self.limit {
            return Err(Malformed::PacketTooLong {
                length,
                limit: self.limit,
            });
        }
        let begin = self.start + LENGTH;
        let Some(octets) = self.octets[..self.end].get(begin..begin + length) else {
            return Ok(None);
        };
        self.start = begin + length;
        Ok(Some(Packet {
            command: octets[0],
            data: &octets[1..],
        }))
    }

    /// Will [`Self::next`] give a packet, or an error?
    #[must_use]
    pub fn has_packet(&self) -> bool {
        let came = self.end - self.start;
        self.announced()
            .is_some_and(|length| length > self.limit || came >= LENGTH + length)
    }

    /// Has a packet begun that is not whole?
    #[must_use]
    pub fn is_inside_packet(&self) -> bool {
        self.start < self.end
    }

    /// Gives memory back that a long packet needed. For the pause between two messages.
    pub fn shrink(&mut self) {
        if self.start == self.end && self.octets.len() > SMALL {
            *self = Self {
                octets: vec![0; SMALL],
                start: 0,
                end: 0,
                limit: self.limit,
            };
        }
    }

    /// The length of the packet that begins at `start`, where it is known.
    fn announced(&self) -> Option<usize> {
        let octets = self.octets[self.start..self.end].first_chunk()?;
        Some(usize::try_from(u32::from_be_bytes(*octets)).unwrap_or(usize::MAX))
    }
}

/// Octets of the length in front of a packet.
pub(crate) const LENGTH: usize = 4;

/// Enough for everything but bodies and monstrous headers: what a connection at rest costs.
const SMALL: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            packet: 100_000,
            ..Limits::default()
        }
    }

    /// Gives the inbox octets in pieces of `size`; all packets that came out.
    fn packets(octets: &[u8], size: usize) -> Result<Vec<(u8, Vec<u8>)>, Malformed> {
        let mut inbox = Inbox::new(&limits());
        let mut all = Vec::new();
        for mut piece in octets.chunks(size) {
            while !piece.is_empty() {
                let room = inbox.room();
                let count = room.len().min(piece.len());
                assert!(count > 0, "there is room");
                room[..count].copy_from_slice(&piece[..count]);
                inbox.filled(count);
                piece = &piece[count..];
                while let Some(packet) = inbox.next()? {
                    all.push((packet.command, packet.data.to_vec()));
                }
            }
        }
        Ok(all)
    }

    #[test]
    fn however_the_octets_are_cut_the_packets_are_the_same() {
        let mut octets = b"\0\0\0\x05Habc\0\0\0\0\x01T".to_vec();
        octets.extend_from_slice(&90_001_u32.to_be_bytes());
        octets.push(b'B');
        octets.extend_from_slice(&vec![b'x'; 90_000]);
        octets.extend_from_slice(b"\0\0\0\x01Q");
        let whole = packets(&octets, octets.len()).unwrap();
        let commands: Vec<u8> = whole.iter().map(|(command, _)| *command).collect();
        assert_eq!(commands, b"HTBQ");
        assert_eq!(whole[0].1, b"abc\0");
        assert_eq!(whole[2].1.len(), 90_000);
        for size in [1, 2, 3, 5, 4_095, 4_096, 4_097, 65_536] {
            assert_eq!(packets(&octets, size).unwrap(), whole, "{size}");
        }
    }

    #[test]
    fn a_packet_without_command_and_one_without_end_are_refused_at_once() {
        assert_eq!(packets(b"\0\0\0\0", 9), Err(Malformed::Empty));
        let error = packets(b"\xff\xff\xff\xffB", 9).unwrap_err();
        let too_long = Malformed::PacketTooLong {
            length: 0xffff_ffff,
            limit: 100_000,
        };
        assert_eq!(error, too_long);
        // An HTTP client that found the port.
        assert!(packets(b"GET / HTTP/1.1\r\n\r\n", 99).is_err());
    }

    #[test]
    fn a_long_packet_leaves_no_memory_behind() {
        let mut inbox = Inbox::new(&limits());
        inbox.room()[..4].copy_from_slice(&50_000_u32.to_be_bytes());
        inbox.filled(4);
        let mut left = 50_000;
        while left > 0 {
            let count = inbox.room().len().min(left);
            inbox.filled(count);
            left -= count;
        }
        assert!(inbox.octets.len() >= 50_000);
        assert!(inbox.next().unwrap().is_some());
        inbox.shrink();
        assert_eq!(inbox.octets.len(), SMALL);
        assert!(!inbox.is_inside_packet());
    }
}
