//! Certification data, `daticert.xml` (RFC 6109 §4.4, PRACTICE 4): one type, written and read.

mod read;
mod write;

use serde::{Serialize, Serializer};

use crate::instant::Instant;

pub use read::InvalidDaticert;
pub(crate) use read::read;

/// The content of a `daticert.xml`. Texts are as in the document; addresses of others may be
/// anything, so they are not checked here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificationData {
    /// `postacert/@tipo`.
    pub kind: DaticertKind,
    /// `postacert/@errore`.
    pub error: ErrorKind,
    /// `mittente`.
    pub sender: String,
    /// `destinatari`, in RCPT order.
    pub recipients: Vec<CertifiedRecipient>,
    /// `risposte`.
    pub reply_to: String,
    /// `oggetto`.
    pub subject: Option<String>,
    /// `gestore-emittente`.
    pub provider: String,
    /// `data`.
    pub at: Instant,
    /// `data/@zona` as read; written from `at`.
    pub zone: String,
    /// `identificativo`, without brackets.
    pub pec_id: String,
    /// `msgid`, with its brackets.
    pub message_id: Option<String>,
    /// `ricevuta/@tipo`.
    pub receipt_type: Option<ReceiptType>,
    /// `consegna`.
    pub delivery: Option<String>,
    /// `ricezione`.
    pub taken_in_charge: Vec<String>,
    /// `errore-esteso`.
    pub extended_error: Option<String>,
}

/// One recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedRecipient {
    /// The address.
    pub address: String,
    /// Is it in the PEC system (`tipo="certificato"`)?
    pub certified: bool,
}

macro_rules! wire_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$item])* $variant),+ }

        impl $name {
            /// The word on the wire.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The word read, exactly as written.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.word())
            }
        }
    };
}

wire_words! {
    /// `postacert/@tipo`.
    DaticertKind {
        /// Server-user acceptance.
        Acceptance => "accettazione",
        /// Non-acceptance.
        NonAcceptance => "non-accettazione",
        /// Server-server acceptance.
        ServerServerAcceptance => "presa-in-carico",
        /// Delivery.
        Delivery => "avvenuta-consegna",
        /// Transport envelope.
        TransportEnvelope => "posta-certificata",
        /// Non-delivery.
        NonDelivery => "errore-consegna",
        /// Timeout, 12 h and 24 h.
        Timeout => "preavviso-errore-consegna",
        /// Virus detection.
        VirusDetection => "rilevazione-virus",
    }
}

wire_words! {
    /// `postacert/@errore`.
    ErrorKind {
        /// No error.
        None => "nessuno",
        /// Wrong recipient.
        NoRecipient => "no-dest",
        /// Wrong domain.
        NoDomain => "no-dominio",
        /// Virus.
        Virus => "virus",
        /// Any other.
        Other => "altro",
    }
}

wire_words! {
    /// `ricevuta/@tipo` and X-TipoRicevuta.
    ReceiptType {
        /// With the whole original.
        Complete => "completa",
        /// With hashes in place of attachments.
        Brief => "breve",
        /// Without the original.
        Concise => "sintetica",
    }
}

impl ReceiptType {
    /// What a sender asked for: case is ignored, anything unknown or missing is complete
    /// (PRACTICE 8.9).
    pub fn requested(header: Option<&str>) -> Self {
        let word = header.unwrap_or_default().trim().to_ascii_lowercase();
        Self::from_word(&word).unwrap_or(Self::Complete)
    }
}
