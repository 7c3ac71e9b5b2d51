//! Judging the log (RFC 6109 §2.3). What its rules are, the plug-in knows.

use std::fmt;

use super::{Host, HostError};
use crate::engine::Engine;
use crate::names::rule_name;
use crate::pec;
use crate::store::Store;

/// A rule of the log that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFinding {
    /// The rows of which PEC id break it.
    pub pec_id: String,
    /// Which rule, and how.
    pub finding: pec::LogFinding,
}

/// How much an audit has looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// PEC ids.
    pub messages: u64,
    /// Rows of the log about them.
    pub rows: u64,
    /// Rules that are broken.
    pub findings: u64,
}

/// `PEC-ID: rule: how it is broken`.
impl fmt::Display for AuditFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pec_id, finding } = self;
        write!(
            f,
            "{pec_id}: {}: {}",
            rule_name(&finding.rule),
            finding.text
        )
    }
}

impl Host {
    /// Has the plug-in judge the log as it is now: [`audit`] with this host's parts.
    ///
    /// # Errors
    /// As for [`audit`].
    pub fn audit(
        &self,
        pec_id: Option<&str>,
        tell: &mut dyn FnMut(AuditFinding),
    ) -> Result<AuditReport, HostError> {
        let parts = &self.parts;
        audit(&*parts.engine, &parts.store, self.now(), pec_id, tell)
    }
}

/// Has the plug-in judge the log of a store as it is at `now` (seconds since 1970), one PEC id after
/// another, or one of them alone; `tell` hears of every finding. Nothing is changed, and mail goes on
/// meanwhile, in this process or another: a message that comes in during an audit is judged or not,
/// as a whole. No key, directory or mailbox is needed, so that it works when they do not.
///
/// In memory are the rows about one PEC id at a time.
///
/// # Errors
/// The store or the plug-in failed; what was told before that holds.
pub fn audit(
    engine: &dyn Engine,
    store: &Store,
    now: u64,
    pec_id: Option<&str>,
    tell: &mut dyn FnMut(AuditFinding),
) -> Result<AuditReport, HostError> {
    let mut report = AuditReport::default();
    let mut judge = |pec_id: &str| -> Result<(), HostError> {
        let dossier = store.dossier(pec_id)?;
        if dossier.entries.is_empty() {
            return Ok(());
        }
        let findings = engine.audit(now, &dossier)?;
        report.messages += 1;
        report.rows += dossier.entries.len() as u64;
        report.findings += findings.len() as u64;
        for finding in findings {
            tracing::error!(pec_id, text = finding.text, "the log breaks a rule");
            tell(AuditFinding {
                pec_id: pec_id.to_owned(),
                finding,
            });
        }
        Ok(())
    };
    if let Some(pec_id) = pec_id {
        judge(pec_id)?;
        return Ok(report);
    }
    let mut after = String::new();
    loop {
        let batch = store.logged_ids(&after, BATCH)?;
        batch.iter().try_for_each(|pec_id| judge(pec_id))?;
        match batch.into_iter().next_back() {
            Some(last) => after = last,
            None => return Ok(report),
        }
    }
}

/// PEC ids read at once: a few kilobytes, and few enough reads.
const BATCH: usize = 500;
