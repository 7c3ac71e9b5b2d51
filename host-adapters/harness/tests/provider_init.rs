//! A provider folder: certificates that others accept, a directory that agrees with them, and all
//! or nothing.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use common::{ceralacca, in_folder, names, succeed, tool, two_providers};
use tempfile::TempDir;

#[test]
fn openssl_accepts_the_chain_for_signing_mail() {
    if !tool("openssl") {
        return;
    }
    let world = two_providers();
    for provider in ["alfa", "beta"] {
        let dir = world.path().join(provider);
        // An instant of the test's own world: certificates begin with --now.
        let said = succeed(
            Command::new("openssl")
                .args([
                    "verify",
                    "-x509_strict",
                    "-purpose",
                    "smimesign",
                    "-attime",
                    "1789825279",
                ])
                .arg("-CAfile")
                .arg(dir.join("roots.pem"))
                .arg("-untrusted")
                .arg(dir.join("certificate.pem"))
                .arg(dir.join("certificate.pem")),
        );
        assert!(said.trim_end().ends_with(": OK"), "{said}");
    }
}

/// Each of these was read off AgID CA1 and a provider's leaf (PRACTICE 7).
#[test]
fn the_certificates_have_the_features_of_real_ones() {
    if !tool("openssl") {
        return;
    }
    let world = two_providers();
    let text = |file: &str| {
        let mut command = Command::new("openssl");
        succeed(
            command
                .args(["x509", "-noout", "-text", "-in"])
                .arg(world.path().join(file)),
        )
    };
    let ca = text("alfa/test-ca/ca.pem");
    for feature in [
        "Public-Key: (2048 bit)",
        "sha256WithRSAEncryption",
        "CA:TRUE, pathlen:0",
        "X509v3 Name Constraints: \n",
        "email:pec.alfa.example",
        "email:pec.beta.example",
        "IP:0.0.0.0/0.0.0.0",
        "Policy: 1.3.76.16.3.1\n",
        "TLS Web Client Authentication, E-mail Protection",
    ] {
        assert!(ca.contains(feature), "{feature}: {ca}");
    }
    let leaf = text("beta/certificate.pem");
    for feature in [
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                E-mail Protection\n",
        "email:posta-certificata@pec.beta.example",
        "Policy: 1.3.76.16.3.1.1\n",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ] {
        assert!(leaf.contains(feature), "{feature}: {leaf}");
    }
    assert!(!leaf.contains("Basic Constraints"), "{leaf}");
}

#[test]
fn joined_providers_share_authority_and_directory() {
    let world = two_providers();
    let read = |file: &str| fs::read_to_string(world.path().join(file)).unwrap();
    assert_eq!(read("alfa/directory.ldif"), read("beta/directory.ldif"));
    assert_eq!(read("alfa/roots.pem"), read("beta/roots.pem"));
    let ca = read("beta/test-ca/ca.pem");
    assert_eq!(read("alfa/test-ca/ca.pem"), ca);
    for provider in ["alfa", "beta"] {
        let chain = read(&format!("{provider}/certificate.pem"));
        assert!(
            chain.ends_with(&ca),
            "{provider} carries the re-issued intermediate"
        );
        assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);
    }
}

#[test]
fn the_directory_holds_the_certificates_themselves() {
    let world = two_providers();
    let directory = fs::read_to_string(world.path().join("alfa/directory.ldif")).unwrap();
    // RFC 2849: a line that begins with a blank continues the one before.
    let unfolded = directory.replace("\n ", "");
    for provider in ["alfa", "beta"] {
        let chain =
            fs::read_to_string(world.path().join(provider).join("certificate.pem")).unwrap();
        let leaf: String = chain
            .lines()
            .skip(1)
            .take_while(|line| !line.starts_with('-'))
            .collect();
        assert!(
            unfolded.contains(&format!("\nproviderCertificate;binary:: {leaf}\n")),
            "{provider}"
        );
        assert!(unfolded.contains(&format!("\nmanagedDomains: pec.{provider}.example\n")));
        assert!(unfolded.contains(&format!("\nmailReceipt: ricevute@pec.{provider}.example\n")));
    }
    assert!(directory.lines().all(|line| line.len() <= 76));
}

#[test]
fn secrets_are_for_their_owner_only() {
    let world = two_providers();
    for key in ["key.pem", "test-ca/root-key.pem", "test-ca/ca-key.pem"] {
        let metadata = fs::metadata(world.path().join("beta").join(key)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{key}");
    }
}

#[test]
fn an_error_leaves_nothing_behind() {
    let world = two_providers();
    let before = snapshot(world.path());
    for (line, told) in [
        // Every argument that can be wrong, and what the complaint names.
        (
            "provider init {}/c --name C --domain c --now 2026-09-19T00:00:00Z",
            "--domain",
        ),
        (
            "provider init {}/c --name C --domain pec.c.example --mailbox x@y.example",
            "--mailbox",
        ),
        (
            "provider init {}/c --name C --domain pec.c.example --join {}/none",
            "none/provider.toml",
        ),
        (
            "provider init {}/c --name Alfa --domain pec.c.example --join {}/alfa",
            "--name",
        ),
        (
            "provider init {}/c --name C --domain PEC.alfa.example --join {}/alfa",
            "--domain",
        ),
        (
            "provider init {}/alfa --name C --domain pec.c.example",
            "alfa: the folder is not empty",
        ),
    ] {
        let ran = in_folder(world.path(), line);
        assert!(ran.code == 1 || ran.code == 2, "{line}: {ran:?}");
        assert!(ran.stderr.contains(told), "{line}: {}", ran.stderr);
        assert_eq!(snapshot(world.path()), before, "{line}");
    }
}

#[test]
fn an_empty_folder_may_be_used_and_names_may_have_accents() {
    let world = TempDir::new().unwrap();
    let dir = world.path().join("società");
    fs::create_dir(&dir).unwrap();
    let ran = ceralacca(&[
        "provider",
        "init",
        dir.to_str().unwrap(),
        "--name",
        "Società \"Ceralacca\", Roma",
        "--domain",
        "pec.example",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(names(world.path()), ["società"]);
    let settings = fs::read_to_string(dir.join("provider.toml")).unwrap();
    assert!(settings.contains("Società"), "{settings}");
    // The next provider reads the settings back.
    let beside = world.path().join("b");
    let ran = ceralacca(&[
        "provider",
        "init",
        beside.to_str().unwrap(),
        "--name",
        "B",
        "--domain",
        "pec.b.example",
        "--join",
        dir.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

/// All files below a folder with their contents.
fn snapshot(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            let inside = snapshot(&path);
            all.extend(
                inside
                    .into_iter()
                    .map(|(below, octets)| (format!("{name}/{below}"), octets)),
            );
        } else {
            all.push((name, fs::read(&path).unwrap()));
        }
    }
    all
}
