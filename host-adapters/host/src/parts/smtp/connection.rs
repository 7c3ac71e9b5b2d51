//! One connection: the greeting, our hello, and then one mail transaction after another.

use std::io;
use std::time::{Duration, Instant};

use super::answers::{Answers, Command};
use super::content::Dots;
use super::endpoint;
use super::letter::{Letter, Verdict, eight_bit_unwelcome};
use super::reply::{Class, Reply};
use super::settings::{SmtpSettings, Step};
use super::trouble::{Trouble, What};
use super::wire::Wire;
use crate::parts::Endpoint;

/// The two dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// RFC 5321: one answer to the message, for all its recipients.
    Smtp,
    /// RFC 2033: one answer for each recipient.
    Lmtp,
}

impl Dialect {
    /// As metrics call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Lmtp => "lmtp",
        }
    }
}

/// A connection that has exchanged greetings.
#[derive(Debug)]
pub(super) struct Connection {
    wire: Wire,
    endpoint: Endpoint,
    settings: SmtpSettings,
    dialect: Dialect,
    offers: Offers,
    state: State,
    _counted: Counted,
    pub(super) uses: u32,
    pub(super) used_at: Instant,
}

/// What the next transaction finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    /// A transaction ended early: RSET comes first.
    Unfinished,
    /// Nobody knows where the conversation stands.
    Broken,
}

/// The extensions that we make use of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Offers {
    pipelining: bool,
    size: bool,
    eight_bit: bool,
}

impl Connection {
    /// Connects and says hello; the greeting comes back with it.
    pub(super) fn open(
        endpoint: &Endpoint,
        dialect: Dialect,
        settings: &SmtpSettings,
    ) -> Result<(Self, Reply), Trouble> {
        let within = settings.timeout(Step::Connect);
        let socket =
            endpoint::connect(endpoint, within, settings.plaintext_network).map_err(|what| {
                Trouble {
                    endpoint: endpoint.clone(),
                    step: Step::Connect,
                    what,
                }
            })?;
        let mut connection = Self {
            wire: Wire::new(socket),
            endpoint: endpoint.clone(),
            settings: settings.clone(),
            dialect,
            offers: Offers::default(),
            state: State::Ready,
            _counted: Counted::new(dialect),
            uses: 0,
            used_at: Instant::now(),
        };
        let greeting = connection.expect(Step::Greeting)?;
        let verb = match dialect {
            Dialect::Smtp => "EHLO",
            Dialect::Lmtp => "LHLO",
        };
        let hello = format!("{verb} {}\r\n", settings.helo);
        connection.write(Step::Hello, hello.as_bytes())?;
        let hello = connection.expect(Step::Hello)?;
        connection.offers = Offers::read(&hello);
        Ok((connection, greeting))
    }

    /// One transaction, with a verdict for each recipient, in their order.
    ///
    /// # Errors
    /// Nobody has got the message, nobody is refused. [`Self::is_usable`] tells whether another
    /// transaction may follow.
    pub(super) fn send(&mut self, letter: &Letter<'_>) -> Result<Vec<Verdict>, Trouble> {
        if letter.survey.eight_bit && !self.offers.eight_bit {
            let refused = Verdict::Refused(eight_bit_unwelcome());
            return Ok(vec![refused; letter.recipients.len()]);
        }
        self.uses += 1;
        // Until the last reply has been read, in order.
        let before = std::mem::replace(&mut self.state, State::Broken);
        debug_assert_eq!(before, State::Ready);
        let mut answers = Answers::new(&self.endpoint, self.dialect, letter.recipients.len());
        self.envelope(letter, &mut answers)?;
        match (answers.go_on, answers.open()) {
            (false, _) => self.state = State::Unfinished,
            // It waits for a message that is for nobody: cutting it off is the only way out.
            (true, 0) => {}
            (true, _) => {
                self.content(letter)?;
                self.ends(&mut answers);
            }
        }
        self.used_at = Instant::now();
        Ok(answers.verdicts())
    }

    /// Makes it ready for the next transaction, if that can be done.
    pub(super) fn is_usable(&mut self) -> bool {
        if self.state == State::Unfinished {
            let reset = Step::Reset;
            let done = self
                .write(reset, b"RSET\r\n")
                .and_then(|()| self.expect(reset));
            self.state = if done.is_ok() {
                State::Ready
            } else {
                State::Broken
            };
        }
        self.state == State::Ready
    }

    /// Has the server neither closed it nor spoken since?
    pub(super) fn is_quiet(&self) -> bool {
        self.wire.is_quiet()
    }

    /// The polite end. Nobody waits for the answer.
    pub(super) fn quit(mut self) {
        if self.state != State::Broken {
            // It is closed in any case.
            let _ = self.write(Step::Reset, b"QUIT\r\n");
        }
    }

    /// What the server can do, for people.
    pub(super) fn offers(&self) -> String {
        let Offers {
            pipelining,
            size,
            eight_bit,
        } = self.offers;
        let names = [
            (pipelining, "PIPELINING"),
            (size, "SIZE"),
            (eight_bit, "8BITMIME"),
        ];
        let offered = names.iter().filter(|(offered, _)| *offered);
        offered.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
    }

    /// MAIL, RCPT and DATA: in groups where the server takes them (RFC 2920), else one by one.
    fn envelope(&mut self, letter: &Letter<'_>, answers: &mut Answers) -> Result<(), Trouble> {
        let recipients = 0..letter.recipients.len();
        let steps: Vec<Command> = std::iter::once(Command::Mail)
            .chain(recipients.map(Command::Rcpt))
            .chain([Command::Data])
            .collect();
        let group = if self.offers.pipelining { GROUP } else { 1 };
        for commands in steps.chunks(group) {
            if answers.open() == 0 {
                return Ok(());
            }
            let text: String = commands
                .iter()
                .map(|c| self.write_down(*c, letter))
                .collect();
            self.write(commands[0].step(), text.as_bytes())?;
            for command in commands {
                let reply = self.reply(command.step())?;
                answers
                    .take(*command, reply)
                    .map_err(|what| self.trouble(command.step(), what))?;
            }
        }
        Ok(())
    }

