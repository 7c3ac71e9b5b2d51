//! How patient and how busy an SMTP or LMTP client is.

use std::time::Duration;

/// Settings of a client; each default has its reason.
#[derive(Clone, Debug, PartialEq)]
pub struct SmtpSettings {
    /// Our name in EHLO and LHLO: a domain. The server writes it into its Received field.
    pub helo: String,
    /// May messages go to another machine in the clear? `false`: what is not a Unix socket must be
    /// a loopback address. With `true` something else (a tunnel, a wire of one's own) must keep
    /// them private: certified mail may not cross a network unprotected.
    pub plaintext_network: bool,
    /// By how much RFC 5321's time limits are multiplied. 1: the RFC's five minutes for a reply suit
    /// a mail server that is busy; less suits one that is known to be quick.
    pub timeout_scale: f64,
    /// Most connections at once. `20`, as Postfix opens to one destination by default; at least 1.
    pub max_connections: usize,
    /// Messages after which a connection is closed. `100`: the greeting's cost is spread well
    /// before that, and a server process that leaks memory is let go.
    pub max_uses: u32,
    /// How long an unused connection is kept. 30 s: less than the shortest idle limit in use
    /// (Postfix and Dovecot: 300 s).
    pub max_idle: Duration,
    /// How long to wait for one of `max_connections` to become free. 60 s: longer, and the outbox
    /// does better by trying other items.
    pub max_wait: Duration,
}

impl SmtpSettings {
    /// The defaults, under a name of ours.
    #[must_use]
    pub fn named(helo: impl Into<String>) -> Self {
        Self {
            helo: helo.into(),
            plaintext_network: false,
            timeout_scale: 1.0,
            max_connections: 20,
            max_uses: 100,
            max_idle: Duration::from_secs(30),
            max_wait: Duration::from_secs(60),
        }
    }

    /// How long a step may take.
    pub(super) fn timeout(&self, step: Step) -> Duration {
        // Neither nothing nor for ever, whatever was set: `clamp` leaves only NaN, which is no limit.
        let scale = self.timeout_scale.clamp(SHORTEST, LONGEST);
        step.timeout()
            .mul_f64(if scale.is_nan() { 1.0 } else { scale })
    }
}

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    Greeting,
    Hello,
    Mail,
    Rcpt,
    Data,
    /// Sending a piece of the message.
    Block,
    /// The answer to the final dot.
    End,
    Reset,
}

impl Step {
    /// RFC 5321 §4.5.3.2, which is silent about three: for these, Postfix's `smtp_connect_timeout`,
    /// `smtp_helo_timeout` and `smtp_rset_timeout`.
    fn timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::Connect => 30,
            Self::Greeting | Self::Hello | Self::Mail | Self::Rcpt => 300,
            Self::Data => 120,
            Self::Block => 180,
            Self::End => 600,
            Self::Reset => 20,
        })
    }

    /// Before the first octet of content: nothing that began here can have been done.
    pub(super) fn is_before_content(self) -> bool {
        !matches!(self, Self::Block | Self::End)
    }
}

impl std::fmt::Display for Step {
    /// Completes “failed while …”.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Greeting => "waiting for the greeting",
            Self::Hello => "saying hello",
            Self::Mail => "giving the sender (MAIL)",
            Self::Rcpt => "giving a recipient (RCPT)",
            Self::Data => "announcing the message (DATA)",
            Self::Block => "sending the message",
            Self::End => "waiting for the answer to the message",
            Self::Reset => "ending a transaction (RSET)",
        })
    }
}

/// 20 ms for a reset.
const SHORTEST: f64 = 0.001;

/// A working day for a message.
const LONGEST: f64 = 48.0;
