//! What the reader can check beyond the signatures.

use ceralacca_host::pec::MessageKind;
use sha1::{Digest as _, Sha1};

use super::story::Proof;
use super::teller::Told;
use super::trouble::find;

/// The hash in a brief receipt is the SHA-1 of the attachment as it travels, base64 lines and all
/// (PRACTICE 8.10). None if it is not, which is a mistake that the demonstration must not hide.
pub fn hash_of_the_pdf(told: &[Told]) -> Option<Proof> {
    let of = |kind| told.iter().find(|told| told.kind == kind);
    let (original, receipt) = (of(MessageKind::Ordinary)?, of(MessageKind::Delivery)?);
    let hash: String = Sha1::digest(encoded_pdf(&original.octets)?)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    find(&receipt.octets, hash.as_bytes())?;
    Some(Proof {
        text: format!(
            "The hash in {} is the SHA-1 of the PDF as it travels, base64 lines and all, without \
             the line end before the boundary:",
            receipt.file
        ),
        // Portable: awk takes the lines of the body and joins them as mail does.
        command: format!(
            "grep -A2 -i filename=.*hash {}\n\
             awk '/^{PDF}/{{f=1}} /^--/{{f=0}} f{{sub(/\\r$/,\"\"); printf \"%s%s\",s,$0; s=\"\\r\\n\"}}' \\\n    \
             {} | openssl dgst -sha1 -r",
            receipt.file, original.file
        ),
        output: hash,
    })
}

/// The body of the part that is a PDF, in base64, up to the line end before the boundary.
fn encoded_pdf(message: &[u8]) -> Option<&[u8]> {
    let start = find(message, format!("\r\n{PDF}").as_bytes())? + 2;
    let length = find(&message[start..], b"\r\n--")?;
    Some(&message[start..start + length])
}

/// How `%PDF-` begins in base64.
const PDF: &str = "JVBERi0";
