//! Correct notifications that arrive: they settle what we track and reach a mailbox unchanged
//! (RFC 6109 §2.2.2, §2.2.5; cases I08, I09, I21, I22).

use super::{IncomingPoint, facts_of};
use crate::address::EmailAddress;
use crate::conversation::Stop;
use crate::daticert::{CertificationData, ErrorKind};
use crate::delivery_point::{Cause, facts_of_tracked};
use crate::domains;
use crate::ids::PecId;
use crate::log_register::LogEvent;
use crate::notification::{Notice, Notification};
use crate::outcome::{Effect, MessageKind, Outcome, Reply};
use crate::question::{Provider, RecipientState, TrackedMessage};
use crate::texts::Reason;
use crate::timeouts;

impl IncomingPoint<'_> {
    /// Settles and deposits.
    pub(super) async fn notification(&self) -> Result<Outcome, Stop> {
        let (Some(data), Some(issuer)) = self.certified() else {
            return self.irregular().await;
        };
        let Some(facts) = facts_of(data) else {
            return self.irregular().await;
        };
        let mut outcome = Outcome::only(Reply::new(250, "2.0.0", "Taken"));
        let message = outcome.add(self.unchanged());
        let unsettled = self
            .settle(&mut outcome, &facts.pec_id, data, issuer)
            .await?;
        let mut row = self.row(LogEvent::NotificationReceived, &facts, &[], Vec::new());
        // The original's recipients that it tells of; a notice about the message itself tells of all.
        row.recipients = match news(&self.inspection.finding.kind, data) {
            Some((_, about)) => about.iter().map(ToString::to_string).collect(),
            None => facts.recipients.iter().map(|r| r.address.clone()).collect(),
        };
        row.error = unsettled;
        outcome.effects.push(Effect::Log(row));
        for recipient in self.mailboxes() {
            outcome.effects.push(Effect::Deposit {
                message,
                reverse_path: self.event.reverse_path.clone(),
                recipient,
                confirm: false,
            });
        }
        Ok(outcome)
    }

    /// Settles what the notification has news of. Says why where it has news and settles nothing:
    /// it is delivered and logged all the same (PRACTICE 8.12).
    async fn settle(
        &self,
        outcome: &mut Outcome,
        pec_id: &PecId,
        data: &CertificationData,
        issuer: &Provider,
    ) -> Result<Option<String>, Stop> {
        let kind = &self.inspection.finding.kind;
        let Some((state, texts)) = news(kind, data) else {
            return Ok(None);
        };
        let about: Vec<EmailAddress> = texts
            .iter()
            .filter_map(|text| EmailAddress::try_from(*text).ok())
            .collect();
        let Some(tracked) = self.desk.tracked(pec_id).await? else {
            return Ok(Some(
                "settles nothing: no message of ours has this id".into(),
            ));
        };
        if let Some(why) = self.doubt(&tracked, data) {
            return Ok(Some(format!("settles nothing: {why}")));
        }
        let entitled = self.entitled(&about, issuer).await?;
        if entitled.len() < texts.len() || entitled.iter().any(|a| is_stranger(&tracked, a)) {
            // Somebody certifies what is not theirs, or was never sent: operators should know.
            let text = format!(
                "{} of {} tells of recipients of {pec_id} that are not its own or not the \
                 message's: {texts:?}",
                self.inspection.message_id, issuer.name
            );
            outcome.effects.push(Effect::Notify {
                recipient: None,
                text,
            });
        }
        let settled = settlements(&tracked, &entitled, state);
        if settled.is_empty() {
            return Ok(Some("settles nothing: no news of a recipient".into()));
        }
        outcome.effects.extend(settled);
        if *kind == MessageKind::VirusDetection {
            self.tell_of_virus(outcome, &tracked, &entitled, data)
                .await?;
        }
        Ok(None)
    }

    /// Is it about this transaction, and does whoever it is for get it? A receipt that goes
    /// elsewhere is none for the sender, whom the timers must still warn.
    fn doubt(&self, tracked: &TrackedMessage, data: &CertificationData) -> Option<&'static str> {
        if !data.sender.eq_ignore_ascii_case(tracked.sender.as_str()) {
            return Some("its mittente is not the sender");
        }
        let reaches_sender = self.mailboxes().contains(&tracked.sender);
        (!self.is_for_provider() && !reaches_sender).then_some("it is not addressed to the sender")
    }

    /// The sending provider's part after a virus notice: non-delivery for virus to its user
    /// (RFC 6109 §3.2.4).
    async fn tell_of_virus(
        &self,
        outcome: &mut Outcome,
        tracked: &TrackedMessage,
        about: &[EmailAddress],
        data: &CertificationData,
    ) -> Result<(), Stop> {
        let facts = facts_of_tracked(tracked);
        for recipient in about {
            let mut notice = Notification::new(Notice::VirusNonDelivery, &facts, &tracked.sender);
            notice.recipient = Some(recipient);
            notice.error = ErrorKind::Virus;
            notice.reason = Some(virus_reason(data, &self.issuer_name()));
            let draft = notice.draft(&self.ids, self.now, &self.profile);
            for message in self.seal(draft).await? {
                let generated = vec![message.message_id.clone()];
                let message = outcome.add(message);
                let about = std::slice::from_ref(recipient);
                self.log(
                    outcome,
                    LogEvent::VirusNonDelivery,
                    &facts,
                    about,
                    generated,
                );
                outcome.effects.push(Effect::Deposit {
                    message,
                    reverse_path: self.profile.service_address.to_string(),
                    recipient: tracked.sender.clone(),
                    confirm: false,
                });
            }
        }
        Ok(())
    }

    /// A provider speaks only for recipients that it manages (I22), in any of its environments
    /// (I29).
    async fn entitled(
        &self,
        about: &[EmailAddress],
        issuer: &Provider,
    ) -> Result<Vec<EmailAddress>, Stop> {
        let wanted: Vec<_> = about.iter().map(EmailAddress::domain).collect();
        let managers = self.desk.providers_of_domains(&wanted).await?;
        Ok(about
            .iter()
            .zip(managers)
            .filter(|(_, managers)| managers.iter().any(|m| domains::are_one(m, issuer)))
            .map(|(address, _)| address.clone())
            .collect())
    }

    /// Presa in carico and virus notices are for the provider, never for a user (I09).
    fn mailboxes(&self) -> Vec<EmailAddress> {
        if self.is_for_provider() {
            vec![self.profile.service_mailbox.clone()]
        } else {
            self.event.recipients.clone()
        }
    }

    fn is_for_provider(&self) -> bool {
        matches!(
            self.inspection.finding.kind,
            MessageKind::ServerServerAcceptance | MessageKind::VirusDetection
        )
    }
}

