//! The stories of the demonstration: who writes what to whom, and what has to come of it.

use ceralacca_host::pec::MessageKind;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};

use super::pdf;
use super::story::{Lane, Role};
use crate::moment::Moment;

/// A provider of the demonstration.
pub struct Cast {
    /// Short name: lane and folder.
    pub short: &'static str,
    /// `gestore-emittente`.
    pub name: &'static str,
    /// Its domain.
    pub domain: &'static str,
    /// Who has a mailbox there.
    pub people: &'static [Person],
}

/// Somebody with a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// Full name.
    pub name: &'static str,
    /// Address.
    pub address: &'static str,
}

/// A story before it is played.
pub struct Scene {
    /// See [`super::story::Story`].
    pub title: &'static str,
    /// See [`super::story::Story`].
    pub opening: &'static str,
    /// See [`super::story::Story`].
    pub outcome: &'static str,
    /// See [`super::story::Story`].
    pub moral: &'static str,
    /// Everybody in it but the sender and the providers.
    pub people: &'static [Person],
    /// Does the other provider take part?
    pub beta: bool,
    /// SMTP recipients.
    pub rcpt: &'static [&'static str],
    /// What the sender must hold in the end; otherwise the demonstration has failed.
    pub expected: &'static [MessageKind],
    /// Writes the message.
    pub write: fn(Moment) -> Mail,
}

/// A message as a mail program hands it over.
pub type Mail = MessageBuilder<'static>;

/// The sender of all stories.
pub const ANNA: Person = Person {
    name: "Anna Rossi",
    address: "anna.rossi@pec.alfa.example",
};
const ELENA: Person = Person {
    name: "Elena Gialli",
    address: "elena.gialli@pec.alfa.example",
};
const BRUNO: Person = Person {
    name: "Bruno Verdi",
    address: "bruno.verdi@pec.beta.example",
};
const CARLA: Person = Person {
    name: "Carla Neri",
    address: "carla.neri@pec.beta.example",
};
const DARIO: Person = Person {
    name: "Dario Blu",
    address: "dario.blu@posta.example",
};
/// Nobody: a slip of the pen.
const BRUNA: &str = "bruna.verdi@pec.beta.example";

/// The two providers; the first one is the sender's.
pub const PROVIDERS: [Cast; 2] = [
    Cast {
        short: "Alfa",
        name: "Alfa PEC S.p.A.",
        domain: "pec.alfa.example",
        people: &[ANNA, ELENA],
    },
    Cast {
        short: "Beta",
        name: "Beta Posta Sicura S.r.l.",
        domain: "pec.beta.example",
        people: &[BRUNO, CARLA],
    },
];

/// All stories, in the order in which they are told.
pub const SCENES: [Scene; 4] = [
    Scene {
        title: "An offer to two certified recipients and an ordinary one",
        opening: "Anna sends an offer with a PDF to Bruno, with a copy to Carla; both have certified \
                  mailboxes at another provider. Dario, whose mailbox is an ordinary one, gets it, too.",
        outcome: "accepted, two delivery receipts",
        moral: "Anna holds one acceptance receipt and two delivery receipts: proof of what she sent, \
                when, and that it reached two mailboxes. Bruno’s receipt contains the offer itself, \
                Carla’s the certified facts only, because she was in Cc. From Dario nothing comes \
                back: his provider certifies nothing.",
        people: &[BRUNO, CARLA, DARIO],
        beta: true,
        rcpt: &[BRUNO.address, DARIO.address, CARLA.address],
        expected: &[
            MessageKind::ServerUserAcceptance,
            MessageKind::Delivery,
            MessageKind::Delivery,
        ],
        write: offer,
    },
    Scene {
        title: "An address that does not exist",
        opening: "Anna mistypes Bruno’s address. Its domain is certified, so the message is accepted \
                  and travels; whether there is such a mailbox, only Beta knows.",
        outcome: "accepted, then a non-delivery notice",
        moral: "Beta took charge of the message and therefore has to say what became of it. The \
                notice names the reason and its code, 5.1.1: there is no such mailbox.",
        people: &[],
        beta: true,
        rcpt: &[BRUNA],
        expected: &[MessageKind::ServerUserAcceptance, MessageKind::NonDelivery],
        write: reminder,
    },
    Scene {
        title: "A colleague with the same provider",
        opening: "Anna writes to Elena, whose mailbox is at Alfa, too.",
        outcome: "accepted, delivery receipt",
        moral: "There is no short cut: the message goes through the same envelope, the same checks \
                and the same receipts, although it never leaves the provider (RFC 6109 §3.4).",
        people: &[ELENA],
        beta: false,
        rcpt: &[ELENA.address],
        expected: &[MessageKind::ServerUserAcceptance, MessageKind::Delivery],
        write: minutes,
    },
    Scene {
        title: "A hidden recipient",
        opening: "Anna writes to Bruno and hides Carla in Bcc. A receipt names every recipient, so \
                  certified mail cannot keep one secret.",
        outcome: "not accepted",
        moral: "The notice says why, and nothing was sent to anybody: neither to Carla nor to Bruno.",
        people: &[BRUNO, CARLA],
        beta: true,
        rcpt: &[BRUNO.address, CARLA.address],
        expected: &[MessageKind::NonAcceptance],
        write: secret,
    },
];

