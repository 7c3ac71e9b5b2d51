//! The messages of the demonstration, as mail programs hand them over.

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};

use super::cast::{ANNA, BRUNA, BRUNO, CARLA, DARIO, ELENA, FABIO, Person};
use super::{pdf, scanner};
use crate::moment::Moment;

/// A message as a mail program hands it over.
pub type Mail = MessageBuilder<'static>;

/// Text with accents, a PDF, somebody in Cc, somebody without a certified mailbox.
pub fn offer(now: Moment) -> Mail {
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
    let subject = "Offerta n. 12/2026: il campanile è già più vicino";
    mail(ANNA, now, "offerta", subject)
        .to(list(&[BRUNO, DARIO]))
        .cc(list(&[CARLA]))
        .body(with_attachment(
            text,
            "application/pdf",
            "offerta-12-2026.pdf",
            pdf,
        ))
}

/// To a colleague.
pub fn minutes(now: Moment) -> Mail {
    mail(ANNA, now, "verbale", "Verbale della riunione di lunedì")
        .to(list(&[ELENA]))
        .body(text(
            "Cara Elena,\r\n\r\nil verbale è qui: tutto approvato all'unanimità.\r\n\r\nAnna\r\n",
        ))
}

/// A PDF, and a brief receipt asked for.
pub fn invoice(now: Moment) -> Mail {
    let pdf = pdf::one_page(
        "Fattura n. 31/2026",
        &[
            "Pulitura del quadrante e delle campane",
            "",
            "Imponibile\t€ 10.000,00",
            "IVA 22 %\t€ 2.200,00",
            "Totale\t€ 12.200,00",
        ],
    );
    mail(ANNA, now, "fattura", "Fattura n. 31/2026")
        .to(list(&[BRUNO]))
        .header("X-TipoRicevuta", Raw::new("breve"))
        .body(with_attachment(
            "Gentile Bruno,\r\n\r\nin allegato la fattura.\r\n\r\nAnna Rossi\r\n",
            "application/pdf",
            "fattura-31-2026.pdf",
            pdf,
        ))
}

/// A concise receipt asked for.
pub fn summons(now: Moment) -> Mail {
    mail(ANNA, now, "convocazione", "Convocazione dell'assemblea")
        .to(list(&[BRUNO]))
        .header("X-TipoRicevuta", Raw::new("sintetica"))
        .body(text(
            "Gentile Bruno,\r\n\r\nl'assemblea è convocata per giovedì alle 18.\r\n\r\nAnna Rossi\r\n",
        ))
}

/// An ordinary letter.
pub fn notice(now: Moment) -> Mail {
    mail(ANNA, now, "disdetta", "Disdetta del contratto n. 4/2021")
        .to(list(&[BRUNO]))
        .body(text(
            "Gentile Bruno,\r\n\r\ncon la presente disdico il contratto n. 4/2021.\r\n\r\nAnna Rossi\r\n",
        ))
}

/// To somebody who usually is in Cc.
pub fn to_carla(now: Moment) -> Mail {
    mail(ANNA, now, "invito", "Invito all'inaugurazione")
        .to(list(&[CARLA]))
        .body(text(
            "Gentile Carla,\r\n\r\nLa aspettiamo all'inaugurazione.\r\n\r\nAnna Rossi\r\n",
        ))
}

/// Somebody hidden in Bcc.
pub fn secret(now: Moment) -> Mail {
    mail(ANNA, now, "riservato", "Prezzi riservati")
        .to(list(&[BRUNO]))
        .bcc(list(&[CARLA]))
        .body(text(
            "Gentile Bruno,\r\n\r\nquesti prezzi sono solo per Lei.\r\n\r\nAnna Rossi\r\n",
        ))
}

/// A virus, of the harmless kind.
pub fn infected(now: Moment) -> Mail {
    mail(ANNA, now, "fotografie", "Fotografie del cantiere")
        .to(list(&[BRUNO]))
        .body(with_attachment(
            "Gentile Bruno,\r\n\r\nin allegato le fotografie.\r\n\r\nAnna Rossi\r\n",
            "application/octet-stream",
            "eicar.com",
            scanner::test_file().into_bytes(),
        ))
}

/// To nobody.
pub fn reminder(now: Moment) -> Mail {
    let subject = "Sollecito: la Sua risposta all'offerta n. 12/2026";
    mail(ANNA, now, "sollecito", subject)
        .to(Address::new_address(None::<&str>, BRUNA))
        .body(text(
            "Gentile Bruna,\r\n\r\nha già potuto leggere l'offerta?\r\n\r\nAnna Rossi\r\n",
        ))
}

/// With a price, in letters that no transfer encoding hides.
pub fn price(now: Moment) -> Mail {
    mail(ANNA, now, "prezzo", "Prezzo della pulitura")
        .to(list(&[BRUNO]))
        .body(text(PRICE_TEXT))
}

/// Ordinary mail for somebody who takes none.
pub fn ordinary_to_bruno(now: Moment) -> Mail {
    ordinary(now, BRUNO)
}

/// Ordinary mail for somebody who takes it.
pub fn ordinary_to_carla(now: Moment) -> Mail {
    ordinary(now, CARLA)
}

/// Ordinary mail for somebody who has it sent on.
pub fn ordinary_to_fabio(now: Moment) -> Mail {
    ordinary(now, FABIO)
}

/// The price as Anna writes it, and as it is after the change.
pub const PRICE: (&str, &str) = ("EUR 1.200,00", "EUR 7.200,00");
const PRICE_TEXT: &str =
    "Gentile Bruno,\r\n\r\nil prezzo della pulitura resta di EUR 1.200,00.\r\n\r\nAnna Rossi\r\n";

fn ordinary(now: Moment, to: Person) -> Mail {
    mail(DARIO, now, to.first_name(), "Una domanda sul campanile")
        .to(list(&[to]))
        .body(text(
            "Buongiorno,\r\n\r\nquando suonano di nuovo le campane?\r\n\r\nDario Blu\r\n",
        ))
}

/// What all messages have. `word` tells apart those written in the same second.
fn mail(from: Person, now: Moment, word: &str, subject: &'static str) -> Mail {
    let word = word.to_ascii_lowercase();
    MessageBuilder::new()
        .header("Date", Raw::new(now.rfc5322()))
        .from(Address::new_address(Some(from.name), from.address))
        .message_id(format!("{word}.{}@studio-rossi.example", now.0))
        .subject(subject)
        .header("User-Agent", Raw::new("Posta 1.0"))
}

fn list(people: &[Person]) -> Address<'static> {
    let one = |person: &Person| Address::new_address(Some(person.name), person.address);
    Address::new_list(people.iter().map(one).collect())
}

fn text(text: &'static str) -> MimePart<'static> {
    MimePart::new(TEXT, text)
}

fn with_attachment(
    words: &'static str,
    content_type: &'static str,
    name: &'static str,
    content: Vec<u8>,
) -> MimePart<'static> {
    let attachment = MimePart::new(content_type, BodyPart::from(content)).attachment(name);
    MimePart::new(
        // Given, because the library would otherwise make one out of the clock.
        ContentType::new("multipart/mixed").attribute("boundary", format!("------------{name}")),
        vec![text(words), attachment],
    )
}

/// The library adds the character set.
const TEXT: &str = "text/plain";
