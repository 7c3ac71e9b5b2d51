//! The access point: what users hand in (RFC 6109 §2.2.1, §3.1).
//!
//! Authenticated submission → formal checks → acceptance receipt and transport envelope, or a
//! notice of non-acceptance. What is no mail, or comes from nobody, is refused by SMTP.

mod attachments;
mod envelope;
mod formal_checks;
mod inquiry;
mod original;
mod reasons;

use formal_checks::FormalException;
use inquiry::Inquiry;
use original::Original;

use crate::address::EmailAddress;
use crate::conversation::{Desk, Stop};
use crate::daticert::{CertifiedRecipient, ErrorKind};
use crate::domains::Certification;
use crate::event::{Context, Submission};
use crate::ids::Identifiers;
use crate::instant::Instant;
use crate::limits::Limits;
use crate::log_register::{self, LogEvent};
use crate::message::header::HeaderSection;
use crate::message::scan::Scan;
use crate::message::system::{Draft, seal};
use crate::notification::{Facts, Notice, Notification};
use crate::outcome::{Effect, Message, Outcome, Reply, Route};
use crate::question::{RecipientState, ScanVerdict, TrackedMessage, TrackedRecipient};
use crate::settings::Profile;
use crate::texts::Reason;
use crate::timeouts;
use crate::wire;

/// Runs one submission.
pub(crate) async fn submit(
    context: Context,
    event: Submission,
    desk: Desk,
) -> Result<Outcome, Stop> {
    let now = context.now;
    let profile = Profile::try_from(context.settings)?;
    let ids = Identifiers::new(&context.entropy, now, &profile.mail_domain)?;
    let admitted = match admit(&event, &profile) {
        Ok(admitted) => admitted,
        Err(reply) => return Ok(Outcome::only(reply)),
    };
    let Admitted {
        sender,
        recipients,
        scan,
    } = admitted;
    let original = Original::new(&event.message, &scan);
    let mut exceptions = formal_checks::check(&original, &scan, &sender, &recipients, &profile);
    let account = event.account.as_deref().unwrap_or_default();
    let known = Inquiry {
        account,
        sender: &sender,
        recipients: &recipients,
        since: now.minus(RATE_SPAN),
        // A message that is refused anyway need be neither scanned nor counted.
        is_refused: !exceptions.is_empty(),
    }
    .make(&profile, &desk)
    .await?;
    let certified = known.certified;
    // F35 ("PEC chiusa") is a formal check that only an answer makes possible.
    let Some(mailbox) = known.mailbox else {
        return Ok(Outcome::only(no_mailbox()));
    };
    exceptions.extend(formal_checks::check_certified_only(&mailbox, &certified));
    if exceptions.is_empty()
        && let Some(reply) = over_rate(known.used, recipients.len(), &profile)
    {
        return Ok(Outcome::only(reply));
    }
    let point = AccessPoint {
        message: &event.message,
        scan: &scan,
        facts: original.facts(&sender, &certified, ids.pec_id()),
        original,
        sender,
        certified,
        ids,
        now,
        profile,
        desk,
    };
    match known.verdict {
        ScanVerdict::Infected(name) => point.refuse_for_virus(&name).await,
        ScanVerdict::Clean if !exceptions.is_empty() => {
            point.refuse_for_formal_exceptions(&exceptions).await
        }
        ScanVerdict::Clean => point.accept().await,
    }
}

/// Receipts could not be deposited, so nothing may be certified.
fn no_mailbox() -> Reply {
    Reply::new(
        553,
        "5.1.8",
        "Sender address has no mailbox here for its receipts",
    )
}

/// F30. A 4xx, since the same message may pass tomorrow; nothing is made or kept of it.
fn over_rate(used: u64, recipients: usize, profile: &Profile) -> Option<Reply> {
    let limit = u64::from(profile.limits.daily_recipients?);
    let recipients = recipients as u64;
    (used.saturating_add(recipients) > limit).then(|| {
        Reply::new(
            450,
            "4.7.1",
            format!(
                "Too many recipients: {used} in the last 24 hours and {recipients} now exceed \
                 {limit}, try again later"
            ),
        )
    })
}

/// A submission that is mail, from somebody who may send it.
struct Admitted {
    sender: EmailAddress,
    /// In RCPT order, repetitions removed (F22).
    recipients: Vec<EmailAddress>,
    scan: Scan,
}

