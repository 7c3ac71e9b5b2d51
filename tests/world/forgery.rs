//! Mail that is well signed and says what no provider should. OpenSSL signs, not we, with the keys
//! of the world; its processes live in the story's time (`faketime`).

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ceralacca_harness::provider::Folder;
use encodify::base64;

use super::mail::Read;
use super::oracles::has;
use super::{Station, World};

/// Are the programs here that sign?
pub fn is_possible() -> bool {
    has("openssl") && has("faketime")
}

// ---- messages ---------------------------------------------------------------------------------

/// A `multipart/signed` message without its signature, to be changed and signed anew.
#[derive(Clone)]
pub struct Draft {
    /// The header section, with the blank line and the preamble.
    pub head: String,
    /// The part that is signed.
    pub content: String,
    /// The line that separates the two parts.
    line: String,
}

impl Draft {
    pub fn of(message: &[u8]) -> Self {
        let text = String::from_utf8(message.to_vec()).expect("7-bit");
        let start = text.find("boundary=\"").expect("a boundary") + 10;
        let end = start + text[start..].find('"').expect("its end");
        let line = format!("--{}\r\n", &text[start..end]);
        let mut parts = text.split(&line);
        let head = parts.next().expect("a head").to_owned();
        let content = parts.next().expect("a part").strip_suffix("\r\n");
        Self {
            head,
            content: content.expect("a line end").to_owned(),
            line,
        }
    }

    /// Changes the header, which no signature covers.
    pub fn header(mut self, old: &str, new: &str) -> Self {
        assert!(self.head.contains(old), "{old}");
        self.head = self.head.replacen(old, new, 1);
        self
    }

    /// Changes what is signed, at the first place.
    pub fn change(mut self, old: &str, new: &str) -> Self {
        assert!(self.content.contains(old), "{old}");
        self.content = self.content.replacen(old, new, 1);
        self
    }

    /// Changes the text of `daticert.xml`.
    pub fn daticert(mut self, change: impl FnOnce(&str) -> String) -> Self {
        let xml = Read::new(self.content.as_bytes()).daticert();
        let changed = change(&xml.expect("certification data"));
        let part = self.part("daticert.xml");
        let body = part.start + self.content[part.clone()].find("\r\n\r\n").expect("a body") + 4;
        let encoded = base64::MIME.encode(changed.as_bytes());
        self.content.replace_range(body..part.end, &encoded);
        self
    }

    /// Leaves a part out.
    pub fn without(mut self, name: &str) -> Self {
        let part = self.part(name);
        let line = self.content[..part.start - 2].rfind("\r\n").expect("one");
        self.content.replace_range(line..part.end, "");
        self
    }

    /// Has a part stand there twice.
    pub fn twice(mut self, name: &str) -> Self {
        let part = self.part(name);
        let line = self.content[..part.start - 2].rfind("\r\n").expect("one");
        let copy = self.content[line..part.end].to_owned();
        self.content.insert_str(line, &copy);
        self
    }

    /// A part of this file name: header and body, without the boundary lines.
    fn part(&self, name: &str) -> Range<usize> {
        let at = self.content.find(&format!("name=\"{name}\""));
        let at = at.expect("the part");
        let start = self.content[..at].rfind("\r\n--").expect("a boundary") + 2;
        let start = start + self.content[start..].find("\r\n").expect("its end") + 2;
        // An attached message has boundaries of its own.
        let line = self.content[..start - 2].rfind("\r\n").expect("a line") + 2;
        let line = &self.content[line..start - 2];
        let end = self.content[start..].find(&format!("\r\n{line}"));
        start..start + end.expect("the next boundary")
    }

    /// Signed by a provider of the world as it signs itself.
    pub fn signed_by(&self, station: &Station) -> Vec<u8> {
        self.signed_with(&station.folder)
    }

    /// Signed with the key in a provider's folder.
    pub fn signed_with(&self, provider: &Folder) -> Vec<u8> {
        let signer = (provider.file("certificate.pem"), provider.file("key.pem"));
        let others = provider.file("test-ca/ca.pem");
        self.signed(&signer, &others, "-md|sha256", "\"sha-256\"")
    }

    /// Signed by OpenSSL, with further words of `cms -sign` between bars.
    pub fn signed(
        &self,
        (certificate, key): &(PathBuf, PathBuf),
        others: &Path,
        how: &str,
        micalg: &str,
    ) -> Vec<u8> {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let content = scratch.path().join("content");
        fs::write(&content, &self.content).expect("a file");
        let words = format!(
            "cms|-sign|-binary|-outform|DER|{how}|-signer|{}|-inkey|{}|-certfile|{}|-in",
            certificate.display(),
            key.display(),
            others.display()
        );
        self.with_signature(&openssl(&words, &[&content]), "x-pkcs7-signature", micalg)
    }

