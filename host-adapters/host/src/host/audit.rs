//! Judging the log (RFC 6109 §2.3). What its rules are, the plug-in knows.

use super::{Host, HostError};
use crate::pec;

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

impl Host {
    /// Has the plug-in judge the log as it is now, one PEC id after another, or one of them alone;
    /// `tell` hears of every finding. Nothing is changed, and mail goes on meanwhile: a message
    /// that comes in during an audit is judged or not, as a whole.
    ///
    /// In memory are the rows about one PEC id at a time.
    ///
    /// # Errors
    /// The store or the plug-in failed; what was told before that holds.
    pub fn audit(
        &self,
        pec_id: Option<&str>,
        tell: &mut dyn FnMut(AuditFinding),
    ) -> Result<AuditReport, HostError> {
        let mut report = AuditReport::default();
        if let Some(pec_id) = pec_id {
            self.audit_one(pec_id, &mut report, tell)?;
            return Ok(report);
        }
        let mut after = String::new();
        loop {
            let batch = self.parts.store.logged_ids(&after, BATCH)?;
            for pec_id in &batch {
                self.audit_one(pec_id, &mut report, tell)?;
            }
            match batch.into_iter().next_back() {
                Some(last) => after = last,
                None => return Ok(report),
            }
        }
    }

    fn audit_one(
        &self,
        pec_id: &str,
        report: &mut AuditReport,
        tell: &mut dyn FnMut(AuditFinding),
    ) -> Result<(), HostError> {
        let dossier = self.parts.store.dossier(pec_id)?;
        if dossier.entries.is_empty() {
            return Ok(());
        }
        let findings = self.parts.engine.audit(self.now(), &dossier)?;
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
    }
}

/// PEC ids read at once: a few kilobytes, and few enough reads.
const BATCH: usize = 500;
