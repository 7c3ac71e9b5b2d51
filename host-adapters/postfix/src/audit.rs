//! `audit`: has the plug-in judge the log of the service's store, whichever database it is in.
//!
//! For a provider folder of the reference host `ceralacca audit` does the same.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use ceralacca_host::provider::{Error, load_plug_in};
use ceralacca_host::{AuditFinding, Clock as _, SystemClock, audit, rule_name};
use serde_json::json;

use crate::config::Config;
use crate::service::assemble;

/// Judges the log and prints a line for each finding, and one at the end; 6 if there are any.
///
/// # Errors
/// The configuration, the plug-in or the store cannot be used, or there is no such message.
pub fn run(path: &Path, pec_id: Option<&str>, as_json: bool) -> Result<ExitCode, Error> {
    let config = Config::load(path)?;
    let plug_in = load_plug_in(config.plug_in.as_deref())?;
    let store = assemble::store(&config)?;
    // People copy identifiers out of headers, where they stand in angle brackets.
    let pec_id = pec_id.map(|id| id.trim_matches(['<', '>']));
    let mut tell = |found: AuditFinding| match as_json {
        true => say(&json(&found)),
        false => say(&found.to_string()),
    };
    let report = audit(&plug_in, &store, SystemClock.now(), pec_id, &mut tell)
        .map_err(|error| Error::file(path, error, "mend what it says and try again"))?;
    if let (0, Some(pec_id)) = (report.messages, pec_id) {
        let remedy = "without it all of them are looked at";
        return Err(Error::argument(
            "PEC-ID",
            format!("{pec_id}: no such message"),
            remedy,
        ));
    }
    if !as_json {
        say(&format!(
            "{} messages, {} rows, {} findings",
            report.messages, report.rows, report.findings
        ));
    }
    Ok(match report.findings {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(BROKEN),
    })
}

fn json(found: &AuditFinding) -> String {
    let AuditFinding { pec_id, finding } = found;
    let rule = rule_name(&finding.rule);
    json!({ "pec_id": pec_id, "rule": rule, "text": finding.text }).to_string()
}

/// Whoever reads may have seen enough.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// As `ceralacca audit` ends.
const BROKEN: u8 = 6;
