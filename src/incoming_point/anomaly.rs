//! The anomaly envelope (busta di anomalia, RFC 6109 §3.2.2): for irregular mail of providers and
//! for ordinary mail. It has no certification data, because nothing is certified.

use super::inspect::Inspection;
use crate::address::EmailAddress;
use crate::daticert::CertifiedRecipient;
use crate::event::Arrival;
use crate::finding::Finding;
use crate::ids::{Identifiers, PecId};
use crate::instant::Instant;
use crate::message::compose::{Composer, fits_in_field};
use crate::message::header::HeaderSection;
use crate::message::system::{AttachedEncoding, Draft};
use crate::notification::{Facts, on_behalf_of};
use crate::outcome::MessageKind;
use crate::settings::Profile;
use crate::texts::{Reason, TextKind, Values};
use crate::wire;

/// Writes the envelope, all but the signature; also says what is known of the message, for the
/// log.
pub(super) fn draft(
    event: &Arrival,
    inspection: &Inspection,
    recipients: &[EmailAddress],
    ids: &Identifiers,
    now: Instant,
    profile: &Profile,
) -> (Draft, Facts) {
    let section = inspection.section(&event.message);
    let sender = sender(event, section);
    let subject = section.text("Subject");
    let own_id = ids.message_id("anomalia");
    let message_id = match inspection.message_id.as_str() {
        inherited if is_message_id(inherited) => inherited.to_owned(),
        _ => own_id.clone(),
    };
    let legal = now.legal_time();
    let values = Values {
        day: legal.day(),
        time: legal.time(),
        zone: legal.zone(),
        subject: subject.clone().unwrap_or_default(),
        sender: sender.clone(),
        recipients: recipients.iter().map(ToString::to_string).collect(),
        reason: reason(&inspection.finding),
        ..Values::default()
    };
    let facts = Facts {
        // Overwritten in the log row: an anomaly has no PEC id of its own.
        pec_id: PecId::try_from(own_id.as_str()).unwrap_or_else(|_| ids.pec_id()),
        message_id: section.first("Message-ID").map(|field| field.unfolded()),
        sender: sender.clone(),
        recipients: recipients
            .iter()
            .map(|r| CertifiedRecipient {
                address: r.to_string(),
                certified: true,
            })
            .collect(),
        reply_to: String::new(),
        subject: subject.clone(),
    };
    let draft = Draft {
        kind: MessageKind::AnomalyEnvelope,
        pec_id: None,
        header: header(section, &sender, subject, &message_id, now, profile),
        message_id,
        text: profile.texts.render(TextKind::Anomaly, &values),
        data: None,
        attached: {
            let mut whole = Composer::new();
            whole.original(0..event.message.len());
            Some(whole)
        },
        // Deposited by us, not transported: octets above 127 stay as they came.
        attached_encoding: AttachedEncoding::of(&event.message),
        label: "anomalia".to_owned(),
    };
    (draft, facts)
}

/// What was wrong: all defects of a message that claims to be PEC, or that it claims nothing. The
/// English words are those of the finding, with its facts.
pub(super) fn reason(finding: &Finding) -> Reason {
    let (italian, english) = match finding.kind {
        _ if !finding.defects.is_empty() => {
            let joined = |words: Vec<&str>| words.join("; ");
            let defects = &finding.defects;
            (
                joined(defects.iter().map(|d| in_italian(d.code)).collect()),
                joined(defects.iter().map(|d| d.text.as_str()).collect()),
            )
        }
        MessageKind::AnomalyEnvelope => (
            "il messaggio è una busta di anomalia, che non certifica nulla".to_owned(),
            "the message is an anomaly envelope, which certifies nothing".to_owned(),
        ),
        _ if finding.from_provider => (
            "il messaggio è firmato da un gestore, ma mancano X-Trasporto e X-Ricevuta".to_owned(),
            "a provider signed the message, but X-Trasporto and X-Ricevuta are missing".to_owned(),
        ),
        _ => (
            "il messaggio non è un messaggio di posta certificata".to_owned(),
            "the message is not a certified mail message".to_owned(),
        ),
    };
    Reason { italian, english }
}

