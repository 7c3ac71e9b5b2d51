//! What is agreed on at the beginning: which steps there are, which of them get an answer, and
//! which macros come with them.
//!
//! The filter changes nothing, so of the *actions* it wants only the right to say which macros it
//! wants. Of the *steps* it leaves out what it does not need, and asks to be allowed not to answer
//! the rest, because each answer costs a round trip. It answers MAIL, RCPT and the end of the
//! message always: there it decides.

use crate::Malformed;

/// Which way the mail server is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A Unix socket. Every step that needs no decision goes without an answer.
    Unix,
    /// TCP. Only headers and body go without one. With more of them Postfix writes small packets one
    /// after the other, of which TCP holds each back until the last one is acknowledged: 21
    /// messages a second in place of 326 (hosts/POSTFIX.md).
    Tcp,
}

/// What the mail server offers (`O`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The newest protocol it speaks.
    pub version: u32,
    /// What it lets a filter do.
    pub actions: u32,
    /// Which steps it can leave out or do without an answer to.
    pub steps: u32,
}

impl Offer {
    /// Reads the data of `O`.
    pub(crate) fn parse(data: &[u8]) -> Result<Self, Malformed> {
        let word = |at: usize| {
            let octets = data.get(at..).and_then(|rest| rest.first_chunk());
            octets.map(|octets| u32::from_be_bytes(*octets))
        };
        match (word(0), word(4), word(8)) {
            (Some(version), Some(actions), Some(steps)) => Ok(Self {
                version,
                actions,
                steps,
            }),
            _ => Err(Malformed::Data {
                command: 'O',
                what: "has fewer than twelve octets",
            }),
        }
    }
}

/// What is agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    actions: u32,
    steps: u32,
}

impl Agreement {
    /// What we want of what is offered.
    ///
    /// # Errors
    /// It offers an older protocol: progress, quiet steps and exact headers came with version 6.
    pub fn on(offer: &Offer, transport: Transport) -> Result<Self, Malformed> {
        if offer.version < VERSION {
            return Err(Malformed::OldProtocol {
                version: offer.version,
            });
        }
        let quiet = match transport {
            Transport::Unix => step::QUIET_HEADER | step::QUIET_BODY | step::QUIET_CONNECT,
            Transport::Tcp => step::QUIET_HEADER | step::QUIET_BODY,
        };
        Ok(Self {
            actions: offer.actions & action::CHOOSE_MACROS,
            steps: offer.steps & (step::NOT_WANTED | step::LEADING_SPACE | quiet),
        })
    }

    /// Do header values come with the blanks after the colon?
    #[must_use]
    pub fn keeps_leading_space(&self) -> bool {
        self.has(step::LEADING_SPACE)
    }

    /// Does this command go without an answer?
    #[must_use]
    pub fn is_quiet(&self, command: u8) -> bool {
        match command {
            b'C' => self.has(step::QUIET_CONNECT),
            b'L' => self.has(step::QUIET_HEADER),
            b'B' => self.has(step::QUIET_BODY),
            _ => false,
        }
    }

    fn has(&self, flag: u32) -> bool {
        self.steps & flag != 0
    }

    /// Version, actions, steps, and for each stage the names of its macros.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        for word in [VERSION, self.actions, self.steps] {
            octets.extend_from_slice(&word.to_be_bytes());
        }
        if self.actions & action::CHOOSE_MACROS != 0 {
            for (stage, names) in MACROS {
                octets.extend_from_slice(&stage.to_be_bytes());
                octets.extend_from_slice(names.as_bytes());
                octets.push(0);
            }
        }
        octets
    }
}

/// The protocol that is spoken.
pub const VERSION: u32 = 6;

/// `SMFIF_*` of `mfdef.h`: what a filter may do. The others change messages.
pub mod action {
    /// `SMFIF_SETSYMLIST`: say which macros are wanted.
    pub const CHOOSE_MACROS: u32 = 0x100;
}

