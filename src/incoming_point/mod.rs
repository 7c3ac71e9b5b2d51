//! The incoming point: what other servers, and our own outbox, bring (RFC 6109 §2.2.2, §3.2).
//!
//! A message is inspected first ([`inspect`]); what happens then depends only on what it was found
//! to be: a good envelope or notification, something irregular from a provider, or ordinary mail.

mod agreement;
mod anomaly;
mod bounces;
mod format;
pub(crate) mod inspect;
mod notifications;
mod ordinary;
mod remarks;
mod trust;

pub(crate) use format::read_data;
pub(crate) use notifications::settlements;

use inspect::{Inspection, Judgement};

use crate::address::EmailAddress;
use crate::conversation::{Desk, Stop};
use crate::daticert::{CertificationData, ErrorKind};
use crate::domains;
use crate::event::{Arrival, ArrivalSource, Context};
use crate::ids::{Identifiers, PecId};
use crate::instant::Instant;
use crate::log_register::{self, LogEvent};
use crate::message::system::seal;
use crate::notification::{Facts, Notice, Notification};
use crate::outcome::{Effect, LogEntry, Message, MessageKind, Outcome, Reply, Route, Segment};
use crate::question::{EnvelopeKey, Provider, RecipientState, ScanVerdict};
use crate::settings::Profile;
use crate::texts::Reason;

/// Runs one arrival.
pub(crate) async fn arrive(context: Context, event: Arrival, desk: Desk) -> Result<Outcome, Stop> {
    let now = context.now;
    let profile = Profile::try_from(context.settings)?;
    let ids = Identifiers::new(&context.entropy, now, &profile.mail_domain)?;
    if let Some(reply) = refuse_strangers(&event.recipients, &profile, &desk).await? {
        return Ok(Outcome::only(reply));
    }
    let judgement = Judgement {
        at: Some(now),
        now,
        remember: true,
    };
    let inspection = inspect::inspect(&event.message, judgement, profile.trust(), &desk).await?;
    let point = IncomingPoint {
        event: &event,
        inspection,
        ids,
        now,
        profile,
        desk,
    };
    let finding = &point.inspection.finding;
    if finding.from_provider && event.source == ArrivalSource::Plaintext {
        let text = "Certified mail is only taken over TLS";
        return Ok(Outcome::only(Reply::new(530, "5.7.10", text)));
    }
    let mut outcome = match (finding.holds(), &finding.kind) {
        _ if event.source == ArrivalSource::OwnMailServer => point.own_bounce().await?,
        (true, MessageKind::TransportEnvelope) => point.envelope().await?,
        (true, _) => point.notification().await?,
        (false, _) if finding.from_provider => point.irregular().await?,
        (false, _) => point.ordinary().await?,
    };
    outcome.effects.extend(point.inspection.memos);
    outcome.finding = Some(point.inspection.finding);
    Ok(outcome)
}

/// The mail server relays for nobody; we make sure that it did not (RFC 6109 §2.2.2 speaks of
/// our own mailboxes only).
async fn refuse_strangers(
    recipients: &[EmailAddress],
    profile: &Profile,
    desk: &Desk,
) -> Result<Option<Reply>, Stop> {
    if recipients.is_empty() {
        return Ok(Some(Reply::new(554, "5.5.1", "No recipients")));
    }
    let found = domains::of_addresses(recipients, profile, desk).await?;
    let stranger = found
        .iter()
        .find(|(_, certification)| !certification.is_taken());
    Ok(stranger.map(|(address, _)| {
        Reply::new(
            550,
            "5.7.1",
            format!("{address}: not a mailbox domain of this provider"),
        )
    }))
}

/// An arrival under way.
struct IncomingPoint<'a> {
    event: &'a Arrival,
    inspection: Inspection,
    ids: Identifiers,
    now: Instant,
    profile: Profile,
    desk: Desk,
}

