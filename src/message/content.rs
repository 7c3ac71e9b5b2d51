//! What a body says once its transfer encoding is undone (RFC 2045 §6).

use std::borrow::Cow;

use encodify::{base64, qp};

use super::header::TransferEncoding;

/// The octets that a reader gets, as forgiving as readers are: what is no base64 is passed over
/// (RFC 2045 §6.8), an escape that is none stands for itself (§6.7).
pub(crate) fn decoded(body: &[u8], encoding: TransferEncoding) -> Cow<'_, [u8]> {
    match encoding {
        TransferEncoding::Base64 => base64::LENIENT
            .decode(body)
            .unwrap_or_else(|_| decoded_around_garbage(body))
            .into(),
        TransferEncoding::QuotedPrintable => qp::BODY.decode(body).unwrap_or(body.into()),
        _ => body.into(),
    }
}

fn decoded_around_garbage(body: &[u8]) -> Vec<u8> {
    let mut decoder = base64::LENIENT.decoder();
    let mut out = Vec::with_capacity(body.len() / 4 * 3);
    let mut rest = body;
    loop {
        rest = &rest[decoder.decode_symbols(rest, &mut out)..];
        match rest.split_first() {
            Some((b'=', after)) => {
                decoder.pad(&mut out);
                rest = after;
            }
            Some((_, after)) => rest = after,
            None => break,
        }
    }
    decoder.finish(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_undone_as_readers_undo_them() {
        for (body, encoding, octets) in [
            ("UGVy\r\nY2g=\r\n", TransferEncoding::Base64, "Perch"),
            ("UG!Vy\r\n%Y2g=*", TransferEncoding::Base64, "Perch"),
            (
                "a=3Db=\r\nc=Zd",
                TransferEncoding::QuotedPrintable,
                "a=bc=Zd",
            ),
            ("a=3Db", TransferEncoding::SevenBit, "a=3Db"),
        ] {
            assert_eq!(
                decoded(body.as_bytes(), encoding),
                octets.as_bytes(),
                "{body}"
            );
        }
    }
}
