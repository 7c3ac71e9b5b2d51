//! `ceralacca submit`

use std::path::PathBuf;

use ceralacca_host::pec;
use clap::Args;

use super::{carry_out, exit_of, read_message};
use crate::cli::{ProviderArgs, TimeArgs};
use crate::error::{Error, Exit};
use crate::narrate::{self, Narrator, reply_line};
use crate::running;

/// A user hands in a message: the access point.
///
/// The sender counts as logged in. What follows is carried out at once: receipts into the
/// sender's mailbox (DIR/mail), envelopes for other providers into DIR/outbox, each with its
/// SMTP envelope beside it as .json.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Submit {
    /// Which provider.
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// The sender's address: account and MAIL FROM.
    #[arg(long, value_name = "A")]
    pub from: String,
    /// A recipient (RCPT TO); may be repeated.
    #[arg(long = "rcpt", value_name = "B", required = true)]
    pub rcpt: Vec<String>,
    /// When.
    #[command(flatten)]
    pub time: TimeArgs,
    /// 64 hex digits in place of randomness. The same message with the same --now and --entropy
    /// makes the same octets everywhere. For tests: whoever knows them can guess identifiers.
    #[arg(long, value_name = "HEX", value_parser = entropy)]
    pub entropy: Option<Seed>,
    /// Print one JSON document at the end instead of lines.
    #[arg(long)]
    pub json: bool,
    /// The message, or - for stdin. If no line of it ends in CRLF, line ends become CRLF, as a
    /// mail client would send it; otherwise it is taken octet for octet.
    #[arg(value_name = "FILE.eml")]
    pub file: PathBuf,
}

/// What `--entropy` gives.
#[derive(Clone, Debug)]
pub struct Seed(Vec<u8>);

impl Submit {
    /// Hands the message in and carries out what follows.
    pub fn run(self) -> Result<Exit, Error> {
        let message = read_message(&self.file)?;
        let seed = self.entropy.map(|seed| seed.0);
        let host = running::open(&self.provider, &self.time, seed)?;
        let committed = host.submit(pec::Submission {
            account: Some(self.from.clone()),
            addresses: vec![self.from.clone()],
            reverse_path: self.from,
            recipients: self.rcpt,
            message,
        });
        let mut narrator = Narrator::new(self.json);
        narrator.say(&reply_line(&committed.reply));
        carry_out(&committed, &host, &mut narrator);
        if let Some(pec_id) = narrate::pec_id(&committed) {
            narrator.say(&format!("PEC id: {pec_id}"));
        }
        narrator.finish(narrate::committed(&committed));
        Ok(exit_of(&committed))
    }
}

fn entropy(text: &str) -> Result<Seed, String> {
    let wrong = || "64 hex digits are wanted (32 octets)".to_owned();
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let octet = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong());
    (0..64)
        .step_by(2)
        .map(octet)
        .collect::<Result<_, _>>()
        .map(Seed)
}

const AFTER_HELP: &str = "\
Example:
  ceralacca submit --provider alfa --from anna@pec.alfa.example \\
                   --rcpt bruno@pec.beta.example --rcpt dario@posta.example offer.eml

Every recipient must stand in To or Cc: certified mail has no Bcc.
Exit codes: 0 accepted, 3 not accepted (the sender has a notice), 4 try again, 5 refused.";
