//! A mail server's side of the milter protocol: packets as octets, written by hand.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ceralacca_postfix::Listen;

/// A connection to a milter.
pub struct Wire {
    stream: Box<dyn Stream>,
}

pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Wire {
    /// Connects; nothing is said yet.
    pub fn connect(to: &Listen) -> io::Result<Self> {
        let patience = Some(Duration::from_secs(60));
        let stream: Box<dyn Stream> = match to {
            Listen::Unix { path, .. } => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(patience)?;
                Box::new(stream)
            }
            Listen::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_read_timeout(patience)?;
                Box::new(stream)
            }
        };
        Ok(Self { stream })
    }

    /// Options and a client at the port of this name, logged in as `account` if there is one.
    pub fn open(to: &Listen, port: &str, account: &str) -> Self {
        let mut wire = Self::connect(to).expect("somebody listens");
        wire.say(b'O', b"\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff");
        let (command, _) = wire.hear().expect("an answer");
        assert_eq!(command, b'O');
        wire.say(b'D', format!("C{{daemon_name}}\0{port}\0").as_bytes());
        wire.say(b'C', b"client.test\x004\x12\x34192.0.2.7\0");
        if matches!(to, Listen::Tcp(_)) {
            assert_eq!(wire.hear().expect("an answer").0, b'c');
        }
        wire.say(b'D', format!("M{{auth_authen}}\0{account}\0").as_bytes());
        wire
    }

    /// MAIL and RCPT, both accepted.
    pub fn envelope(&mut self, from: &str, to: &[&str]) {
        self.say(b'M', format!("<{from}>\0").as_bytes());
        assert_eq!(self.hear().expect("an answer").0, b'c');
        for recipient in to {
            self.say(b'R', format!("<{recipient}>\0").as_bytes());
            assert_eq!(self.hear().expect("an answer").0, b'c');
        }
    }

    /// Headers and body of a message, without its end.
    pub fn content(&mut self, message: &str) {
        let (head, body) = message.split_once("\r\n\r\n").expect("a message");
        for line in head.split("\r\n") {
            let (name, value) = line.split_once(':').expect("no folds");
            self.say(b'L', format!("{name}\0{value}\0").as_bytes());
        }
        self.say(b'B', body.as_bytes());
    }

    /// One packet.
    pub fn say(&mut self, command: u8, data: &[u8]) {
        let length = u32::try_from(data.len() + 1).expect("short");
        let packet = [&length.to_be_bytes(), &[command][..], data].concat();
        self.send(&packet).expect("it is read");
    }

    /// Octets as they are.
    pub fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets)
    }

    /// One packet of the milter.
    pub fn hear(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut packet = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut packet)?;
        Ok((packet[0], packet[1..].to_vec()))
    }

    /// Has the milter closed, without another word?
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0))
    }
}
