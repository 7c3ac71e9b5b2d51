//! Writing `daticert.xml`.

use std::borrow::Cow;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::CertificationData;

impl CertificationData {
    /// The document: UTF-8, XML declaration, no DOCTYPE, valid against the DTD of RFC 6109 §4.4.
    pub fn to_xml(&self) -> Vec<u8> {
        let mut writer = Writer::new_with_indent(Vec::with_capacity(2048), b' ', 4);
        // Writing into a Vec cannot fail.
        self.write(&mut writer).expect("a Vec takes everything");
        let mut xml = writer.into_inner();
        xml.push(b'\n');
        xml
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        writer
            .create_element("postacert")
            .with_attribute(("tipo", self.kind.word()))
            .with_attribute(("errore", self.error.word()))
            .write_inner_content(|writer| {
                writer
                    .create_element("intestazione")
                    .write_inner_content(|writer| self.write_header(writer))?;
                writer
                    .create_element("dati")
                    .write_inner_content(|writer| self.write_data(writer))?;
                Ok(())
            })?;
        Ok(())
    }

    fn write_header(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        text(writer, "mittente", &self.sender)?;
        for recipient in &self.recipients {
            // Always written, though the DTD has a default (PRACTICE 4).
            let kind = if recipient.certified {
                "certificato"
            } else {
                "esterno"
            };
            writer
                .create_element("destinatari")
                .with_attribute(("tipo", kind))
                .write_text_content(BytesText::new(&printable(&recipient.address)))?;
        }
        text(writer, "risposte", &self.reply_to)?;
        self.subject
            .iter()
            .try_for_each(|subject| text(writer, "oggetto", subject))
    }

    fn write_data(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let legal = self.at.legal_time();
        text(writer, "gestore-emittente", &self.provider)?;
        writer
            .create_element("data")
            .with_attribute(("zona", legal.zone().as_str()))
            .write_inner_content(|writer| {
                text(writer, "giorno", &legal.day())?;
                text(writer, "ora", &legal.time())
            })?;
        text(writer, "identificativo", &self.pec_id)?;
        self.message_id
            .iter()
            .try_for_each(|id| text(writer, "msgid", id))?;
        if let Some(kind) = self.receipt_type {
            writer
                .create_element("ricevuta")
                .with_attribute(("tipo", kind.word()))
                .write_empty()?;
        }
        self.delivery
            .iter()
            .try_for_each(|address| text(writer, "consegna", address))?;
        self.taken_in_charge
            .iter()
            .try_for_each(|address| text(writer, "ricezione", address))?;
        self.extended_error
            .iter()
            .try_for_each(|error| text(writer, "errore-esteso", error))
    }
}

fn text(writer: &mut Writer<Vec<u8>>, name: &str, value: &str) -> std::io::Result<()> {
    writer
        .create_element(name)
        .write_text_content(BytesText::new(&printable(value)))?;
    Ok(())
}

/// Drops what XML 1.0 forbids (§2.2 `Char`), however escaped. A line break or tab would be legal
/// but changes under normalisation: it becomes a blank.
fn printable(text: &str) -> Cow<'_, str> {
    let changes = |c| matches!(c, '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if !text.contains(changes) {
        return text.into();
    }
    text.chars()
        .filter_map(|c| match c {
            '\t' | '\n' | '\r' => Some(' '),
            c => (!changes(c)).then_some(c),
        })
        .collect()
}
