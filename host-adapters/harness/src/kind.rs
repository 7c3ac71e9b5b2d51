//! What each kind of message is called, and what it is good for.
//!
//! English names are RFC 6109's; the Italian ones are what Italian readers and the wire know.

use std::borrow::Cow;

use ceralacca_host::pec::MessageKind;

/// What people are told about a kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindFacts {
    /// RFC 6109's name.
    pub english: &'static str,
    /// The Italian name.
    pub italian: &'static str,
    /// The word on the wire, in `X-Ricevuta` or `X-Trasporto`.
    pub wire: &'static str,
    /// Good news, bad news, or business between providers: decides the colour in drawings.
    pub tone: Tone,
    /// What it says and to whom, for a reader who has never seen one.
    pub meaning: &'static str,
    /// Where it is defined.
    pub clause: &'static str,
}

/// The part that a kind of message plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// What a user wrote, as it was handed in.
    Plain,
    /// What a user wrote, in the provider's envelope.
    Envelope,
    /// Proof that something went well.
    Receipt,
    /// Word that something did not.
    Notice,
    /// Providers among themselves.
    Service,
}

/// The facts about a kind.
pub fn facts(kind: &MessageKind) -> KindFacts {
    match kind {
        MessageKind::TransportEnvelope => ENVELOPE,
        MessageKind::AnomalyEnvelope => ANOMALY,
        MessageKind::ServerUserAcceptance => ACCEPTANCE,
        MessageKind::NonAcceptance => NON_ACCEPTANCE,
        MessageKind::VirusNonAcceptance => VIRUS_NON_ACCEPTANCE,
        MessageKind::ServerServerAcceptance => TAKING_CHARGE,
        MessageKind::Delivery => DELIVERY,
        MessageKind::NonDelivery => NON_DELIVERY,
        MessageKind::VirusNonDelivery => VIRUS_NON_DELIVERY,
        MessageKind::Timeout => TIMEOUT,
        MessageKind::VirusDetection => VIRUS_DETECTION,
        MessageKind::Ordinary => ORDINARY,
        MessageKind::Other(_) => OTHER,
    }
}

/// Both names in one phrase: `delivery receipt (ricevuta di avvenuta consegna)`.
pub fn phrase(kind: &MessageKind) -> Cow<'static, str> {
    let facts = facts(kind);
    match kind {
        MessageKind::Ordinary => Cow::Borrowed("ordinary mail"),
        MessageKind::Other(name) => Cow::Owned(format!("message of kind {name}")),
        _ => Cow::Owned(format!("{} ({})", facts.english, facts.italian)),
    }
}

/// A kind's name as part of a file name: the one the outbox uses, in letters, digits and hyphens.
pub fn file_stem(kind: &MessageKind) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    ceralacca_host::kind_name(kind).chars().map(clean).collect()
}

const ENVELOPE: KindFacts = KindFacts {
    english: "transport envelope",
    italian: "busta di trasporto",
    wire: "posta-certificata",
    tone: Tone::Envelope,
    meaning: "Carries the original message to its recipients, whole, as the attachment \
              postacert.eml. Beside it lies daticert.xml with the facts that the sender’s provider \
              certifies: who, to whom, when, under which identifier. The provider’s signature \
              covers everything.",
    clause: "RFC 6109 §3.1.5",
};

const ANOMALY: KindFacts = KindFacts {
    english: "anomaly envelope",
    italian: "busta di anomalia",
    wire: "errore",
    tone: Tone::Notice,
    meaning: "Shows a recipient something that is not certified mail, and says so: nothing about \
              its origin or its time is certified.",
    clause: "RFC 6109 §3.2.2",
};

const ACCEPTANCE: KindFacts = KindFacts {
    english: "acceptance receipt",
    italian: "ricevuta di accettazione",
    wire: "accettazione",
    tone: Tone::Receipt,
    meaning: "The sender’s proof of sending. It gives the time, and says of each recipient \
              whether the address is certified: only for those will a delivery receipt follow.",
    clause: "RFC 6109 §3.1.4",
};

