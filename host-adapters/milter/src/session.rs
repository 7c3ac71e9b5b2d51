//! One connection of the mail server: SMTP sessions one after the other, each with its messages.

use std::mem;

use crate::command::{Arguments, Connect, Parameters};
use crate::envelope::{Address, Envelope, Transaction};
use crate::negotiate::{Agreement, Offer};
use crate::original::Telling;
use crate::reply::write_agreement;
use crate::{
    Budget, Command, Flaw, Limits, Macros, Malformed, Packet, Peer, Refusal, Reply, Transport,
};

/// A state machine that packets go into. What is to be sent is appended to a buffer of the
/// caller's, who writes it before reading on.
///
/// It is through with an error or [`Event::End`].
#[derive(Debug)]
pub struct Session {
    transport: Transport,
    limits: Limits,
    budget: Budget,
    macros: Macros,
    peer: Peer,
    phase: Phase,
}

/// Where the conversation is.
#[derive(Debug)]
enum Phase {
    /// Nothing has been said.
    New,
    /// Options are agreed on; no client yet.
    Agreed(Agreement),
    /// A client is there, between two messages.
    Idle(Agreement),
    /// Between MAIL and the end of the message.
    Message(Agreement, Box<Message>),
    /// After an error or the end.
    Over,
}

/// What is known of a message that has not ended.
#[derive(Debug)]
struct Message {
    envelope: Envelope,
    telling: Telling,
}

/// What a packet means for whoever runs the session.
#[derive(Debug)]
#[must_use = "the mail server may be waiting for a decision"]
pub enum Event<'s> {
    /// Nothing: read on.
    None,
    /// MAIL FROM has come; somebody must decide.
    Mail(Decision<'s>),
    /// RCPT TO has come, the last of [`Decision::envelope`]'s; somebody must decide.
    Recipient(Decision<'s>),
    /// A message is complete. The mail server waits for a [`Reply`], which whoever decides
    /// writes after as many [`Reply::Progress`] as it takes.
    Message(Transaction),
    /// The mail server has said goodbye.
    End,
}

/// A question of the mail server that waits for an answer: [`Self::accept`] or [`Self::refuse`].
#[derive(Debug)]
#[must_use = "the mail server waits for it"]
pub struct Decision<'s> {
    session: &'s mut Session,
    out: &'s mut Vec<u8>,
    on_recipient: bool,
}

impl Session {
    /// A session on a fresh connection.
    #[must_use]
    pub fn new(transport: Transport, limits: Limits, budget: Budget) -> Self {
        Self {
            transport,
            limits,
            budget,
            macros: Macros::default(),
            peer: Peer::Other,
            phase: Phase::New,
        }
    }

