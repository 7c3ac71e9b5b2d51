//! `ceralacca arrive`

use std::path::PathBuf;

use ceralacca_host::{Committed, pec};
use clap::Args;

use super::{carry_out, exit_of, read_message};
use crate::cli::{ProviderArgs, TimeArgs};
use crate::error::{Error, Exit};
use crate::kind::phrase;
use crate::narrate::{self, Narrator, reply_line};
use crate::running;

/// A message arrives from the network: the incoming point.
///
/// What follows is carried out at once: deposits into DIR/mail, receipts for other providers into
/// DIR/outbox.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arrive {
    /// Which provider.
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// MAIL FROM; '' for the null reverse path of bounces.
    #[arg(long, value_name = "A")]
    pub from: String,
    /// A recipient (RCPT TO); may be repeated.
    #[arg(long = "rcpt", value_name = "B", required = true)]
    pub rcpt: Vec<String>,
    /// The message came over a connection without TLS.
    #[arg(long, conflicts_with = "bounce")]
    pub plaintext: bool,
    /// It is a bounce that the provider's own mail server made: what it says of certified
    /// recipients is believed, and becomes a notice of non-delivery.
    #[arg(long)]
    pub bounce: bool,
    /// When.
    #[command(flatten)]
    pub time: TimeArgs,
    /// Print one JSON document at the end instead of lines.
    #[arg(long)]
    pub json: bool,
    /// The message, or - for stdin. If no line of it ends in CRLF, line ends become CRLF.
    #[arg(value_name = "FILE.eml")]
    pub file: PathBuf,
}

impl Arrive {
    /// Takes the message in and carries out what follows.
    pub fn run(self) -> Result<Exit, Error> {
        let message = read_message(&self.file)?;
        let host = running::open(&self.provider, &self.time, None)?;
        let source = match (self.plaintext, self.bounce) {
            (_, true) => pec::ArrivalSource::OwnMailServer,
            (true, _) => pec::ArrivalSource::Plaintext,
            _ => pec::ArrivalSource::Encrypted,
        };
        let committed = host.arrive(pec::Arrival {
            reverse_path: self.from,
            recipients: self.rcpt,
            source,
            message,
        });
        let mut narrator = Narrator::new(self.json);
        say_finding(&committed, &narrator);
        narrator.say(&reply_line(&committed.reply));
        carry_out(&committed, &host, &mut narrator);
        narrator.finish(narrate::committed(&committed));
        Ok(exit_of(&committed))
    }
}

fn say_finding(committed: &Committed, narrator: &Narrator) {
    let Some(finding) = &committed.finding else {
        return;
    };
    let issuer = finding
        .issuer
        .as_ref()
        .map_or("nobody known", |provider| &provider.name);
    let verdict = if finding.holds {
        "holds"
    } else {
        "does not hold"
    };
    narrator.say(&format!(
        "{}, issued by {issuer}: {verdict}",
        phrase(&finding.kind)
    ));
    for defect in &finding.defects {
        narrator.say(&format!("  {} ({})", defect.text, defect.clause));
    }
}

const AFTER_HELP: &str = "\
Example:
  ceralacca arrive --provider beta --from anna@pec.alfa.example \\
                   --rcpt bruno@pec.beta.example alfa/outbox/000001-transport-envelope.eml

Sender and recipients of a message in an outbox stand in the .json file beside it.
Exit codes: 0 taken, 4 try again, 5 refused.";
