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
    /// To be called every minute or so. Early, late and repeated ticks are harmless.
    ///
    /// # Errors
    /// The store failed. A plug-in or a directory that failed is in the report, not an error:
    /// the rest goes on.
    pub fn tick(&self, progress: &mut dyn FnMut(&Progress)) -> Result<TickReport, HostError> {
        let mut report = self.keep_time(progress)?;
        report.outbox = self.run_outbox(progress)?;
        Ok(report)
    }

    /// The same without the outbox, for a host whose workers carry it out
    /// ([`Self::run_outbox_workers`]).
    ///
    /// # Errors
    /// As for [`Self::tick`].
    pub fn keep_time(&self, progress: &mut dyn FnMut(&Progress)) -> Result<TickReport, HostError> {
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
        let mut after = None;
        loop {
            let DueBatch { due, seen, next } = self.parts.store.due(now, after, BATCH)?;
            if !due.is_empty() {
                report.due += due.len() as u64;
                report.deferred += self.pass_time(now, due, seen, progress)?;
            }
            if next.is_none() {
                break;
            }
            after = next;
        }
        let replies_since = now.saturating_sub(self.parts.policy.retry_window);
        self.parts.store.sweep(now, replies_since)?;
        Ok(report)
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
        match self.transact(begin, |_| Cause::Tick) {
            Ok(committed) => {
                let deferred = if committed.reply.code == 250 {
                    0
                } else {
                    count
                };
                report_transaction(EventKind::PassTime, committed, progress);
                Ok(deferred)
            }
            Err(HostError::Store(error)) => Err(error.into()),
            Err(error) => {
                // A conflict with a receipt that came in just now, or a plug-in in trouble: the
                // rows are still due, and the next tick passes them in again.
                tracing::error!(%error, recipients = count, "deadlines could not be handled");
                Ok(count)
            }
        }
    }
}

/// "At most a few hundred" (wit/types.wit, `tick`).
const BATCH: usize = 200;
