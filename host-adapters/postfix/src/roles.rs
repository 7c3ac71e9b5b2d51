//! What a message is, by the port of Postfix that it came through, and what the client is told.
//!
//! Each port gives itself a name (`milter_macro_daemon_name` in `master.cf`), the same for all clients:
//!
//! | name | port for | event |
//! |---|---|---|
//! | `PEC-ACCESS` | our users, logged in | submission: the access point |
//! | `PEC-INCOMING` | other servers | arrival: the incoming point |
//! | `PEC-BOUNCES` | bounces that Postfix itself made | arrival from our own mail server |
//!
//! A port of any other name is a mistake in `master.cf`, and takes nothing: mail that went through
//! uncertified would be worse.
//!
//! # Bounces
//! There are two ways for them, and both may be open. In the first, the cleanup service of `bounce(8)`
//! has this milter (`non_smtpd_milters`, `internal_mail_filter_classes = bounce`): nobody else can
//! bring a message in that way. Nothing is ever refused there, since a bounce that is refused is
//! lost: what cannot be taken goes through, into Postfix's queue. In the second, Postfix hands mail
//! for our own users by SMTP to a port with this milter, where a failure of ours keeps the bounce in
//! Postfix's queue until it can be taken.

use std::fmt;

use ceralacca_host::pec::{Arrival, ArrivalSource, Submission};
use ceralacca_host::{Committed, Host, Unavailable};
use ceralacca_milter::{Decision, Flaw, Macros, Peer, Refusal, Reply, Reservation, Transaction};

use crate::hosts::Hosts;

/// What a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The access point.
    Access,
    /// The incoming point.
    Incoming,
    /// Bounces from Postfix's queue, by SMTP.
    Bounces,
    /// Bounces as Postfix makes them; nothing may be refused.
    BouncesAtTheSource,
}

impl Role {
    /// The role of a session, by what the mail server says of it.
    ///
    /// # Errors
    /// The port has a name that is no role: the operators' mistake, so 4xx.
    pub fn of(macros: &Macros, peer: Peer) -> Result<Self, Refusal> {
        match (macros.get("daemon_name"), peer) {
            (Some("PEC-ACCESS"), _) => Ok(Self::Access),
            (Some("PEC-INCOMING"), _) => Ok(Self::Incoming),
            // No connection: Postfix plays the client of its own mail.
            (Some("PEC-BOUNCES"), Peer::Internet(_, 0)) => Ok(Self::BouncesAtTheSource),
            (Some("PEC-BOUNCES"), _) => Ok(Self::Bounces),
            (name, _) => {
                tracing::error!(
                    name = name.unwrap_or_default(),
                    "a port of Postfix has no role: set milter_macro_daemon_name in master.cf to \
                     PEC-ACCESS, PEC-INCOMING or PEC-BOUNCES"
                );
                Err(Refusal::new(451, "4.3.5", "mail system not configured"))
            }
        }
    }

    /// Says to MAIL FROM whether a message may follow.
    ///
    /// # Errors
    /// What the client is told.
    pub fn sender(self, decision: &Decision<'_>) -> Result<(), Refusal> {
        if self == Self::BouncesAtTheSource {
            return Ok(());
        }
        if self == Self::Access && decision.macros().get("auth_authen").is_none() {
            return Err(Refusal::new(530, "5.7.0", "authentication required"));
        }
        if decision.envelope().reverse_path.text().is_none() {
            return Err(Refusal::new(553, "5.1.7", "bad sender address syntax"));
        }
        decision.fits().map_err(|flaw| refusal_of(&flaw))
    }

    /// Says to RCPT TO whether the message may be for this recipient, too.
    ///
    /// # Errors
    /// What the client is told.
    pub fn recipient(self, decision: &Decision<'_>, host: &Host) -> Result<(), Refusal> {
        if self == Self::BouncesAtTheSource {
            return Ok(());
        }
        let Some(recipient) = decision.recipient().and_then(|address| address.text()) else {
            return Err(Refusal::new(553, "5.1.3", "bad recipient address syntax"));
        };
        if self == Self::Access {
            // Others' mailboxes: the plug-in asks the directory, and the network says the rest.
            return Ok(());
        }
        match host.is_ours(recipient) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::new(550, "5.1.1", "no such mailbox")),
            Err(Unavailable(reason)) => {
                tracing::error!(recipient, reason, "is it ours? the mailboxes do not say");
                Err(failure("the user database cannot be reached"))
            }
        }
    }

    /// Has a whole message dealt with. When this returns, whatever the reply promises is durable.
    #[must_use]
    pub fn message(self, message: Incoming, hosts: &dyn Hosts) -> Handled {
        let host = hosts.current();
        let recipients = message.recipients.clone();
        let result = match self {
            Self::Access => submit(message, &host),
            Self::Incoming | Self::Bounces => arrive(self, message, &host),
            Self::BouncesAtTheSource => take_bounce(self, message, &host, &recipients),
        };
        let (reply, pec_id) = match result {
            Ok(committed) => (reply_to(&committed), pec_id(&committed)),
            Err(reply) => (reply, None),
        };
        let reply = match reply {
            Reply::Refuse(refusal) if self == Self::BouncesAtTheSource => {
                let reason = refusal.to_string();
                tracing::warn!(reason, "a bounce goes through uncertified: see PEC-BOUNCES");
                Reply::Accept
            }
            reply => reply,
        };
        Handled { reply, pec_id }
    }

    /// For logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Incoming => "incoming",
            Self::Bounces | Self::BouncesAtTheSource => "bounces",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A message as a role takes it: what the mail server told, put together.
