//! Time passes: deadlines, the directory file, what may be forgotten.

use super::fingerprint;
use super::outbox::{Report, report_transaction};
use super::transact::Begin;
use super::{Host, HostError, Progress, TickReport};
use crate::engine::{Event, EventKind};
use crate::store::{Cause, DueBatch, Original, Seen};
use crate::{hex, pec};

impl Host {
    /// Does what time asks for: passes recipients whose deadline has come to the plug-in, loads
    /// the directory file if it changed, forgets what need not be kept, and runs the outbox.
    ///
    /// To be called every minute or so. Early, late and repeated ticks are harmless, also on
    /// several hosts at once.
    ///
    /// # Errors
    /// The store failed. A plug-in or a directory that failed is in the report, not an error:
    /// the rest goes on.
    pub fn tick(&self, progress: &mut dyn FnMut(&Progress)) -> Result<TickReport, HostError> {
        let mut report = self.tick_beside_workers(progress)?;
        report.outbox = self.run_outbox(progress)?;
        Ok(report)
    }

    /// The same without running the outbox: for a host whose workers
    /// ([`Self::run_outbox_workers`]) do.
    ///
    /// # Errors
    /// As for [`Self::tick`].
    pub fn tick_beside_workers(
        &self,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<TickReport, HostError> {
        let mut report = TickReport::default();
        match self.load_changed_directory() {
            Ok(loaded) => report.directory = loaded,
            Err(error) => {
                tracing::error!(%error, "the provider directory stays as it was");
                report.directory_error = Some(error.to_string());
            }
        }
        if let Err(error) = self.publish() {
            tracing::error!(%error, "files for others wait");
        }
        let now = self.now();
        self.pass_deadlines(now, &mut report, progress)?;
        let replies_since = now.saturating_sub(self.parts.policy.retry_window);
        self.parts.store.sweep(now, replies_since)?;
        Ok(report)
    }

    /// Passes in all recipients whose deadline has come. A receipt that comes in meanwhile, or
    /// another host's tick, makes a batch conflict: it is read again, as it is now.
    fn pass_deadlines(
        &self,
        now: u64,
        report: &mut TickReport,
        progress: Report<'_>,
    ) -> Result<(), HostError> {
        let mut after = None;
        let mut conflicts = 0;
        loop {
            let DueBatch { due, seen, next } = self.parts.store.due(now, after.clone(), BATCH)?;
            let count = due.len() as u64;
            if count > 0 {
                match self.pass_time(now, due, seen, progress) {
                    Ok(deferred) => report.deferred += deferred,
                    Err(HostError::Conflict(_)) if conflicts < CONFLICTS => {
                        conflicts += 1;
                        continue;
                    }
                    Err(error @ HostError::Store(_)) => return Err(error),
                    Err(error) => {
                        // A plug-in in trouble: the rows are still due, and the next tick passes
                        // them in again.
                        tracing::error!(%error, recipients = count, "deadlines wait");
                        report.deferred += count;
                    }
                }
                report.due += count;
            }
            if next.is_none() {
                return Ok(());
            }
            (after, conflicts) = (next, 0);
        }
    }

    /// Passes one batch in; returns how many recipients must come again.
    fn pass_time(
        &self,
        now: u64,
        due: Vec<pec::DueRecipient>,
        seen: Seen,
        progress: Report<'_>,
    ) -> Result<u64, HostError> {
        let count = due.len() as u64;
        let begin = Begin {
            purpose: &format!("tick:{}", hex(&fingerprint::of_tick(now, &due))),
            now,
            event: Event::PassTime(pec::Tick { due }),
            original: Original::none(),
            seen,
        };
        let committed = self.transact(begin, |_| Cause::Tick)?;
        let deferred = if committed.reply.code == 250 {
            0
        } else {
            count
        };
        report_transaction(EventKind::PassTime, committed, progress);
        Ok(deferred)
    }
}

/// "At most a few hundred" (wit/types.wit, `tick`).
const BATCH: usize = 200;

/// How often one batch is read again. Each time somebody else has handled some of it.
const CONFLICTS: u32 = 8;