/// The message was never accepted for this address.
fn is_stranger(tracked: &TrackedMessage, address: &EmailAddress) -> bool {
    tracked.recipient(address).is_none_or(|r| !r.certified)
}

/// PRACTICE 5: the code, who found it, and its name where the notice gives one.
fn virus_reason(data: &CertificationData, finder: &str) -> Reason {
    let mut reason = Cause::Virus.reason(finder);
    if let Some(name) = &data.extended_error {
        reason.italian.push_str(&format!(" ({name})"));
        reason.english.push_str(&format!(" ({name})"));
    }
    reason
}

/// What a notification tells of which recipients, as it writes them; none for those that tell
/// nothing new.
fn news<'d>(
    kind: &MessageKind,
    data: &'d CertificationData,
) -> Option<(RecipientState, Vec<&'d str>)> {
    let state = match kind {
        MessageKind::ServerServerAcceptance => {
            let all = data.taken_in_charge.iter().map(String::as_str).collect();
            return Some((RecipientState::TakenInCharge, all));
        }
        MessageKind::Delivery => RecipientState::Delivered,
        MessageKind::NonDelivery => RecipientState::NotDelivered,
        MessageKind::VirusDetection | MessageKind::VirusNonDelivery => RecipientState::Infected,
        _ => return None,
    };
    Some((state, data.delivery.as_deref().into_iter().collect()))
}

/// The effects of a piece of news, for those whom it moves forward.
pub(crate) fn settlements(
    tracked: &TrackedMessage,
    about: &[EmailAddress],
    state: RecipientState,
) -> Vec<Effect> {
    about
        .iter()
        .filter_map(|address| tracked.recipient(address))
        .filter(|recipient| recipient.certified && moves(recipient.state, state))
        .map(|recipient| Effect::Settle {
            pec_id: tracked.pec_id.clone(),
            recipient: recipient.address.clone(),
            state,
            warned: recipient.warned,
            deadline: (state == RecipientState::TakenInCharge)
                .then(|| timeouts::second_deadline(tracked.accepted_at)),
        })
        .collect()
}

/// News only ever move a recipient forward; a delivery overrides everything (PRACTICE 8.4).
fn moves(from: RecipientState, to: RecipientState) -> bool {
    use RecipientState::{Accepted, Delivered, Expired, TakenInCharge};
    match to {
        Delivered => from != Delivered,
        TakenInCharge => from == Accepted,
        _ => matches!(from, Accepted | TakenInCharge | Expired),
    }
}
