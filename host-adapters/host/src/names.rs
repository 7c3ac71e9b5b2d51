//! The names that `wit/types.wit` gives to cases, as text: in the store, in file names, in logs.
//!
//! They are written in one place and read in the same place, so a store survives a renaming in
//! the generated code.

use std::borrow::Cow;

use crate::pec::{LogRule, MessageKind, RecipientState};

/// The name of a kind of message, for example `transport-envelope`. Kinds that this version has
/// no name for are `other:` and theirs.
#[must_use]
pub fn kind_name(kind: &MessageKind) -> Cow<'static, str> {
    Cow::Borrowed(match kind {
        MessageKind::TransportEnvelope => "transport-envelope",
        MessageKind::AnomalyEnvelope => "anomaly-envelope",
        MessageKind::ServerUserAcceptance => "server-user-acceptance",
        MessageKind::NonAcceptance => "non-acceptance",
        MessageKind::VirusNonAcceptance => "virus-non-acceptance",
        MessageKind::ServerServerAcceptance => "server-server-acceptance",
        MessageKind::Delivery => "delivery",
        MessageKind::NonDelivery => "non-delivery",
        MessageKind::VirusNonDelivery => "virus-non-delivery",
        MessageKind::Timeout => "timeout",
        MessageKind::VirusDetection => "virus-detection",
        MessageKind::Ordinary => "ordinary",
        MessageKind::Other(name) => return Cow::Owned(format!("{OTHER}{name}")),
    })
}

/// The inverse of [`kind_name`]. An unknown name is kept as [`MessageKind::Other`]: a message to
/// carry, nothing else.
pub(crate) fn kind_from_name(name: &str) -> MessageKind {
    match name {
        "transport-envelope" => MessageKind::TransportEnvelope,
        "anomaly-envelope" => MessageKind::AnomalyEnvelope,
        "server-user-acceptance" => MessageKind::ServerUserAcceptance,
        "non-acceptance" => MessageKind::NonAcceptance,
        "virus-non-acceptance" => MessageKind::VirusNonAcceptance,
        "server-server-acceptance" => MessageKind::ServerServerAcceptance,
        "delivery" => MessageKind::Delivery,
        "non-delivery" => MessageKind::NonDelivery,
        "virus-non-delivery" => MessageKind::VirusNonDelivery,
        "timeout" => MessageKind::Timeout,
        "virus-detection" => MessageKind::VirusDetection,
        "ordinary" => MessageKind::Ordinary,
        other => MessageKind::Other(other.strip_prefix(OTHER).unwrap_or(other).to_owned()),
    }
}

/// The name of a recipient's state, for example `taken-in-charge`.
#[must_use]
pub fn state_name(state: RecipientState) -> &'static str {
    match state {
        RecipientState::Untracked => "untracked",
        RecipientState::Accepted => "accepted",
        RecipientState::TakenInCharge => "taken-in-charge",
        RecipientState::Delivered => "delivered",
        RecipientState::NotDelivered => "not-delivered",
        RecipientState::Infected => "infected",
        RecipientState::Expired => "expired",
    }
}

/// The inverse of [`state_name`]; none: the store is damaged or newer than this program.
pub(crate) fn state_from_name(name: &str) -> Option<RecipientState> {
    Some(match name {
        "untracked" => RecipientState::Untracked,
        "accepted" => RecipientState::Accepted,
        "taken-in-charge" => RecipientState::TakenInCharge,
        "delivered" => RecipientState::Delivered,
        "not-delivered" => RecipientState::NotDelivered,
        "infected" => RecipientState::Infected,
        "expired" => RecipientState::Expired,
        _ => return None,
    })
}

/// The name of a rule of the log, for example `sent-once`.
#[must_use]
pub fn rule_name(rule: &LogRule) -> &str {
    match rule {
        LogRule::OneStory => "one-story",
        LogRule::SentOnce => "sent-once",
        LogRule::ReceivedOnce => "received-once",
        LogRule::OneEnd => "one-end",
        LogRule::OrdinaryRecipient => "ordinary-recipient",
        LogRule::VirusTold => "virus-told",
        LogRule::Stranger => "stranger",
        LogRule::Other(name) => name,
    }
}

const OTHER: &str = "other:";
