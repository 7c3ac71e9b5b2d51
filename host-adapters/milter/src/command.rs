//! What the mail server says, read.

use std::net::IpAddr;

use crate::negotiate::Offer;
use crate::{Limits, Malformed, Packet};

/// A command of the mail server. It borrows the packet it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `O`: what it offers.
    Negotiate(Offer),
    /// `D`: macros that come with the next command.
    Macros {
        /// The command they come with.
        stage: u8,
        /// Names and values in turn.
        list: Vec<&'a [u8]>,
    },
    /// `C`: a client has connected.
    Connect(Connect<'a>),
    /// `H`: HELO or EHLO.
    Helo,
    /// `M`: MAIL FROM.
    Mail(Arguments<'a>),
    /// `R`: RCPT TO.
    Recipient(Arguments<'a>),
    /// `T`: DATA.
    Data,
    /// `L`: one header. Folds in the value are line feeds.
    Header {
        /// Before the colon.
        name: &'a [u8],
        /// After the colon, and after the blanks unless they were asked for.
        value: &'a [u8],
    },
    /// `N`: the headers have ended.
    EndOfHeaders,
    /// `B`: a piece of the body.
    Body(&'a [u8]),
    /// `E`: the message has ended, perhaps with a last piece of the body.
    EndOfMessage(&'a [u8]),
    /// `A`: forget the message, if there is one.
    Abort,
    /// `K`: the SMTP session is over; another will follow on this connection.
    NextSession,
    /// `Q`: the end.
    Quit,
    /// `U`: an SMTP command that the mail server does not know.
    Unknown,
}

/// Who has connected to the mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect<'a> {
    /// Its name, or its address in brackets.
    pub name: &'a [u8],
    /// Its address.
    pub peer: Peer,
}

/// The address of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An Internet address. The port is 0 where there was no connection: Postfix says so of messages
    /// that it made itself.
    Internet(IpAddr, u16),
    /// A Unix socket, or something that the mail server cannot name.
    Other,
}

/// The arguments of MAIL or RCPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments<'a> {
    /// The path as the client wrote it, usually in angle brackets.
    pub path: &'a [u8],
    /// What follows it.
    pub parameters: Vec<&'a [u8]>,
}

/// ESMTP parameters of MAIL or RCPT (RFC 5321 §4.1.2): keywords, some with values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, Option<String>)>);

impl Parameters {
    pub(crate) fn read(arguments: &[&[u8]]) -> Self {
        let parameter = |octets: &&[u8]| {
            let text = String::from_utf8_lossy(octets);
            match text.split_once('=') {
                Some((keyword, value)) => (keyword.to_ascii_uppercase(), Some(value.to_owned())),
                None => (text.to_ascii_uppercase(), None),
            }
        };
        Self(arguments.iter().map(parameter).collect())
    }

    /// Is this keyword (in upper case) there?
    #[must_use]
    pub fn has(&self, keyword: &str) -> bool {
        self.0.iter().any(|(word, _)| word == keyword)
    }

    /// The value of a keyword (in upper case): `RET`, `ENVID`, `NOTIFY`, `ORCPT`, `BODY`, …
    #[must_use]
    pub fn value(&self, keyword: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(word, _)| word == keyword)?;
        value.as_deref()
    }

    /// `SIZE=`: what the client thinks the message has (RFC 1870).
    #[must_use]
    pub fn size(&self) -> Option<usize> {
        self.value("SIZE")?.parse().ok()
    }
}

impl<'a> Command<'a> {
    /// Reads a packet.
    ///
    /// # Errors
    /// There is no such command, or its data are not as they must be.
    pub fn parse(packet: Packet<'a>, limits: &Limits) -> Result<Self, Malformed> {
        let Packet { command, data } = packet;
        Ok(match command {
            b'O' => Self::Negotiate(Offer::parse(data)?),
            b'D' => macros(data)?,
            b'C' => Self::Connect(connect(data)?),
            b'H' => Self::Helo,
            b'M' => Self::Mail(arguments('M', data, limits)?),
            b'R' => Self::Recipient(arguments('R', data, limits)?),
            b'T' => Self::Data,
            b'L' => header(data)?,
            b'N' => Self::EndOfHeaders,
            b'B' => Self::Body(data),
            b'E' => Self::EndOfMessage(data),
            b'A' => Self::Abort,
            b'K' => Self::NextSession,
            b'Q' => Self::Quit,
            b'U' => Self::Unknown,
            other => return Err(Malformed::UnknownCommand(other)),
        })
    }
}

fn macros(data: &[u8]) -> Result<Command<'_>, Malformed> {
    let (&stage, rest) = data.split_first().ok_or(NO_STAGE)?;
    let list = if rest.is_empty() {
        Vec::new()
    } else {
        strings('D', rest)?
    };
    if list.len() % 2 != 0 {
        return Err(Malformed::Data {
            command: 'D',
            what: "has a macro without a value",
        });
    }
    Ok(Command::Macros { stage, list })
}

