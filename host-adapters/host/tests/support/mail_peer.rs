//! A mail server that follows a script, on a loopback port or a Unix socket.
//!
//! A script is a dialogue, one act a line:
//!
//! ```text
//! S: 220 ready          says that line, CR LF added
//! S> 250 2.             says that and no line end
//! C: EHLO us.example    hears that line
//! C. MAIL FROM:<>       the same, and the client must wait for the reply before it says more
//! DATA                  hears a message up to the final dot
//! SLOW                  says one octet every 10 ms until the client has had enough
//! WAIT                  does nothing until the client closes the connection
//! REST                  waits a while, for what the client ought not to send
//! ```
//!
//! At its end it closes the connection.

use std::cell::Cell;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use ceralacca_host::Endpoint;

/// A running peer; each connection plays the next script.
pub struct MailPeer {
    pub endpoint: Endpoint,
    heard: Arc<Mutex<Heard>>,
    ended: mpsc::Receiver<()>,
    /// How many ends have been waited for.
    waited: Cell<usize>,
}

/// What came of the scripts.
#[derive(Default)]
struct Heard {
    connections: usize,
    open: usize,
    most_open: usize,
    messages: Vec<Vec<u8>>,
    mistakes: Vec<String>,
}

impl MailPeer {
    pub fn start(scripts: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let accept = move || {
            let stream = listener.accept()?.0;
            Ok((Box::new(stream.try_clone()?) as _, Box::new(stream) as _))
        };
        Self::serve(endpoint.parse().unwrap(), scripts, accept)
    }

    pub fn start_unix(path: &Path, scripts: &[&str]) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let accept = move || {
            let stream = listener.accept()?.0;
            Ok((Box::new(stream.try_clone()?) as _, Box::new(stream) as _))
        };
        Self::serve(Endpoint::Unix(path.to_owned()), scripts, accept)
    }

    fn serve(
        endpoint: Endpoint,
        scripts: &[&str],
        accept: impl Fn() -> std::io::Result<Streams> + Send + 'static,
    ) -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (end, ended) = mpsc::channel();
        let scripts: Vec<String> = scripts.iter().map(|s| (*s).to_owned()).collect();
        let shared = Arc::clone(&heard);
        thread::spawn(move || {
            for script in scripts {
                let (reader, writer) = accept().unwrap();
                let (heard, end) = (Arc::clone(&shared), end.clone());
                heard.lock().unwrap().meet();
                thread::spawn(move || {
                    let mut actor = Actor {
                        reader: BufReader::new(reader),
                        writer,
                        heard,
                    };
                    let played = actor.play(&script);
                    {
                        let mut heard = actor.heard.lock().unwrap();
                        heard.open -= 1;
                        heard.mistakes.extend(played.err());
                    }
                    drop(actor);
                    let _ = end.send(());
                });
            }
        });
        Self {
            endpoint,
            heard,
            ended,
            waited: Cell::new(0),
        }
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.heard.lock().unwrap().connections
    }

    /// How many there were at once, at most.
    pub fn most_open(&self) -> usize {
        self.heard.lock().unwrap().most_open
    }

    /// The messages, as they were before their dots were doubled.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap().messages.clone()
    }

    /// Waits until a connection has come to its script's end.
    pub fn wait(&self) {
        self.ended.recv_timeout(Duration::from_secs(20)).unwrap();
        self.waited.set(self.waited.get() + 1);
    }
}

impl Drop for MailPeer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            while self.waited.get() < self.connections() {
                self.wait();
            }
            let mistakes = std::mem::take(&mut self.heard.lock().unwrap().mistakes);
            assert_eq!(mistakes, Vec::<String>::new(), "the client left the script");
        }
    }
}

impl Heard {
    fn meet(&mut self) {
        self.connections += 1;
        self.open += 1;
        self.most_open = self.most_open.max(self.open);
    }
}

type Streams = (Box<dyn Read + Send>, Box<dyn Write + Send>);

struct Actor {
    reader: BufReader<Box<dyn Read + Send>>,
    writer: Box<dyn Write + Send>,
    heard: Arc<Mutex<Heard>>,
}

impl Actor {
    fn play(&mut self, script: &str) -> Result<(), String> {
        for act in script.lines().map(str::trim).filter(|a| !a.is_empty()) {
            let (verb, words) = act.split_once(' ').unwrap_or((act, ""));
            match verb {
                "S:" => self.say(&format!("{words}\r\n"))?,
                "S>" => self.say(words)?,
                "C:" | "C." => self.hear(words, verb == "C.")?,
                "DATA" => self.hear_message()?,
                "SLOW" => {
                    self.say("2")?;
                    while self.say("5").is_ok() {
                        thread::sleep(Duration::from_millis(10));
                    }
                }
                "WAIT" => {
                    let _ = self.reader.read(&mut [0]);
                }
                "REST" => thread::sleep(REST),
                _ => panic!("{act:?} is no act"),
            }
        }
        Ok(())
    }

    fn say(&mut self, text: &str) -> Result<(), String> {
        let said = self.writer.write_all(text.as_bytes());
        said.map_err(|error| format!("cannot say {text:?}: {error}"))
    }

    fn hear(&mut self, words: &str, alone: bool) -> Result<(), String> {
        let line = self.line()?;
        let text = String::from_utf8_lossy(&line);
        if text != format!("{words}\r\n") {
            return Err(format!("heard {text:?} instead of {words:?}"));
        }
        if alone {
            thread::sleep(REST);
            if !self.reader.buffer().is_empty() {
                return Err(format!("it did not wait for the reply to {words:?}"));
            }
        }
        Ok(())
    }

    fn hear_message(&mut self) -> Result<(), String> {
        let mut message = Vec::new();
        loop {
            let line = self.line()?;
            if line == b".\r\n" {
                self.heard.lock().unwrap().messages.push(message);
                return Ok(());
            }
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Ok(0) => Err("the client closed the connection".to_owned()),
            Ok(_) => Ok(line),
            Err(error) => Err(format!("cannot hear: {error}")),
        }
    }
}

/// Long enough for a client on the same machine to send what it ought not to.
const REST: Duration = Duration::from_millis(60);