    /// With these octets for a signature.
    pub fn with_signature(&self, signature: &[u8], subtype: &str, micalg: &str) -> Vec<u8> {
        let head = &self.head;
        let head = head.replace("micalg=\"sha-256\"", &format!("micalg={micalg}"));
        let (line, content) = (&self.line, &self.content);
        format!(
            "{head}{line}{content}\r\n{line}Content-Type: application/{subtype}; name=smime.p7s\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{}\r\n{}--\r\n",
            base64::MIME.encode(signature),
            line.trim_end()
        )
        .into_bytes()
    }
}

// ---- keys and certificates --------------------------------------------------------------------

/// A provider's certificate and key.
pub fn pair(station: &Station) -> (PathBuf, PathBuf) {
    let file = |name: &str| station.folder.file(name);
    (file("certificate.pem"), file("key.pem"))
}

/// The authority's certificate and key: `ca` issued the providers, `root` issued `ca`.
pub fn authority(world: &World, name: &str) -> (PathBuf, PathBuf) {
    let file = |end: &str| world.beta.folder.file(format!("test-ca/{name}{end}.pem"));
    (file(""), file("-key"))
}

/// What providers' certificates have.
pub const ALFAS_EXTENSIONS: &str = "keyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n\
     subjectAltName=email:posta-certificata@pec.alfa.example\n";

/// A key and a certificate with these extensions: their files.
pub fn issue(
    folder: &Path,
    name: &str,
    issuer: &(PathBuf, PathBuf),
    extensions: &str,
) -> (PathBuf, PathBuf) {
    let key = folder.join(format!("{name}-key.pem"));
    let words = "genpkey|-algorithm|RSA|-pkeyopt|rsa_keygen_bits:2048|-out";
    openssl(words, &[&key]);
    (certify(folder, name, &key, issuer, extensions), key)
}

/// A certificate for a key that exists.
pub fn certify(
    folder: &Path,
    name: &str,
    key: &Path,
    issuer: &(PathBuf, PathBuf),
    extensions: &str,
) -> PathBuf {
    let file = |end: &str| folder.join(format!("{name}{end}"));
    fs::write(file(".ext"), extensions).expect("a file");
    let words = format!(
        "req|-new|-key|{}|-utf8|-subj|/C=IT/O=Alfa S.p.A./CN={name}|-out",
        key.display()
    );
    openssl(&words, &[&file(".csr")]);
    let words = format!(
        "x509|-req|-sha256|-days|300|-extfile|{}|-CA|{}|-CAkey|{}|-in|{}|-out",
        file(".ext").display(),
        issuer.0.display(),
        issuer.1.display(),
        file(".csr").display(),
    );
    openssl(&words, &[&file(".pem")]);
    file(".pem")
}

/// A directory in which a provider's record has one certificate more.
pub fn with_certificate(ldif: &str, provider: &str, certificate: &Path) -> String {
    let der = openssl("x509|-outform|DER|-in", &[certificate]);
    let hash = openssl("x509|-noout|-fingerprint|-sha1|-in", &[certificate]);
    let hash = String::from_utf8(hash).expect("ASCII");
    let hash = hash
        .trim()
        .rsplit('=')
        .next()
        .expect("a hash")
        .replace(':', "");
    let name = format!("providerName: {provider}\n");
    assert!(ldif.contains(&name), "{ldif}");
    let more = format!(
        "{name}providerCertificateHash: {hash}\nproviderCertificate;binary:: {}\n",
        base64::STANDARD.encode(&der)
    );
    ldif.replacen(&name, &more, 1)
}

/// A directory in which a provider has a secondary environment for a domain, with the certificate
/// of the main one.
pub fn with_secondary_environment(ldif: &str, provider: &str, unit: &str, domain: &str) -> String {
    let name = format!("providerName: {provider}");
    let is_main = |record: &&str| record.lines().any(|line| line == name);
    let main = ldif.split("\n\n").find(is_main).expect("a record");
    let line = |line: &str| match line.split_once(": ") {
        Some(("dn", dn)) => format!("dn: providerUnit={unit},{dn}"),
        Some(("providerName", _)) => format!("{line}\nproviderUnit: {unit}"),
        Some(("mailReceipt", _)) => format!("mailReceipt: ricevute@{domain}"),
        Some(("managedDomains", _)) => format!("managedDomains: {domain}"),
        _ => line.to_owned(),
    };
    let secondary: Vec<String> = main.lines().map(line).collect();
    format!("{}\n\n{}\n", ldif.trim_end(), secondary.join("\n"))
}

/// OpenSSL in the story's time; words between bars, then files.
pub fn openssl(words: &str, more: &[&Path]) -> Vec<u8> {
    // Certificates and signatures begin when the story does, however long the tool takes: its clock
    // stands still (`-f`).
    let mut command = Command::new("faketime");
    command
        .env("TZ", "UTC")
        .args(["-f", "2026-09-19 13:41:19", "openssl"]);
    output(command.args(words.split('|')).args(more))
}

/// What a command that must succeed prints.
pub fn output(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().expect("a tool");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}
