//! Our own record of the provider directory, and its publication.

use std::sync::PoisonError;

use super::transact::Begin;
use super::{Host, HostError};
use crate::engine::Event;
use crate::pec;
use crate::store::{Cause, Original, Seen};

impl Host {
    /// Has the plug-in make our own directory record, plain and signed, and publishes both files.
    /// Returns the plug-in's words about it.
    ///
    /// # Errors
    /// [`HostError::RecordRefused`] if no record can be made of the request; then nothing has
    /// happened. [`HostError::NotPublished`] if the files are in the store but not where they are
    /// fetched: the next tick tries again.
    pub fn compose_record(&self, request: pec::RecordRequest) -> Result<pec::Reply, HostError> {
        let now = self.now();
        let begin = Begin {
            purpose: &format!("compose-record:{now}"),
            now,
            event: Event::ComposeRecord(request),
            original: Original::none(),
            seen: Seen::default(),
        };
        let committed = self.transact(begin, |_| Cause::Request)?;
        if committed.reply.code != 250 {
            return Err(HostError::RecordRefused {
                reply: committed.reply,
            });
        }
        self.publish()?;
        Ok(committed.reply)
    }

    /// Publishes what has yet to be published. Twice is harmless; of two at once, the newer file wins.
    ///
    /// # Errors
    /// The first file that could not be published; the others are.
    pub(super) fn publish(&self) -> Result<(), HostError> {
        // Two threads must not put files in place in another order than they were made in.
        let _turn = self
            .publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut failure = None;
        for file in self.parts.store.unpublished()? {
            match self.parts.publisher.publish(&file.name, &file.content) {
                Ok(()) => self.parts.store.mark_published(&file)?,
                Err(error) => drop(failure.get_or_insert(error)),
            }
        }
        failure.map_or(Ok(()), |error| Err(HostError::NotPublished(error)))
    }
}
