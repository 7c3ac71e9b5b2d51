//! Lower-case hexadecimal, as the directory and `.hash` files write digests.

/// Two digits per octet.
pub(crate) fn encode(octets: &[u8]) -> String {
    let digit = |n: u8| char::from(b"0123456789abcdef"[usize::from(n)]);
    octets
        .iter()
        .flat_map(|o| [digit(o >> 4), digit(o & 15)])
        .collect()
}