/// Name, NUL, family; for all but `U` the port and the address, NUL.
fn connect(data: &[u8]) -> Result<Connect<'_>, Malformed> {
    let wrong = |what| Malformed::Data { command: 'C', what };
    let end = data.iter().position(|octet| *octet == 0);
    let (name, rest) = data.split_at(end.ok_or(wrong("has a name without an end"))?);
    let peer = match rest {
        [0, b'U' | b'L', ..] => Peer::Other,
        [0, b'4' | b'6', high, low, address @ .., 0] => {
            let address = std::str::from_utf8(address).unwrap_or_default();
            let address = address.strip_prefix("IPv6:").unwrap_or(address);
            let address = address.parse().map_err(|_| wrong("has a bad address"))?;
            Peer::Internet(address, u16::from_be_bytes([*high, *low]))
        }
        [0] => return Err(wrong("has no address family")),
        _ => return Err(wrong("has a bad address")),
    };
    Ok(Connect { name, peer })
}

fn arguments<'a>(
    command: char,
    data: &'a [u8],
    limits: &Limits,
) -> Result<Arguments<'a>, Malformed> {
    if data.len() > limits.arguments {
        return Err(Malformed::ArgumentsTooLong {
            command,
            length: data.len(),
            limit: limits.arguments,
        });
    }
    let mut strings = strings(command, data)?;
    let path = strings.remove(0);
    Ok(Arguments {
        path,
        parameters: strings,
    })
}

fn header(data: &[u8]) -> Result<Command<'_>, Malformed> {
    match strings('L', data)?[..] {
        [name, value] => Ok(Command::Header { name, value }),
        _ => Err(Malformed::Data {
            command: 'L',
            what: "is not one name and one value",
        }),
    }
}

/// Strings that end in NUL; at least one.
fn strings(command: char, data: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    match data.split_last() {
        Some((0, strings)) => Ok(strings.split(|octet| *octet == 0).collect()),
        _ => Err(Malformed::Data {
            command,
            what: "does not end in NUL",
        }),
    }
}

const NO_STAGE: Malformed = Malformed::Data {
    command: 'D',
    what: "does not say for which command",
};

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(command: u8, data: &[u8]) -> Result<Command<'_>, Malformed> {
        Command::parse(Packet { command, data }, &Limits::default())
    }

    #[test]
    fn a_client_by_internet_by_socket_and_by_nothing() {
        let peer = |data| match parse(b'C', data) {
            Ok(Command::Connect(connect)) => connect.peer,
            other => panic!("{other:?}"),
        };
        let here = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(
            peer(b"localhost\x004\x00\x00127.0.0.1\0"),
            Peer::Internet(here, 0)
        );
        let six = IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(peer(b"h\x006\x04\x01IPv6:::1\0"), Peer::Internet(six, 1025));
        assert_eq!(peer(b"h\x006\x04\x01::1\0"), Peer::Internet(six, 1025));
        assert_eq!(peer(b"h\0L\0\0/run/x\0"), Peer::Other);
        assert_eq!(peer(b"h\0U"), Peer::Other);
        for bad in [
            &b"h"[..],
            b"h\0",
            b"h\x004",
            b"h\x004\0\x19x\0",
            b"h\x004\0\x19127.0.0.1",
            b"h\0Z",
        ] {
            assert!(parse(b'C', bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn parameters_are_keywords_in_any_case() {
        let data = b"<anna@x>\0size=120\0RET=hdrs\0ENVID=a=b\0SMTPUTF8\0";
        let Ok(Command::Mail(arguments)) = parse(b'M', data) else {
            panic!("it is good");
        };
        assert_eq!(arguments.path, b"<anna@x>");
        let parameters = Parameters::read(&arguments.parameters);
        assert_eq!(parameters.size(), Some(120));
        assert_eq!(parameters.value("RET"), Some("hdrs"));
        assert_eq!(parameters.value("ENVID"), Some("a=b"));
        assert!(parameters.has("SMTPUTF8"));
        assert_eq!(parameters.value("SMTPUTF8"), None);
        assert!(!parameters.has("BODY"));
    }

    #[test]
    fn what_is_wrong_with_a_command_is_told_with_its_name() {
        let text = |command, data: &[u8]| parse(command, data).unwrap_err().to_string();
        assert!(text(b'z', b"").contains("unknown command 0x7a"));
        assert!(text(b'O', b"\0\0\0\x06").contains("command O"));
        assert!(text(b'D', b"").contains("command D"));
        assert!(text(b'D', b"Mi\0").contains("without a value"));
        assert!(text(b'M', b"<a@b>").contains("does not end in NUL"));
        assert!(text(b'M', b"").contains("does not end in NUL"));
        assert!(text(b'L', b"Subject\0").contains("one name and one value"));
        assert!(text(b'L', b"a\0b\0c\0").contains("one name and one value"));
        assert!(text(b'R', &[b'x'; 9_000]).contains("9000 octets of arguments; at most 8192"));
    }
}
