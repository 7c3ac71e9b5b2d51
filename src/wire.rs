//! The Italian words on the wire, written and read here only (HOUSE-RULES 3). Those of
//! `daticert.xml` stand beside its types.

pub(crate) const X_RICEVUTA: &str = "X-Ricevuta";
pub(crate) const X_TRASPORTO: &str = "X-Trasporto";
pub(crate) const X_TIPO_RICEVUTA: &str = "X-TipoRicevuta";
pub(crate) const X_RIFERIMENTO: &str = "X-Riferimento-Message-ID";
pub(crate) const X_VERIFICA_SICUREZZA: &str = "X-VerificaSicurezza";
pub(crate) const X_MITTENTE: &str = "X-Mittente";

/// `X-Trasporto` of a transport envelope.
pub(crate) const TRASPORTO_ENVELOPE: &str = "posta-certificata";
/// `X-Trasporto` of an anomaly envelope (PRACTICE 1: not the RFC's `X-Trasplorto`).
pub(crate) const TRASPORTO_ANOMALY: &str = "errore";

/// Subject prefixes of the envelopes; those of notifications stand in their table.
pub(crate) const SUBJECT_ENVELOPE: &str = "POSTA CERTIFICATA: ";
pub(crate) const SUBJECT_ANOMALY: &str = "ANOMALIA MESSAGGIO: ";

/// Display name of envelopes: `"Per conto di: user@dom" <service address>` (PRACTICE 1).
pub(crate) const ON_BEHALF_OF: &str = "Per conto di: ";

/// The reserved local part: nobody submits as the provider (PRACTICE 8.13).
pub(crate) const SERVICE_LOCAL_PART: &str = "posta-certificata";
