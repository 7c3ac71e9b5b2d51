//! Timers (RFC 6109 §3.1.6, PRACTICE 1): 12 h and 24 h per certified recipient, in elapsed time.
//!
//! The host keeps the deadlines and passes in what is due; early, late and repeated ticks are
//! harmless, because what to do depends on the state and the elapsed time alone (case T07).

use crate::conversation::{Desk, Stop};
use crate::daticert::ErrorKind;
use crate::delivery_point::{Cause, facts_of_tracked};
use crate::event::{Context, DueRecipient, Tick};
use crate::ids::Identifiers;
use crate::instant::Instant;
use crate::log_register::{self, LogEvent};
use crate::message::system::seal;
use crate::notification::{Notice, Notification};
use crate::outcome::{Effect, Outcome, Reply};
use crate::question::{RecipientState, TrackedRecipient};
use crate::settings::Profile;
use crate::texts::Reason;

/// When the 12 h notice is due if nothing came.
pub(crate) fn first_deadline(accepted_at: Instant) -> Instant {
    accepted_at.plus(FIRST)
}

/// When the last notice is due if no delivery came: inside the window of 22 h to 24 h that the
/// rule gives, with room on both sides for ticks that come late.
pub(crate) fn second_deadline(accepted_at: Instant) -> Instant {
    accepted_at.plus(SECOND)
}

/// Runs one tick.
pub(crate) async fn pass_time(context: Context, event: Tick, desk: Desk) -> Result<Outcome, Stop> {
    let now = context.now;
    let profile = Profile::try_from(context.settings)?;
    let ids = Identifiers::new(&context.entropy, now, &profile.mail_domain)?;
    let mut outcome = Outcome::only(Reply::new(250, "2.0.0", "Noted"));
    let mut notices = Vec::new();
    for due in &event.due {
        let Some(recipient) = due.message.recipient(&due.recipient) else {
            continue;
        };
        let Some(step) = next(recipient, due.message.accepted_at, now) else {
            continue;
        };
        outcome.effects.push(Effect::Settle {
            pec_id: due.message.pec_id.clone(),
            recipient: recipient.address.clone(),
            state: step.state,
            warned: step.warned,
            deadline: step.deadline,
        });
        if let Some(notice) = step.notice {
            notices.push((due, notice));
        }
    }
    let drafts = notices
        .iter()
        .map(|(due, notice)| {
            let facts = facts_of_tracked(&due.message);
            let mut notification = Notification::new(*notice, &facts, &due.message.sender);
            notification.recipient = Some(&due.recipient);
            notification.error = ErrorKind::Other;
            notification.reason = Some(reason(*notice, &profile.provider_name));
            notification.draft(&ids, now, &profile)
        })
        .collect();
    let made = seal(drafts, &[], &ids, now, &profile, &desk).await?;
    for ((due, notice), message) in notices.into_iter().zip(made) {
        let generated = vec![message.message_id.clone()];
        let message = outcome.add(message);
        outcome
            .effects
            .push(Effect::Log(row(due, notice, now, generated, &profile)));
        outcome.effects.push(Effect::Deposit {
            message,
            reverse_path: profile.service_address.to_string(),
            recipient: due.message.sender.clone(),
            confirm: false,
        });
    }
    Ok(outcome)
}

/// What a due recipient moves to.
struct Next {
    state: RecipientState,
    warned: bool,
    deadline: Option<Instant>,
    notice: Option<Notice>,
}

/// RFC 6109 §3.1.6 as PRACTICE 1 reads it. None: it is not due.
fn next(recipient: &TrackedRecipient, accepted_at: Instant, now: Instant) -> Option<Next> {
    use RecipientState::{Accepted, Expired, TakenInCharge};
    if recipient.deadline.is_none_or(|deadline| deadline > now) {
        return None;
    }
    let (state, warned) = (recipient.state, recipient.warned);
    if !matches!(state, Accepted | TakenInCharge) {
        return Some(Next {
            state,
            warned,
            deadline: None,
            notice: None,
        });
    }
    // A tick so late that both notices are due sends the last one only: it says more.
    if now >= second_deadline(accepted_at) {
        return Some(Next {
            state: Expired,
            warned,
            deadline: None,
            notice: Some(Notice::Timeout24),
        });
    }
    let warn = state == Accepted && !warned && now >= first_deadline(accepted_at);
    Some(Next {
        state,
        warned: warned || warn,
        deadline: Some(second_deadline(accepted_at)),
        notice: warn.then_some(Notice::Timeout12),
    })
}

/// PRACTICE 5: consumers tell the two notices apart by their codes alone.
fn reason(notice: Notice, provider: &str) -> Reason {
    match notice {
        Notice::Timeout12 => Cause::Late12.reason(provider),
        _ => Cause::Late24.reason(provider),
    }
}

fn row(
    due: &DueRecipient,
    notice: Notice,
    now: Instant,
    generated: Vec<String>,
    profile: &Profile,
) -> crate::outcome::LogEntry {
    let facts = facts_of_tracked(&due.message);
    let error = reason(notice, &profile.provider_name).italian;
    let provider = &profile.provider_name;
    let mut entry = log_register::entry(
        LogEvent::Timeout,
        &facts,
        now,
        generated,
        provider,
        Some(error),
    );
    entry.recipients = vec![due.recipient.to_string()];
    entry
}

const HOUR: u64 = 3_600;
const FIRST: u64 = 12 * HOUR;
const SECOND: u64 = 23 * HOUR;
