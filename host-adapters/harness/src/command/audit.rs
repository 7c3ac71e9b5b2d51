//! `ceralacca audit`

use ceralacca_host::{AuditFinding, rule_name};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::{ProviderArgs, TimeArgs};
use crate::error::{Error, Exit};
use crate::narrate::say;
use crate::running;

/// Do the rows of the log tell one story of each message, whole and once?
///
/// A rule that is broken means an event that was lost or happened twice, or a log that somebody has
/// changed. Nothing is changed by looking.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Audit {
    /// Which provider.
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// When: what has 24 hours to happen is missed only after them.
    #[command(flatten)]
    pub time: TimeArgs,
    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub json: bool,
    /// One message only.
    #[arg(value_name = "PEC-ID")]
    pub pec_id: Option<String>,
}

impl Audit {
    /// Has the plug-in judge the log.
    pub fn run(self) -> Result<Exit, Error> {
        let host = running::open_to_look(&self.provider, &self.time)?;
        // People copy identifiers out of headers, where they stand in angle brackets.
        let pec_id = self.pec_id.as_deref().map(|id| id.trim_matches(['<', '>']));
        let mut findings = Vec::new();
        let audited = host.audit(pec_id, &mut |finding| {
            if self.json {
                findings.push(json(&finding));
            } else {
                say(&finding.to_string());
            }
        });
        let report = audited.map_err(|error| {
            Error::file(
                &self.provider.provider,
                error,
                "mend what it says and try again",
            )
        })?;
        if report.messages == 0 && pec_id.is_some() {
            let remedy = "`ceralacca audit` without it looks at all of them";
            return Err(Error::argument("PEC-ID", "no such message here", remedy));
        }
        if self.json {
            let document = json!({
                "messages": report.messages, "rows": report.rows, "findings": findings,
            });
            say(&format!("{document:#}"));
        } else {
            say(&format!(
                "{} messages, {} rows, {} findings",
                report.messages, report.rows, report.findings
            ));
        }
        Ok(match report.findings {
            0 => Exit::Done,
            _ => Exit::DoesNotHold,
        })
    }
}

fn json(found: &AuditFinding) -> Value {
    let AuditFinding { pec_id, finding } = found;
    json!({ "pec_id": pec_id, "rule": rule_name(&finding.rule), "text": finding.text })
}

const AFTER_HELP: &str = "\
Rules, each for the rows of one PEC id:
  one-story           all rows name the same sender and recipients
  sent-once           a message from here has one acceptance and one envelope
  received-once       one from elsewhere has one envelope per recipient and no acceptance
  one-end             each certified recipient is taken in charge once and ends once
  ordinary-recipient  an ordinary recipient has nothing of that
  virus-told          each virus that was found was told to the sender
  stranger            only recipients of the message are taken in charge or end

Examples:
  ceralacca audit --provider alfa
  ceralacca audit --provider alfa --json";
