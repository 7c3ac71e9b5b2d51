//! The parts a host is made of, each by itself; signatures against OpenSSL's.

mod support;

use std::path::{Path, PathBuf};

use ceralacca_host::*;
use support::*;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn key_error(path: &Path) -> String {
    let text = RsaSigner::from_pem_file(path).unwrap_err().to_string();
    assert!(
        text.contains(&path.display().to_string()),
        "{text} names the file"
    );
    text
}

#[test]
fn both_forms_of_a_key_sign_as_openssl_does() {
    let expected = std::fs::read(data("signature-sha256.bin")).unwrap();
    let public = std::fs::read(data("public-key.der")).unwrap();
    for name in ["key-pkcs8.pem", "key-pkcs1.pem"] {
        let signer = RsaSigner::from_pem_file(&data(name)).unwrap();
        assert_eq!(signer.sign(b"attributes").unwrap(), expected);
        assert_eq!(signer.public_key_spki(), public);
    }
}

#[test]
fn what_is_no_usable_key_is_named_with_the_remedy() {
    assert!(key_error(Path::new("/nowhere/key.pem")).contains("must be readable"));
    assert!(key_error(&data("key-1024.pem")).contains("2048"));
    assert!(key_error(&data("key-ec.pem")).contains("RSA"));
    assert!(key_error(&data("key-encrypted.pem")).contains("openssl pkey -in"));
    assert!(key_error(&data("README.md")).contains("PRIVATE KEY"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    std::fs::write(
        &path,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    assert!(key_error(&path).contains("holds a certificate"));
    std::fs::write(
        &path,
        "-----BEGIN PRIVATE KEY-----\n****\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    assert!(key_error(&path).contains("not valid PEM"));
}

#[test]
fn a_signer_shows_nothing_of_its_key() {
    let signer = RsaSigner::from_pem_file(&data("key-pkcs8.pem")).unwrap();
    assert_eq!(format!("{signer:?}"), "RsaSigner(2048 bits)");
}

#[test]
fn seeded_entropy_depends_on_seed_and_purpose_alone() {
    let one = SeededEntropy::new("one");
    assert_eq!(
        one.entropy("a").unwrap(),
        SeededEntropy::new("one").entropy("a").unwrap()
    );
    assert_ne!(one.entropy("a").unwrap(), one.entropy("b").unwrap());
    assert_ne!(
        SeededEntropy::new("on").entropy("ea").unwrap(),
        one.entropy("a").unwrap()
    );
    assert_ne!(
        OsEntropy.entropy("a").unwrap(),
        OsEntropy.entropy("a").unwrap()
    );
}

/// A deposit that is repeated after a crash finds what the first try left, also where the reader
/// has moved it and set flags.
#[test]
fn a_maildir_holds_an_item_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let _ = host.submit(submission(&["carla@there.example"], b"x"));
    run(&host);
    let mailbox = folder.path().join("mail/anna@here.example");
    let file = std::fs::read_dir(mailbox.join("new"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let name = file.file_name().into_string().unwrap();
    assert!(name.starts_with(&format!("{NOON}.")));
    assert!(
        std::fs::read_dir(mailbox.join("tmp"))
            .unwrap()
            .next()
            .is_none()
    );

    let depot = Again(Maildir::new(folder.path().join("mail")), name.clone());
    depot.run(&mut provider, "y", 1);
    std::fs::rename(file.path(), mailbox.join("cur").join(format!("{name}:2,S"))).unwrap();
    depot.run(&mut provider, "z", 0);
}

/// Deposits under the key of an earlier item.
#[derive(Clone)]
struct Again(Maildir, String);

impl Again {
    /// Runs one more submission, and counts what is then in `new`.
    fn run(&self, provider: &mut Provider, message: &str, in_new: usize) {
        provider.depot = Some(Box::new(self.clone()));
        let host = provider.start();
        let _ = host.submit(submission(&["carla@there.example"], message.as_bytes()));
        assert_eq!(ceralacca_host_failed(&host), 0);
        let new = provider.folder.join("mail/anna@here.example/new");
        assert_eq!(std::fs::read_dir(new).unwrap().count(), in_new);
    }
}

fn ceralacca_host_failed(host: &Host) -> u64 {
    run(host).0.failed
}

impl Depot for Again {
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
        let key = self.1.split('.').nth(1).unwrap();
        let mut item = *item;
        item.key = key;
        self.0.deposit(&item)
    }
}

/// Addresses come from outside; none may lead out of the mail folder.
#[test]
fn a_hostile_address_is_no_folder() {
    for address in [
        "../x@here.example",
        "a/../../b@here.example",
        "",
        ".",
        "a\0b@here.example",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut provider = Provider::at(folder.path());
        let host = provider.start();
        let message = message(pec::MessageKind::Ordinary, "id", vec![text("x".into())]);
        let outcome = outcome(250, vec![message], vec![deposit(0, address, false)]);
        provider.toy.push(Rule::Script(vec![], Box::new(outcome)));
        assert_eq!(
            host.submit(submission(&["carla@there.example"], b"x"))
                .reply
                .code,
            250
        );
        assert_eq!(run(&host).0.failed, 1, "{address:?}");
        assert!(provider.world().is_empty());
    }
}

/// The sidecar says what the envelope was.
#[test]
fn an_eml_file_has_its_envelope_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let _ = host.submit(submission(&["carla@there.example"], b"x"));
    run(&host);
    let world = provider.world();
    let sidecar: serde_json::Value =
        serde_json::from_slice(&world["outbox/000001-transport-envelope.json"]).unwrap();
    assert_eq!(sidecar["kind"], "transport-envelope");
    assert_eq!(sidecar["reverse_path"], "anna@here.example");
    assert_eq!(
        sidecar["recipients"],
        serde_json::json!(["carla@there.example"])
    );
    assert_eq!(
        sidecar["size"],
        world["outbox/000001-transport-envelope.eml"].len()
    );
    assert_eq!(sidecar["at"], NOON);
}

/// Lists are told by their issuer; a file that is none hides no other. What the octets are worth is
/// for the plug-in to say.
#[test]
fn a_folder_of_revocation_lists_answers_with_those_of_the_issuer() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let query = |issuer: &[u8]| pec::RevocationQuery {
        issuer: issuer.to_vec(),
        issuer_key: vec![],
        urls: Vec::new(),
    };
    let lists = CrlFolder::new(folder.path());
    assert_eq!(
        lists.revocation(&query(b"alfa")).unwrap(),
        Vec::<Vec<u8>>::new()
    );
    std::fs::write(file("a.crl"), b"\x30\x05 alfa").unwrap();
    // "0", 5, " beta" in base64.
    let pem = "-----BEGIN X509 CRL-----\nMAUgYmV0YQ==\n-----END X509 CRL-----\n";
    std::fs::write(file("b.PEM"), pem).unwrap();
    std::fs::write(file("c.crl"), "-----BEGIN X509 CRL-----\n!").unwrap();
    std::fs::write(file("d.txt"), b"\x30\x05 alfa").unwrap();
    assert_eq!(
        lists.revocation(&query(b"alfa")).unwrap(),
        [b"\x30\x05 alfa"]
    );
    assert_eq!(
        lists.revocation(&query(b"beta")).unwrap(),
        [b"\x30\x05 beta"]
    );
    let missing = CrlFolder::new(file("missing"));
    assert!(missing.revocation(&query(b"alfa")).unwrap().is_empty());
}