/// What SMTP itself refuses, before there is anything to certify.
fn admit(event: &Submission, profile: &Profile) -> Result<Admitted, Reply> {
    let refuse = |code, status, text: String| Err(Reply::new(code, status, text));
    if event.account.is_none() {
        return refuse(530, "5.7.0", "Authentication required".into());
    }
    // RFC 6531: neither the certification data nor the receipts of other providers can hold one.
    let is_foreign = |address: &String| !address.is_ascii();
    if is_foreign(&event.reverse_path) || event.recipients.iter().any(is_foreign) {
        let text = "Addresses outside ASCII cannot be certified".into();
        return refuse(553, "5.6.7", text);
    }
    let Ok(sender) = EmailAddress::try_from(event.reverse_path.as_str()) else {
        return refuse(553, "5.1.7", "Sender address is not valid".into());
    };
    let is_service = sender == profile.service_address
        || sender
            .local_part()
            .eq_ignore_ascii_case(wire::SERVICE_LOCAL_PART);
    if is_service || !event.addresses.contains(&sender) {
        return refuse(
            553,
            "5.7.1",
            "Sender address not owned by this account".into(),
        );
    }
    let mut recipients: Vec<EmailAddress> = Vec::with_capacity(event.recipients.len());
    for text in &event.recipients {
        match EmailAddress::try_from(text.as_str()) {
            Ok(address) if recipients.contains(&address) => {}
            Ok(address) => recipients.push(address),
            Err(error) => {
                let text = error
                    .to_string()
                    .replace(|c: char| !c.is_ascii_graphic(), " ");
                return refuse(553, "5.1.3", format!("Recipient refused: {text}"));
            }
        }
    }
    if recipients.is_empty() {
        return refuse(554, "5.5.1", "No recipients".into());
    }
    let size = event.message.len() as u64;
    if size > profile.limits.hard_size {
        let limit = profile.limits.hard_size;
        return refuse(
            552,
            "5.3.4",
            format!("Message of {size} octets exceeds {limit}"),
        );
    }
    match Scan::new(&event.message, &Limits::DEFAULT) {
        Ok(scan) if scan.irregular.nul => refuse(
            554,
            "5.6.0",
            "Not a mail message: it contains NUL octets".into(),
        ),
        Ok(scan) => Ok(Admitted {
            sender,
            recipients,
            scan,
        }),
        Err(why) => refuse(554, "5.6.0", format!("Not a mail message: {why}")),
    }
}

/// A submission under way.
struct AccessPoint<'a> {
    message: &'a [u8],
    scan: &'a Scan,
    facts: Facts,
    original: Original<'a>,
    sender: EmailAddress,
    certified: Vec<(EmailAddress, Certification)>,
    ids: Identifiers,
    now: Instant,
    profile: Profile,
    desk: Desk,
}

