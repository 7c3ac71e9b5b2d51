//! What each command does. One module per command: its arguments, then its deed.

pub mod arrive;
pub mod audit;
pub mod demo;
pub mod directory;
pub mod provider_init;
pub mod status;
pub mod submit;
pub mod tick;
pub mod verify;

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use ceralacca_host::{Committed, Host, pec::MessageKind};
use tracing::{error, warn};

use crate::cli::{Command, DirectoryCommand, ProviderCommand};
use crate::error::{Error, Exit};
use crate::narrate::{Narrator, waiting};

/// Carries out a command. An error means that nothing was done; how a message fared is an [`Exit`].
pub fn run(command: Command) -> Result<Exit, Error> {
    match command {
        Command::Provider(ProviderCommand::Init(init)) => init.run(),
        Command::Directory(DirectoryCommand::Check(check)) => check.run(),
        Command::Directory(DirectoryCommand::Load(load)) => load.run(),
        Command::Directory(DirectoryCommand::Find(find)) => find.run(),
        Command::Directory(DirectoryCommand::Record(record)) => record.run(),
        Command::Submit(submit) => submit.run(),
        Command::Arrive(arrive) => arrive.run(),
        Command::Tick(tick) => tick.run(),
        Command::Status(status) => status.run(),
        Command::Audit(audit) => audit.run(),
        Command::Verify(verify) => verify.run(),
        Command::Demo(demo) => demo.run(),
    }
}

/// Reads a message from a file, or from stdin if it is called `-`.
///
/// SMTP ends lines with CRLF, and signatures depend on it; files on Unix rarely do. A file without
/// any CRLF is therefore read as a mail client would send it. One that has them, even in one
/// place, is taken as it is: it may be signed, or broken on purpose.
pub fn read_message(path: &Path) -> Result<Vec<u8>, Error> {
    let octets = if path == Path::new("-") {
        let mut octets = Vec::new();
        io::stdin().lock().read_to_end(&mut octets).map(|_| octets)
    } else {
        fs::read(path)
    };
    let octets = octets.map_err(|error| Error::file(path, error, "name a file with a message"))?;
    if octets.windows(2).any(|pair| pair == b"\r\n") || !octets.contains(&b'\n') {
        return Ok(octets);
    }
    Ok(with_crlf(&octets))
}

/// The same with every line ended by CRLF, as mail travels.
fn with_crlf(octets: &[u8]) -> Vec<u8> {
    let mut sent = Vec::with_capacity(octets.len() + octets.len() / 32);
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                sent.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                sent.extend_from_slice(b"\r\n");
            }
            None => sent.extend_from_slice(line),
        }
    }
    sent
}

/// Tells of what was carried out at once, and carries out the rest of what is committed. A failure here
/// changes nothing about what was promised: the message is in the store, and the next tick goes on.
fn carry_out(committed: &Committed, host: &Host, narrator: &mut Narrator) {
    for progress in &committed.at_once {
        narrator.progress(progress);
    }
    match host.run_outbox(&mut |progress| narrator.progress(progress)) {
        Ok(report) => {
            if let Some(sentence) = waiting(&report) {
                warn!("{sentence}");
            }
        }
        Err(error) => error!("the outbox stopped: {error}; `ceralacca tick` goes on with it"),
    }
}

/// How handing a message in has ended.
fn exit_of(committed: &Committed) -> Exit {
    let notice = |kind: &MessageKind| {
        matches!(
            kind,
            MessageKind::NonAcceptance | MessageKind::VirusNonAcceptance
        )
    };
    if committed
        .messages
        .iter()
        .any(|message| notice(&message.kind))
    {
        Exit::NotAccepted
    } else {
        Exit::of_reply(committed.reply.code)
    }
}
