//! `ceralacca provider init`

use std::path::PathBuf;

use ceralacca_host::provider::{Address, Domain};
use clap::Args;

use crate::cli::TimeArgs;
use crate::error::{Error, Exit};
use crate::moment::Moment;
use crate::narrate::say;
use crate::provider::SETTINGS;
use crate::provider::init::NewProvider;
use crate::running::clock;

/// Make a provider folder: settings, key, certificates of a test authority, provider directory.
///
/// The folder is made whole or not at all. Its certificates look like those of real PEC providers,
/// but nobody outside of this test world trusts them.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Init {
    /// The folder to make; must not exist, or be empty.
    pub dir: PathBuf,
    /// Name of the provider, as it stands in every receipt and in the certificate.
    #[arg(long, value_name = "N")]
    pub name: String,
    /// A domain of the provider; may be repeated. The first one is the mail domain: it holds the
    /// provider's own addresses, and message identifiers end in it.
    #[arg(long = "domain", value_name = "D", required = true)]
    pub domains: Vec<Domain>,
    /// A mailbox; may be repeated. Without any, every address of the domains is one.
    #[arg(long = "mailbox", value_name = "A")]
    pub mailboxes: Vec<Address>,
    /// Another provider's folder: share its test authority and its directory, so that the two
    /// recognise each other. Changes its certificate.pem, directory.ldif and test-ca.
    #[arg(long, value_name = "OTHERDIR")]
    pub join: Option<PathBuf>,
    /// When.
    #[command(flatten)]
    pub time: TimeArgs,
}

impl Init {
    /// Makes the folder.
    pub fn run(self) -> Result<Exit, Error> {
        let provider = NewProvider {
            name: self.name,
            domains: self.domains,
            mailboxes: self.mailboxes,
            join: self.join,
            now: Moment(clock(self.time.now).now()),
        };
        let folder = provider.create(&self.dir)?;
        say(&format!("{}: ready", folder.root().display()));
        say(&format!(
            "its settings, with explanations: {}",
            folder.file(SETTINGS).display()
        ));
        Ok(Exit::Done)
    }
}

const AFTER_HELP: &str = "\
Examples:
  ceralacca provider init alfa --name 'Alfa PEC' --domain pec.alfa.example
  ceralacca provider init beta --name 'Beta PEC' --domain pec.beta.example \\
                               --mailbox bruno@pec.beta.example --join alfa";
