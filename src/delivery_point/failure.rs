//! Recipients that a message of ours will never reach: the sending provider tells its user
//! (RFC 6109 §3.3.3, PRACTICE 8.5).

use super::facts_of_tracked;
use super::reasons::Trouble;
use crate::conversation::{Desk, Stop};
use crate::dsn::{self, Bounce, Undelivered};
use crate::event::{Context, RelayFailure};
use crate::fault::Fault;
use crate::ids::{Identifiers, PecId};
use crate::incoming_point::settlements;
use crate::instant::Instant;
use crate::log_register::{self, LogEvent};
use crate::message::compose::Composer;
use crate::message::system::{AttachedEncoding, seal};
use crate::notification::{Facts, Notice, Notification};
use crate::outcome::{Effect, MessageKind, Outcome, Reply, Route};
use crate::question::{RecipientState, TrackedMessage};
use crate::settings::Profile;
use crate::wire;

/// A relay failed for good. A certified recipient becomes `errore-consegna`; an ordinary one a
/// DSN, as if it had come back from the network (PRACTICE 8.5): it passes our own incoming point,
/// which lays it before the user in an anomaly envelope (PRACTICE 8.6).
pub(crate) async fn fail_relay(
    context: Context,
    event: RelayFailure,
    desk: Desk,
) -> Result<Outcome, Stop> {
    let now = context.now;
    let profile = Profile::try_from(context.settings)?;
    let ids = Identifiers::new(&context.entropy, now, &profile.mail_domain)?;
    let mut outcome = Outcome::only(Reply::new(250, "2.0.0", "Noted"));
    let pec_id = PecId::try_from(event.pec_id.as_str())
        .map_err(|_| Fault::Event(format!("pec-id: “{}” is none", event.pec_id)))?;
    let Some(tracked) = desk.tracked(&pec_id).await? else {
        return Ok(outcome);
    };
    let telling = Telling::new(&tracked, &ids, now, &profile, &desk);
    let failed = Undelivered {
        recipient: event.recipient,
        failure: event.failure,
    };
    // Whoever sent a receipt cannot be told that it did not arrive.
    if event.kind != MessageKind::TransportEnvelope {
        telling.note(&mut outcome, &failed);
        return Ok(outcome);
    }
    let ordinary = telling.failures(&mut outcome, &[failed]).await?;
    if !ordinary.is_empty() {
        telling.bounce(&mut outcome, &ordinary);
    }
    Ok(outcome)
}

/// What the sending provider tells of a message that it accepted.
pub(crate) struct Telling<'a> {
    tracked: &'a TrackedMessage,
    facts: Facts,
    ids: &'a Identifiers,
    now: Instant,
    profile: &'a Profile,
    desk: &'a Desk,
}

impl<'a> Telling<'a> {
    pub fn new(
        tracked: &'a TrackedMessage,
        ids: &'a Identifiers,
        now: Instant,
        profile: &'a Profile,
        desk: &'a Desk,
    ) -> Self {
        Self {
            tracked,
            facts: facts_of_tracked(tracked),
            ids,
            now,
            profile,
            desk,
        }
    }

    /// Logs the failures and tells the sender of those whose recipient is certified, unless
    /// something has settled it before. Returns those of the message's ordinary recipients, for
    /// which there is no PEC notice; whoever the message never went to is only logged.
    pub async fn failures(
        &self,
        outcome: &mut Outcome,
        failures: &[Undelivered],
    ) -> Result<Vec<Undelivered>, Stop> {
        let mut ordinary = Vec::new();
        let (mut told, mut drafts) = (Vec::new(), Vec::new());
        for failed in failures {
            self.note(outcome, failed);
            let about = std::slice::from_ref(&failed.recipient);
            let settled = settlements(self.tracked, about, RecipientState::NotDelivered);
            if !settled.is_empty() {
                outcome.effects.extend(settled);
                let notice = self.notice(failed);
                drafts.push(notice.draft(self.ids, self.now, self.profile));
                told.push(failed);
            }
            let recipient = self.tracked.recipient(&failed.recipient);
            if recipient.is_some_and(|r| !r.certified) {
                ordinary.push(failed.clone());
            }
        }
        let made = seal(drafts, &[], self.ids, self.now, self.profile, self.desk).await?;
        for (failed, message) in told.into_iter().zip(made) {
            let generated = vec![message.message_id.clone()];
            let message = outcome.add(message);
            let row = self.row(LogEvent::NonDelivery, generated, failed);
            outcome.effects.push(row);
            outcome.effects.push(Effect::Deposit {
                message,
                reverse_path: self.profile.service_address.to_string(),
                recipient: self.tracked.sender.clone(),
                confirm: false,
            });
        }
        Ok(ordinary)
    }

    /// Logs a failure.
    fn note(&self, outcome: &mut Outcome, failed: &Undelivered) {
        let row = self.row(LogEvent::RelayFailed, Vec::new(), failed);
        outcome.effects.push(row);
    }

    fn notice<'b>(&'b self, failed: &'b Undelivered) -> Notification<'b> {
        let trouble = Trouble::new(&failed.failure, &self.profile.provider_name);
        let mut notice = Notification::new(Notice::NonDelivery, &self.facts, &self.tracked.sender);
        notice.recipient = Some(&failed.recipient);
        notice.error = trouble.kind;
        notice.reason = Some(trouble.reason);
        notice
    }

    /// The DSN that the network would have sent. Of the envelope's header only what mail clients
    /// find it by is still known.
    fn bounce(&self, outcome: &mut Outcome, failures: &[Undelivered]) {
        let tracked = self.tracked;
        let mut header = Composer::new();
        header
            .field("Message-ID", &format!("<{}>", tracked.pec_id))
            .unstructured("Subject", wire::SUBJECT_ENVELOPE, &tracked.subject);
        if let Some(id) = &tracked.message_id {
            header.field(wire::X_RIFERIMENTO, id);
        }
        let bounce = Bounce {
            to: &tracked.sender,
            subject: &tracked.subject,
            failures,
            header,
            header_encoding: AttachedEncoding::SevenBit,
        };
        let message = dsn::write(bounce, self.ids, self.now, self.profile);
        let message = outcome.add(message);
        outcome.effects.push(Effect::Relay {
            message,
            route: Route::OwnIncomingPoint,
            reverse_path: String::new(),
            recipients: vec![tracked.sender.clone()],
        });
    }

    fn row(&self, event: LogEvent, generated: Vec<String>, failed: &Undelivered) -> Effect {
        let (facts, provider) = (&self.facts, &self.profile.provider_name);
        let error = Trouble::new(&failed.failure, provider).reason.italian;
        let mut entry =
            log_register::entry(event, facts, self.now, generated, provider, Some(error));
        entry.recipients = vec![failed.recipient.to_string()];
        Effect::Log(entry)
    }
}
