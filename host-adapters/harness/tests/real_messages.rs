//! Real messages of real providers (2018): `ceralacca verify` against the real root.
//!
//! The samples lie in the shared folder and name real people, so nothing of them is quoted here.
//! Their certificates are taken out by OpenSSL, not by us.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ceralacca_harness::provider::ldif::{Directory, Record};
use ceralacca_host::provider::{Address, Domain};
use common::{ceralacca, plug_in, succeed, tool};
use tempfile::TempDir;
use x509_cert::Certificate;
use x509_cert::der::{DecodePem as _, Encode as _};

/// The two intact ones hold; the third lost one blank on its way, and the verdict says so.
#[test]
fn real_messages_are_judged_as_they_deserve() {
    let Some(samples) = samples() else { return };
    if !plug_in() || !tool("openssl") {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let directory = folder.path().join("directory.ldif");
    fs::write(&directory, directory_of(&samples)).expect("a directory");
    for (file, code, verdict) in [
        (
            "aruba-2018-accettazione.eml",
            0,
            "Holds: acceptance receipt",
        ),
        (
            "aruba-2018-avvenuta-consegna.eml",
            0,
            "Holds: delivery receipt",
        ),
        (
            "sogei-2018-busta-one-blank-stripped.eml",
            6,
            "Does not hold: claims to be a transport envelope",
        ),
    ] {
        let ran = verify(&samples, file, &directory, &[]);
        assert_eq!(ran.code, code, "{file}: {}", ran.stderr);
        assert!(ran.stdout.starts_with(verdict), "{file}");
        assert!(
            ran.stdout.contains("Actalis Authentication Root CA"),
            "{file}"
        );
    }
    // Judged on a day on which the signer's certificate had ended, the same message does not hold.
    let file = "aruba-2018-accettazione.eml";
    let late = verify(
        &samples,
        file,
        &directory,
        &["--at", "2024-01-01T00:00:00Z"],
    );
    assert_eq!(late.code, 6);
    assert!(
        late.stdout
            .contains("\n  ✗ “CN=Posta Certificata ARUBA PEC"),
        "{}",
        late.stdout
    );
}

/// Without a directory the rest is judged all the same, and what is missing is named.
#[test]
fn a_real_message_without_a_directory_lacks_only_that() {
    let Some(samples) = samples() else { return };
    if !plug_in() {
        return;
    }
    let message = samples.join("aruba-2018-accettazione.eml");
    let roots = samples.join("root-actalis.pem");
    let (message, roots) = (message.to_str().unwrap(), roots.to_str().unwrap());
    let ran = ceralacca(&["verify", message, "--roots", roots, "--json"]);
    assert_eq!(ran.code, 8, "{}", ran.stderr);
    let finding: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let codes = |name: &str| -> Vec<&str> {
        let list = finding[name].as_array().expect("a list");
        list.iter()
            .map(|item| item["code"].as_str().unwrap())
            .collect()
    };
    assert_eq!(finding["verdict"], "unproven");
    assert_eq!(finding["holds"], false);
    assert_eq!(codes("defects"), [""; 0]);
    let checks = finding["checks"].as_array().expect("a list");
    let unchecked: Vec<&str> = checks
        .iter()
        .filter(|check| check["verdict"] == "not-checked")
        .map(|check| check["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        unchecked,
        [
            "signer-not-looked-up",
            "from-not-looked-up",
            "revocation-unchecked",
            "revocation-unchecked"
        ]
    );
    // Its certificates name lists, and none is here; it is of 2018, when SHA-1 was in use.
    assert_eq!(
        codes("remarks"),
        [
            "revocation-unchecked",
            "sha1-signature",
            "certificate-not-valid-now"
        ]
    );
    let signature = &finding["signature"];
    assert_eq!(finding["judged_at"], signature["signing_time"]);
    assert_eq!(signature["anchored"], true);
    assert_eq!(signature["revocation"][0]["verdict"], "unknown");
}

/// One blank was lost inside: the report has the digest that was signed and the one of what is
/// there, both as OpenSSL finds them, and says that the rest is as it should be.
#[test]
fn the_lost_blank_shows_as_two_digests() {
    let Some(samples) = samples() else { return };
    if !plug_in() || !tool("openssl") {
        return;
    }
    let message = samples.join("sogei-2018-busta-one-blank-stripped.eml");
    let roots = samples.join("root-actalis.pem");
    let ran = ceralacca(&[
        "verify",
        message.to_str().unwrap(),
        "--roots",
        roots.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    let judged: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let (signed, present) = (signed_digest(&message), digest_of_the_signed_part(&message));
    assert_ne!(signed, present);
    assert_eq!(judged["signature"]["message_digest"], signed);
    assert_eq!(judged["signature"]["computed_digest"], present);
    let sentence = judged["sentence"].as_str().unwrap();
    assert!(sentence.contains(&signed) && sentence.contains(&present));
    let failed: Vec<&str> = judged["checks"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|check| check["verdict"] == "failed")
        .map(|check| check["code"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["content-altered"]);
    // The file has LF line ends: both ways were tried.
    let note = judged["notes"][0].as_str().unwrap();
    assert!(note.ends_with("the other way the signature fits no better"));
}

/// The messageDigest attribute, by `openssl asn1parse`.
fn signed_digest(message: &Path) -> String {
    let pkcs7 = succeed(
        Command::new("openssl")
            .args(["smime", "-pk7out", "-in"])
            .arg(message),
    );
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("signature.pem");
    fs::write(&file, pkcs7).expect("a file");
    let parsed = succeed(
        Command::new("openssl")
            .args(["asn1parse", "-in"])
            .arg(&file),
    );
    let at = parsed.find(":messageDigest").expect("the attribute");
    let (_, dump) = parsed[at..].split_once("[HEX DUMP]:").expect("its value");
    let digits = dump.split_whitespace().next().expect("a line");
    digits.to_ascii_lowercase()
}

/// SHA-1, by OpenSSL, of what stands between the first two delimiters, with CRLF line ends.
fn digest_of_the_signed_part(message: &Path) -> String {
    let text = fs::read(message).expect("a message");
    let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
    let (_, boundary) = text.split_once("boundary=\"").expect("a boundary");
    let boundary = boundary.split('"').next().expect("its end");
    let delimiter = format!("\n--{boundary}\n");
    let part = text.split(&delimiter).nth(1).expect("the signed part");
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("part");
    fs::write(&file, part.replace('\n', "\r\n")).expect("a file");
    let mut dgst = Command::new("openssl");
    let said = succeed(dgst.args(["dgst", "-sha1", "-r"]).arg(&file));
    said.split_whitespace().next().expect("digits").to_owned()
}

fn verify(samples: &Path, file: &str, directory: &Path, more: &[&str]) -> common::Ran {
    let path = |p: PathBuf| p.to_str().expect("UTF-8").to_owned();
    let mut arguments = vec![
        "verify".to_owned(),
        path(samples.join(file)),
        "--directory".to_owned(),
        path(directory.to_owned()),
        "--roots".to_owned(),
        path(samples.join("root-actalis.pem")),
    ];
    arguments.extend(more.iter().map(|word| (*word).to_owned()));
    ceralacca(&arguments)
}

/// A directory with the providers of the samples.
fn directory_of(samples: &Path) -> String {
    let mut directory = Directory::new();
    for (name, file, domain) in [
        ("Aruba", "aruba-2018-accettazione.eml", "pec.aruba.it"),
        (
            "Sogei",
            "sogei-2018-busta-one-blank-stripped.eml",
            "pcert.sogei.it",
        ),
    ] {
        let receipts: Address = format!("ricevute@{domain}").parse().expect("an address");
        let domain: Domain = domain.parse().expect("a domain");
        let record = Record {
            name,
            certificate: &signer(&samples.join(file)),
            mail_receipt: &receipts,
            domains: &[domain],
        };
        assert!(directory.add(&record).is_ok(), "{name}");
    }
    directory.to_ldif()
}

/// The first certificate of the signature, DER.
fn signer(message: &Path) -> Vec<u8> {
    let pkcs7 = succeed(
        Command::new("openssl")
            .args(["smime", "-pk7out", "-in"])
            .arg(message),
    );
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("signature.pem");
    fs::write(&file, pkcs7).expect("a file");
    let mut print = Command::new("openssl");
    print
        .args(["pkcs7", "-print_certs", "-in"])
        .arg(&file)
        .stdin(Stdio::null());
    let text = succeed(&mut print);
    let begin = text.find("-----BEGIN").expect("a certificate");
    let end = text[begin..]
        .find("-----END CERTIFICATE-----")
        .expect("its end");
    let pem = format!("{}-----END CERTIFICATE-----\n", &text[begin..begin + end]);
    Certificate::from_pem(pem)
        .and_then(|c| c.to_der())
        .expect("a certificate")
}

/// Where the samples are; none, with a printed reason, where they are not.
fn samples() -> Option<PathBuf> {
    let shared = std::env::var_os("CERALACCA_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let samples = shared.join("samples");
    if samples.is_dir() {
        return Some(samples);
    }
    eprintln!("skipped: the samples of real messages are not here");
    None
}