    /// Takes one packet.
    ///
    /// # Errors
    /// The mail server does not keep to the protocol. Close the connection.
    pub fn handle<'s>(
        &'s mut self,
        packet: Packet<'_>,
        out: &'s mut Vec<u8>,
    ) -> Result<Event<'s>, Malformed> {
        let name = char::from(packet.command);
        let command = Command::parse(packet, &self.limits)?;
        // Whatever returns early leaves the session over.
        let phase = mem::replace(&mut self.phase, Phase::Over);
        match (phase, command) {
            (Phase::New, Command::Negotiate(offer)) => self.negotiate(&offer, out),
            (Phase::New, _) => Err(Malformed::OutOfOrder {
                command: name,
                when: "before its options",
            }),
            (Phase::Over, _) => Err(Malformed::OutOfOrder {
                command: name,
                when: "after the end",
            }),
            (_, Command::Negotiate(_)) => Err(Malformed::OutOfOrder {
                command: name,
                when: "a second time",
            }),
            (_, Command::Quit) => Ok(Event::End),
            (phase, Command::Macros { stage, list }) => {
                self.macros.put(stage, &list);
                self.stay(phase)
            }
            (phase, Command::NextSession) => {
                self.macros = Macros::default();
                self.peer = Peer::Other;
                self.phase = Phase::Agreed(phase.agreement());
                Ok(Event::None)
            }
            (Phase::Agreed(agreed), Command::Connect(connect)) => {
                self.connect(agreed, &connect, out)
            }
            (phase @ Phase::Agreed(_), Command::Abort) => self.stay(phase),
            (Phase::Agreed(_), _) => Err(Malformed::OutOfOrder {
                command: name,
                when: "before a client has connected",
            }),
            (Phase::Idle(agreed), command) => self.between_messages(agreed, name, command, out),
            (Phase::Message(agreed, message), command) => {
                self.inside_message(agreed, message, name, command, out)
            }
        }
    }

    /// What the mail server knows besides: [`Macros::get`].
    #[must_use]
    pub fn macros(&self) -> &Macros {
        &self.macros
    }

    /// The client.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Has a message begun that has not ended?
    #[must_use]
    pub fn is_inside_message(&self) -> bool {
        matches!(self.phase, Phase::Message(..))
    }

    fn negotiate(&mut self, offer: &Offer, out: &mut Vec<u8>) -> Result<Event<'_>, Malformed> {
        let agreement = Agreement::on(offer, self.transport)?;
        write_agreement(&agreement, out);
        self.stay(Phase::Agreed(agreement))
    }

    fn connect(
        &mut self,
        agreed: Agreement,
        connect: &Connect<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Event<'_>, Malformed> {
        self.peer = connect.peer;
        self.go_on(Phase::Idle(agreed), b'C', out)
    }

    fn between_messages<'s>(
        &'s mut self,
        agreed: Agreement,
        name: char,
        command: Command<'_>,
        out: &'s mut Vec<u8>,
    ) -> Result<Event<'s>, Malformed> {
        match command {
            Command::Mail(arguments) => {
                let understood = self.macros.get("mail_addr");
                let envelope = Envelope::from_mail(&arguments, understood);
                let telling = Telling::new(&self.budget, envelope.parameters.size());
                let message = Message { envelope, telling };
                self.phase = Phase::Message(agreed, Box::new(message));
                Ok(Event::Mail(Decision {
                    session: self,
                    out,
                    on_recipient: false,
                }))
            }
            Command::Abort => {
                self.macros.end_message();
                self.stay(Phase::Idle(agreed))
            }
            Command::Helo | Command::Unknown => self.go_on(Phase::Idle(agreed), name as u8, out),
            _ => Err(Malformed::OutOfOrder {
                command: name,
                when: "without a message",
            }),
        }
    }

    fn inside_message<'s>(
        &'s mut self,
        agreed: Agreement,
        mut message: Box<Message>,
        name: char,
        command: Command<'_>,
        out: &'s mut Vec<u8>,
    ) -> Result<Event<'s>, Malformed> {
        let limits = &self.limits;
        let telling = &mut message.telling;
        match command {
            Command::Recipient(arguments) => {
                return Ok(self.recipient(agreed, message, &arguments, out));
            }
            Command::Header { name, value } => {
                telling.header(name, value, agreed.keeps_leading_space(), limits);
            }
            Command::Body(piece) => telling.body(piece, limits),
            Command::EndOfMessage(piece) => {
                if !piece.is_empty() {
                    telling.body(piece, limits);
                }
                let Message { envelope, telling } = *message;
                let original = telling.end(limits);
                self.phase = Phase::Idle(agreed);
                return Ok(Event::Message(Transaction {
                    envelope,
                    macros: self.macros.end_message(),
                    original,
                }));
            }
            Command::Abort => {
                self.macros.end_message();
                return self.stay(Phase::Idle(agreed));
            }
            Command::Data | Command::EndOfHeaders | Command::Helo | Command::Unknown => {}
            _ => {
                return Err(Malformed::OutOfOrder {
                    command: name,
                    when: "inside a message",
                });
            }
        }
        self.go_on(Phase::Message(agreed, message), name as u8, out)
    }

    fn recipient<'s>(
        &'s mut self,
        agreed: Agreement,
        mut message: Box<Message>,
        arguments: &Arguments<'_>,
        out: &'s mut Vec<u8>,
    ) -> Event<'s> {
        let recipients = &mut message.envelope.recipients;
        let full = recipients.len() >= self.limits.recipients;
        if !full {
            let address = Address::read(arguments.path, self.macros.get("rcpt_addr"));
            let parameters = Parameters::read(&arguments.parameters);
            recipients.push((address, parameters));
        }
        self.phase = Phase::Message(agreed, message);
        if full {
            // RFC 5321 §4.5.3.1.10: the client sends the rest in another transaction.
            let refusal = Refusal::new(452, "4.5.3", "too many recipients");
            Reply::Refuse(refusal).write(out);
            return Event::None;
        }
        Event::Recipient(Decision {
            session: self,
            out,
            on_recipient: true,
        })
    }

    /// On to this phase, with the answer that the command wants.
    fn go_on(
        &mut self,
        phase: Phase,
        command: u8,
        out: &mut Vec<u8>,
    ) -> Result<Event<'_>, Malformed> {
        if !phase.agreement().is_quiet(command) {
            Reply::Continue.write(out);
        }
        self.stay(phase)
    }

    /// On to this phase, without an answer.
    fn stay(&mut self, phase: Phase) -> Result<Event<'_>, Malformed> {
        self.phase = phase;
        Ok(Event::None)
    }
}

impl Phase {
    fn agreement(&self) -> Agreement {
        match self {
            Self::Agreed(agreed) | Self::Idle(agreed) | Self::Message(agreed, _) => *agreed,
            Self::New | Self::Over => unreachable!("commands are not taken in these phases"),
        }
    }
}

impl Decision<'_> {
    /// The envelope so far.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        match &self.session.phase {
            Phase::Message(_, message) => &message.envelope,
            _ => unreachable!("decisions are made inside a message"),
        }
    }

    /// The recipient in question; for MAIL none.
    #[must_use]
    pub fn recipient(&self) -> Option<&Address> {
        let recipients = &self.envelope().recipients;
        let (address, _) = recipients.last().filter(|_| self.on_recipient)?;
        Some(address)
    }

    /// What the mail server knows besides.
    #[must_use]
    pub fn macros(&self) -> &Macros {
        &self.session.macros
    }

    /// The client.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.session.peer
    }

    /// Would a message of the announced size (SIZE=) be taken now?
    ///
    /// # Errors
    /// It is larger than any message may be, or than there is room for at the moment.
    pub fn fits(&self) -> Result<(), Flaw> {
        let Some(size) = self.envelope().parameters.size() else {
            return Ok(());
        };
        let limit = self.session.limits.message;
        if size > limit {
            return Err(Flaw::TooLarge { limit });
        }
        self.session.budget.would_hold(size)
    }

    /// Go on.
    pub fn accept(self) {
        Reply::Continue.write(self.out);
    }

    /// Refuses the message, or the recipient, who is then none of the message's.
    pub fn refuse(self, refusal: Refusal) {
        Reply::Refuse(refusal).write(self.out);
        let phase = mem::replace(&mut self.session.phase, Phase::Over);
        self.session.phase = match phase {
            Phase::Message(agreed, mut message) if self.on_recipient => {
                message.envelope.recipients.pop();
                Phase::Message(agreed, message)
            }
            Phase::Message(agreed, _) => {
                self.session.macros.end_message();
                Phase::Idle(agreed)
            }
            other => other,
        };
    }
}

#[cfg(test)]
mod tests;
