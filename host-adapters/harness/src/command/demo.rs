//! `ceralacca demo`

use std::path::PathBuf;

use clap::Args;

use crate::cli::{PlugInArgs, TimeArgs};
use crate::demo;
use crate::error::{Error, Exit};

/// A message from sender to receipt between two providers, as files and as a page.
///
/// The providers have their own keys and a common directory. After the message come fourteen other
/// stories: brief and concise receipts, what is not accepted and what is not delivered, viruses on
/// either side, ordinary and altered mail, a day without network. Time in them is simulated.
///
/// Prints the stories as they unfold and writes every message, the page index.html that draws them,
/// and the providers' folders, to look around in with the other commands.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Demo {
    /// Folder to write. It is replaced as a whole if an earlier demonstration made it.
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    pub out: PathBuf,
    /// When.
    #[command(flatten)]
    pub time: TimeArgs,
    /// With which plug-in.
    #[command(flatten)]
    pub plug_in: PlugInArgs,
}

impl Demo {
    /// Plays the stories.
    pub fn run(self) -> Result<Exit, Error> {
        let plugin = self.plug_in.load()?;
        demo::run(&self.out, self.time.now, &plugin)?;
        Ok(Exit::Done)
    }
}

const AFTER_HELP: &str = "\
Examples:
  ceralacca demo
  ceralacca demo --out stories --now 2026-09-19T15:41:19+02:00   the same times and identifiers
                                                                 at every run
  ceralacca status --provider demo-out/providers/alfa            afterwards";
