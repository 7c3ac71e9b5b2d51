//! What can be typed.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use ceralacca_host::Plugin;
use ceralacca_host::provider::{Error, load_plug_in};
use clap::{ArgAction, Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::command::{arrive, audit, demo, directory, provider_init, status, submit, tick, verify};
use crate::moment::Moment;

/// Certified e-mail (PEC) without a mail server: make a provider, hand in messages, receive them,
/// see what became of them.
#[derive(Debug, Parser)]
#[command(name = "ceralacca", version, after_help = EXAMPLES)]
pub struct Cli {
    /// Say more about what happens, on stderr; twice for everything.
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 100)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "clap shows what stands at the arguments; here it would replace that"
)]
pub enum Command {
    /// Make provider folders.
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// The provider directory: look at it, load it, ask it, make our own record for it.
    #[command(subcommand)]
    Directory(DirectoryCommand),
    Submit(submit::Submit),
    Arrive(arrive::Arrive),
    Tick(tick::Tick),
    Status(status::Status),
    Audit(audit::Audit),
    Verify(verify::Verify),
    Demo(demo::Demo),
}

/// What to do with a provider folder.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "as above")]
pub enum ProviderCommand {
    Init(provider_init::Init),
}

/// What to do with a provider directory.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "as above")]
pub enum DirectoryCommand {
    Check(directory::Check),
    Load(directory::Load),
    Find(directory::Find),
    Record(directory::Record),
}

/// The provider folder a command works on.
#[derive(Clone, Debug, Args)]
pub struct ProviderArgs {
    /// Folder that `ceralacca provider init` has made.
    #[arg(long, value_name = "DIR")]
    pub provider: PathBuf,
    /// With which plug-in.
    #[command(flatten)]
    pub plug_in: PlugInArgs,
}

/// Where the plug-in is.
#[derive(Clone, Debug, Default, Args)]
pub struct PlugInArgs {
    /// The plug-in. Without it: $CERALACCA_COMPONENT, or ceralacca.component.wasm beside this
    /// program or one folder above it.
    #[arg(long, value_name = "FILE")]
    pub component: Option<PathBuf>,
}

impl PlugInArgs {
    /// Loads it.
    pub fn load(&self) -> Result<Plugin, Error> {
        load_plug_in(self.component.as_deref())
    }
}

/// When it is, and what nobody can guess.
#[derive(Clone, Debug, Default, Args)]
pub struct TimeArgs {
    /// The time, for the whole command: RFC 3339 (2026-09-19T15:41:19+02:00) or seconds since
    /// 1970. Without it: the system clock.
    #[arg(long, value_name = "T")]
    pub now: Option<Moment>,
}

impl Cli {
    /// Sends what the parts have to say to stderr. `RUST_LOG` wins over `-v`.
    pub fn start_logging(&self) {
        let level = match (self.verbose, &self.command) {
            // What goes wrong in its stories is meant to, and told there.
            (0, Command::Demo(_)) => "error",
            (0, _) => "warn",
            (1, _) => "info",
            _ => "debug",
        };
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .without_time()
            .init();
    }
}

const EXAMPLES: &str = "\
Examples:
  ceralacca demo                                       the whole story, in demo-out/index.html

  ceralacca provider init alfa --name 'Alfa PEC' --domain pec.alfa.example
  ceralacca provider init beta --name 'Beta PEC' --domain pec.beta.example --join alfa
  ceralacca submit --provider alfa --from anna@pec.alfa.example \\
                   --rcpt bruno@pec.beta.example offer.eml
  ls alfa/outbox                                       the envelope, and to whom it goes
  ceralacca arrive --provider beta --from anna@pec.alfa.example \\
                   --rcpt bruno@pec.beta.example alfa/outbox/000001-transport-envelope.eml
  ceralacca status --provider alfa
  ceralacca verify alfa/outbox/000001-transport-envelope.eml \\
                   --directory alfa/directory.ldif --roots alfa/roots.pem

Exit codes:
  0  done; accepted; the message holds
  1  a setting, a file or an argument is wrong; nothing was done
  2  the command line cannot be understood; nothing was done
  3  submit: the message was not accepted, and the sender has a notice that says why
  4  temporary failure (4xx); nothing was done, try again
  5  refused (5xx); nothing was done
  6  verify: the message does not hold; audit: the log breaks a rule
  7  verify: it is no PEC message; directory find: no record
  8  verify: it holds as far as could be checked, which was not far enough";