const NON_ACCEPTANCE: KindFacts = KindFacts {
    english: "non-acceptance notice",
    italian: "avviso di non accettazione",
    wire: "non-accettazione",
    tone: Tone::Notice,
    meaning: "Tells the sender that the message was not accepted, and why. Nothing was sent to \
              anybody.",
    clause: "RFC 6109 §3.1.2",
};

const VIRUS_NON_ACCEPTANCE: KindFacts = KindFacts {
    english: "virus non-acceptance notice",
    italian: "avviso di non accettazione per virus",
    wire: "non-accettazione",
    tone: Tone::Notice,
    meaning: "Tells the sender that the message contains a virus and was not accepted.",
    clause: "RFC 6109 §3.1.3",
};

const TAKING_CHARGE: KindFacts = KindFacts {
    english: "server-server acceptance",
    italian: "ricevuta di presa in carico",
    wire: "presa-in-carico",
    tone: Tone::Service,
    meaning: "From provider to provider: the envelope is good, and from here on the receiving \
              provider answers for it. Users never see it; without it, or a delivery receipt, \
              the sender is warned after twelve hours.",
    clause: "RFC 6109 §3.2.1",
};

const DELIVERY: KindFacts = KindFacts {
    english: "delivery receipt",
    italian: "ricevuta di avvenuta consegna",
    wire: "avvenuta-consegna",
    tone: Tone::Receipt,
    meaning: "The sender’s proof of delivery: the message lies in the recipient’s mailbox, read \
              or not. One for each certified recipient. For recipients in To it contains the \
              message itself, for those in Cc the certified facts only.",
    clause: "RFC 6109 §3.3.2",
};

const NON_DELIVERY: KindFacts = KindFacts {
    english: "non-delivery notice",
    italian: "avviso di mancata consegna",
    wire: "errore-consegna",
    tone: Tone::Notice,
    meaning: "Tells the sender that the message could not be put into a recipient’s mailbox, with \
              the reason and its code: 5.1.1 means that there is no such mailbox.",
    clause: "RFC 6109 §3.3.3",
};

const VIRUS_NON_DELIVERY: KindFacts = KindFacts {
    english: "virus non-delivery notice",
    italian: "avviso di mancata consegna per virus",
    wire: "errore-consegna",
    tone: Tone::Notice,
    meaning: "Tells the sender that the recipient’s provider found a virus and kept the message.",
    clause: "RFC 6109 §3.2.4",
};

const TIMEOUT: KindFacts = KindFacts {
    english: "timeout notice",
    italian: "avviso di mancata consegna per superamento dei tempi massimi",
    wire: "preavviso-errore-consegna",
    tone: Tone::Notice,
    meaning: "Warns the sender that the recipient’s provider has not been heard of for twelve \
              hours, or has not delivered within twenty-four.",
    clause: "RFC 6109 §3.1.6",
};

const VIRUS_DETECTION: KindFacts = KindFacts {
    english: "virus detection notice",
    italian: "avviso di rilevazione virus",
    wire: "rilevazione-virus",
    tone: Tone::Service,
    meaning: "From provider to provider: the envelope contains a virus and was kept apart.",
    clause: "RFC 6109 §3.2.3",
};

const ORDINARY: KindFacts = KindFacts {
    english: "original message",
    italian: "messaggio originale",
    wire: "",
    tone: Tone::Plain,
    meaning: "What the sender’s mail program hands to the provider: mail like any other, without \
              a signature of the provider. It is shown for comparison with the postacert.eml that \
              the envelope carries.",
    clause: "RFC 5322",
};

const OTHER: KindFacts = KindFacts {
    english: "other message",
    italian: "altro messaggio",
    wire: "",
    tone: Tone::Service,
    meaning: "A message of a kind that this program has no name for.",
    clause: "—",
};
