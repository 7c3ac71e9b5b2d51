//! Looking for viruses with ClamAV's daemon, by its INSTREAM command (clamd(8)).
//!
//! Spoken here rather than by a library: the one that there is (`clamav-client`) takes any reply
//! that contains "OK" for clean, and knows no time-outs.

use std::io::{self, Read, Write as _};
use std::time::Duration;

use super::endpoint::{Connection, Endpoint};
use super::{Scanner, SetupError, Unavailable};
use crate::pec;

/// How to reach clamd and what to do without it.
#[derive(Clone, Debug)]
pub struct ClamdSettings {
    /// Its `LocalSocket` or `TCPSocket`.
    pub address: Endpoint,
    /// How long one message may take, all in all. [`Self::PATIENCE`] unless there is a reason.
    pub patience: Duration,
    /// What becomes of messages while it is down.
    pub when_down: WhenScannerDown,
}

impl ClamdSettings {
    /// Two minutes: clamd itself gives up a file after `MaxScanTime`, two minutes; Postfix waits
    /// five for a milter.
    pub const PATIENCE: Duration = Duration::from_secs(120);
}

/// What becomes of messages that cannot be scanned because the scanner is down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenScannerDown {
    /// They wait: the client gets a 4xx reply and tries again.
    #[default]
    Defer,
    /// They pass unscanned, which the log and `ceralacca_unscanned_messages_total` say of each.
    /// A provider that chooses this does without what RFC 6109 §3.1.3 demands.
    Accept,
}

/// Has clamd look at messages, one connection for each.
///
/// clamd must be willing to look at the largest message: `StreamMaxLength`, `MaxFileSize` and
/// `MaxScanSize` at least as large, or it refuses (the first), or passes what it has not read (the
/// others, unless `AlertExceedsMax` is on). A message over its limits is never taken for clean here,
/// whatever [`WhenScannerDown`] says: the scanner is not down, and the sender could choose the size.
#[derive(Clone, Debug)]
pub struct ClamdScanner {
    settings: ClamdSettings,
}

impl ClamdScanner {
    /// Nothing is connected to yet.
    #[must_use]
    pub fn new(settings: ClamdSettings) -> Self {
        Self { settings }
    }

    /// Asks clamd whether it is there, has it find the EICAR test file, and look at `largest`
    /// octets of blanks, the largest message there may be. Returns what it calls itself.
    ///
    /// # Errors
    /// One of these fails, with the remedy.
    pub fn check(&self, largest: u64) -> Result<String, SetupError> {
        let culprit = format!("clamd at {}", self.settings.address);
        let is_down = |trouble: Trouble| {
            let remedy = "start clamav-daemon, and let this program's user open its socket";
            SetupError::new(&culprit, trouble.reason(), trouble.remedy(remedy))
        };
        let version = self.command("VERSION").map_err(is_down)?;
        match self.judge(&mut eicar().as_bytes()).map_err(is_down)? {
            pec::ScanVerdict::Infected(_) => {}
            pec::ScanVerdict::Clean => {
                let remedy = "load the databases with freshclam and restart clamav-daemon";
                let problem = "it does not recognise the EICAR test file";
                return Err(SetupError::new(&culprit, problem, remedy));
            }
        }
        let mut blanks = io::repeat(b' ').take(largest);
        match self.judge(&mut blanks).map_err(is_down)? {
            pec::ScanVerdict::Clean => Ok(version),
            pec::ScanVerdict::Infected(name) => Err(SetupError::new(
                &culprit,
                format_args!("it finds {name} in {largest} blanks"),
                "look for the signature that matches everything",
            )),
        }
    }

    /// One message, by one connection.
    fn judge(&self, message: &mut dyn Read) -> Result<pec::ScanVerdict, Trouble> {
        let mut clamd = self.connect()?;
        clamd.write_all(b"zINSTREAM\0").map_err(Trouble::talking)?;
        match send(&mut clamd, message) {
            // It may have refused before the end, and said why before it closed.
            Err(Trouble::Down(reason)) => match reply(&mut clamd) {
                Ok(reply) => read_verdict(&reply),
                Err(_) => Err(Trouble::Down(reason)),
            },
            Err(trouble) => Err(trouble),
            Ok(()) => read_verdict(&reply(&mut clamd).map_err(Trouble::talking)?),
        }
    }

    fn command(&self, command: &str) -> Result<String, Trouble> {
        let mut clamd = self.connect()?;
        let octets = format!("z{command}\0");
        clamd
            .write_all(octets.as_bytes())
            .map_err(Trouble::talking)?;
        reply(&mut clamd).map_err(Trouble::talking)
    }

    fn connect(&self) -> Result<Connection, Trouble> {
        let Self { settings } = self;
        let connected = settings.address.connect(settings.patience);
        connected.map_err(|error| Trouble::Down(format!("it cannot be reached: {error}")))
    }
}

