//! Mail that is not certified: each mailbox decides (PRACTICE 8.7, cases I11 to I13).

use super::IncomingPoint;
use crate::address::EmailAddress;
use crate::conversation::Stop;
use crate::domains;
use crate::dsn::{self, Bounce, Undelivered};
use crate::event::Failure;
use crate::log_register::LogEvent;
use crate::message::compose::Composer;
use crate::message::system::AttachedEncoding;
use crate::outcome::{Effect, LogEntry, Outcome, Reply, Route};
use crate::question::{Mailbox, OrdinaryMailPolicy, ScanVerdict};

/// The recipients by what becomes of the message for them.
#[derive(Default)]
struct Sorted {
    accepting: Vec<EmailAddress>,
    redirected: Vec<EmailAddress>,
    refused: Vec<Undelivered>,
}

impl IncomingPoint<'_> {
    /// To each mailbox as it wants it.
    pub(super) async fn ordinary(&self) -> Result<Outcome, Stop> {
        if let ScanVerdict::Infected(name) = self.desk.scan().await? {
            return Ok(Outcome::only(virus_found(&name)));
        }
        let default = &self.profile.ordinary_mail;
        let policy = |mailbox: Mailbox| mailbox.ordinary_mail.unwrap_or_else(|| default.clone());
        let sorted = self.sort(policy).await?;
        self.hand_out(sorted, "Taken as ordinary mail").await
    }

    /// Mail of a provider, irregular as it is, reaches every mailbox that there is (RFC 6109
    /// §2.2.2, third case).
    pub(super) async fn to_every_mailbox(&self) -> Result<Outcome, Stop> {
        let sorted = self.sort(|_| OrdinaryMailPolicy::Accept).await?;
        self.hand_out(sorted, "Taken with an anomaly").await
    }

    /// SMTP has one reply for all recipients after DATA. Where all refuse, it is the refusal;
    /// where some take the message, it is 250, and the sender gets one DSN about the others: a
    /// refusal must not be kept from it, and must not be the rule for those who accept.
    async fn hand_out(&self, sorted: Sorted, taken: &str) -> Result<Outcome, Stop> {
        if sorted.accepting.is_empty() && sorted.redirected.is_empty() {
            return Ok(Outcome::only(refusal(&sorted.refused)));
        }
        let sender = EmailAddress::try_from(self.event.reverse_path.as_str()).ok();
        let is_dsn = self.event.reverse_path.is_empty();
        if !sorted.refused.is_empty() && sender.is_none() && !is_dsn {
            let text = "No notice can be sent to this sender address";
            return Ok(Outcome::only(Reply::new(553, "5.1.7", text)));
        }
        let mut outcome = Outcome::only(Reply::new(250, "2.0.0", taken));
        if !sorted.accepting.is_empty() {
            self.deposit_anomaly(&mut outcome, &sorted.accepting)
                .await?;
        }
        if !sorted.redirected.is_empty() {
            let message = outcome.add(self.unchanged());
            outcome.effects.push(Effect::Relay {
                message,
                route: Route::Network,
                reverse_path: self.event.reverse_path.clone(),
                recipients: sorted.redirected,
            });
        }
        if !sorted.refused.is_empty() {
            self.tell_of_refusals(&mut outcome, sender, &sorted.refused)
                .await?;
        }
        Ok(outcome)
    }

    /// Each recipient once. A null reverse path is exempt from refusal, so that bounces reach the
    /// user (PRACTICE 8.6).
    async fn sort(&self, policy: impl Fn(Mailbox) -> OrdinaryMailPolicy) -> Result<Sorted, Stop> {
        let mut sorted = Sorted::default();
        let is_dsn = self.event.reverse_path.is_empty();
        let recipients = &self.event.recipients;
        let mailboxes = self.desk.mailboxes(recipients).await?;
        for (at, (recipient, mailbox)) in recipients.iter().zip(mailboxes).enumerate() {
            if recipients[..at].contains(recipient) {
                continue;
            }
            let Some(mailbox) = mailbox else {
                let undelivered = refused(recipient, "5.1.1", "no such mailbox");
                sorted.refused.push(undelivered);
                continue;
            };
            match policy(mailbox) {
                OrdinaryMailPolicy::Accept => sorted.accepting.push(recipient.clone()),
                OrdinaryMailPolicy::Refuse if is_dsn => sorted.accepting.push(recipient.clone()),
                OrdinaryMailPolicy::Redirect(to) => sorted.redirected.push(to),
                OrdinaryMailPolicy::Refuse => {
                    let undelivered = refused(recipient, "5.7.1", "takes certified mail only");
                    sorted.refused.push(undelivered);
                }
            }
        }
        Ok(sorted)
    }

    /// One DSN about all that refused, and a row each. None about mail with a null reverse path:
    /// nobody would take it, and there would be no end (RFC 3464 §2; I26). That alone decides: a
    /// message that says it was sent automatically still has a sender that may learn of it.
    async fn tell_of_refusals(
        &self,
        outcome: &mut Outcome,
        sender: Option<EmailAddress>,
        failures: &[Undelivered],
    ) -> Result<(), Stop> {
        let mut generated = Vec::new();
        let header = self.inspection.section(&self.event.message);
        let subject = header.text("Subject").unwrap_or_default();
        if let Some(sender) = &sender {
            let bounce = Bounce {
                to: sender,
                subject: &subject,
                failures,
                header: self.header_span(),
                header_encoding: AttachedEncoding::of(header.octets()),
            };
            let message = dsn::write(bounce, &self.ids, self.now, &self.profile);
            generated.push(message.message_id.clone());
            let message = outcome.add(message);
            outcome.effects.push(Effect::Relay {
                message,
                route: domains::route_to(sender, &self.profile, &self.desk).await?,
                reverse_path: String::new(),
                recipients: vec![sender.clone()],
            });
        }
        for failed in failures {
            let Failure { status, text, .. } = &failed.failure;
            outcome.effects.push(Effect::Log(LogEntry {
                event: LogEvent::OrdinaryRefused.name(),
                pec_id: None,
                message_id: header.first("Message-ID").map(|field| field.unfolded()),
                at: self.now,
                sender: self.event.reverse_path.clone(),
                recipients: vec![failed.recipient.to_string()],
                subject: subject.clone(),
                generated: generated.clone(),
                provider: String::new(),
                error: Some(format!("{status} {text}")),
            }));
        }
        Ok(())
    }

    fn header_span(&self) -> Composer {
        let mut header = Composer::new();
        if let Some(scan) = &self.inspection.scan {
            header.original(scan.parts[0].header.clone());
        }
        header
    }
}

