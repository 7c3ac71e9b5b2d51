//! Sessions as a mail server holds them.

use super::*;
use crate::Inbox;

/// A mail server's side of the wire.
struct Server {
    session: Session,
    budget: Budget,
    out: Vec<u8>,
    /// Refuse senders and recipients that begin with this.
    refused: &'static str,
    messages: Vec<Transaction>,
}

impl Server {
    fn new(transport: Transport) -> Self {
        let budget = Budget::new(200_000);
        let limits = Limits {
            message: 150_000,
            recipients: 3,
            ..Limits::default()
        };
        let mut server = Self {
            session: Session::new(transport, limits, budget.clone()),
            budget,
            out: Vec::new(),
            refused: "nobody",
            messages: Vec::new(),
        };
        // What Postfix 3.7 offers.
        server.says("O", b"\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff");
        server.out.clear();
        server
    }

    fn connected() -> Self {
        let mut server = Self::new(Transport::Unix);
        server.says("DC", b"{daemon_name}\0PEC-ACCESS\0");
        server.says("C", b"client.example\x004\x12\x34192.0.2.1\0");
        server
    }

    /// One packet; `DM` is a macro packet for MAIL.
    fn says(&mut self, command: &str, data: &[u8]) {
        self.tries(command, data).unwrap();
    }

    fn tries(&mut self, command: &str, data: &[u8]) -> Result<(), Malformed> {
        let (command, stage) = command.split_at(1);
        let data = [stage.as_bytes(), data].concat();
        let packet = Packet {
            command: command.as_bytes()[0],
            data: &data,
        };
        match self.session.handle(packet, &mut self.out)? {
            Event::None | Event::End => {}
            Event::Message(transaction) => {
                self.messages.push(transaction);
                Reply::Discard.write(&mut self.out);
            }
            Event::Mail(decision) => match decision.fits() {
                Ok(()) => decision.accept(),
                Err(flaw) => decision.refuse(Refusal::new(452, "4.3.1", &flaw.to_string())),
            },
            Event::Recipient(decision) => {
                let name = decision.recipient().unwrap().to_string();
                if name.starts_with(self.refused) {
                    decision.refuse(Refusal::new(550, "5.1.1", "no such mailbox"));
                } else {
                    decision.accept();
                }
            }
        }
        Ok(())
    }

    /// The commands that it was answered with since the last time, as letters.
    fn heard(&mut self) -> String {
        let mut inbox = Inbox::new(&Limits::default());
        let mut letters = String::new();
        let said = mem::take(&mut self.out);
        inbox.room()[..said.len()].copy_from_slice(&said);
        inbox.filled(said.len());
        while let Some(packet) = inbox.next().unwrap() {
            letters.push(packet.command.into());
        }
        letters
    }

    fn letter(&mut self, subject: &str) {
        self.says("L", format!("Subject\0 {subject}\0").as_bytes());
        self.says("N", b"");
        self.says("B", b"ciao\r\n");
        self.says("DE", b"i\x004G3B\0");
        self.says("E", b"");
    }
}

