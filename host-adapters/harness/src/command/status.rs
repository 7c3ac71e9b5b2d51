//! `ceralacca status`

use ceralacca_host::{ItemState, ItemStatus, MessageStatus, RecipientStatus, pec, state_name};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::{ProviderArgs, TimeArgs};
use crate::error::{Error, Exit};
use crate::kind::phrase;
use crate::moment::Moment;
use crate::narrate::{message, say};
use crate::running;

/// What became of the messages, recipient by recipient.
///
/// With a PEC id also the rows of the log about it, and what was to be carried out.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Status {
    /// Which provider.
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub json: bool,
    /// One message only, with everything that is known about it.
    #[arg(value_name = "PEC-ID")]
    pub pec_id: Option<String>,
}

impl Status {
    /// Tells what is known.
    pub fn run(self) -> Result<Exit, Error> {
        let host = running::open_to_look(&self.provider, &TimeArgs::default())?;
        // People copy identifiers out of headers, where they stand in angle brackets.
        let pec_id = self.pec_id.as_deref().map(|id| id.trim_matches(['<', '>']));
        let messages = host.status(pec_id).map_err(|error| {
            Error::file(
                &self.provider.provider,
                error,
                "mend what it says and try again",
            )
        })?;
        if messages.is_empty() && pec_id.is_some() {
            let remedy = "`ceralacca status` without it lists them all";
            return Err(Error::argument("PEC-ID", "no such message here", remedy));
        }
        if self.json {
            say(&format!(
                "{:#}",
                Value::from_iter(messages.iter().map(json))
            ));
        } else if messages.is_empty() {
            say("no messages yet");
        } else {
            for status in &messages {
                lines(status, pec_id.is_some())
                    .iter()
                    .for_each(|line| say(line));
            }
        }
        Ok(Exit::Done)
    }
}

/// A message in lines: identifier, what it is, then one line per recipient.
fn lines(status: &MessageStatus, in_full: bool) -> Vec<String> {
    let mut lines = vec![
        status.pec_id.clone(),
        format!(
            "  {} “{}” from {}",
            Moment(status.at).in_italy(),
            status.subject,
            status.sender
        ),
    ];
    lines.extend(status.recipients.iter().map(recipient));
    lines.extend(status.taken_in_charge.iter().map(|(address, at)| {
        format!(
            "  {address}: taken in charge here at {}",
            Moment(*at).in_italy()
        )
    }));
    // What waits or has failed is worth a line even in the short form.
    let stuck = |item: &&ItemStatus| in_full || item.state != ItemState::Done;
    lines.extend(status.items.iter().filter(stuck).map(item));
    if in_full {
        lines.extend(status.log.iter().map(log_row));
    }
    lines
}

/// Where a recipient of a message that we accepted stands.
fn recipient(status: &RecipientStatus) -> String {
    let recipient = &status.recipient;
    let state = match recipient.state {
        // Not a state to wait in: an ordinary provider certifies nothing.
        pec::RecipientState::Untracked => "ordinary recipient: nothing comes back".to_owned(),
        state => format!(
            "{} since {}{}",
            state_name(state).replace('-', " "),
            Moment(status.changed_at).in_italy(),
            if recipient.warned {
                ", sender warned"
            } else {
                ""
            }
        ),
    };
    format!("  {}: {state}", recipient.address)
}

fn item(item: &ItemStatus) -> String {
    let state = match item.state {
        ItemState::Pending => format!("due at {}", Moment(item.next_at).in_italy()),
        ItemState::Done => "done".to_owned(),
        ItemState::Failed => "given up".to_owned(),
    };
    let why = item
        .last_error
        .as_ref()
        .map_or(String::new(), |error| format!(" ({error})"));
    format!(
        "  outbox: {} {} for {}: {state}{why}",
        item.action.name(),
        phrase(&item.message.kind),
        item.recipients.join(", ")
    )
}

/// A row of the log that the law asks for (RFC 6109 §2.3).
fn log_row(row: &pec::LogEntry) -> String {
    let about = if row.recipients.is_empty() {
        String::new()
    } else {
        format!(" for {}", row.recipients.join(", "))
    };
    let error = row
        .error
        .as_ref()
        .map_or(String::new(), |error| format!(" ({error})"));
    format!(
        "  log: {} {}{about}{error}",
        Moment(row.at).in_italy(),
        row.event
    )
}

/// The same for machines: always in full.
fn json(status: &MessageStatus) -> Value {
    let recipients = status.recipients.iter().map(|status| {
        json!({
            "address": status.recipient.address,
            "certified": status.recipient.certified,
            "state": state_name(status.recipient.state),
            "warned": status.recipient.warned,
            "deadline": status.recipient.deadline,
            "changed_at": status.changed_at,
        })
    });
    let taken = status
        .taken_in_charge
        .iter()
        .map(|(address, at)| json!({ "address": address, "at": at }));
    let log = status.log.iter().map(|row| {
        json!({
            "event": row.event, "at": row.at, "sender": row.sender, "recipients": row.recipients,
            "subject": row.subject, "generated": row.generated, "provider": row.provider,
            "message_id": row.message_id, "error": row.error,
        })
    });
    let items = status.items.iter().map(|item| {
        json!({
            "action": item.action.name(), "message": message(&item.message),
            "recipients": item.recipients, "state": match item.state {
                ItemState::Pending => "pending",
                ItemState::Done => "done",
                ItemState::Failed => "failed",
            },
            "attempts": item.attempts, "next_at": item.next_at, "last_error": item.last_error,
            "seq": item.seq,
        })
    });
    json!({
        "pec_id": status.pec_id,
        "sender": status.sender,
        "subject": status.subject,
        "at": status.at,
        "message_id": status.message_id,
        "recipients": Value::from_iter(recipients),
        "taken_in_charge": Value::from_iter(taken),
        "log": Value::from_iter(log),
        "items": Value::from_iter(items),
    })
}

const AFTER_HELP: &str = "\
Examples:
  ceralacca status --provider alfa
  ceralacca status --provider alfa opec210312.20260919154119.12345.678.1@pec.alfa.example --json";
