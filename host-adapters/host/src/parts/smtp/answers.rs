//! What the replies of one transaction mean for each of its recipients.

use super::connection::Dialect;
use super::letter::Verdict;
use super::reply::{Class, Reply};
use super::settings::Step;
use super::trouble::{Trouble, What};
use crate::parts::Endpoint;

/// A command of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Mail,
    /// The recipient of this index.
    Rcpt(usize),
    Data,
}

impl Command {
    pub(super) fn step(self) -> Step {
        match self {
            Self::Mail => Step::Mail,
            Self::Rcpt(_) => Step::Rcpt,
            Self::Data => Step::Data,
        }
    }
}

/// The answers so far.
#[derive(Debug)]
pub(super) struct Answers {
    endpoint: Endpoint,
    dialect: Dialect,
    /// By recipient. None: still open, nobody has said no.
    closed: Vec<Option<Verdict>>,
    /// The server waits for the message.
    pub(super) go_on: bool,
}

impl Answers {
    pub(super) fn new(endpoint: &Endpoint, dialect: Dialect, recipients: usize) -> Self {
        Self {
            endpoint: endpoint.clone(),
            dialect,
            closed: vec![None; recipients],
            go_on: false,
        }
    }

    /// How many recipients nothing is known against.
    pub(super) fn open(&self) -> usize {
        self.closed.iter().filter(|c| c.is_none()).count()
    }

    /// Takes the reply to a command before the message.
    pub(super) fn take(&mut self, command: Command, reply: Reply) -> Result<(), What> {
        match (command, reply.class()) {
            (Command::Mail | Command::Rcpt(_), Class::Yes) => {}
            (Command::Data, Class::GoOn) => self.go_on = true,
            (_, Class::Yes | Class::GoOn) => return Err(What::Unexpected(reply)),
            (command, Class::Later | Class::No) => {
                let verdict = self.verdict(command.step(), reply);
                match command {
                    // After a MAIL that failed, RCPT and DATA fail too, and prove nothing.
                    Command::Rcpt(index) => {
                        self.closed[index].get_or_insert(verdict);
                    }
                    Command::Mail | Command::Data => self.close_all(&verdict),
                }
            }
        }
        Ok(())
    }

    /// What a reply at the end of the message, or a refusal before it, says of a recipient.
    pub(super) fn verdict(&self, step: Step, reply: Reply) -> Verdict {
        match reply.class() {
            Class::Yes => Verdict::Taken(reply.to_string()),
            Class::No if !self.is_about_us(step, &reply) => Verdict::Refused(reply.failure()),
            Class::No | Class::Later | Class::GoOn => {
                let trouble = Trouble {
                    endpoint: self.endpoint.clone(),
                    step,
                    what: What::Said(reply),
                };
                Verdict::Later(trouble.to_string())
            }
        }
    }

    /// Before it has seen the message, our own mail server's port says by a status of policy (X.7.Z,
    /// RFC 3463 §3.8: "Relay access denied", "Client host rejected") that it does not know us. Nobody's
    /// mail has failed: an administrator mends that.
    fn is_about_us(&self, step: Step, reply: &Reply) -> bool {
        let status = reply.status.as_deref().unwrap_or_default();
        self.dialect == Dialect::Smtp && step != Step::End && status.starts_with("5.7.")
    }

    /// The next recipient in order that is still open (RFC 2033 §4.2).
    pub(super) fn close_next(&mut self, verdict: Verdict) {
        if let Some(open) = self.closed.iter_mut().find(|c| c.is_none()) {
            *open = Some(verdict);
        }
    }

    pub(super) fn close_all(&mut self, verdict: &Verdict) {
        for open in self.closed.iter_mut().filter(|c| c.is_none()) {
            *open = Some(verdict.clone());
        }
    }

    /// The message is sent and the answer did not come.
    pub(super) fn doubt(&mut self, trouble: &Trouble) {
        let text = format!("{trouble}: it may have the message, which will be sent again");
        self.close_all(&Verdict::Later(text));
    }

    /// All verdicts, in the order of the recipients.
    pub(super) fn verdicts(self) -> Vec<Verdict> {
        let unsaid = || Verdict::Later(format!("{} did not say", self.endpoint));
        let verdicts = self.closed.into_iter();
        verdicts.map(|c| c.unwrap_or_else(unsaid)).collect()
    }
}