#[test]
fn one_message_from_client_to_answer() {
    let mut server = Server::connected();
    assert_eq!(
        server.heard(),
        "",
        "connect needs no answer on a Unix socket"
    );
    server.says("DM", b"{auth_authen}\0anna\0{mail_addr}\0anna@x.example\0");
    server.says("M", b"<anna@x.example>\0SIZE=20\0RET=HDRS\0");
    server.says("R", b"<bruno@y.example>\0NOTIFY=NEVER\0");
    server.says("R", b"<nobody@y.example>\0");
    server.says("R", b"<Carla@y.example>\0");
    assert_eq!(server.heard(), "ccyc");
    assert!(server.session.is_inside_message());
    server.letter("Prova");
    assert_eq!(server.heard(), "cd", "end of headers, the message");
    let transaction = server.messages.pop().unwrap();
    assert_eq!(transaction.macros.get("auth_authen"), Some("anna"));
    assert_eq!(transaction.macros.get("i"), Some("4G3B"));
    assert_eq!(transaction.macros.get("daemon_name"), Some("PEC-ACCESS"));
    let envelope = &transaction.envelope;
    assert_eq!(envelope.reverse_path.text(), Some("anna@x.example"));
    assert_eq!(envelope.parameters.value("RET"), Some("HDRS"));
    let recipients: Vec<_> = envelope.recipients.iter().collect();
    assert_eq!(recipients[0].0.text(), Some("bruno@y.example"));
    assert_eq!(recipients[0].1.value("NOTIFY"), Some("NEVER"));
    assert_eq!(recipients[1].0.text(), Some("Carla@y.example"));
    assert_eq!(recipients.len(), 2, "nobody was refused");
    let original = transaction.original.unwrap();
    assert_eq!(original.octets(), b"Subject: Prova\r\n\r\nciao\r\n");
    drop(original);
    assert_eq!(server.budget.used(), 0);
}

#[test]
fn several_messages_rset_and_a_second_session_on_one_connection() {
    let mut server = Server::connected();
    // RSET in the middle: nothing of the first message is in the second.
    server.says("DM", b"{auth_authen}\0anna\0");
    server.says("M", b"<anna@x>\0");
    server.says("R", b"<bruno@y>\0");
    server.says("L", b"Subject\0 one\0");
    server.says("A", b"");
    assert_eq!(server.session.macros().get("auth_authen"), None);
    assert_eq!(server.budget.used(), 0);
    server.says("M", b"<anna@x>\0");
    server.says("R", b"<carla@y>\0");
    server.letter("two");
    // Postfix ends each message with an abort.
    server.says("A", b"");
    server.says("M", b"<>\0");
    server.says("R", b"<dario@y>\0");
    server.letter("three");
    server.says("K", b"");
    assert_eq!(server.session.macros().get("daemon_name"), None);
    server.says("DC", b"{daemon_name}\0PEC-INCOMING\0");
    server.says("C", b"other\0U");
    server.says("M", b"<anna@x>\0");
    server.says("R", b"<ezio@y>\0");
    server.letter("four");
    server.says("Q", b"");
    let subjects: Vec<_> = server
        .messages
        .iter()
        .map(|transaction| {
            let original = transaction.original.as_ref().unwrap();
            String::from_utf8_lossy(original.octets())[9..]
                .trim_end()
                .to_owned()
        })
        .collect();
    assert_eq!(
        subjects,
        ["two\r\n\r\nciao", "three\r\n\r\nciao", "four\r\n\r\nciao"]
    );
    assert!(server.messages[1].envelope.reverse_path.is_null());
    assert_eq!(server.messages[1].envelope.recipients.len(), 1);
}

#[test]
fn who_logged_in_for_one_message_has_not_done_so_for_the_next() {
    let mut server = Server::connected();
    server.says("DM", b"{auth_authen}\0anna\0");
    server.says("M", b"<anna@x>\0");
    server.says("R", b"<bruno@y>\0");
    server.letter("one");
    // Neither an abort nor macros in between.
    server.says("M", b"<anna@x>\0");
    assert_eq!(server.session.macros().get("auth_authen"), None);
    server.says("R", b"<bruno@y>\0");
    server.letter("two");
    assert_eq!(server.messages[1].macros.get("auth_authen"), None);
    // Nor does a refused sender leave anything behind.
    server.says("DM", b"{auth_authen}\0anna\0");
    server.says("M", b"<anna@x>\0SIZE=150001\0");
    server.says("M", b"<anna@x>\0");
    assert_eq!(server.session.macros().get("auth_authen"), None);
}