    fn write_down(&self, command: Command, letter: &Letter<'_>) -> String {
        match command {
            Command::Mail => {
                let mut line = format!("MAIL FROM:<{}>", letter.reverse_path);
                if self.offers.size {
                    line.push_str(&format!(" SIZE={}", letter.body.len()));
                }
                if letter.survey.eight_bit {
                    line.push_str(" BODY=8BITMIME");
                }
                line + "\r\n"
            }
            Command::Rcpt(index) => format!("RCPT TO:<{}>\r\n", letter.recipients[index]),
            Command::Data => "DATA\r\n".to_owned(),
        }
    }

    /// The message, up to and with the final dot.
    fn content(&mut self, letter: &Letter<'_>) -> Result<(), Trouble> {
        let within = self.settings.timeout(Step::Block);
        let wire = &mut self.wire;
        let mut sink = Sink {
            dots: Dots::new(|octets: &[u8]| wire.write(octets, within)),
            failed: None,
        };
        let copied = letter.body.copy_to(&mut sink);
        let sent = match (copied, sink.failed) {
            (_, Some(what)) => Err(what),
            (Err(error), None) => Err(What::Spool(error)),
            (Ok(()), None) => sink.dots.finish(),
        };
        sent.map_err(|what| self.parting_words(what))
    }

    /// A server that closes the connection while we send may have said why.
    fn parting_words(&mut self, what: What) -> Trouble {
        let said = match &what {
            What::Closed => self.wire.reply(PARTING).ok(),
            _ => None,
        };
        self.trouble(Step::Block, said.map_or(what, What::Said))
    }

    /// The answers to the message. Whoever gets none may have it all the same.
    fn ends(&mut self, answers: &mut Answers) {
        let wanted = match self.dialect {
            Dialect::Smtp => 1,
            Dialect::Lmtp => answers.open(),
        };
        for _ in 0..wanted {
            match self.reply(Step::End) {
                Ok(reply) if reply.class() == Class::GoOn => {
                    let trouble = self.trouble(Step::End, What::Unexpected(reply));
                    return answers.doubt(&trouble);
                }
                Ok(reply) => {
                    let verdict = answers.verdict(Step::End, reply);
                    match self.dialect {
                        Dialect::Smtp => answers.close_all(&verdict),
                        Dialect::Lmtp => answers.close_next(verdict),
                    }
                }
                Err(trouble) => return answers.doubt(&trouble),
            }
        }
        self.state = State::Ready;
    }

    /// A reply to a command that has only one good answer.
    fn expect(&mut self, step: Step) -> Result<Reply, Trouble> {
        let reply = self.reply(step)?;
        match reply.class() {
            Class::Yes => Ok(reply),
            _ => Err(self.trouble(step, What::Said(reply))),
        }
    }

    fn reply(&mut self, step: Step) -> Result<Reply, Trouble> {
        match self.wire.reply(self.settings.timeout(step)) {
            Ok(reply) if reply.says_goodbye() => Err(self.trouble(step, What::Said(reply))),
            Ok(reply) => Ok(reply),
            Err(what) => Err(self.trouble(step, what)),
        }
    }

    fn write(&mut self, step: Step, octets: &[u8]) -> Result<(), Trouble> {
        let written = self.wire.write(octets, self.settings.timeout(step));
        written.map_err(|what| self.trouble(step, what))
    }

    fn trouble(&self, step: Step, what: What) -> Trouble {
        Trouble {
            endpoint: self.endpoint.clone(),
            step,
            what,
        }
    }
}

impl Offers {
    /// Every line but the first is a keyword and its parameters (RFC 5321 §4.1.1.1).
    fn read(hello: &Reply) -> Self {
        let mut offers = Self::default();
        for line in hello.lines.iter().skip(1) {
            let keyword = line.split(' ').next().unwrap_or_default();
            match keyword.to_ascii_uppercase().as_str() {
                "PIPELINING" => offers.pipelining = true,
                "SIZE" => offers.size = true,
                "8BITMIME" => offers.eight_bit = true,
                _ => {}
            }
        }
        offers
    }
}

/// Gives a message's pieces to the wire, and keeps the error that `io::Error` could not hold.
struct Sink<F> {
    dots: Dots<F>,
    failed: Option<What>,
}

impl<F: FnMut(&[u8]) -> Result<(), What>> io::Write for Sink<F> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self.dots.push(octets) {
            Ok(()) => Ok(octets.len()),
            Err(what) => {
                self.failed = Some(what);
                Err(io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts itself among the open connections until dropped.
#[derive(Debug)]
struct Counted(Dialect);

impl Counted {
    fn new(dialect: Dialect) -> Self {
        let counted = Self(dialect);
        counted.gauge().increment(1.0);
        counted
    }

    fn gauge(&self) -> metrics::Gauge {
        metrics::gauge!("ceralacca_smtp_connections_open", "protocol" => self.0.name())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gauge().decrement(1.0);
    }
}

/// Commands sent before their replies are read. Replies to so many fit into the socket's buffers,
/// so that neither side waits for the other to read (RFC 2920 §3.1).
const GROUP: usize = 50;

/// How long to look for a reason after a connection broke.
const PARTING: Duration = Duration::from_secs(1);
