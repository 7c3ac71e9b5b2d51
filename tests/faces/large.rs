//! Large letters, in the ways that take memory.

/// What a large letter consists of.
#[derive(Clone, Copy, Debug)]
pub enum Filling {
    /// Text that may be signed as it is.
    SevenBit,
    /// Octets that are re-encoded before they are signed.
    EightBit,
    /// An attachment.
    Base64,
    /// Text that becomes hardly shorter when it is decoded.
    QuotedPrintable,
    /// The same, in an attachment that is certified mail.
    Enclosed,
}

/// A letter of `size` octets or a few less.
pub fn letter([from, to]: [&str; 2], size: usize, filling: Filling) -> Vec<u8> {
    let (header, line) = match filling {
        Filling::SevenBit => ("\r\n", vec![b'A'; 76]),
        Filling::EightBit => ("Content-Transfer-Encoding: 8bit\r\n\r\n", vec![0xe8; 76]),
        Filling::Base64 => (
            "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            b"QUJD".repeat(19),
        ),
        Filling::QuotedPrintable => (
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n=3D\r\n",
            vec![b'A'; 76],
        ),
        Filling::Enclosed => (
            "Content-Type: multipart/mixed; boundary=\"mua\"\r\n\r\n--mua\r\n\
             Content-Type: application/octet-stream; name=\"busta.eml\"\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n\
             X-Trasporto: posta-certificata\r\n\r\n=3D\r\n",
            vec![b'A'; 76],
        ),
    };
    let start = format!(
        "From: {from}\r\nTo: {to}\r\nSubject: Buongiorno\r\n\
         Message-ID: <client-3@mua.example>\r\nMIME-Version: 1.0\r\n{header}"
    );
    let line = [line.as_slice(), b"\r\n"].concat();
    let lines = size.saturating_sub(start.len()) / line.len();
    [start.into_bytes(), line.repeat(lines)].concat()
}
