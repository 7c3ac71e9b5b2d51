//! `ceralacca verify` judges one message: what it says, and whether others say the same of it.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::verdicts::{Demonstration, codes, objects, with_lf};
use common::{ceralacca, plug_in, succeed, tool};
use serde_json::Value;
use tempfile::TempDir;

/// All kinds hold, and OpenSSL finds the same signer, the same digest and the same signed octets.
#[test]
fn every_message_of_the_demonstration_holds_and_openssl_finds_the_same_facts() {
    if !plug_in() || !tool("openssl") {
        return;
    }
    let demo = Demonstration::run();
    let messages = demo.messages();
    let paths: Vec<&Path> = messages.iter().map(AsRef::as_ref).collect();
    let ran = demo.verify(&paths, &["--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let judged = objects(&ran);
    assert_eq!(judged.len(), messages.len());
    let scratch = TempDir::new().unwrap();
    for (path, judged) in messages.iter().zip(&judged) {
        assert_eq!(judged["file"], path.to_str().unwrap());
        assert_eq!(judged["verdict"], "holds", "{judged:#}");
        assert_eq!(codes(&judged["checks"], Some("failed")), [""; 0]);
        let seen = Openssl::of(path, scratch.path());
        let signature = &judged["signature"];
        assert_eq!(
            signature["computed_digest"],
            seen.digest,
            "{}",
            path.display()
        );
        assert_eq!(signature["message_digest"], seen.digest);
        assert_eq!(signature["chain"][0]["sha256"], seen.sha256);
        assert_eq!(signature["chain"][0]["sha1"], seen.sha1);
        assert_eq!(signature["chain"][0]["serial"], seen.serial);
        assert_eq!(judged["sha256"], dgst("-sha256", path));
        let from = signature["chain"][0]["address"].as_str().unwrap();
        assert!(
            judged["from"].as_str().unwrap().contains(from),
            "{judged:#}"
        );
    }
}

/// The verdict comes first, in words; the evidence stands below, check by check.
#[test]
fn the_text_begins_with_the_verdict_and_shows_the_evidence() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let ran = demo.verify(&[&demo.first("delivery")], &[]);
    let first = ran.stdout.lines().next().unwrap();
    assert!(
        first.starts_with("Holds: delivery receipt (ricevuta di avvenuta consegna) of Beta")
            && first.contains("from anna.rossi@pec.alfa.example to bruno.verdi@pec.beta.example")
            && first.contains(", signed 19/09/2026 "),
        "{first}"
    );
    for line in [
        "  ✓ the RSA value matches the signed attributes",
        "  ✓ From is the address in the signer's certificate: posta-certificata@pec.beta.example",
        "  ✓ the provider directory has the signer's certificate, SHA-1 ",
        "  – not checked: whether “",
        "signer      CN=",
        "root        CN=",
        "  Subject     Offerta n. 12/2026",
        "[RFC 6109 §2.2.2 signature origin]",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    // The attachment inside, as anybody who saves it can check.
    let (_, judged) = demo.judge(&demo.first("delivery"), &[]);
    let parts = judged["original"]["parts"].as_array().unwrap();
    assert!(
        parts
            .iter()
            .all(|part| part["sha256"].as_str().unwrap().len() == 64)
    );
    assert!(
        parts
            .iter()
            .any(|part| part["content_type"] == "application/pdf"),
        "{judged:#}"
    );
}

/// Without a directory nobody says that the signer is a provider: anybody has a certificate.
#[test]
fn without_a_directory_nothing_holds_and_the_verdict_says_why() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let ran = demo.verify_without_directory(&[&demo.first("transport-envelope")], &[]);
    assert_eq!(ran.code, 8, "{}", ran.stderr);
    let first = ran.stdout.lines().next().unwrap();
    assert!(
        first.starts_with("Holds as far as it could be checked: "),
        "{first}"
    );
    assert!(first.ends_with("because no directory was given"), "{first}");
    // In the directory of others it is a stranger's, which is more than not knowing.
    let other = common::two_providers();
    let directory = other.path().join("alfa/directory.ldif");
    let options = ["--directory", directory.to_str().unwrap()];
    let ran = demo.verify_without_directory(&[&demo.first("transport-envelope")], &options);
    assert_eq!(ran.code, 6);
    assert!(
        ran.stdout
            .contains("✗ no provider in the directory has the certificate")
    );
}

/// Headers prove nothing (PRACTICE 7): a receipt that anybody typed, and one that only looks it.
#[test]
fn a_forgery_of_headers_does_not_hold_and_a_likeness_is_called_one() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let forged = demo.write(
        "forged.eml",
        "From: posta-certificata@pec.beta.example\r\nTo: anna@pec.alfa.example\r\n\
         Subject: CONSEGNA: Offerta\r\nX-Ricevuta: avvenuta-consegna\r\n\r\nconsegnato\r\n",
    );
    let (code, judged) = demo.judge(&forged, &[]);
    assert_eq!(
        (code, &judged["verdict"]),
        (6, &Value::from("does-not-hold"))
    );
    assert_eq!(
        codes(&judged["defects"], None),
        ["no-signature", "no-daticert"]
    );
    let likeness = demo.write(
        "likeness.eml",
        "From: posta-certificata@pec.beta.example\r\nSubject: CONSEGNA: Offerta\r\n\r\nhello\r\n",
    );
    let (code, judged) = demo.judge(&likeness, &[]);
    assert_eq!((code, &judged["verdict"]), (7, &Value::from("not-pec")));
    let sentence = judged["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("Not PEC: ordinary mail"), "{sentence}");
    assert!(
        sentence.ends_with("it looks like certified mail and is none"),
        "{sentence}"
    );
}

/// What does not hold says which rule and which fact.
#[test]
fn what_was_changed_on_the_way_is_named() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let envelope = demo.octets("transport-envelope");
    let text = String::from_utf8(envelope.clone()).unwrap();
    // One letter of what is signed.
    let changed = demo.write(
        "changed.eml",
        text.replacen("Gentile Bruno", "Gentile Bruna", 1),
    );
    let outer = demo.write(
        "outer.eml",
        text.replacen("\r\nMessage-ID: <", "\r\nMessage-ID: <x", 1),
    );
    let cut = demo.write("cut.eml", &envelope[..envelope.len() / 2]);
    let signature_cut = demo.write("signature-cut.eml", &envelope[..envelope.len() - 400]);
    let late = demo.first("transport-envelope");
    for (path, options, defect, words) in [
        (&changed, &[][..], "content-altered", "its sha256 is "),
        (&outer, &[], "identifier-differs", "Message-ID is <x"),
        (&cut, &[], "no-signature", "not multipart/signed"),
        (
            &signature_cut,
            &[],
            "signature-unreadable",
            "not CMS SignedData",
        ),
        (
            &late,
            &["--at", "2060-01-01T00:00:00Z"],
            "certificate-expired",
            "2060",
        ),
    ] {
        let (code, judged) = demo.judge(path, options);
        assert_eq!(code, 6, "{judged:#}");
        assert_eq!(codes(&judged["defects"], None)[0], defect, "{judged:#}");
        let sentence = judged["sentence"].as_str().unwrap();
        assert!(
            sentence.starts_with("Does not hold: ") && sentence.contains(words),
            "{sentence}"
        );
    }
    for path in [&cut, &signature_cut] {
        let (_, judged) = demo.judge(path, &[]);
        let remarks = codes(&judged["remarks"], None);
        assert!(remarks.contains(&"truncated"), "{judged:#}");
    }
}