impl Scanner for ClamdScanner {
    fn scan(&self, message: &mut dyn Read) -> Result<pec::ScanVerdict, Unavailable> {
        let trouble = match self.judge(message) {
            Ok(verdict) => return Ok(verdict),
            Err(trouble) => trouble,
        };
        metrics::counter!("ceralacca_scanner_errors_total").increment(1);
        let what = format!("clamd at {}", self.settings.address);
        let reason = trouble.reason();
        match (&trouble, self.settings.when_down) {
            (Trouble::Down(_), WhenScannerDown::Accept) => {
                metrics::counter!("ceralacca_unscanned_messages_total").increment(1);
                tracing::warn!(
                    what,
                    reason,
                    "A MESSAGE PASSES UNSCANNED, as the settings say (RFC 6109 §3.1.3)"
                );
                Ok(pec::ScanVerdict::Clean)
            }
            _ => Err(Unavailable(format!(
                "{what}: {reason}; {}",
                trouble.remedy("is clamav-daemon running?")
            ))),
        }
    }
}

/// Why there is no verdict.
#[derive(Debug)]
enum Trouble {
    /// The scanner does not work.
    Down(String),
    /// It works, and will not look at this message.
    OverLimit(String),
    /// The message itself could not be read.
    Message(io::Error),
}

impl Trouble {
    fn talking(error: io::Error) -> Self {
        Self::Down(format!("it does not answer: {error}"))
    }

    fn reason(&self) -> String {
        match self {
            Self::Down(reason) | Self::OverLimit(reason) => reason.clone(),
            Self::Message(error) => format!("the message to scan cannot be read: {error}"),
        }
    }

    /// `otherwise` where the trouble does not itself say what to do.
    fn remedy(&self, otherwise: &str) -> String {
        match self {
            Self::OverLimit(_) => {
                "set StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf to at least the largest message".to_owned()
            }
            _ => otherwise.to_owned(),
        }
    }
}

/// Streams a message in chunks, each with its length before it, and a length of nought at the end.
fn send(clamd: &mut Connection, message: &mut dyn Read) -> Result<(), Trouble> {
    let mut chunk = vec![0; LENGTH + CHUNK];
    loop {
        let read = match message.read(&mut chunk[LENGTH..]) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Trouble::Message(error)),
        };
        // At most CHUNK, which fits.
        chunk[..LENGTH].copy_from_slice(&(read as u32).to_be_bytes());
        clamd
            .write_all(&chunk[..LENGTH + read])
            .map_err(Trouble::talking)?;
        if read == 0 {
            return Ok(());
        }
    }
}

/// A reply, up to its NUL, which is what tells a whole one from the beginning of one.
fn reply(clamd: &mut Connection) -> io::Result<String> {
    let mut octets = Vec::new();
    let mut part = [0; 256];
    loop {
        let read = clamd.read(&mut part)?;
        octets.extend_from_slice(&part[..read]);
        if let Some(end) = octets.iter().position(|octet| *octet == 0) {
            octets.truncate(end);
            // Names of signatures are ASCII; whatever else goes into logs should be readable.
            return Ok(octets.escape_ascii().to_string());
        }
        if read == 0 {
            return Err(io::Error::other(
                "it closed the connection before its reply was whole",
            ));
        }
        if octets.len() > LONGEST_REPLY {
            return Err(io::Error::other("its reply has no end"));
        }
    }
}

fn read_verdict(reply: &str) -> Result<pec::ScanVerdict, Trouble> {
    if reply == "INSTREAM size limit exceeded. ERROR" {
        return Err(Trouble::OverLimit(
            "the message is over its StreamMaxLength".to_owned(),
        ));
    }
    let strange = || Trouble::Down(format!("it says {reply:?}"));
    let verdict = reply.strip_prefix("stream: ").ok_or_else(strange)?;
    if verdict == "OK" {
        return Ok(pec::ScanVerdict::Clean);
    }
    match verdict.strip_suffix(" FOUND") {
        // With AlertExceedsMax: not a virus, and the sender must not be told that it was one.
        Some(name) if name.contains("Heuristics.Limits.Exceeded") => Err(Trouble::OverLimit(
            format!("the message is over its limits ({name})"),
        )),
        Some(name) if !name.is_empty() => Ok(pec::ScanVerdict::Infected(name.to_owned())),
        _ => Err(strange()),
    }
}

/// The test file that every scanner takes for a virus (<https://www.eicar.org>), put together here
/// so that this program is not taken for one.
fn eicar() -> String {
    let (head, tail) = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR", "TEST-FILE!$H+H*");
    format!("{head}-STANDARD-ANTIVIRUS-{tail}")
}

/// Octets of the length before a chunk.
const LENGTH: usize = 4;
/// Octets of a chunk: few system calls, and little memory for each message on its way.
const CHUNK: usize = 64 * 1024;
/// Octets. The names of signatures have at most a few dozen.
const LONGEST_REPLY: usize = 4096;
