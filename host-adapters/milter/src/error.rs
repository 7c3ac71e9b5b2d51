//! What can be wrong, sorted by whose fault it is.

/// The other end of the connection does not speak the protocol: the mail server has another version
/// or another opinion, or something that is no mail server has found the socket. The session is
/// over, and so is the connection; the mail server answers its client as its own settings say
/// (Postfix: `milter_default_action`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A packet without even a command.
    #[error("the mail server sent an empty packet")]
    Empty,
    /// A packet that is longer than any mail server's.
    #[error("the mail server announced a packet of {length} octets; at most {limit} are taken")]
    PacketTooLong {
        /// As announced, command included.
        length: usize,
        /// [`Limits::packet`](crate::Limits::packet).
        limit: usize,
    },
    /// A command that the protocol does not have.
    #[error("the mail server sent the unknown command {0:#04x}")]
    UnknownCommand(u8),
    /// Data that are too short, or lack what must stand in them.
    #[error("the mail server's command {command}: {what}")]
    Data {
        /// The command octet as a letter.
        command: char,
        /// What is wrong with its data.
        what: &'static str,
    },
    /// MAIL or RCPT with more than any client's command line.
    #[error(
        "the mail server's command {command} has {length} octets of arguments; at most {limit} are taken"
    )]
    ArgumentsTooLong {
        /// The command octet as a letter.
        command: char,
        /// As they came.
        length: usize,
        /// [`Limits::arguments`](crate::Limits::arguments).
        limit: usize,
    },
    /// A command at a moment when it cannot be.
    #[error("the mail server sent the command {command} {when}")]
    OutOfOrder {
        /// The command octet as a letter.
        command: char,
        /// At what moment.
        when: &'static str,
    },
    /// It speaks an older protocol.
    #[error(
        "the mail server speaks milter protocol {version}; 6 is needed (Postfix: milter_protocol = 6)"
    )]
    OldProtocol {
        /// What it offered.
        version: u32,
    },
}

/// Something about one message that keeps it from being taken as it is. The session goes on;
/// whoever decides about the message turns it into a refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The client's message is larger than this server takes.
    #[error("the message is larger than {limit} octets")]
    TooLarge {
        /// [`Limits::message`](crate::Limits::message).
        limit: usize,
    },
    /// The client's message has a header that the mail server has cut, so that its octets are not
    /// known.
    #[error("the header {name} is longer than {limit} octets")]
    HeaderCut {
        /// Its name; what cannot be printed is a question mark.
        name: String,
        /// [`Limits::header`](crate::Limits::header).
        limit: usize,
    },
    /// Too many messages are on their way at this moment: a later try may succeed.
    #[error("no room for the message now: {limit} octets are the most at a time")]
    NoRoom {
        /// The size of the [`Budget`](crate::Budget).
        limit: usize,
    },
}