/// Disks have LF, mail has CRLF: the signature decides which was meant, and the report says so.
#[test]
fn line_ends_of_files_are_mended_as_mail_travels_and_that_is_said() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let receipt = demo.octets("delivery");
    let stored = with_lf(&receipt);
    let lines = stored.iter().filter(|&&octet| octet == b'\n').count();
    let (code, judged) = demo.judge(&demo.write("lf.eml", &stored), &[]);
    assert_eq!(code, 0, "{judged:#}");
    let note = judged["notes"][0].as_str().unwrap();
    assert!(
        note.starts_with(&format!("{lines} lines end in a bare LF")),
        "{note}"
    );
    assert!(note.contains("judged with CRLF"), "{note}");
    // Headers lost their CR, the signed part did not.
    let body = receipt
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let mixed = [with_lf(&receipt[..body]), receipt[body..].to_vec()].concat();
    let (code, judged) = demo.judge(&demo.write("mixed.eml", mixed), &[]);
    assert_eq!(code, 0, "{judged:#}");
    assert!(
        judged["notes"][0]
            .as_str()
            .unwrap()
            .contains("judged as they are")
    );
    // The other way round, LF inside what is signed with CRLF outside.
    let half = stored.len() / 2;
    let mixed = [&stored[..half], &receipt[receipt.len() - 2000..]].concat();
    let (code, _) = demo.judge(&demo.write("torn.eml", mixed), &[]);
    assert_eq!(code, 6);
    // Very old programs wrote CR alone.
    let cr: Vec<u8> = stored
        .iter()
        .map(|&octet| if octet == b'\n' { b'\r' } else { octet })
        .collect();
    let (code, judged) = demo.judge(&demo.write("cr.eml", cr), &[]);
    assert_eq!(code, 0, "{judged:#}");
    assert!(judged["notes"][0].as_str().unwrap().contains("a bare CR"));
    // Editors put a mark above, people blank lines.
    let marked = [b"\xef\xbb\xbf\r\n\r\n", &receipt[..]].concat();
    let (code, judged) = demo.judge(&demo.write("marked.eml", marked), &[]);
    assert_eq!(code, 0, "{judged:#}");
    assert_eq!(judged["notes"].as_array().unwrap().len(), 2, "{judged:#}");
    // mbox files have a line above.
    let mbox = [b"From MAILER Sat Sep 19 15:41:19 2026\r\n", &receipt[..]].concat();
    let (code, judged) = demo.judge(&demo.write("one.mbox", mbox), &[]);
    assert_eq!(code, 0, "{judged:#}");
    assert!(judged["notes"][0].as_str().unwrap().contains("From …"));
}

