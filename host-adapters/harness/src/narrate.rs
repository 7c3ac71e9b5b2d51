//! What a host did, as lines for people and as JSON for machines.
//!
//! The JSON has the names of `wit/` in snake case. Members may be added to it, none will change.

use std::io::{self, Write as _};

use ceralacca_host::{Committed, MessageSummary, OutboxReport, Progress, kind_name, pec};
use serde_json::{Value, json};

use crate::kind::phrase;
use crate::moment::Moment;

/// Collects what happens: prints each line at once, or keeps everything for one JSON document.
#[derive(Debug, Default)]
pub struct Narrator {
    /// None: lines for people.
    events: Option<Vec<Value>>,
}

impl Narrator {
    /// A narrator for people, or for machines.
    pub fn new(json: bool) -> Narrator {
        Narrator {
            events: json.then(Vec::new),
        }
    }

    /// Takes note of one thing that was carried out. People see it at once, since carrying out may
    /// take its time; machines get one whole document, since half of one is of no use to them.
    pub fn progress(&mut self, progress: &Progress) {
        match &mut self.events {
            Some(events) => events.extend(event(progress)),
            None => {
                if let Some(line) = line(progress) {
                    say(&line);
                }
            }
        }
    }

    /// Says something to people.
    pub fn say(&self, line: &str) {
        if self.events.is_none() {
            say(line);
        }
    }

    /// Ends with a JSON document, for machines: `document` with all that happened as `events`.
    pub fn finish(self, mut document: Value) {
        if let (Some(events), Value::Object(members)) = (self.events, &mut document) {
            members.insert("events".to_owned(), Value::Array(events));
            say(&format!("{document:#}"));
        }
    }
}

/// Writes a line to stdout. A reader that has gone away (`| head`) is no reason to stop: the mail
/// still has to be carried out.
pub fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// The answer to whoever handed a message in.
pub fn reply_line(reply: &pec::Reply) -> String {
    format!("{} {} {}", reply.code, reply.status, reply.text)
}

/// What an event came to, for `--json`: the reply, and what was made.
pub fn committed(committed: &Committed) -> Value {
    json!({
        "reply": reply(&committed.reply),
        "pec_id": pec_id(committed),
        "messages": committed.messages.iter().map(message).collect::<Vec<_>>(),
        "notices": committed.notices.iter().map(|notice| &notice.text).collect::<Vec<_>>(),
        "repeated": committed.repeated,
    })
}

/// The PEC id that a transaction is about: every message it makes carries the same one.
pub fn pec_id(committed: &Committed) -> Option<&str> {
    committed
        .messages
        .iter()
        .find_map(|message| message.pec_id.as_deref())
}

/// One sentence about what waits, if anything does. Nothing is lost, but nobody will take it up
/// again unless somebody ticks.
pub fn waiting(report: &OutboxReport) -> Option<String> {
    let next = report.next_at?;
    Some(format!(
        "some of it waits; `ceralacca tick` after {} tries again",
        Moment(next).in_italy()
    ))
}

/// A line for people; none for what has lines of its own, or what this program does not know yet.
fn line(progress: &Progress) -> Option<String> {
    Some(match progress {
        Progress::Relayed {
            message,
            recipients,
            seq,
        } => format!(
            "sent to the network for {}: {} [outbox/{seq:06}-*.eml]",
            recipients.join(", "),
            phrase(&message.kind)
        ),
        Progress::RelayFailed {
            message,
            recipient,
            failure,
        } => format!(
            "the network refused {recipient}: {} ({})",
            phrase(&message.kind),
            failure.text
        ),
        Progress::Looped {
            message,
            recipients,
            reply,
        } => format!(
            "to our own incoming point for {}: {} ({})",
            recipients.join(", "),
            phrase(&message.kind),
            reply_line(reply)
        ),
        Progress::Deposited { message, recipient } => {
            format!("into the mailbox of {recipient}: {}", phrase(&message.kind))
        }
        Progress::DepositFailed {
            message,
            recipient,
            failure,
        } => format!(
            "not into the mailbox of {recipient}: {} ({})",
            phrase(&message.kind),
            failure.text
        ),
        Progress::Postponed {
            message,
            recipients,
            reason,
            next_at,
        } => format!(
            "later, after {}, for {}: {} ({reason})",
            Moment(*next_at).in_italy(),
            recipients.join(", "),
            phrase(&message.kind)
        ),
        // Its messages have lines of their own when they are carried out.
        Progress::Transaction { notices, .. } if notices.is_empty() => return None,
        Progress::Transaction { notices, .. } => notices
            .iter()
            .map(|notice| notice.text.as_str())
            .collect::<Vec<_>>()
            .join("; "),
        _ => return None,
    })
}

/// The same for machines, with nothing left out.
fn event(progress: &Progress) -> Option<Value> {
    Some(match progress {
        Progress::Relayed {
            message: about,
            recipients,
            seq,
        } => json!({
            "event": "relayed", "message": message(about), "recipients": recipients, "seq": seq,
        }),
        Progress::RelayFailed {
            message: about,
            recipient,
            failure,
        } => json!({
            "event": "relay-failed", "message": message(about), "recipient": recipient,
            "failure": self::failure(failure),
        }),
        Progress::Looped {
            message: about,
            recipients,
            reply,
        } => json!({
            "event": "looped", "message": message(about), "recipients": recipients,
            "reply": self::reply(reply),
        }),
        Progress::Deposited {
            message: about,
            recipient,
        } => json!({
            "event": "deposited", "message": message(about), "recipient": recipient,
        }),
        Progress::DepositFailed {
            message: about,
            recipient,
            failure,
        } => json!({
            "event": "deposit-failed", "message": message(about), "recipient": recipient,
            "failure": self::failure(failure),
        }),
        Progress::Postponed {
            message: about,
            recipients,
            reason,
            next_at,
        } => json!({
            "event": "postponed", "message": message(about), "recipients": recipients,
            "reason": reason, "next_at": next_at,
        }),
        Progress::Transaction {
            event,
            reply,
            messages,
            notices,
        } => json!({
            "event": "transaction", "transaction": event.name(), "reply": self::reply(reply),
            "messages": messages.iter().map(message).collect::<Vec<_>>(),
            "notices": notices.iter().map(|notice| &notice.text).collect::<Vec<_>>(),
        }),
        _ => return None,
    })
}

/// A message as JSON.
pub fn message(message: &MessageSummary) -> Value {
    json!({
        "kind": kind_name(&message.kind),
        "pec_id": message.pec_id,
        "message_id": message.message_id,
    })
}

fn reply(reply: &pec::Reply) -> Value {
    json!({ "code": reply.code, "status": reply.status, "text": reply.text })
}

fn failure(failure: &pec::Failure) -> Value {
    json!({ "code": failure.code, "status": failure.status, "text": failure.text })
}
