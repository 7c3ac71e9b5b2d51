//! `ceralacca-postfix`: certified mail for a Postfix and Dovecot server. Everything is in the
//! library beside it.

use std::path::PathBuf;
use std::process::ExitCode;

use ceralacca_postfix::{audit, check_config, service};
use clap::{Parser, Subcommand};

/// Makes a Postfix and Dovecot server a provider of certified mail (PEC).
///
/// Without a command it is the service: a milter for Postfix, which systemd starts. SIGTERM ends it
/// when what is under way is done, SIGHUP reads the configuration again.
#[derive(Debug, Parser)]
#[command(name = "ceralacca-postfix", version, after_help = AFTER_HELP)]
struct Cli {
    /// The configuration.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/ceralacca/ceralacca.toml",
        global = true
    )]
    config: PathBuf,
    /// The same as the command `check-config`.
    #[arg(long)]
    check_config: bool,
    /// What to do instead of serving.
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Test everything the service needs, and name each remedy.
    ///
    /// One line per check: `ok`, `warn` or `FAIL`, what was found, and what to do about it. Exit code
    /// 1 if anything FAILs. It changes nothing, but a store of an earlier version is brought up to date,
    /// as at a start; run it as root, or as the service's user.
    CheckConfig,
    /// Judge the log: do its rows tell one story of each message, whole and once?
    ///
    /// A rule that is broken means an event that was lost or happened twice, or a log that somebody
    /// has changed. `ceralacca audit --help` explains the rules. It changes nothing
    /// (an earlier version's store is brought up to date, as at a start), and the service
    /// may run meanwhile.
    Audit {
        /// Print one JSON object per finding instead of lines.
        #[arg(long)]
        json: bool,
        /// One message only.
        #[arg(value_name = "PEC-ID")]
        pec_id: Option<String>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match cli.command {
        _ if cli.check_config => return check_config::run(&cli.config),
        Some(Command::CheckConfig) => return check_config::run(&cli.config),
        Some(Command::Audit { json, pec_id }) => audit::run(&cli.config, pec_id.as_deref(), json),
        None => service::run(&cli.config).map(|()| ExitCode::SUCCESS),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ceralacca-postfix: {error}");
            ExitCode::FAILURE
        }
    }
}

const AFTER_HELP: &str = "\
Exit codes:
  0  it was told to end and has; check-config: nothing FAILs; audit: no rule is broken
  1  it cannot start, or cannot go on; check-config: something FAILs
  2  the command line cannot be understood
  6  audit: the log breaks a rule";
