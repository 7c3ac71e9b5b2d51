//! The user's message, as the access point reads and encloses it.

use crate::daticert::ReceiptType;
use crate::ids::PecId;
use crate::message::compose::Composer;
use crate::message::header::HeaderSection;
use crate::message::recode::{Edits, NotSevenBit, to_seven_bit};
use crate::message::scan::Scan;
use crate::wire;

/// The original message with its header section found.
#[derive(Clone, Copy)]
pub(crate) struct Original<'a> {
    message: &'a [u8],
    header: HeaderSection<'a>,
    header_end: usize,
}

impl<'a> Original<'a> {
    pub fn new(message: &'a [u8], scan: &Scan) -> Self {
        let span = scan.parts[0].header.clone();
        Self {
            message,
            header: HeaderSection::new(&message[span.clone()]),
            header_end: span.end,
        }
    }

    pub fn message(&self) -> &'a [u8] {
        self.message
    }

    pub fn header(&self) -> HeaderSection<'a> {
        self.header
    }

    pub fn size(&self) -> u64 {
        self.message.len() as u64
    }

    /// The client's Message-ID, brackets and all (RFC 6109 `msgid`).
    pub fn client_message_id(&self) -> Option<String> {
        let id = self.header.first("Message-ID")?.unfolded();
        (!id.is_empty()).then_some(id)
    }

    /// What kind of delivery receipt the sender asks for (RFC 6109 §3.1.5).
    pub fn receipt_type(&self) -> ReceiptType {
        ReceiptType::requested(self.header.text(wire::X_TIPO_RICEVUTA).as_deref())
    }

    /// The original as `postacert.eml` encloses it (PRACTICE 3): its own octets but for the
    /// Message-ID, which becomes the PEC id, and X-Riferimento-Message-ID as last header.
    pub fn postacert(&self, scan: &Scan, pec_id: &PecId) -> Result<Composer, NotSevenBit> {
        let mut edits = Edits::default();
        to_seven_bit(self.message, scan, &mut edits)?;
        let own_id = format!("Message-ID: <{pec_id}>\r\n");
        let end = self.header_end..self.header_end;
        match self.header.first("Message-ID") {
            Some(field) => edits.replace(field.span, own_id),
            None => edits.replace(end.clone(), own_id),
        }
        if let Some(client) = self.client_message_id() {
            edits.replace(
                end.clone(),
                format!("{}: {client}\r\n", wire::X_RIFERIMENTO),
            );
        }
        let no_blank_line = self.message.len() == self.header_end;
        if no_blank_line {
            // A message of header fields only: what encloses it must not run into them.
            edits.replace(end, "\r\n");
        }
        Ok(edits.apply(0..self.message.len()))
    }
}
