//! An SMTP client that sends octets as they are, which mail programs do not.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// A session with a server on this machine.
pub struct Client {
    reader: BufReader<TcpStream>,
}

/// A reply, all its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replied {
    /// The code.
    pub code: u16,
    /// The lines without the code, joined by line feeds.
    pub text: String,
}

impl Client {
    /// Connects and says EHLO.
    pub fn connect(port: u16) -> Self {
        let mut client = Self::greeted(port);
        let hello = client.command("EHLO client.test");
        assert_eq!(hello.code, 250, "{hello:?}");
        client
    }

    /// Connects and waits for the greeting.
    pub fn greeted(port: u16) -> Self {
        let (client, greeting) = Self::try_greeted(port).expect("a greeting");
        assert_eq!(greeting.code, 220, "{greeting:?}");
        client
    }

    fn try_greeted(port: u16) -> io::Result<(Self, Replied)> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            reader: BufReader::new(stream),
        };
        let greeting = client.reply()?;
        Ok((client, greeting))
    }

    /// A whole session, as a mail program has it with a server in trouble: logs in and hands one
    /// message in. The first reply that is not what it hoped for, or the one after the dot.
    ///
    /// # Errors
    /// The connection broke: nobody knows whether the message was taken.
    pub fn hand_in(
        port: u16,
        (user, password): (&str, &str),
        to: &[&str],
        octets: &[u8],
    ) -> io::Result<Replied> {
        let (mut client, greeting) = Self::try_greeted(port)?;
        if greeting.code != 220 {
            return Ok(greeting);
        }
        let mut lines = vec![
            ("EHLO client.test".to_owned(), 250),
            (plain(user, password), 235),
            (format!("MAIL FROM:<{user}>"), 250),
        ];
        lines.extend(to.iter().map(|to| (format!("RCPT TO:<{to}>"), 250)));
        lines.push(("DATA".to_owned(), 354));
        for (line, hoped) in lines {
            let reply = client.try_command(&line)?;
            if reply.code != hoped {
                return Ok(reply);
            }
        }
        client.reader.get_mut().write_all(&stuffed(octets))?;
        client.reply()
    }

    /// Logs in.
    pub fn login(&mut self, user: &str, password: &str) {
        let reply = self.command(&plain(user, password));
        assert_eq!(reply.code, 235, "{reply:?}");
    }

    /// Sends one line and waits for the reply.
    pub fn command(&mut self, line: &str) -> Replied {
        self.try_command(line).expect("a reply")
    }

    fn try_command(&mut self, line: &str) -> io::Result<Replied> {
        self.reader
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// One message from MAIL to the reply after the dot, or to the first refusal.
    pub fn message(&mut self, from: &str, to: &[&str], octets: &[u8]) -> Replied {
        let mail = self.command(&format!("MAIL FROM:<{from}>"));
        if mail.code != 250 {
            return mail;
        }
        for recipient in to {
            let reply = self.command(&format!("RCPT TO:<{recipient}>"));
            if reply.code != 250 {
                return reply;
            }
        }
        let go = self.command("DATA");
        if go.code != 354 {
            return go;
        }
        self.data(octets)
    }

    /// The octets of a message, dots doubled, up to the reply. They should end in CRLF: otherwise
    /// one is added, since the dot must begin a line.
    pub fn data(&mut self, octets: &[u8]) -> Replied {
        self.send(&stuffed(octets));
        self.reply().expect("a reply")
    }

    /// Sends octets as they are.
    pub fn send(&mut self, octets: &[u8]) {
        self.reader.get_mut().write_all(octets).expect("it is read");
    }

    /// The next reply.
    pub fn reply(&mut self) -> io::Result<Replied> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let code = code.ok_or_else(|| io::Error::other(line.to_owned()))?;
            text.push_str(line.get(4..).unwrap_or_default());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Replied { code, text });
            }
            text.push('\n');
        }
    }
}

/// As it goes over the wire after DATA (RFC 5321 §4.5.2).
pub fn stuffed(octets: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(octets.len() + octets.len() / 64 + 8);
    let mut at_start = true;
    let mut previous = 0;
    for &octet in octets {
        if at_start && octet == b'.' {
            wire.push(b'.');
        }
        wire.push(octet);
        at_start = previous == b'\r' && octet == b'\n';
        previous = octet;
    }
    if !octets.is_empty() && !at_start {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// RFC 4616, with the first response at once.
fn plain(user: &str, password: &str) -> String {
    let token = base64(format!("\0{user}\0{password}").as_bytes());
    format!("AUTH PLAIN {token}")
}

fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in octets.chunks(3) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet));
        let bits = bits << (8 * (3 - group.len()));
        for n in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * n)) as usize & 63];
            text.push(if n <= group.len() { digit.into() } else { '=' });
        }
    }
    text
}

/// Long enough for 100 MB on a machine that builds as well.
const PATIENCE: Duration = Duration::from_secs(120);
