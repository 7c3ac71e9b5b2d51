//! PEC notifications: the receipts and notices of RFC 6109 §2.1.1.1, all made here from one table.

use crate::address::EmailAddress;
use crate::daticert::{
    CertificationData, CertifiedRecipient, DaticertKind, ErrorKind, ReceiptType,
};
use crate::ids::{Identifiers, PecId};
use crate::instant::Instant;
use crate::message::compose::Composer;
use crate::message::system::{AttachedEncoding, Draft};
use crate::outcome::MessageKind;
use crate::settings::Profile;
use crate::texts::{Reason, TextKind, Values};
use crate::wire;

/// The facts of a transaction that every message about it repeats (RFC 6109 §2.1: reverse and
/// forward path are what is certified).
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub pec_id: PecId,
    /// The client's Message-ID with its brackets; never altered (PRACTICE 3).
    pub message_id: Option<String>,
    pub sender: String,
    pub recipients: Vec<CertifiedRecipient>,
    pub reply_to: String,
    /// None where the original had no such field.
    pub subject: Option<String>,
}

/// One notification to be made.
pub(crate) struct Notification<'a> {
    pub notice: Notice,
    pub facts: &'a Facts,
    /// To whom; also what distinguishes several notices of one kind in a transaction.
    pub to: &'a EmailAddress,
    /// `consegna`: the recipient it is about, where it is about one.
    pub recipient: Option<&'a EmailAddress>,
    /// `ricezione`: the recipients taken in charge.
    pub taken_in_charge: &'a [EmailAddress],
    /// `ricevuta`: what the sender asked for, on delivery receipts.
    pub receipt_type: Option<ReceiptType>,
    /// What went wrong.
    pub error: ErrorKind,
    pub reason: Option<Reason>,
    /// `postacert.eml` of complete and brief delivery receipts.
    pub attached: Option<Composer>,
}

/// Which notification. Delivery receipts differ in text, not in kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Acceptance,
    NonAcceptance,
    VirusNonAcceptance,
    ServerServerAcceptance,
    Delivery,
    BriefDelivery,
    ConciseDelivery,
    NonDelivery,
    VirusNonDelivery,
    VirusDetection,
    Timeout12,
    Timeout24,
}

impl<'a> Notification<'a> {
    /// A notification without any of the particulars.
    pub fn new(notice: Notice, facts: &'a Facts, to: &'a EmailAddress) -> Self {
        Self {
            notice,
            facts,
            to,
            recipient: None,
            taken_in_charge: &[],
            receipt_type: None,
            error: ErrorKind::None,
            reason: None,
            attached: None,
        }
    }

    /// Writes it, all but the signature.
    pub fn draft(self, ids: &Identifiers, now: Instant, profile: &Profile) -> Draft {
        let row = self.notice.row();
        // Several of one kind in one event differ in the message and recipient they are about.
        let about = self
            .recipient
            .map_or("", EmailAddress::as_str)
            .to_ascii_lowercase();
        let label = format!("{}/{}/{about}", row.x_ricevuta, self.facts.pec_id);
        let message_id = ids.message_id(&label);
        Draft {
            kind: row.kind.clone(),
            pec_id: Some(self.facts.pec_id.clone()),
            header: self.header(&row, &message_id, now, profile),
            text: profile.texts.render(row.text, &self.values(now)),
            data: Some(self.data(&row, now, profile)),
            attached: self.attached,
            attached_encoding: AttachedEncoding::SevenBit,
            message_id,
            label,
        }
    }

    fn header(&self, row: &Row, message_id: &str, now: Instant, profile: &Profile) -> Composer {
        let mut header = Composer::new();
        header.field(wire::X_RICEVUTA, row.x_ricevuta);
        if row.security {
            header.field(wire::X_VERIFICA_SICUREZZA, "errore");
        }
        if self.notice == Notice::VirusDetection {
            header.foreign_field(wire::X_MITTENTE, &self.facts.sender);
        }
        header
            .field("Date", &now.legal_time().rfc5322())
            .unstructured(
                "Subject",
                row.prefix,
                self.facts.subject.as_deref().unwrap_or_default(),
            )
            .field("From", profile.service_address.as_str())
            .field("To", self.to.as_str())
            .field("Message-ID", &format!("<{message_id}>"));
        if let Some(id) = &self.facts.message_id {
            header.foreign_field(wire::X_RIFERIMENTO, id);
        }
        header
    }

    fn values(&self, now: Instant) -> Values {
        let legal = now.legal_time();
        Values {
            day: legal.day(),
            time: legal.time(),
            zone: legal.zone(),
            subject: self.facts.subject.clone().unwrap_or_default(),
            sender: self.facts.sender.clone(),
            recipients: self.recipient_lines(),
            recipient: self.recipient.map(ToString::to_string).unwrap_or_default(),
            reason: self.reason.clone().unwrap_or_default(),
            id: self.facts.pec_id.to_string(),
        }
    }

