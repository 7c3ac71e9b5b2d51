//! The delivery point: what follows a deposit, or a relay that failed (RFC 6109 §2.2.3, §3.3).

pub(crate) mod brief;
mod failure;
mod reasons;

pub(crate) use failure::{Telling, fail_relay};
pub(crate) use reasons::Cause;

use reasons::Trouble;

use crate::address::EmailAddress;
use crate::conversation::{Desk, Stop};
use crate::daticert::{CertifiedRecipient, ReceiptType};
use crate::domains;
use crate::event::{Context, DepositResult, DepositVerdict};
use crate::fault::Fault;
use crate::ids::Identifiers;
use crate::incoming_point::inspect::{header_addresses, postacert_parts};
use crate::incoming_point::{facts_of, read_data};
use crate::limits::Limits;
use crate::log_register::{self, LogEvent};
use crate::message::compose::Composer;
use crate::message::scan::Scan;
use crate::message::system::{AttachedEncoding, seal};
use crate::notification::{Facts, Notice, Notification};
use crate::outcome::{Effect, Outcome, Reply};
use crate::question::TrackedMessage;
use crate::settings::Profile;
use crate::wire;

/// A good transport envelope was deposited, or never will be: delivery receipt or notice of
/// non-delivery. The envelope was verified when it arrived; here it is only read.
pub(crate) async fn finish_deposit(
    context: Context,
    event: DepositResult,
    desk: Desk,
) -> Result<Outcome, Stop> {
    let now = context.now;
    let profile = Profile::try_from(context.settings)?;
    let ids = Identifiers::new(&context.entropy, now, &profile.mail_domain)?;
    let unreadable = |why: &str| Fault::Event(format!("message: not a good envelope: {why}"));
    let scan =
        Scan::new(&event.message, &Limits::DEFAULT).map_err(|why| unreadable(&why.to_string()))?;
    let data = read_data(&event.message, &scan).map_err(|(_, why)| unreadable(&why))?;
    let facts = facts_of(&data).ok_or_else(|| unreadable("no identifier"))?;
    let sender = EmailAddress::try_from(data.sender.as_str())
        .or_else(|_| EmailAddress::try_from(event.reverse_path.as_str()))
        .map_err(|why| unreadable(&why.to_string()))?;

    let (draft, log_event, error) = match &event.verdict {
        DepositVerdict::Deposited => {
            let requested = data
                .receipt_type
                .unwrap_or_else(|| requested(&event.message, &scan));
            let shape = receipt_shape(requested, &event, &scan);
            let mut receipt = Notification::new(shape, &facts, &sender);
            receipt.recipient = Some(&event.recipient);
            receipt.receipt_type = Some(requested);
            receipt.attached = attached(shape, &event.message, &scan);
            let mut draft = receipt.draft(&ids, now, &profile);
            // Others' envelopes may hold what ours never do; a receipt encloses it as it came.
            draft.attached_encoding = AttachedEncoding::of(&event.message);
            (draft, LogEvent::Delivery, None)
        }
        DepositVerdict::Failed(failure) => {
            let trouble = Trouble::new(failure, &profile.provider_name);
            let error = trouble.reason.italian.clone();
            let mut notice = Notification::new(Notice::NonDelivery, &facts, &sender);
            notice.recipient = Some(&event.recipient);
            notice.error = trouble.kind;
            notice.reason = Some(trouble.reason);
            (
                notice.draft(&ids, now, &profile),
                LogEvent::NonDelivery,
                Some(error),
            )
        }
    };
    let made = seal(vec![draft], &event.message, &ids, now, &profile, &desk).await?;
    // To the original sender, through its provider's incoming point, ours included.
    let route = domains::route_to(&sender, &profile, &desk).await?;
    let mut outcome = Outcome::only(Reply::new(250, "2.0.0", "Receipt made"));
    for message in made {
        let generated = vec![message.message_id.clone()];
        let message = outcome.add(message);
        let mut entry = log_register::entry(
            log_event,
            &facts,
            now,
            generated,
            &data.provider,
            error.clone(),
        );
        entry.recipients = vec![event.recipient.to_string()];
        outcome.effects.push(Effect::Log(entry));
        outcome.effects.push(Effect::Relay {
            message,
            route,
            reverse_path: profile.service_address.to_string(),
            recipients: vec![sender.clone()],
        });
    }
    Ok(outcome)
}

/// What the envelope's own header asks for, where its certification data do not say.
fn requested(message: &[u8], scan: &Scan) -> ReceiptType {
    let header = scan.parts[0].section(message);
    ReceiptType::requested(header.text(wire::X_TIPO_RICEVUTA).as_deref())
}

/// Complete to primary recipients, concise to carbon copies; whoever is in neither field, or in
/// both, is primary (RFC 6109 §3.3.2.1, PRACTICE 8.9).
fn receipt_shape(requested: ReceiptType, event: &DepositResult, scan: &Scan) -> Notice {
    let stands_in = |name| header_addresses(&event.message, scan, name).contains(&event.recipient);
    let carbon_copy = stands_in("Cc") && !stands_in("To");
    match requested {
        ReceiptType::Concise => Notice::ConciseDelivery,
        _ if carbon_copy => Notice::ConciseDelivery,
        ReceiptType::Brief => Notice::BriefDelivery,
        ReceiptType::Complete => Notice::Delivery,
    }
}

/// The original as the receipt encloses it: a span of the envelope, or with hashes, or not.
fn attached(shape: Notice, message: &[u8], scan: &Scan) -> Option<Composer> {
    let part = *postacert_parts(message, scan).first()?;
    match shape {
        Notice::ConciseDelivery => None,
        Notice::BriefDelivery => Some(brief::abbreviate(message, scan, part)),
        _ => {
            let mut whole = Composer::new();
            whole.original(scan.parts[part].body.clone());
            Some(whole)
        }
    }
}

/// The facts of a message that we accepted.
pub(crate) fn facts_of_tracked(tracked: &TrackedMessage) -> Facts {
    Facts {
        pec_id: tracked.pec_id.clone(),
        message_id: tracked.message_id.clone(),
        sender: tracked.sender.to_string(),
        recipients: tracked
            .recipients
            .iter()
            .map(|r| CertifiedRecipient {
                address: r.address.to_string(),
                certified: r.certified,
            })
            .collect(),
        reply_to: tracked.reply_to.clone(),
        subject: Some(tracked.subject.clone()),
    }
}
