//! Our own record of the provider directory, and its publication.

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

    /// Publishes what has yet to be published. Twice is harmless.
    pub(super) fn publish(&self) -> Result<(), HostError> {
        for file in self.parts.store.unpublished()? {
            let published = self.parts.publisher.publish(&file.name, &file.content);
            published.map_err(HostError::NotPublished)?;
            self.parts.store.mark_published(&file)?;
        }
        Ok(())
    }
}