/// S/MIME without PEC, made by OpenSSL: signed in the clear, opaque, and encrypted.
#[test]
fn ordinary_smime_is_called_what_it_is() {
    if !plug_in() || !tool("openssl") {
        return;
    }
    let demo = Demonstration::run();
    let (key, certificate, text) = (
        demo.folder().join("providers/alfa/key.pem"),
        demo.folder().join("providers/alfa/certificate.pem"),
        demo.write("text", "Content-Type: text/plain\r\n\r\nciao\r\n"),
    );
    let (key, certificate, text) = (
        key.to_str().unwrap(),
        certificate.to_str().unwrap(),
        text.to_str().unwrap(),
    );
    let sign = [
        "cms",
        "-sign",
        "-crlfeol",
        "-in",
        text,
        "-signer",
        certificate,
        "-inkey",
        key,
    ];
    let opaque = [&sign[..], &["-nodetach"]].concat();
    let encrypt = ["cms", "-encrypt", "-aes256", "-in", text, certificate];
    for (name, arguments, kind) in [
        ("clear.eml", &sign[..], "smime"),
        ("opaque.eml", &opaque, "smime-opaque"),
        ("encrypted.eml", &encrypt, "smime-opaque"),
    ] {
        let made = succeed(Command::new("openssl").args(arguments));
        let (code, judged) = demo.judge(&demo.write(name, made), &[]);
        assert_eq!(code, 7, "{judged:#}");
        assert!(
            codes(&judged["remarks"], None).contains(&kind),
            "{judged:#}"
        );
        let sentence = judged["sentence"].as_str().unwrap();
        assert!(sentence.contains("S/MIME as anybody may"), "{sentence}");
    }
}

/// A list of the issuer, made by OpenSSL, decides whether the signer was revoked, and is named.
#[test]
fn a_revocation_list_is_used_and_shown() {
    if !plug_in() || !tool("openssl") {
        return;
    }
    let demo = Demonstration::run();
    let receipt = demo.first("delivery");
    let (_, judged) = demo.judge(&receipt, &[]);
    let serial = judged["signature"]["chain"][0]["serial"].as_str().unwrap();
    let serial = serial.to_ascii_uppercase();
    let revoked =
        format!("R\t301231235959Z\t200102000000Z,keyCompromise\t{serial}\tunknown\t/CN=x\n");
    for (name, index, code, check, verdict) in [
        ("good", "", 0, "not-revoked", "good"),
        (
            "revoked",
            revoked.as_str(),
            6,
            "certificate-revoked",
            "revoked",
        ),
    ] {
        let lists = revocation_list(&demo, name, index);
        let options = ["--crls", lists.to_str().unwrap()];
        let (exit, judged) = demo.judge(&receipt, &options);
        assert_eq!(exit, code, "{judged:#}");
        assert!(
            codes(&judged["checks"], None).contains(&check),
            "{judged:#}"
        );
        let revocation = &judged["signature"]["revocation"][0];
        assert_eq!(revocation["verdict"], verdict);
        // 2020-01-01T00:00:00Z.
        assert_eq!(revocation["this_update"], 1_577_836_800);
        assert_eq!(
            revocation["list_issuer"],
            judged["signature"]["chain"][1]["subject"]
        );
    }
}

/// A folder with one list of the demonstration's authority, of 2020 and due in 2049.
fn revocation_list(demo: &Demonstration, name: &str, index: &str) -> PathBuf {
    let database = demo.write(&format!("{name}/ca/index"), index);
    let number = demo.write(&format!("{name}/ca/number"), "01\n");
    let config = format!(
        "[ca]\ndefault_ca=x\n[x]\ndatabase={}\ncrlnumber={}\ndefault_md=sha256\n\
         crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid:always\n",
        database.display(),
        number.display()
    );
    let config = demo.write(&format!("{name}/ca/config"), config);
    let list = demo.write(&format!("{name}/lists/list.pem"), "");
    // The authority lies with the provider that joined last.
    let authority = demo.folder().join("providers/beta/test-ca");
    let mut ca = Command::new("openssl");
    ca.args(["ca", "-gencrl", "-crl_lastupdate", "20200101000000Z"])
        .args(["-crl_nextupdate", "20490101000000Z", "-config"])
        .arg(config)
        .arg("-cert")
        .arg(authority.join("ca.pem"))
        .arg("-keyfile")
        .arg(authority.join("ca-key.pem"))
        .arg("-out")
        .arg(&list);
    succeed(&mut ca);
    list.with_file_name("")
}

