//! Carrying out what was committed.
//!
//! Every step may be cut short by a crash and is then done again: relays and deposits recognise
//! their item's key, events mark their item in the commit of their outcome.

use super::endings::{refusals_of, refuse};
use super::transact::Begin;
use super::{Action, Committed, Host, HostError, OutboxReport, Progress};
use crate::engine::{Event, EventKind};
use crate::parts::{DepositItem, DepositOutcome, RelayItem, RelayOutcome};
use crate::store::{Cause, Ending, Item, Original, Seen};
use crate::{Body, crash, pec};

/// Where progress is reported.
pub(super) type Report<'a> = &'a mut dyn FnMut(&Progress);

impl Host {
    /// Carries out what is due in the outbox, in order, until nothing more can be done now: what
    /// the carrying out adds is carried out too. Waits while another thread or process does the
    /// same; what workers have in hand ([`Self::run_outbox_workers`]) is left to them. `progress`
    /// hears of each thing done.
    ///
    /// What does not work is tried again later, in ever longer intervals
    /// ([`super::Policy::retry_first`]); nothing is ever dropped for want of success.
    ///
    /// # Errors
    /// The store failed. Whatever is not marked as done is done, or found done, next time.
    pub fn run_outbox(
        &self,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<OutboxReport, HostError> {
        let store = &self.parts.store;
        let _turn = store.take_outbox_turn()?;
        let mut report = OutboxReport::default();
        self.renewing_claims(|| {
            let mut after = 0;
            while let Some((number, mut item)) = store.claim_next(self.now(), after)? {
                after = number;
                match self.carry_out(&mut item, progress) {
                    Ok(Ending::Done) => report.done += 1,
                    Ok(Ending::Postponed { .. } | Ending::Narrowed { .. }) => report.postponed += 1,
                    Ok(Ending::Refused { .. } | Ending::Failed { .. }) => report.failed += 1,
                    Err(error @ HostError::ClaimLost { .. }) => {
                        let pec_id = item.message.pec_id.as_deref();
                        tracing::warn!(pec_id, %error);
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })?;
        report.next_at = store.next_due()?;
        Ok(report)
    }

    /// One item; what is in its way postpones it, unless it is the store itself, or that it is
    /// not ours any more.
    pub(super) fn carry_out(
        &self,
        item: &mut Item,
        progress: Report<'_>,
    ) -> Result<Ending, HostError> {
        let mut conflicts = 0;
        loop {
            let result = match item.action {
                Action::Relay => self.relay(item, progress),
                Action::Loop => self.loop_back(item, progress),
                Action::Deposit => self.deposit(item, progress),
                Action::Confirm => self.confirm(item, progress),
                Action::Bounce => self.bounce(item, progress),
            };
            match result {
                // Another worker settled another recipient of the same message: a new
                // conversation sees it. Only events conflict, and nothing of them has happened.
                Err(HostError::Conflict(text)) if conflicts < CONFLICTS => {
                    conflicts += 1;
                    let pec_id = item.message.pec_id.as_deref();
                    tracing::debug!(key = item.key, pec_id, text, conflicts, "tried again");
                }
                Err(error @ HostError::ClaimLost { .. }) => return Err(error),
                Err(error) => {
                    let (action, pec_id) = (item.action, item.message.pec_id.as_deref());
                    tracing::error!(key = item.key, pec_id, ?action, %error,
                        "an outbox item did not work");
                    return self.postpone(item, error.to_string(), progress);
                }
                Ok(ending) => return Ok(ending),
            }
        }
    }

    /// To the network. If the process dies between the hand-over and the mark, the relay is asked
    /// again, and with SMTP one duplicate with the same PEC id is possible (POSTFIX.md, point 2).
    fn relay(&self, item: &Item, progress: Report<'_>) -> Result<Ending, HostError> {
        crash::point("before-relay");
        let outcome = self.parts.relay.relay(&RelayItem {
            key: &item.key,
            seq: item.seq.unwrap_or_default(),
            at: item.at,
            reverse_path: &item.reverse_path,
            recipients: &item.recipients,
            kind: &item.message.kind,
            pec_id: item.message.pec_id.as_deref(),
            message_id: &item.message.message_id,
            body: &item.body,
        });
        let (refusals, later) = match outcome {
            RelayOutcome::Later(reason) => return self.postpone(item, reason, progress),
            RelayOutcome::Handed => (Vec::new(), None),
            RelayOutcome::Failed(refusals) => (refusals, None),
            RelayOutcome::Partly {
                refusals,
                later,
                reason,
            } => (refusals, Some((later, reason))),
        };
        crash::point("after-relay-before-mark");
        let (ending, handed) = self.ending_of_relay(item, refusals, later);
        self.end(item, &ending)?;
        if !handed.is_empty() {
            progress(&Progress::Relayed {
                message: item.message.clone(),
                recipients: handed,
                seq: item.seq.unwrap_or_default(),
            });
        }
        report_refusals(item, &ending, progress);
        report_narrowed(item, &ending, progress);
        Ok(ending)
    }

    /// Our own incoming point, without leaving the process (RFC 6109 §3.4).
    fn loop_back(&self, item: &Item, progress: Report<'_>) -> Result<Ending, HostError> {
        crash::point("before-loop");
        let event = Event::Arrive(pec::Arrival {
            reverse_path: item.reverse_path.clone(),
            recipients: item.recipients.clone(),
            source: pec::ArrivalSource::OwnOutbox,
            message: read(item)?,
        });
        let ending_of = |reply: &pec::Reply| match reply.code {
            500.. => refuse(item, refusals_of(item, reply)),
            _ => self.ending_of(item, reply),
        };
        let (committed, ending) = self.event_of(item, event, item.body.clone(), ending_of)?;
        progress(&Progress::Looped {
            message: item.message.clone(),
            recipients: item.recipients.clone(),
            reply: committed.reply.clone(),
        });
        report_transaction(EventKind::Arrive, committed, progress);
        report_refusals(item, &ending, progress);
        Ok(ending)
    }

    /// Into a mailbox. The verdict is stored before the plug-in hears it: once a mailbox has said
    /// yes or no, a repetition must not ask it a second time and perhaps hear the opposite.
    fn deposit(&self, item: &mut Item, progress: Report<'_>) -> Result<Ending, HostError> {
        let recipient = recipient(item)?.to_owned();
        crash::point("before-deposit");
        let outcome = self.parts.depot.deposit(&DepositItem {
            key: &item.key,
            at: item.at,
            recipient: &recipient,
            reverse_path: &item.reverse_path,
            kind: &item.message.kind,
            pec_id: item.message.pec_id.as_deref(),
            message_id: &item.message.message_id,
            body: &item.body,
            repeated: item.repeated,
        });
        let message = item.message.clone();
        let (failure, told) = match outcome {
            DepositOutcome::Later(reason) => return self.postpone(item, reason, progress),
            DepositOutcome::Stored => (None, Progress::Deposited { message, recipient }),
            DepositOutcome::Failed(failure) => {
                let told = Progress::DepositFailed {
                    message,
                    recipient,
                    failure: failure.clone(),
                };
                (Some(failure), told)
            }
        };
        crash::point("after-deposit-before-mark");
        if item.confirm {
            if !self.parts.store.note_verdict(item, failure)? {
                return Err(lost(item));
            }
            progress(&told);
            crash::point("after-verdict");
            return self.confirm(item, progress);
        }
        let ending = match failure {
            None => Ending::Done,
            Some(failure) => {
                // A receipt that its owner's mailbox refuses: nobody waits for the answer.
                let error = format!("{} {} {}", failure.code, failure.status, failure.text);
                let pec_id = item.message.pec_id.as_deref();
                tracing::error!(
                    key = item.key,
                    pec_id,
                    error,
                    "a message cannot be deposited"
                );
                Ending::Failed { error }
            }
        };
        self.end(item, &ending)?;
        progress(&told);
        Ok(ending)
    }

    /// The delivery point: the plug-in makes the receipt, which is committed with the item's end, so
    /// there is exactly one.
    fn confirm(&self, item: &Item, progress: Report<'_>) -> Result<Ending, HostError> {
        let event = Event::FinishDeposit(pec::DepositResult {
            reverse_path: item.reverse_path.clone(),
            recipient: recipient(item)?.to_owned(),
            message: read(item)?,
            verdict: match &item.failure {
                None => pec::DepositVerdict::Deposited,
                Some(failure) => pec::DepositVerdict::Failed(failure.clone()),
            },
        });
        let ending_of = |reply: &pec::Reply| self.ending_of(item, reply);
        let (committed, ending) = self.event_of(item, event, item.body.clone(), ending_of)?;
        report_transaction(EventKind::FinishDeposit, committed, progress);
        Ok(ending)
    }

    /// The plug-in hears of one recipient of an envelope that the next server refused.
    fn bounce(&self, item: &Item, progress: Report<'_>) -> Result<Ending, HostError> {
        let (Some(pec_id), Some(failure)) = (&item.message.pec_id, &item.failure) else {
            let error = "it has no PEC id or no failure to speak of".to_owned();
            let ending = Ending::Failed { error };
            self.end(item, &ending)?;
            return Ok(ending);
        };
        let event = Event::FailRelay(pec::RelayFailure {
            kind: item.message.kind.clone(),
            pec_id: pec_id.clone(),
            recipient: recipient(item)?.to_owned(),
            failure: failure.clone(),
        });
        let ending_of = |reply: &pec::Reply| self.ending_of(item, reply);
        let (committed, ending) = self.event_of(item, event, Body::default(), ending_of)?;
        report_transaction(EventKind::FailRelay, committed, progress);
        Ok(ending)
    }

    /// Gives an event to the plug-in, and commits the outcome together with the item's end.
    fn event_of(
        &self,
        item: &Item,
        event: Event,
        body: Body,
        ending_of: impl Fn(&pec::Reply) -> Ending,
    ) -> Result<(Committed, Ending), HostError> {
        let begin = Begin {
            purpose: &format!("outbox:{}", item.key),
            now: self.now(),
            event,
            original: Original::stored(body),
            seen: Seen::default(),
        };
        let committed = self.transact(begin, |reply| Cause::Item {
            item,
            ending: ending_of(reply),
        })?;
        let ending = ending_of(&committed.reply);
        Ok((committed, ending))
    }

    pub(super) fn postpone(
        &self,
        item: &Item,
        error: String,
        progress: Report<'_>,
    ) -> Result<Ending, HostError> {
        let next_at = self.next_try(item);
        let ending = Ending::Postponed {
            next_at,
            error: error.clone(),
        };
        self.end(item, &ending)?;
        progress(&Progress::Postponed {
            message: item.message.clone(),
            recipients: item.recipients.clone(),
            reason: error,
            next_at,
        });
        Ok(ending)
    }

    fn end(&self, item: &Item, ending: &Ending) -> Result<(), HostError> {
        if self.parts.store.end_item(item, self.now(), ending)? {
            Ok(())
        } else {
            Err(lost(item))
        }
    }
}

/// The octets of a message, whole: the plug-in is about to get them.
fn read(item: &Item) -> Result<Vec<u8>, HostError> {
    item.body.read_whole().map_err(|source| HostError::Message {
        key: item.key.clone(),
        source,
    })
}

fn lost(item: &Item) -> HostError {
    HostError::ClaimLost {
        key: item.key.clone(),
    }
}

/// Deposits and bounces have one recipient.
fn recipient(item: &Item) -> Result<&str, HostError> {
    item.recipients
        .first()
        .map(String::as_str)
        .ok_or_else(|| HostError::Contract(format!("item {} has no recipient", item.key)))
}

fn report_refusals(item: &Item, ending: &Ending, progress: Report<'_>) {
    if let Ending::Refused { refusals, .. } | Ending::Narrowed { refusals, .. } = ending {
        for refusal in refusals {
            progress(&Progress::RelayFailed {
                message: item.message.clone(),
                recipient: refusal.recipient.clone(),
                failure: refusal.failure.clone(),
            });
        }
    }
}

fn report_narrowed(item: &Item, ending: &Ending, progress: Report<'_>) {
    if let Ending::Narrowed {
        later,
        next_at,
        error,
        ..
    } = ending
    {
        progress(&Progress::Postponed {
            message: item.message.clone(),
            recipients: later.clone(),
            reason: error.clone(),
            next_at: *next_at,
        });
    }
}

pub(super) fn report_transaction(event: EventKind, committed: Committed, progress: Report<'_>) {
    let at_once = committed.at_once;
    progress(&Progress::Transaction {
        event,
        reply: committed.reply,
        messages: committed.messages,
        notices: committed.notices,
    });
    at_once.iter().for_each(progress);
}

/// As many workers as there may sensibly be can be in each other's way over one message.
const CONFLICTS: u32 = 32;
