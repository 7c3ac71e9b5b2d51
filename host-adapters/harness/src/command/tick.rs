//! `ceralacca tick`

use clap::Args;
use serde_json::json;
use tracing::warn;

use crate::cli::{ProviderArgs, TimeArgs};
use crate::error::{Error, Exit};
use crate::narrate::{Narrator, waiting};
use crate::running;

/// Time passes: overdue messages get their notices, and what waits is carried out.
///
/// Messages whose deadlines have come get their notices (RFC 6109 §3.1.6), a changed provider
/// directory is loaded, and the outbox is carried out. A real host does this every few minutes.
/// Too early, too late or too often is harmless.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Tick {
    /// Which provider.
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// When.
    #[command(flatten)]
    pub time: TimeArgs,
    /// Print one JSON document at the end instead of lines.
    #[arg(long)]
    pub json: bool,
}

impl Tick {
    /// Lets time pass.
    pub fn run(self) -> Result<Exit, Error> {
        let host = running::open(&self.provider, &self.time, None)?;
        let mut narrator = Narrator::new(self.json);
        let report = match host.tick(&mut |progress| narrator.progress(progress)) {
            Ok(report) => report,
            Err(error) => {
                warn!("the tick stopped: {error}; nothing is lost, try again");
                return Ok(Exit::Temporary);
            }
        };
        if let Some(error) = &report.directory_error {
            warn!("the new provider directory cannot be used: {error}; the old one stays");
        }
        if let Some(sentence) = waiting(&report.outbox) {
            warn!("{sentence}");
        }
        narrator.say(&format!(
            "{} due, {} of them deferred; {} carried out, {} postponed, {} given up",
            report.due,
            report.deferred,
            report.outbox.done,
            report.outbox.postponed,
            report.outbox.failed
        ));
        narrator.finish(json!({
            "due": report.due,
            "deferred": report.deferred,
            "directory_error": report.directory_error,
            "done": report.outbox.done,
            "postponed": report.outbox.postponed,
            "failed": report.outbox.failed,
            "next_at": report.outbox.next_at,
        }));
        Ok(if report.deferred > 0 {
            Exit::Temporary
        } else {
            Exit::Done
        })
    }
}

const AFTER_HELP: &str = "\
Example:
  ceralacca tick --provider alfa --now 2026-09-20T04:00:00+02:00";
