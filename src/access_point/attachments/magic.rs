//! What a file is, by its first octets, and which extensions such files have.

/// A kind of file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub italian: &'static str,
    pub english: &'static str,
    /// Forbidding any of these forbids the kind.
    pub extensions: &'static [&'static str],
}

/// The kind of a file of `size` octets that begins with `start`.
pub(super) fn kind_of(start: &[u8], size: u64) -> Option<&'static Kind> {
    if is_windows_program(start, size) {
        return Some(&WINDOWS_PROGRAM);
    }
    if start.starts_with(b"\xca\xfe\xba\xbe") {
        return Some(java_class_or_universal_binary(start));
    }
    BEGINNINGS
        .iter()
        .find(|(offset, octets, _)| {
            start
                .get(*offset..)
                .is_some_and(|rest| rest.starts_with(octets))
        })
        .map(|(.., kind)| *kind)
}

/// `MZ`, and at the offset that stands at 0x3C a header of Windows (PE), 16-bit Windows (NE) or
/// OS/2 (LE, LX). A header beyond `start` but inside the file counts as well: the loader does not
/// mind how far away it is, and no text that begins with "MZ" has a plausible offset there.
fn is_windows_program(start: &[u8], size: u64) -> bool {
    let Some(&[a, b, c, d]) = start.get(0x3c..0x40) else {
        return false;
    };
    if !start.starts_with(b"MZ") {
        return false;
    }
    let at = u32::from_le_bytes([a, b, c, d]);
    match start.get(at as usize..) {
        Some(header) if header.len() >= 4 => {
            header.starts_with(b"PE\0\0")
                || [b"NE", b"LE", b"LX"]
                    .iter()
                    .any(|magic| header.starts_with(*magic))
        }
        _ => u64::from(at) < size,
    }
}

/// Both begin with CAFEBABE. A universal binary counts its architectures next, a handful; a class
/// has its version there, from 45 on.
fn java_class_or_universal_binary(start: &[u8]) -> &'static Kind {
    match start.get(4..8) {
        Some(&[0, 0, 0, few]) if few < 45 => &MAC_PROGRAM,
        _ => &JAVA_CLASS,
    }
}

/// Offset, octets, kind. From the formats' specifications.
const BEGINNINGS: &[(usize, &[u8], &Kind)] = &[
    (0, b"\x7fELF", &UNIX_PROGRAM),
    (0, b"\xfe\xed\xfa\xce", &MAC_PROGRAM),
    (0, b"\xfe\xed\xfa\xcf", &MAC_PROGRAM),
    (0, b"\xce\xfa\xed\xfe", &MAC_PROGRAM),
    (0, b"\xcf\xfa\xed\xfe", &MAC_PROGRAM),
    (0, b"dex\n", &ANDROID),
    (0, b"\0asm", &WEB_ASSEMBLY),
    // HeaderSize and the class identifier of MS-SHLLINK §2.1.
    (
        0,
        b"\x4c\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46",
        &SHORTCUT,
    ),
    (0, b"ITSF", &COMPILED_HELP),
    (0, b"MSCF", &CABINET),
    (0, b"Rar!\x1a\x07", &RAR),
    (0, b"7z\xbc\xaf\x27\x1c", &SEVEN_ZIP),
    (0, b"\x1f\x8b\x08", &GZIP),
    // Behind "BZh" and a digit, the mark of the first block: π in BCD.
    (4, b"\x31\x41\x59\x26\x53\x59", &BZIP2),
    (0, b"\xfd7zXZ\0", &XZ),
    (257, b"ustar", &TAR),
    (7, b"**ACE**", &ACE),
    (0, b"{\\rtf", &RICH_TEXT),
    (0, b"%PDF-", &PDF),
];

macro_rules! kinds {
    ($($name:ident = $italian:literal, $english:literal, [$($extension:literal),*];)*) => {
        $(pub(super) static $name: Kind = Kind {
            italian: $italian,
            english: $english,
            extensions: &[$($extension),*],
        };)*
    };
}

kinds! {
    WINDOWS_PROGRAM = "un programma per Windows", "a Windows program",
        ["exe", "dll", "scr", "com", "pif", "cpl", "ocx", "sys", "drv", "efi", "mui", "ax"];
    UNIX_PROGRAM = "un programma ELF", "an ELF program", ["elf", "so", "ko", "o", "run", "bin"];
    MAC_PROGRAM = "un programma per macOS", "a macOS program", ["macho", "dylib", "bundle", "app", "o"];
    JAVA_CLASS = "una classe Java", "a Java class", ["class"];
    JAVA_ARCHIVE = "un archivio Java", "a Java archive", ["jar", "war", "ear"];
    ANDROID = "un programma per Android", "an Android program", ["apk", "dex", "aab"];
    WEB_ASSEMBLY = "un programma WebAssembly", "a WebAssembly program", ["wasm"];
    SHORTCUT = "un collegamento di Windows", "a Windows shortcut", ["lnk"];
    COMPILED_HELP = "una guida compilata di Windows", "a compiled Windows help", ["chm"];
    // Which of a dozen formats is for its name to say; what it is not, is a zip archive.
    OFFICE = "un documento Office", "an Office document", [];
    OFFICE_MACROS = "un documento Office con macro", "an Office document with macros", [
        "docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppsm", "ppam"];
    RICH_TEXT = "un documento RTF", "an RTF document", ["rtf"];
    PDF = "un documento PDF", "a PDF document", ["pdf"];
    ZIP = "un archivio zip", "a zip archive", ["zip"];
    RAR = "un archivio RAR", "a RAR archive", ["rar"];
    SEVEN_ZIP = "un archivio 7z", "a 7z archive", ["7z"];
    CABINET = "un archivio CAB", "a CAB archive", ["cab"];
    GZIP = "un archivio gzip", "a gzip archive", ["gz", "tgz"];
    BZIP2 = "un archivio bzip2", "a bzip2 archive", ["bz2", "tbz2"];
    XZ = "un archivio xz", "an xz archive", ["xz", "txz"];
    TAR = "un archivio tar", "a tar archive", ["tar"];
    ACE = "un archivio ACE", "an ACE archive", ["ace"];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(header_at: u32, header: &[u8]) -> Vec<u8> {
        let mut octets = b"MZ".to_vec();
        octets.resize(0x3c, 0);
        octets.extend_from_slice(&header_at.to_le_bytes());
        octets.resize(octets.len().max(header_at as usize), 0);
        octets.extend_from_slice(header);
        octets
    }

    #[test]
    fn f14_programs_are_known_by_their_headers() {
        let kind = |octets: &[u8]| kind_of(octets, octets.len() as u64).map(|k| k.extensions[0]);
        assert_eq!(kind(&program(0x80, b"PE\0\0d\x86")), Some("exe"));
        assert_eq!(kind(&program(0x40, b"NE\x05\x3c")), Some("exe"));
        assert_eq!(kind(b"\xca\xfe\xba\xbe\0\0\0\x34"), Some("class"));
        assert_eq!(kind(b"\xca\xfe\xba\xbe\0\0\0\x02"), Some("macho"));
        let far = program(0x8000, b"PE\0\0");
        assert_eq!(
            kind_of(&far[..4096], far.len() as u64),
            Some(&WINDOWS_PROGRAM)
        );
        let text = "MZ, la sigla di Mantova Zona, va scritta in maiuscolo e senza punti.";
        assert_eq!(kind(text.as_bytes()), None);
        assert_eq!(kind(&program(0x80, b"no header")), None);
        assert_eq!(kind(b"MZ"), None);
    }
}