/// RFC 6109 §2.2.2: as for any message of the Internet.
pub(super) fn virus_found(name: &str) -> Reply {
    let graphic = name.chars().filter(char::is_ascii_graphic);
    let name: String = graphic.take(LONGEST_NAME).collect();
    Reply::new(554, "5.7.1", format!("Virus found: {name}"))
}

/// The one reply where nobody takes the message.
fn refusal(refused: &[Undelivered]) -> Reply {
    match refused {
        [only] => {
            let Failure { status, text, .. } = &only.failure;
            let text = format!("{}: {text}", only.recipient);
            Reply::new(code_of(status), status, text)
        }
        several if several.iter().all(|r| r.failure.status == "5.1.1") => {
            Reply::new(code_of("5.1.1"), "5.1.1", "No such mailboxes")
        }
        _ => Reply::new(
            code_of("5.7.1"),
            "5.7.1",
            "No recipient takes ordinary mail",
        ),
    }
}

fn code_of(status: &str) -> u16 {
    if status == "5.1.1" { 550 } else { 554 }
}

fn refused(recipient: &EmailAddress, status: &str, text: &str) -> Undelivered {
    Undelivered {
        recipient: recipient.clone(),
        failure: Failure {
            status: status.to_owned(),
            // It is we who refuse: no peer has said anything.
            code: 0,
            text: text.to_owned(),
            no_such_domain: false,
        },
    }
}

const LONGEST_NAME: usize = 60;
