//! Reading others' `daticert.xml`: strict where a lie could hide, lenient where providers differ.

use std::fmt;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use super::{CertificationData, CertifiedRecipient, DaticertKind, ErrorKind, ReceiptType};
use crate::instant::Instant;
use crate::limits::Limits;

/// Why a document is no certification data. The peer provider's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidDaticert {
    /// Over the limit, in octets.
    TooLarge(usize),
    /// Not UTF-8.
    NotUtf8,
    /// Not well-formed: what the parser said.
    Malformed(String),
    /// A DOCTYPE or an entity of its own: refused unread (PRACTICE 4).
    Doctype,
    /// An element that must be there is not.
    Missing(&'static str),
    /// An element or attribute has a value that no rule knows: which, and the value.
    BadValue(&'static str, String),
    /// An element that may stand once stands twice.
    Repeated(String),
    /// An element stands where the DTD has no place for it: which, and in what.
    Misplaced(String, String),
}

impl fmt::Display for InvalidDaticert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(limit) => write!(f, "over {limit} octets"),
            Self::NotUtf8 => f.write_str("not UTF-8"),
            Self::Malformed(why) => write!(f, "not well-formed XML: {why}"),
            Self::Doctype => f.write_str("a DOCTYPE or entity, which are refused"),
            Self::Missing(what) => write!(f, "{what} is missing"),
            Self::BadValue(what, value) => write!(f, "{what} has the unknown value “{value}”"),
            Self::Repeated(what) => write!(f, "{what} stands more than once"),
            Self::Misplaced(what, place) => write!(f, "{what} stands in {place}"),
        }
    }
}

impl std::error::Error for InvalidDaticert {}