/// The concise description that RFC 6109 §3.2.2 wants, for the mailbox's owner; by the codes of
/// findings.
fn in_italian(code: &str) -> &'static str {
    match code {
        "not-mail" => "il messaggio non ha la forma di un messaggio di posta elettronica",
        "no-signature" => "manca la firma del gestore",
        "signature-unreadable" => "la firma non è leggibile",
        "content-altered" => "il contenuto è stato alterato dopo la firma",
        "signature-broken" => "la firma non corrisponde al certificato",
        "signer-not-in-directory" => {
            "il certificato di firma non è nell'indice dei gestori di posta certificata"
        }
        "from-not-single" => "il mittente (From) non è un solo indirizzo",
        "from-not-managed" => "il dominio del mittente (From) non è del gestore che ha firmato",
        "certificate-expired" => "il certificato di firma non è valido a questa data",
        "certificate-revoked" => "il certificato di firma è stato revocato",
        "certificate-purpose" => "il certificato non è per la firma di posta elettronica",
        "certificate-unreadable" => "un certificato non è leggibile",
        "path-incomplete" => "il certificato di firma non risale a un'autorità riconosciuta",
        "path-invalid" => "la catena dei certificati non è valida",
        "kind-unknown" => "X-Trasporto o X-Ricevuta ha un valore sconosciuto",
        "kind-differs" => "il tipo in daticert.xml non è quello del messaggio",
        "no-daticert" => "manca daticert.xml",
        "bad-daticert" => "daticert.xml non è valido",
        "several-daticert" => "c'è più di un daticert.xml",
        "bad-identifier" => "l'identificativo in daticert.xml non è valido",
        "identifier-differs" => "l'identificativo in daticert.xml non è quello del messaggio",
        "no-ricezione" => "in daticert.xml manca ricezione",
        "no-consegna" => "in daticert.xml manca consegna",
        "error-differs" => "l'errore in daticert.xml contraddice il tipo del messaggio",
        "no-postacert" => "manca postacert.eml, o non è uno solo",
        // A rule that has no words here yet.
        _ => "il messaggio non rispetta le regole della posta certificata",
    }
}

fn header(
    section: HeaderSection<'_>,
    sender: &str,
    subject: Option<String>,
    message_id: &str,
    now: Instant,
    profile: &Profile,
) -> Composer {
    let mut header = section.inherited(INHERITED);
    if section.first("Reply-To").is_none() && !sender.is_empty() {
        header.field("Reply-To", sender);
    }
    header
        .field(wire::X_TRASPORTO, wire::TRASPORTO_ANOMALY)
        .field("Date", &now.legal_time().rfc5322())
        .unstructured(
            "Subject",
            wire::SUBJECT_ANOMALY,
            subject.as_deref().unwrap_or_default(),
        )
        .field("From", &on_behalf_of(sender, profile))
        .field("Message-ID", &format!("<{message_id}>"));
    header
}

/// Can it be the Message-ID of what we sign?
fn is_message_id(text: &str) -> bool {
    !text.is_empty() && fits_in_field("Message-ID", &format!("<{text}>"))
}

/// The From address, else the reverse path: whom the message says it is from.
fn sender(event: &Arrival, section: HeaderSection<'_>) -> String {
    let from = section
        .first("From")
        .map(|field| field.addresses())
        .unwrap_or_default();
    from.addresses
        .first()
        .map_or_else(|| event.reverse_path.clone(), ToString::to_string)
}

/// RFC 6109 §3.2.2, Return-Path left to final delivery, Message-ID written below.
const INHERITED: &[&str] = &["Received", "To", "Cc", "Reply-To"];