    fn recipient_lines(&self) -> Vec<String> {
        match self.notice {
            // Only those that this provider answers for (RFC 6109 §3.2.1).
            Notice::ServerServerAcceptance => self
                .taken_in_charge
                .iter()
                .map(ToString::to_string)
                .collect(),
            Notice::Acceptance => self
                .facts
                .recipients
                .iter()
                .map(|r| {
                    let kind = if r.certified {
                        "posta certificata"
                    } else {
                        "posta ordinaria"
                    };
                    format!("{} (\"{kind}\")", r.address)
                })
                .collect(),
            _ => self
                .facts
                .recipients
                .iter()
                .map(|r| r.address.clone())
                .collect(),
        }
    }

    fn data(&self, row: &Row, now: Instant, profile: &Profile) -> CertificationData {
        CertificationData {
            kind: row.data,
            error: self.error,
            receipt_type: self.receipt_type,
            delivery: self.recipient.map(ToString::to_string),
            taken_in_charge: self
                .taken_in_charge
                .iter()
                .map(ToString::to_string)
                .collect(),
            extended_error: self.reason.as_ref().map(|reason| reason.italian.clone()),
            ..self.facts.data(now, profile)
        }
    }
}

impl Facts {
    /// The certification data of a transport envelope about these facts; notifications change
    /// what is theirs.
    pub fn data(&self, now: Instant, profile: &Profile) -> CertificationData {
        CertificationData {
            kind: DaticertKind::TransportEnvelope,
            error: ErrorKind::None,
            sender: self.sender.clone(),
            recipients: self.recipients.clone(),
            reply_to: self.reply_to.clone(),
            subject: self.subject.clone(),
            provider: profile.provider_name.clone(),
            at: now,
            zone: now.legal_time().zone(),
            pec_id: self.pec_id.to_string(),
            message_id: self.message_id.clone(),
            receipt_type: None,
            delivery: None,
            taken_in_charge: Vec::new(),
            extended_error: None,
        }
    }
}

/// `"Per conto di: user@dom" <service address>`, the From of envelopes; quotes of a quoted local
/// part are escaped.
pub(crate) fn on_behalf_of(sender: &str, profile: &Profile) -> String {
    let escaped = sender.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "\"{}{escaped}\" <{}>",
        wire::ON_BEHALF_OF,
        profile.service_address
    )
}

/// What is fixed about a notification.
struct Row {
    kind: MessageKind,
    x_ricevuta: &'static str,
    /// X-VerificaSicurezza: errore
    security: bool,
    prefix: &'static str,
    text: TextKind,
    data: DaticertKind,
}

impl Notice {
    fn row(self) -> Row {
        use {DaticertKind as D, MessageKind as M, TextKind as T};
        let (kind, x_ricevuta, security, prefix, text, data) = match self {
            Self::Acceptance => (
                M::ServerUserAcceptance,
                "accettazione",
                false,
                "ACCETTAZIONE: ",
                T::Acceptance,
                D::Acceptance,
            ),
            Self::NonAcceptance => (
                M::NonAcceptance,
                "non-accettazione",
                false,
                "AVVISO DI NON ACCETTAZIONE: ",
                T::NonAcceptance,
                D::NonAcceptance,
            ),
            Self::VirusNonAcceptance => (
                M::VirusNonAcceptance,
                "non-accettazione",
                true,
                "AVVISO DI NON ACCETTAZIONE PER VIRUS: ",
                T::VirusNonAcceptance,
                D::NonAcceptance,
            ),
            Self::ServerServerAcceptance => (
                M::ServerServerAcceptance,
                "presa-in-carico",
                false,
                "PRESA IN CARICO: ",
                T::ServerServerAcceptance,
                D::ServerServerAcceptance,
            ),
            Self::Delivery | Self::BriefDelivery | Self::ConciseDelivery => (
                M::Delivery,
                "avvenuta-consegna",
                false,
                "CONSEGNA: ",
                match self {
                    Self::BriefDelivery => T::BriefDelivery,
                    Self::ConciseDelivery => T::ConciseDelivery,
                    _ => T::Delivery,
                },
                D::Delivery,
            ),
            Self::NonDelivery => (
                M::NonDelivery,
                "errore-consegna",
                false,
                "AVVISO DI MANCATA CONSEGNA: ",
                T::NonDelivery,
                D::NonDelivery,
            ),
            Self::VirusNonDelivery => (
                M::VirusNonDelivery,
                "errore-consegna",
                true,
                "AVVISO DI MANCATA CONSEGNA PER VIRUS: ",
                T::VirusNonDelivery,
                D::NonDelivery,
            ),
            Self::VirusDetection => (
                M::VirusDetection,
                "rilevazione-virus",
                false,
                "PROBLEMA DI SICUREZZA: ",
                T::VirusDetection,
                D::VirusDetection,
            ),
            Self::Timeout12 | Self::Timeout24 => (
                M::Timeout,
                "preavviso-errore-consegna",
                false,
                "AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO: ",
                if self == Self::Timeout12 {
                    T::Timeout12
                } else {
                    T::Timeout24
                },
                D::Timeout,
            ),
        };
        Row {
            kind,
            x_ricevuta,
            security,
            prefix,
            text,
            data,
        }
    }
}