impl Scene {
    /// Everybody in it, from left to right: sender, providers, recipients.
    pub fn lanes(&self) -> Vec<Lane> {
        let person = |person: &Person| {
            let (_, domain) = person.address.rsplit_once('@').unwrap_or_default();
            let certified = PROVIDERS.iter().any(|provider| provider.domain == domain);
            Lane {
                name: person.name.to_owned(),
                detail: domain.to_owned(),
                role: if certified {
                    Role::User
                } else {
                    Role::Ordinary
                },
            }
        };
        let provider = |cast: &Cast| Lane {
            name: cast.short.to_owned(),
            detail: "provider".to_owned(),
            role: Role::Provider,
        };
        let providers = PROVIDERS.iter().take(if self.beta { 2 } else { 1 });
        let mut lanes = vec![person(&ANNA)];
        lanes.extend(providers.map(provider));
        lanes.extend(self.people.iter().map(person));
        lanes
    }

    /// The lane of whoever has this address.
    pub fn lane_of(&self, address: &str) -> Option<usize> {
        let everybody = || std::iter::once(&ANNA).chain(self.people);
        let person = everybody().find(|person| person.address.eq_ignore_ascii_case(address))?;
        self.lanes()
            .iter()
            .position(|lane| lane.name == person.name)
    }

    /// The name of whoever has this address; the address itself if that is nobody in the story.
    pub fn name_of<'a>(&self, address: &'a str) -> &'a str {
        let person = PROVIDERS
            .iter()
            .flat_map(|cast| cast.people)
            .chain(self.people);
        person
            .into_iter()
            .find(|person| person.address == address)
            .map_or(address, |p| p.name)
    }

    /// The lane of a provider, by its place in [`PROVIDERS`].
    pub fn lane_of_provider(&self, provider: usize) -> usize {
        provider + 1
    }
}

// ---- the messages ----------------------------------------------------------------------------

fn offer(now: Moment) -> Mail {
    let text = "Gentile Bruno,\r\n\r\n\
        come d'accordo Le invio l'offerta per il restauro del campanile: è già comprensiva delle\r\n\
        varianti più recenti e, poiché i ponteggi sono già in città, i lavori potranno cominciare\r\n\
        lunedì 5 ottobre.\r\n\r\n\
        Il totale è di 48.250,00 € più IVA. Resto a disposizione per ogni chiarimento.\r\n\r\n\
        Cordialità\r\n\
        Anna Rossi\r\n";
    let pdf = pdf::one_page(
        "Offerta n. 12/2026",
        &[
            "Restauro del campanile, varianti comprese",
            "",
            "Ponteggi e messa in sicurezza\t€ 9.800,00",
            "Consolidamento della muratura\t€ 27.150,00",
            "Qualità dei materiali: certificazione\t€ 1.300,00",
            "Pulitura del quadrante e delle campane\t€ 10.000,00",
            "",
            "Totale, più IVA\t€ 48.250,00",
            "",
            "L'offerta è valida fino al 31 dicembre 2026.",
        ],
    );
    let attachment =
        MimePart::new("application/pdf", BodyPart::from(pdf)).attachment("offerta-12-2026.pdf");
    mail(
        now,
        "offerta",
        "Offerta n. 12/2026: il campanile è già più vicino",
    )
    .to(list(&[BRUNO, DARIO]))
    .cc(list(&[CARLA]))
    .body(MimePart::new(
        // Given, because the library would otherwise make one out of the clock.
        ContentType::new("multipart/mixed").attribute("boundary", "------------offerta-12-2026"),
        vec![MimePart::new(TEXT, text), attachment],
    ))
}

fn reminder(now: Moment) -> Mail {
    mail(
        now,
        "sollecito",
        "Sollecito: la Sua risposta all'offerta n. 12/2026",
    )
    .to(Address::new_address(None::<&str>, BRUNA))
    .body(MimePart::new(
        TEXT,
        "Gentile Bruna,\r\n\r\nha già potuto leggere l'offerta?\r\n\r\nAnna Rossi\r\n",
    ))
}

fn minutes(now: Moment) -> Mail {
    mail(now, "verbale", "Verbale della riunione di lunedì")
        .to(list(&[ELENA]))
        .body(MimePart::new(
            TEXT,
            "Cara Elena,\r\n\r\nil verbale è qui: tutto approvato all'unanimità.\r\n\r\nAnna\r\n",
        ))
}

fn secret(now: Moment) -> Mail {
    mail(now, "riservato", "Prezzi riservati")
        .to(list(&[BRUNO]))
        .bcc(list(&[CARLA]))
        .body(MimePart::new(
            TEXT,
            "Gentile Bruno,\r\n\r\nquesti prezzi sono solo per Lei.\r\n\r\nAnna Rossi\r\n",
        ))
}

/// What all of Anna's messages have.
fn mail(now: Moment, word: &str, subject: &'static str) -> Mail {
    MessageBuilder::new()
        .header("Date", Raw::new(now.rfc5322()))
        .from(Address::new_address(Some(ANNA.name), ANNA.address))
        .message_id(format!("{word}.{}@studio-rossi.example", now.0))
        .subject(subject)
        .header("User-Agent", Raw::new("Posta di Anna 1.0"))
}

fn list(people: &[Person]) -> Address<'static> {
    let one = |person: &Person| Address::new_address(Some(person.name), person.address);
    Address::new_list(people.iter().map(one).collect())
}

/// The library adds the character set.
const TEXT: &str = "text/plain";