/// Reads a document.
pub(crate) fn read(xml: &[u8], limits: &Limits) -> Result<CertificationData, InvalidDaticert> {
    if xml.len() > limits.daticert {
        return Err(InvalidDaticert::TooLarge(limits.daticert));
    }
    let xml = xml.strip_prefix(b"\xef\xbb\xbf").unwrap_or(xml);
    let xml = std::str::from_utf8(xml).map_err(|_| InvalidDaticert::NotUtf8)?;
    let mut reader = Reader::from_str(xml);
    let mut draft = Draft::default();
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut rooted = false;
    loop {
        match reader.read_event().map_err(|e| malformed(&e))? {
            Event::Start(_) | Event::Empty(_) if rooted && path.is_empty() => {
                return Err(InvalidDaticert::Malformed(
                    "there is more than one root element".into(),
                ));
            }
            Event::Start(start) => {
                let name = begin(&start, path.last().map(String::as_str), &mut draft)?;
                path.push(name);
                rooted = true;
                if path.len() > DEPTH {
                    return Err(InvalidDaticert::Malformed("nested too deep".into()));
                }
                text.clear();
            }
            Event::Empty(start) => {
                let name = begin(&start, path.last().map(String::as_str), &mut draft)?;
                draft.end(&name, "")?;
                rooted = true;
            }
            Event::Text(part) if path.is_empty() && part.trim().is_empty() => {}
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) if path.is_empty() => {
                return Err(InvalidDaticert::Malformed(
                    "there is text outside of its root element".into(),
                ));
            }
            Event::Text(part) => text.push_str(&part),
            Event::CData(part) => text.push_str(&part),
            Event::GeneralRef(reference) => text.push(character(&reference)?),
            Event::End(_) => {
                if let Some(name) = path.pop() {
                    draft.end(&name, text.trim())?;
                }
                text.clear();
            }
            Event::DocType(_) => return Err(InvalidDaticert::Doctype),
            Event::Eof => break,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
    if !rooted || !path.is_empty() {
        let why = if rooted {
            "it ends inside an element"
        } else {
            "it has no element"
        };
        return Err(InvalidDaticert::Malformed(why.into()));
    }
    draft.finish()
}

/// What has been read so far.
#[derive(Default)]
struct Draft {
    kind: Option<DaticertKind>,
    error: Option<ErrorKind>,
    recipient_is_external: bool,
    recipients: Vec<CertifiedRecipient>,
    receipt_type: Option<ReceiptType>,
    taken_in_charge: Vec<String>,
    zone: String,
    /// Elements that may stand once, by name.
    single: Vec<(String, String)>,
}

impl Draft {
    fn end(&mut self, name: &str, text: &str) -> Result<(), InvalidDaticert> {
        match name {
            "destinatari" => self.recipients.push(CertifiedRecipient {
                address: text.to_owned(),
                certified: !self.recipient_is_external,
            }),
            "ricezione" => self.taken_in_charge.push(text.to_owned()),
            _ if SINGLE.contains(&name) => {
                if self.single.iter().any(|(n, _)| n == name) {
                    return Err(InvalidDaticert::Repeated(name.to_owned()));
                }
                self.single.push((name.to_owned(), text.to_owned()));
            }
            // Containers, and whatever a later edition adds.
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.single.iter().position(|(n, _)| n == name)?;
        Some(self.single.swap_remove(at).1)
    }

    fn need(&mut self, name: &'static str) -> Result<String, InvalidDaticert> {
        self.take(name).ok_or(InvalidDaticert::Missing(name))
    }

    fn finish(mut self) -> Result<CertificationData, InvalidDaticert> {
        let (day, time) = (self.need("giorno")?, self.need("ora")?);
        let at = Instant::from_local(&day, &time, &self.zone).ok_or_else(|| {
            InvalidDaticert::BadValue("data", format!("{day} {time} {}", self.zone))
        })?;
        if self.recipients.is_empty() {
            return Err(InvalidDaticert::Missing("destinatari"));
        }
        Ok(CertificationData {
            kind: self
                .kind
                .ok_or(InvalidDaticert::Missing("postacert/@tipo"))?,
            error: self.error.unwrap_or(ErrorKind::None),
            sender: self.need("mittente")?,
            reply_to: self.take("risposte").unwrap_or_default(),
            subject: self.take("oggetto"),
            provider: self.need("gestore-emittente")?,
            at,
            pec_id: self.need("identificativo")?,
            message_id: self.take("msgid"),
            receipt_type: self.receipt_type,
            delivery: self.take("consegna"),
            extended_error: self.take("errore-esteso"),
            recipients: self.recipients,
            taken_in_charge: self.taken_in_charge,
            zone: self.zone,
        })
    }
}

/// Takes the attributes of an element; says its name.
fn begin(
    start: &BytesStart<'_>,
    parent: Option<&str>,
    draft: &mut Draft,
) -> Result<String, InvalidDaticert> {
    let name = start.name().as_ref().to_owned();
    let attribute = |wanted: &str| -> Result<Option<String>, InvalidDaticert> {
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| malformed(&e))?;
            if attribute.key.as_ref() == wanted {
                let value = attribute
                    .normalized_value(XmlVersion::Implicit1_0)
                    .map_err(|e| malformed(&e))?;
                return Ok(Some(value.into_owned()));
            }
        }
        Ok(None)
    };
    match (parent, name.as_str()) {
        (None, "postacert") => {
            let word = attribute("tipo")?.unwrap_or_default();
            let kind = DaticertKind::from_word(&word);
            draft.kind = Some(kind.ok_or(InvalidDaticert::BadValue("postacert/@tipo", word))?);
            if let Some(word) = attribute("errore")? {
                let error = ErrorKind::from_word(&word);
                draft.error =
                    Some(error.ok_or(InvalidDaticert::BadValue("postacert/@errore", word))?);
            }
        }
        (None, other) => {
            return Err(InvalidDaticert::BadValue("root element", other.to_owned()));
        }
        (Some(parent), name) if place(name).is_some_and(|place| place != parent) => {
            return Err(InvalidDaticert::Misplaced(
                name.to_owned(),
                parent.to_owned(),
            ));
        }
        (_, "destinatari") => {
            // The DTD's default is certificato.
            draft.recipient_is_external = match attribute("tipo")?.as_deref() {
                None | Some("certificato") => false,
                Some("esterno") => true,
                Some(other) => {
                    let word = other.to_owned();
                    return Err(InvalidDaticert::BadValue("destinatari/@tipo", word));
                }
            };
        }
        (_, "data") => draft.zone = attribute("zona")?.unwrap_or_default(),
        (_, "ricevuta") => {
            draft.receipt_type = Some(ReceiptType::requested(attribute("tipo")?.as_deref()));
        }
        _ => {}
    }
    Ok(name)
}

