//! The messages of one outcome, on their way into the store.

use super::StoreError;
use super::commit::CommitError;
use super::db::{DbError, Unmet};
use super::spool::{Fresh, Original, Spool};
use crate::{Body, MessageSummary, pec};

/// A message of an outcome.
pub(super) struct Made {
    pub(super) summary: MessageSummary,
    pub(super) body: Body,
}

/// A message that has a row.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a> {
    pub(super) summary: &'a MessageSummary,
    pub(super) body: &'a Body,
    pub(super) row: i64,
}

impl Stored<'_> {
    /// Its row, if it is the message that was made, as an envelope is that its own provider takes in
    /// and deposits.
    pub(super) fn row_of(&self, made: &Made) -> Option<i64> {
        let same = made.summary == *self.summary && made.body.is_kept_like(self.body);
        same.then_some(self.row)
    }
}

/// The octets of an outcome's messages, and the files that were written for them.
pub(super) struct Bodies {
    original: Body,
    messages: Vec<Made>,
    fresh: Vec<Fresh>,
}

impl Bodies {
    /// Makes the messages out of the original. Those with much literal text get files.
    pub(super) fn splice(
        spool: &Spool,
        original: Original,
        messages: Vec<pec::Message>,
    ) -> Result<Self, CommitError> {
        let (original, fresh) = original.into_parts();
        let mut bodies = Self {
            original,
            messages: Vec::with_capacity(messages.len()),
            fresh: fresh.into_iter().collect(),
        };
        for message in messages {
            let body = bodies
                .original
                .splice(message.segments)
                .map_err(|error| CommitError::Contract(error.to_string()))?;
            let (body, fresh) = spool.spill(body)?;
            bodies.fresh.extend(fresh);
            let summary = MessageSummary {
                kind: message.kind,
                pec_id: message.pec_id,
                message_id: message.message_id,
            };
            bodies.messages.push(Made { summary, body });
        }
        Ok(bodies)
    }

    /// Makes the files durable that the rows will refer to.
    pub(super) fn sync(&mut self, effects: &[pec::Effect]) -> Result<(), StoreError> {
        let keeps_original = effects
            .iter()
            .any(|effect| matches!(effect, pec::Effect::KeepInfected(_)));
        let original = keeps_original.then_some(&self.original);
        let bodies = self.messages.iter().map(|made| &made.body).chain(original);
        let used: Vec<_> = bodies.filter_map(Body::spool_name).collect();
        // What no row refers to goes away here.
        self.fresh.retain(|fresh| used.contains(&fresh.name()));
        self.fresh.iter().try_for_each(Fresh::sync)
    }

    /// Rows refer to the files from now on.
    pub(super) fn keep(self) {
        self.fresh.into_iter().for_each(Fresh::keep);
    }

    /// The event's message.
    pub(super) fn original(&self) -> &Body {
        &self.original
    }

    /// A message of the outcome.
    pub(super) fn get(&self, index: u32) -> Result<&Made, DbError> {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.messages.get(index))
            .ok_or_else(|| {
                let count = self.messages.len();
                Unmet::Contract(format!("an effect names message {index} of {count}")).into()
            })
    }
}