#[derive(Debug)]
pub struct Incoming {
    /// `{auth_authen}`: who logged in.
    account: Option<String>,
    /// `{tls_version}` was there.
    encrypted: bool,
    reverse_path: String,
    recipients: Vec<String>,
    octets: Result<(Vec<u8>, Reservation), Flaw>,
}

impl Incoming {
    /// The transaction of a session, with what its macros say.
    #[must_use]
    pub fn new(transaction: Transaction) -> Self {
        let Transaction {
            envelope,
            macros,
            original,
        } = transaction;
        Self {
            account: macros.get("auth_authen").map(str::to_owned),
            encrypted: macros.get("tls_version").is_some(),
            reverse_path: envelope.reverse_path.to_string(),
            recipients: envelope
                .recipients
                .iter()
                .map(|(address, _)| address.to_string())
                .collect(),
            octets: original.map(ceralacca_milter::Original::into_parts),
        }
    }
}

/// The end of a message.
#[derive(Debug)]
pub struct Handled {
    /// What the mail server is told.
    pub reply: Reply,
    /// The PEC id, where the message has one.
    pub pec_id: Option<String>,
}

impl Handled {
    /// Its client is told to come again, and why.
    pub fn come_again(text: &str) -> Self {
        Self {
            reply: Reply::Refuse(Refusal::new(451, "4.3.2", text)),
            pec_id: None,
        }
    }
}

fn submit(message: Incoming, host: &Host) -> Result<Committed, Reply> {
    let (octets, _reservation) = octets(message.octets)?;
    // MAIL was refused already; this is what the plug-in's own check (F29) stands behind.
    let account = message.account.unwrap_or_default();
    let addresses = host.addresses(&account).map_err(|Unavailable(reason)| {
        tracing::error!(account, reason, "the addresses of an account are not known");
        Reply::Refuse(failure("the user database cannot be reached"))
    })?;
    Ok(host.submit(Submission {
        account: Some(account).filter(|account| !account.is_empty()),
        addresses,
        reverse_path: message.reverse_path,
        recipients: message.recipients,
        message: octets,
    }))
}

fn arrive(role: Role, message: Incoming, host: &Host) -> Result<Committed, Reply> {
    let (octets, _reservation) = octets(message.octets)?;
    let own = role != Role::Incoming && message.reverse_path.is_empty();
    let source = match (own, message.encrypted) {
        (true, _) => ArrivalSource::OwnMailServer,
        (false, true) => ArrivalSource::Encrypted,
        (false, false) => ArrivalSource::Plaintext,
    };
    Ok(host.arrive(Arrival {
        reverse_path: message.reverse_path,
        recipients: message.recipients,
        source,
        message: octets,
    }))
}

/// Takes a bounce to users of ours; others are none of our business.
fn take_bounce(
    role: Role,
    message: Incoming,
    host: &Host,
    recipients: &[String],
) -> Result<Committed, Reply> {
    if !message.reverse_path.is_empty() {
        return Err(Reply::Accept);
    }
    for recipient in recipients {
        match host.is_ours(recipient) {
            Ok(true) => {}
            Ok(false) => return Err(Reply::Accept),
            Err(Unavailable(reason)) => return Err(Reply::Refuse(failure(&reason))),
        }
    }
    arrive(role, message, host)
}

fn octets(octets: Result<(Vec<u8>, Reservation), Flaw>) -> Result<(Vec<u8>, Reservation), Reply> {
    octets.map_err(|flaw| Reply::Refuse(refusal_of(&flaw)))
}

/// Success: we have it, and the mail server is to forget it. Everything else in the plug-in's words.
fn reply_to(committed: &Committed) -> Reply {
    let reply = &committed.reply;
    match reply.code {
        200..300 => Reply::Discard,
        code => Reply::Refuse(Refusal::new(code, &reply.status, &reply.text)),
    }
}

fn pec_id(committed: &Committed) -> Option<String> {
    committed
        .messages
        .iter()
        .find_map(|message| message.pec_id.clone())
}

/// Whose fault a flaw is, in SMTP's words.
fn refusal_of(flaw: &Flaw) -> Refusal {
    let (code, status) = match flaw {
        Flaw::TooLarge { .. } => (552, "5.3.4"),
        // A formal exception for which there is no notice: the original's octets are not known.
        Flaw::HeaderCut { .. } => (554, "5.6.0"),
        Flaw::NoRoom { .. } => (452, "4.3.1"),
        _ => (451, "4.3.0"),
    };
    Refusal::new(code, status, &flaw.to_string())
}

/// Something of ours does not work: RFC 3463's "other or undefined mail system status".
fn failure(text: &str) -> Refusal {
    Refusal::new(451, "4.3.0", text)
}