impl AccessPoint<'_> {
    /// RFC 6109 §3.1.4, §3.1.5.
    async fn accept(self) -> Result<Outcome, Stop> {
        let postacert = match self.original.postacert(self.scan, &self.facts.pec_id) {
            Ok(postacert) => postacert,
            Err(why) => {
                let exceptions = [FormalException::NotSevenBit(why)];
                return self.refuse_for_formal_exceptions(&exceptions).await;
            }
        };
        let receipt_type = self.original.receipt_type();
        let acceptance = Notification::new(Notice::Acceptance, &self.facts, &self.sender).draft(
            &self.ids,
            self.now,
            &self.profile,
        );
        let envelope = envelope::draft(
            &self.facts,
            &self.original,
            receipt_type,
            postacert,
            self.now,
            &self.profile,
        );
        let made = self.seal(vec![acceptance, envelope]).await?;
        let mut outcome = Outcome::only(Reply::new(
            250,
            "2.0.0",
            format!("Accepted as {}", self.facts.pec_id),
        ));
        let [acceptance, envelope]: [usize; 2] = made
            .into_iter()
            .map(|message| outcome.add(message))
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|_| Stop::Unavailable("sign: fewer signatures than asked for".into()))?;
        self.log(
            &mut outcome,
            LogEvent::ServerUserAcceptance,
            acceptance,
            None,
        );
        self.log(&mut outcome, LogEvent::TransportEnvelope, envelope, None);
        outcome.effects.push(Effect::Track(self.tracked()));
        outcome.effects.push(Effect::Deposit {
            message: acceptance,
            reverse_path: self.profile.service_address.to_string(),
            recipient: self.sender.clone(),
            confirm: false,
        });
        // RFC 6109 §3.4: our own recipients take the same way through all the points.
        for (route, ours) in [(Route::Network, false), (Route::OwnIncomingPoint, true)] {
            let recipients: Vec<EmailAddress> = self
                .certified
                .iter()
                .filter(|(_, c)| (*c == Certification::Ours) == ours)
                .map(|(address, _)| address.clone())
                .collect();
            if !recipients.is_empty() {
                outcome.effects.push(Effect::Relay {
                    message: envelope,
                    route,
                    reverse_path: self.sender.to_string(),
                    recipients,
                });
            }
        }
        Ok(outcome)
    }

    /// RFC 6109 §3.1.2. All reasons are told at once: nobody likes to be refused twice.
    async fn refuse_for_formal_exceptions(
        self,
        exceptions: &[FormalException],
    ) -> Result<Outcome, Stop> {
        let join = |of: fn(&FormalException) -> String| {
            exceptions.iter().map(of).collect::<Vec<_>>().join("; ")
        };
        let reason = Reason {
            italian: join(FormalException::italian),
            english: join(FormalException::english),
        };
        self.refuse(
            Notice::NonAcceptance,
            ErrorKind::Other,
            reason,
            LogEvent::NonAcceptance,
        )
        .await
    }

    /// RFC 6109 §3.1.3; the original is kept for 30 months (§2.2.4).
    async fn refuse_for_virus(self, name: &str) -> Result<Outcome, Stop> {
        let pec_id = self.facts.pec_id.clone();
        let now = self.now;
        let reason = Reason::same(name);
        let event = LogEvent::VirusNonAcceptance;
        let mut outcome = self
            .refuse(Notice::VirusNonAcceptance, ErrorKind::Virus, reason, event)
            .await?;
        outcome.effects.push(Effect::KeepInfected {
            pec_id: Some(pec_id),
            name: name.to_owned(),
            until: log_register::kept_until(now),
        });
        Ok(outcome)
    }

    async fn refuse(
        self,
        notice: Notice,
        error: ErrorKind,
        reason: Reason,
        event: LogEvent,
    ) -> Result<Outcome, Stop> {
        let why = reason.italian.clone();
        let mut notification = Notification::new(notice, &self.facts, &self.sender);
        notification.error = error;
        notification.reason = Some(reason);
        let draft = notification.draft(&self.ids, self.now, &self.profile);
        let made = self.seal(vec![draft]).await?;
        let mut outcome = Outcome::only(Reply::new(
            250,
            "2.6.0",
            format!(
                "Not accepted as certified mail, see notice for {}",
                self.facts.pec_id
            ),
        ));
        for message in made {
            let index = outcome.add(message);
            self.log(&mut outcome, event, index, Some(why.clone()));
            outcome.effects.push(Effect::Deposit {
                message: index,
                reverse_path: self.profile.service_address.to_string(),
                recipient: self.sender.clone(),
                confirm: false,
            });
        }
        Ok(outcome)
    }

    async fn seal(&self, drafts: Vec<Draft>) -> Result<Vec<Message>, Stop> {
        let (ids, now) = (&self.ids, self.now);
        seal(drafts, self.message, ids, now, &self.profile, &self.desk).await
    }

    fn tracked(&self) -> TrackedMessage {
        TrackedMessage {
            pec_id: self.facts.pec_id.clone(),
            message_id: self.facts.message_id.clone(),
            sender: self.sender.clone(),
            reply_to: self.facts.reply_to.clone(),
            subject: self.facts.subject.clone().unwrap_or_default(),
            accepted_at: self.now,
            recipients: self
                .certified
                .iter()
                .map(|(address, certification)| {
                    let certified = certification.is_certified();
                    TrackedRecipient {
                        address: address.clone(),
                        certified,
                        state: if certified {
                            RecipientState::Accepted
                        } else {
                            RecipientState::Untracked
                        },
                        warned: false,
                        deadline: certified.then(|| timeouts::first_deadline(self.now)),
                    }
                })
                .collect(),
        }
    }

    fn log(&self, outcome: &mut Outcome, event: LogEvent, made: usize, error: Option<String>) {
        let generated = outcome.messages[made].message_id.clone();
        outcome.effects.push(Effect::Log(log_register::entry(
            event,
            &self.facts,
            self.now,
            vec![generated],
            &self.profile.provider_name,
            error,
        )));
    }
}

impl Original<'_> {
    /// What is certified about this original.
    fn facts(
        &self,
        sender: &EmailAddress,
        certified: &[(EmailAddress, Certification)],
        pec_id: crate::ids::PecId,
    ) -> Facts {
        let header: HeaderSection<'_> = self.header();
        let reply_to = header.first("Reply-To").map(|field| {
            let addresses = field.addresses().addresses;
            addresses
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        });
        Facts {
            pec_id,
            message_id: self.client_message_id(),
            sender: sender.to_string(),
            recipients: certified
                .iter()
                .map(|(address, certification)| CertifiedRecipient {
                    address: address.to_string(),
                    certified: certification.is_certified(),
                })
                .collect(),
            // As the envelope's own Reply-To, which is created where there is none.
            reply_to: reply_to
                .filter(|r| !r.is_empty())
                .unwrap_or_else(|| sender.to_string()),
            subject: header.text("Subject"),
        }
    }
}

/// RFC 6109 sets no rate; providers count recipients over a day.
const RATE_SPAN: u64 = 86_400;
