//! How much one session may ask for.

/// What a session may hold, and what a packet may be. Beyond all of them there is the [`Budget`]
/// of the process.
///
/// [`Budget`]: crate::Budget
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of one packet. Postfix and Sendmail send 65,535 octets of a body at a time, and
    /// headers of about 60,000; twice that leaves room for what they add.
    pub packet: usize,
    /// Octets of one message. 128 MiB: the market's limit is 100 MB (PRACTICE 1), and somewhat
    /// larger ones must come through, because the plug-in tells their senders.
    pub message: usize,
    /// Recipients of one message. 1,000 is Postfix's own `smtpd_recipient_limit`.
    pub recipients: usize,
    /// Octets of the arguments of MAIL and of RCPT. Postfix takes command lines of 2,048 octets
    /// (`line_length_limit`); 8 kB leaves room for others.
    pub arguments: usize,
    /// A header of this many octets (name, colon and value, a fold counted as one) may have been
    /// cut: Postfix cuts what it tells a milter to 60,000 and does not say so.
    pub header: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packet: 131_072,
            message: 128 * 1024 * 1024,
            recipients: 1_000,
            arguments: 8_192,
            header: 60_000,
        }
    }
}