#[test]
fn a_refused_sender_has_no_message_and_the_next_one_begins_anew() {
    let mut server = Server::connected();
    server.says("M", b"<anna@x>\0SIZE=150001\0");
    server.says("A", b"");
    server.says("M", b"<anna@x>\0SIZE=150000\0");
    assert_eq!(server.heard(), "yc");
    server.says("A", b"");
    // Somebody else has the room.
    let mut other = server.budget.reservation();
    other.cover(131_072).unwrap();
    server.says("M", b"<anna@x>\0SIZE=100000\0");
    assert_eq!(server.heard(), "y");
    drop(other);
    server.says("M", b"<anna@x>\0SIZE=100000\0");
    assert_eq!(server.heard(), "c");
}

#[test]
fn a_message_that_outgrows_the_room_costs_itself_and_no_other() {
    let mut server = Server::connected();
    let mut other = server.budget.reservation();
    other.cover(131_072).unwrap();
    server.says("M", b"<anna@x>\0");
    server.says("R", b"<bruno@y>\0");
    for _ in 0..3 {
        server.says("B", &[b'x'; 60_000]);
    }
    server.says("E", b"");
    let flaw = server.messages.pop().unwrap().original.unwrap_err();
    assert_eq!(flaw, Flaw::NoRoom { limit: 200_000 });
    assert_eq!(server.budget.used(), 131_072);
    drop(other);
    server.says("M", b"<anna@x>\0");
    server.says("R", b"<bruno@y>\0");
    server.says("B", &[b'x'; 60_000]);
    server.says("E", b"last\r\n");
    let original = server.messages.pop().unwrap().original.unwrap();
    assert!(original.octets().ends_with(b"xlast\r\n"));
}

#[test]
fn more_recipients_than_any_message_has_are_for_the_next_one() {
    let mut server = Server::connected();
    server.says("M", b"<anna@x>\0");
    for name in ["a", "b", "nobody", "c", "d"] {
        server.says("R", format!("<{name}@y>\0").as_bytes());
    }
    assert_eq!(server.heard(), "cccycy");
    server.letter("x");
    assert_eq!(server.messages[0].envelope.recipients.len(), 3);
}

#[test]
fn on_tcp_every_step_but_headers_and_body_has_an_answer() {
    let mut server = Server::new(Transport::Tcp);
    server.says("C", b"x\0U");
    server.says("H", b"x\0");
    server.says("M", b"<a@x>\0");
    server.says("R", b"<b@x>\0");
    server.says("T", b"");
    server.letter("x");
    assert_eq!(server.heard(), "ccccccd");
}

#[test]
fn a_command_at_the_wrong_moment_ends_the_session() {
    let wrong = |steps: &[(&str, &[u8])]| {
        let mut server = Server::connected();
        let (last, before) = steps.split_last().unwrap();
        for (command, data) in before {
            server.says(command, data);
        }
        let error = server.tries(last.0, last.1).unwrap_err();
        assert!(matches!(error, Malformed::OutOfOrder { .. }), "{error}");
        // Over is over.
        assert!(server.tries("A", b"").is_err());
        error.to_string()
    };
    let text = wrong(&[("R", b"<b@x>\0")]);
    assert_eq!(text, "the mail server sent the command R without a message");
    let text = wrong(&[("M", b"<a@x>\0"), ("M", b"<a@x>\0")]);
    assert_eq!(text, "the mail server sent the command M inside a message");
    wrong(&[("E", b"")]);
    wrong(&[("B", b"x")]);
    wrong(&[("C", b"x\0U")]);
    wrong(&[("O", b"\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff")]);
    wrong(&[("K", b""), ("M", b"<a@x>\0")]);
    wrong(&[("Q", b""), ("M", b"<a@x>\0")]);
    let mut fresh = Session::new(Transport::Unix, Limits::default(), Budget::new(1));
    let packet = Packet {
        command: b'M',
        data: b"<a@x>\0",
    };
    let error = fresh.handle(packet, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("before its options"), "{error}");
}
