//! Correct notifications that arrive: they settle what we track and reach a mailbox unchanged
//! (RFC 6109 §2.2.2, §2.2.5; cases I08, I09, I21, I22).

use super::{IncomingPoint, facts_of};
use crate::address::EmailAddress;
use crate::conversation::Stop;
use crate::daticert::{CertificationData, ErrorKind};
use crate::delivery_point::facts_of_tracked;
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
        if let Some((state, about)) = news(&self.inspection.finding.kind, data)
            && let Some(tracked) = self.desk.tracked(&facts.pec_id).await?
        {
            let entitled = self.entitled(&about, issuer).await?;
            let settled = settlements(&tracked, &entitled, state);
            let is_news = !settled.is_empty();
            outcome.effects.extend(settled);
            if is_news && self.inspection.finding.kind == MessageKind::VirusDetection {
                self.tell_of_virus(&mut outcome, &tracked, &entitled, data)
                    .await?;
            }
        }
        let recipients = &self.event.recipients;
        self.log(
            &mut outcome,
            LogEvent::NotificationReceived,
            &facts,
            recipients,
            vec![],
        );
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

    /// A provider speaks only for recipients that it manages (I22).
    async fn entitled(
        &self,
        about: &[EmailAddress],
        issuer: &Provider,
    ) -> Result<Vec<EmailAddress>, Stop> {
        let domains: Vec<_> = about.iter().map(EmailAddress::domain).collect();
        let managers = self.desk.providers_of_domains(&domains).await?;
        Ok(about
            .iter()
            .zip(managers)
            .filter(|(_, managers)| managers.iter().any(|manager| manager.dn == issuer.dn))
            .map(|(address, _)| address.clone())
            .collect())
    }

    /// Presa in carico and virus notices are for the provider, never for a user (I09).
    fn mailboxes(&self) -> Vec<EmailAddress> {
        match self.inspection.finding.kind {
            MessageKind::ServerServerAcceptance | MessageKind::VirusDetection => {
                vec![self.profile.service_mailbox.clone()]
            }
            _ => self.event.recipients.clone(),
        }
    }
}

/// PRACTICE 5: the code, who found it, and its name where the notice gives one.
fn virus_reason(data: &CertificationData, finder: &str) -> Reason {
    let name = data
        .extended_error
        .as_deref()
        .map(|n| format!(" ({n})"))
        .unwrap_or_default();
    Reason {
        italian: format!("5.5.1 - {finder} - presenza di un virus nel messaggio{name}"),
        english: format!("5.5.1 - {finder} - a virus was found in the message{name}"),
    }
}

/// What a notification tells of which recipients; none for those that tell nothing new.
fn news(
    kind: &MessageKind,
    data: &CertificationData,
) -> Option<(RecipientState, Vec<EmailAddress>)> {
    let one = || data.delivery.iter().map(String::as_str).collect::<Vec<_>>();
    let (state, texts) = match kind {
        MessageKind::ServerServerAcceptance => (
            RecipientState::TakenInCharge,
            data.taken_in_charge.iter().map(String::as_str).collect(),
        ),
        MessageKind::Delivery => (RecipientState::Delivered, one()),
        MessageKind::NonDelivery => (RecipientState::NotDelivered, one()),
        MessageKind::VirusDetection | MessageKind::VirusNonDelivery => {
            (RecipientState::Infected, one())
        }
        _ => return None,
    };
    let about = texts
        .into_iter()
        .filter_map(|text| EmailAddress::try_from(text).ok())
        .collect();
    Some((state, about))
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