/// `SMFIP_*` of `mfdef.h`: steps left out, and steps without an answer.
pub mod step {
    /// `SMFIP_NOHELO`.
    pub const NO_HELO: u32 = 0x02;
    /// `SMFIP_NOEOH`.
    pub const NO_END_OF_HEADERS: u32 = 0x40;
    /// `SMFIP_NOUNKNOWN`.
    pub const NO_UNKNOWN: u32 = 0x100;
    /// `SMFIP_NODATA`.
    pub const NO_DATA: u32 = 0x200;
    /// `SMFIP_NR_HDR`.
    pub const QUIET_HEADER: u32 = 0x80;
    /// `SMFIP_NR_CONN`.
    pub const QUIET_CONNECT: u32 = 0x1000;
    /// `SMFIP_NR_BODY`.
    pub const QUIET_BODY: u32 = 0x8_0000;
    /// `SMFIP_HDR_LEADSPC`: header values come, and go, with the blanks after the colon.
    pub const LEADING_SPACE: u32 = 0x10_0000;
    /// What nothing here depends on. A step that is left out costs less than a quiet one.
    pub const NOT_WANTED: u32 = NO_HELO | NO_END_OF_HEADERS | NO_UNKNOWN | NO_DATA;
}

/// Which macros are wanted at which stage (`SMFIM_*`). A list replaces what the mail server would send
/// by itself, so it is also given where it is short.
const MACROS: [(u32, &str); 4] = [
    // Connect.
    (0, "{daemon_name} j {client_addr} {client_name}"),
    // MAIL. STARTTLS and AUTH lie before it.
    (2, "{auth_authen} {auth_type} {mail_addr} {tls_version}"),
    // RCPT. Postfix has the queue id from the first one on.
    (3, "i {rcpt_addr}"),
    // End of message.
    (5, "i"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What Postfix 3.7 offers, read off the wire.
    const POSTFIX: Offer = Offer {
        version: 6,
        actions: 0x1ff,
        steps: 0x1f_ffff,
    };

    #[test]
    fn of_the_actions_only_the_choice_of_macros_is_taken() {
        let agreement = Agreement::on(&POSTFIX, Transport::Unix).unwrap();
        let octets = agreement.encoded();
        assert_eq!(&octets[..8], [0, 0, 0, 6, 0, 0, 1, 0]);
        let first = b"\0\0\0\0{daemon_name} j {client_addr} {client_name}\0";
        assert_eq!(&octets[12..12 + first.len()], first);
        assert!(octets.ends_with(b"\0\0\0\x05i\0"));
    }

    #[test]
    fn nothing_is_agreed_on_that_was_not_offered() {
        let poor = Offer {
            version: 6,
            actions: 0x3f,
            steps: 0x7f,
        };
        let agreement = Agreement::on(&poor, Transport::Unix).unwrap();
        assert_eq!(agreement.encoded(), [0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0x42]);
        assert!(!agreement.keeps_leading_space());
        assert!(!agreement.is_quiet(b'L'));
    }

    #[test]
    fn tcp_has_fewer_quiet_steps_and_decisions_are_never_quiet() {
        let unix = Agreement::on(&POSTFIX, Transport::Unix).unwrap();
        let tcp = Agreement::on(&POSTFIX, Transport::Tcp).unwrap();
        let quiet = |agreement: &Agreement| -> String {
            let commands = "CHMRTLNBEU".chars();
            commands.filter(|c| agreement.is_quiet(*c as u8)).collect()
        };
        assert_eq!(quiet(&unix), "CLB");
        assert_eq!(quiet(&tcp), "LB");
    }

    #[test]
    fn an_older_protocol_is_refused_with_the_remedy() {
        let offer = Offer {
            version: 2,
            ..POSTFIX
        };
        let error = Agreement::on(&offer, Transport::Unix).unwrap_err();
        assert!(error.to_string().contains("milter_protocol = 6"), "{error}");
    }
}