/// Where the DTD has an element; none for those that it does not know. In any other place a reader
/// may overlook it, or take it for something else.
fn place(name: &str) -> Option<&'static str> {
    PLACES
        .iter()
        .find(|(_, elements)| elements.contains(&name))
        .map(|(place, _)| *place)
}

/// `&amp;`, `&#233;`, …: the five names of XML and characters by number; no entity of a document.
fn character(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, InvalidDaticert> {
    if let Some(c) = reference.resolve_char_ref().map_err(|e| malformed(&e))? {
        return Ok(c);
    }
    match reference.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(InvalidDaticert::Doctype),
    }
}

fn malformed(error: &dyn fmt::Display) -> InvalidDaticert {
    InvalidDaticert::Malformed(error.to_string())
}

/// The DTD nests four deep.
const DEPTH: usize = 16;
/// RFC 6109 §4.4: what stands in what.
const PLACES: [(&str, &[&str]); 5] = [
    ("", &["postacert"]),
    ("postacert", &["intestazione", "dati"]),
    (
        "intestazione",
        &["mittente", "destinatari", "risposte", "oggetto"],
    ),
    (
        "dati",
        &[
            "gestore-emittente",
            "data",
            "identificativo",
            "msgid",
            "ricevuta",
            "consegna",
            "ricezione",
            "errore-esteso",
        ],
    ),
    ("data", &["giorno", "ora"]),
];
const SINGLE: [&str; 11] = [
    "mittente",
    "risposte",
    "oggetto",
    "gestore-emittente",
    "giorno",
    "ora",
    "identificativo",
    "msgid",
    "consegna",
    "errore-esteso",
    "ricevuta",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> CertificationData {
        CertificationData {
            kind: DaticertKind::Delivery,
            error: ErrorKind::None,
            sender: "anna@pec.alfa.example".into(),
            recipients: vec![
                CertifiedRecipient {
                    address: "b@pec.beta.example".into(),
                    certified: true,
                },
                CertifiedRecipient {
                    address: "c@posta.example".into(),
                    certified: false,
                },
            ],
            reply_to: String::new(),
            subject: Some("Perché <no> & \"sì\"".into()),
            provider: "Alfa S.p.A.".into(),
            at: Instant::from_unix(1_789_825_279).unwrap(),
            zone: "+0200".into(),
            pec_id: "x@pec.alfa.example".into(),
            message_id: Some("<y@client.example>".into()),
            receipt_type: Some(ReceiptType::Complete),
            delivery: Some("b@pec.beta.example".into()),
            taken_in_charge: vec![],
            extended_error: None,
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let data = data();
        assert_eq!(read(&data.to_xml(), &Limits::DEFAULT).unwrap(), data);
    }

    #[test]
    fn characters_that_xml_forbids_are_dropped() {
        let data = CertificationData {
            subject: Some("a\u{1}b\r\nc".into()),
            ..data()
        };
        let xml = String::from_utf8(data.to_xml()).unwrap();
        assert!(xml.contains("<oggetto>ab  c</oggetto>"), "{xml}");
    }

    #[test]
    fn i07_doctype_and_entities_are_refused() {
        let xml = String::from_utf8(data().to_xml()).unwrap();
        let doctype = xml.replacen(
            "<postacert",
            "<!DOCTYPE postacert [<!ENTITY a 'b'>]>\n<postacert",
            1,
        );
        assert_eq!(
            read(doctype.as_bytes(), &Limits::DEFAULT),
            Err(InvalidDaticert::Doctype)
        );
        let entity = xml.replacen("Perché", "&perche;", 1);
        assert_eq!(
            read(entity.as_bytes(), &Limits::DEFAULT),
            Err(InvalidDaticert::Doctype)
        );
        let truncated = &xml[..xml.len() - 20];
        assert!(matches!(
            read(truncated.as_bytes(), &Limits::DEFAULT),
            Err(InvalidDaticert::Malformed(_))
        ));
        let twice = xml.replacen(
            "<mittente>",
            "<mittente>m@x.example</mittente><mittente>",
            1,
        );
        assert_eq!(
            read(twice.as_bytes(), &Limits::DEFAULT),
            Err(InvalidDaticert::Repeated("mittente".into()))
        );
    }
}
