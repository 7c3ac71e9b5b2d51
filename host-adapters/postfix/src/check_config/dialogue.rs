//! A few words of SMTP or LMTP, to see who answers.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ceralacca_host::Endpoint;

trait Wire: io::Read + io::Write {}
impl<T: io::Read + io::Write> Wire for T {}

/// A connection to a mail server.
pub(super) struct Dialogue {
    server: BufReader<Box<dyn Wire>>,
}

impl Dialogue {
    /// Connects, and hears the greeting.
    pub(super) fn open(endpoint: &Endpoint) -> io::Result<Self> {
        let wire: Box<dyn Wire> = match endpoint {
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
            Endpoint::Inet(address) => {
                let first = address.to_socket_addrs()?.next();
                let first = first.ok_or_else(|| io::Error::other("the name has no address"))?;
                let stream = TcpStream::connect_timeout(&first, PATIENCE)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
        };
        let mut dialogue = Self {
            server: BufReader::new(wire),
        };
        dialogue.expect("220")?;
        Ok(dialogue)
    }

    /// Says a line; the reply must begin with `class`.
    pub(super) fn say(&mut self, line: &str, class: &str) -> io::Result<()> {
        self.server
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())?;
        self.expect(class)
    }

    /// Would it take a message? It gets none.
    pub(super) fn would_take(&mut self, sender: &str, recipient: &str) -> io::Result<()> {
        self.say(&format!("MAIL FROM:<{sender}>"), "250")?;
        self.say(&format!("RCPT TO:<{recipient}>"), "250")
    }

    fn expect(&mut self, class: &str) -> io::Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            // A reply line has at most 512 octets (RFC 5321 §4.5.3.1.5); some are more generous.
            let read = io::Read::take(&mut self.server, 4096).read_line(&mut line)?;
            if read == 0 {
                return Err(io::Error::other("it closed the connection"));
            }
            // `250-…` goes on.
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        match line.starts_with(class) {
            true => Ok(()),
            false => Err(io::Error::other(format!("it answered “{}”", line.trim()))),
        }
    }
}

/// A server of this machine that needs longer than this needs help.
const PATIENCE: Duration = Duration::from_secs(10);