/// What strangers wrote cannot paint over the verdict.
#[test]
fn control_characters_of_a_message_do_not_reach_the_terminal() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let evil = demo.write(
        "evil.eml",
        "From: a@b.example\r\nSubject: x =?utf-8?Q?=1B[2J=E2=80=AEHolds=0D?= y\r\n\r\nhello\r\n",
    );
    let ran = demo.verify(&[&evil], &[]);
    assert_eq!(ran.code, 7);
    let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!ran.stdout.contains(bad), "{:?}", ran.stdout);
    assert!(
        ran.stdout.contains("Holds"),
        "the words are shown, where they stand"
    );
}

/// Help says what each exit code means, and what the JSON has.
#[test]
fn help_documents_exit_codes_and_json() {
    let ran = ceralacca(&["verify", "--help"]);
    for word in [
        "Exit codes",
        "computed_digest",
        "enclosed",
        "--compare",
        "does-not-hold",
    ] {
        assert!(ran.stdout.contains(word), "{word}");
    }
}

/// What OpenSSL says of a message.
struct Openssl {
    digest: String,
    sha256: String,
    sha1: String,
    serial: String,
}

impl Openssl {
    fn of(message: &Path, scratch: &Path) -> Self {
        let (content, signer) = (scratch.join("content"), scratch.join("signer.pem"));
        let mut verify = Command::new("openssl");
        verify
            .args(["cms", "-verify", "-noverify", "-in"])
            .arg(message)
            .arg("-out")
            .arg(&content)
            .arg("-signer")
            .arg(&signer);
        succeed(&mut verify);
        let x509 = |arguments: &[&str]| {
            let mut command = Command::new("openssl");
            let said = succeed(command.arg("x509").args(arguments).arg("-in").arg(&signer));
            let value = said.trim().rsplit('=').next().unwrap_or_default();
            value.replace(':', "").to_ascii_lowercase()
        };
        Self {
            digest: dgst("-sha256", &content),
            sha256: x509(&["-noout", "-fingerprint", "-sha256"]),
            sha1: x509(&["-noout", "-fingerprint", "-sha1"]),
            serial: x509(&["-noout", "-serial"]),
        }
    }
}

fn dgst(algorithm: &str, file: &Path) -> String {
    assert!(fs::metadata(file).is_ok(), "{}", file.display());
    let mut command = Command::new("openssl");
    command
        .args(["dgst", "-r", algorithm])
        .arg(file)
        .stdin(Stdio::null());
    let said = succeed(&mut command);
    said.split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// A directory that somebody signed counts only where its signer is named, and no other does then.
#[test]
fn a_signed_directory_is_taken_from_its_signer_alone() {
    if !plug_in() || !tool("openssl") {
        return;
    }
    let demo = Demonstration::run();
    let receipt = demo.first("delivery");
    let place = TempDir::new().unwrap();
    let file = |name: &str| place.path().join(name);
    for name in ["agency", "stranger"] {
        let (key, certificate) = (file(&format!("{name}.key")), file(&format!("{name}.pem")));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj"]);
        openssl.arg(format!("/CN={name}")).arg("-keyout").arg(key);
        succeed(openssl.arg("-out").arg(certificate));
    }
    let mut openssl = Command::new("openssl");
    openssl.args([
        "cms",
        "-sign",
        "-binary",
        "-nodetach",
        "-outform",
        "DER",
        "-in",
    ]);
    openssl.arg(demo.folder().join("directory.ldif"));
    openssl.arg("-signer").arg(file("agency.pem"));
    openssl.arg("-inkey").arg(file("agency.key"));
    succeed(openssl.arg("-out").arg(file("directory.p7m")));
    for (directory, signer, code) in [
        (file("directory.p7m"), Some("agency"), 0),
        (file("directory.p7m"), Some("stranger"), 1),
        (file("directory.p7m"), None, 1),
        (demo.folder().join("directory.ldif"), Some("agency"), 1),
    ] {
        let mut arguments = vec![
            "verify".into(),
            receipt.clone(),
            "--directory".into(),
            directory,
        ];
        arguments.extend(["--roots".into(), demo.folder().join("roots.pem")]);
        if let Some(name) = signer {
            arguments.extend(["--directory-signer".into(), file(&format!("{name}.pem"))]);
        }
        let ran = ceralacca(&arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
    }
}