impl IncomingPoint<'_> {
    /// A correct and undamaged transport envelope: presa in carico and deposits (§3.2.1).
    async fn envelope(&self) -> Result<Outcome, Stop> {
        let (Some(data), Some(issuer)) = self.certified() else {
            return self.irregular().await;
        };
        let Some(facts) = facts_of(data) else {
            return self.irregular().await;
        };
        // SMTP retries bring the same envelope again (I20): only new recipients count.
        let envelope = EnvelopeKey {
            pec_id: facts.pec_id.clone(),
            provider: issuer.dn.clone(),
        };
        let known = self.desk.taken_in_charge(&envelope).await?;
        let mut recipients: Vec<EmailAddress> = Vec::new();
        for recipient in &self.event.recipients {
            if !known.contains(recipient) && !recipients.contains(recipient) {
                recipients.push(recipient.clone());
            }
        }
        let id = &facts.pec_id;
        if recipients.is_empty() {
            return Ok(Outcome::only(Reply::new(
                250,
                "2.0.0",
                format!("{id} was here already"),
            )));
        }
        let mut outcome = Outcome::only(Reply::new(250, "2.0.0", format!("Took charge of {id}")));
        outcome.effects.push(Effect::TakeInCharge {
            envelope,
            recipients: recipients.clone(),
        });
        self.log(
            &mut outcome,
            LogEvent::EnvelopeReceived,
            &facts,
            &recipients,
            Vec::new(),
        );
        self.take_in_charge(&mut outcome, &facts, issuer, &recipients)
            .await?;
        if let ScanVerdict::Infected(name) = self.desk.scan().await? {
            self.virus(&mut outcome, &facts, issuer, &recipients, &name)
                .await?;
            return Ok(outcome);
        }
        let message = outcome.add(self.unchanged());
        for recipient in recipients {
            outcome.effects.push(Effect::Deposit {
                message,
                reverse_path: self.event.reverse_path.clone(),
                recipient,
                confirm: true,
            });
        }
        Ok(outcome)
    }

    /// A virus in a correct envelope: a notice per recipient to the sending provider, the message
    /// kept apart and not delivered (§3.2.3, case I10).
    async fn virus(
        &self,
        outcome: &mut Outcome,
        facts: &Facts,
        issuer: &Provider,
        recipients: &[EmailAddress],
        name: &str,
    ) -> Result<(), Stop> {
        for recipient in recipients {
            let mut notification =
                Notification::new(Notice::VirusDetection, facts, &issuer.mail_receipt);
            notification.recipient = Some(recipient);
            notification.error = ErrorKind::Virus;
            notification.reason = Some(Reason::same(name));
            let draft = notification.draft(&self.ids, self.now, &self.profile);
            for message in self.seal(draft).await? {
                let generated = vec![message.message_id.clone()];
                let message = outcome.add(message);
                let about = std::slice::from_ref(recipient);
                self.log(outcome, LogEvent::VirusDetection, facts, about, generated);
                outcome.effects.push(Effect::Relay {
                    message,
                    route: if domains::is_ours(issuer, &self.profile) {
                        Route::OwnIncomingPoint
                    } else {
                        Route::Network
                    },
                    reverse_path: self.profile.service_address.to_string(),
                    recipients: vec![issuer.mail_receipt.clone()],
                });
            }
        }
        outcome.effects.push(self.keep_infected(name));
        Ok(())
    }

    /// For 30 months (RFC 6109 §2.2.4, PRACTICE 9).
    fn keep_infected(&self, name: &str) -> Effect {
        Effect::KeepInfected {
            pec_id: self.pec_id(),
            name: name.to_owned(),
            until: log_register::kept_until(self.now),
        }
    }

    /// One presa in carico per SMTP transaction; within the provider it is only logged, and
    /// settles the timers directly (PRACTICE 8.8).
    async fn take_in_charge(
        &self,
        outcome: &mut Outcome,
        facts: &Facts,
        issuer: &Provider,
        recipients: &[EmailAddress],
    ) -> Result<(), Stop> {
        let internal = domains::is_ours(issuer, &self.profile);
        let mut generated = Vec::new();
        if !internal || self.profile.internal_server_server_acceptance {
            let mut notification =
                Notification::new(Notice::ServerServerAcceptance, facts, &issuer.mail_receipt);
            notification.taken_in_charge = recipients;
            let draft = notification.draft(&self.ids, self.now, &self.profile);
            for message in self.seal(draft).await? {
                generated.push(message.message_id.clone());
                let message = outcome.add(message);
                outcome.effects.push(Effect::Relay {
                    message,
                    route: if internal {
                        Route::OwnIncomingPoint
                    } else {
                        Route::Network
                    },
                    reverse_path: self.profile.service_address.to_string(),
                    recipients: vec![issuer.mail_receipt.clone()],
                });
            }
        } else if let Some(tracked) = self.desk.tracked(&facts.pec_id).await? {
            let state = RecipientState::TakenInCharge;
            outcome
                .effects
                .extend(notifications::settlements(&tracked, recipients, state));
        }
        let event = LogEvent::ServerServerAcceptance;
        self.log(outcome, event, facts, recipients, generated);
        Ok(())
    }

    /// Correct format is missing, but it comes from a provider: it must reach the recipients,
    /// inside an anomaly envelope (§2.2.2, third case). Infected mail is not forwarded (§3.2.3);
    /// of a message without good certification data no virus notice can tell, so the reply does.
    async fn irregular(&self) -> Result<Outcome, Stop> {
        if let ScanVerdict::Infected(name) = self.desk.scan().await? {
            let mut outcome = Outcome::only(ordinary::virus_found(&name));
            outcome.effects.push(Effect::Notify {
                recipient: None,
                text: format!(
                    "refused an irregular message of {} with the virus {name}; Message-ID {}",
                    self.issuer_name(),
                    self.inspection.message_id
                ),
            });
            outcome.effects.push(self.keep_infected(&name));
            return Ok(outcome);
        }
        self.to_every_mailbox().await
    }

    async fn deposit_anomaly(
        &self,
        outcome: &mut Outcome,
        recipients: &[EmailAddress],
    ) -> Result<(), Stop> {
        let (draft, facts) = anomaly::draft(
            self.event,
            &self.inspection,
            recipients,
            &self.ids,
            self.now,
            &self.profile,
        );
        let why = anomaly::reason(&self.inspection.finding).italian;
        for message in self.seal(draft).await? {
            let generated = vec![message.message_id.clone()];
            let message = outcome.add(message);
            let mut entry = log_register::entry(
                LogEvent::AnomalyEnvelope,
                &facts,
                self.now,
                generated,
                &self.issuer_name(),
                Some(why.clone()),
            );
            entry.pec_id = self.pec_id();
            outcome.effects.push(Effect::Log(entry));
            for recipient in recipients {
                outcome.effects.push(Effect::Deposit {
                    message,
                    reverse_path: self.event.reverse_path.clone(),
                    recipient: recipient.clone(),
                    confirm: false,
                });
            }
        }
        Ok(())
    }

    async fn seal(&self, draft: crate::message::system::Draft) -> Result<Vec<Message>, Stop> {
        let (ids, now) = (&self.ids, self.now);
        seal(
            vec![draft],
            &self.event.message,
            ids,
            now,
            &self.profile,
            &self.desk,
        )
        .await
    }

    /// The message as it came: deposits and redirections change nothing (§2.2.3).
    fn unchanged(&self) -> Message {
        Message {
            kind: self.inspection.finding.kind.clone(),
            pec_id: self.pec_id(),
            message_id: self.inspection.message_id.clone(),
            segments: vec![Segment::Original(0..self.event.message.len())],
        }
    }

    fn certified(&self) -> (Option<&CertificationData>, Option<&Provider>) {
        let finding = &self.inspection.finding;
        (finding.data.as_ref(), finding.issuer.as_ref())
    }

    fn pec_id(&self) -> Option<PecId> {
        let data = self.inspection.finding.data.as_ref()?;
        PecId::try_from(data.pec_id.as_str()).ok()
    }

    fn issuer_name(&self) -> String {
        let issuer = self.inspection.finding.issuer.as_ref();
        issuer
            .map(|provider| provider.name.clone())
            .unwrap_or_default()
    }

    fn log(
        &self,
        outcome: &mut Outcome,
        event: LogEvent,
        facts: &Facts,
        recipients: &[EmailAddress],
        generated: Vec<String>,
    ) {
        let row = self.row(event, facts, recipients, generated);
        outcome.effects.push(Effect::Log(row));
    }

    fn row(
        &self,
        event: LogEvent,
        facts: &Facts,
        recipients: &[EmailAddress],
        generated: Vec<String>,
    ) -> LogEntry {
        let provider = self.issuer_name();
        let entry = log_register::entry(event, facts, self.now, generated, &provider, None);
        LogEntry {
            recipients: recipients.iter().map(ToString::to_string).collect(),
            ..entry
        }
    }
}

/// The facts of a transaction as its certification data tell them. None if the identifier is
/// none, which the format check refuses first.
pub(crate) fn facts_of(data: &CertificationData) -> Option<Facts> {
    Some(Facts {
        pec_id: PecId::try_from(data.pec_id.as_str()).ok()?,
        message_id: data.message_id.clone(),
        sender: data.sender.clone(),
        recipients: data.recipients.clone(),
        reply_to: data.reply_to.clone(),
        subject: data.subject.clone(),
    })
}
