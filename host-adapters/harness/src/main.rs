//! `ceralacca`: certified mail from the command line. Everything is in the library beside it.

use std::process::ExitCode;

use ceralacca_harness::cli::Cli;
use ceralacca_harness::command;
use clap::Parser as _;

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.start_logging();
    match command::run(cli.command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("ceralacca: {error}");
            ExitCode::FAILURE
        }
    }
}
