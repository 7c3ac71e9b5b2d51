//! The real plug-in, and a provider that uses it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ceralacca_host::*;

use super::provider::{NOON, settings};

/// `make component` puts it into the target folder, above the folder of this test's executable.
pub fn component() -> PathBuf {
    let name = "ceralacca.component.wasm";
    if let Some(path) = std::env::var_os("CERALACCA_COMPONENT") {
        return path.into();
    }
    let executable = std::env::current_exe().unwrap();
    let mut folders = executable.ancestors();
    folders
        .find_map(|folder| Some(folder.join(name)).filter(|path| path.exists()))
        .unwrap_or_else(|| panic!("{name} is missing: run `make component`"))
}

pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// Settings that the real plug-in accepts, for the certificate in the test data.
pub fn real_settings() -> pec::Settings {
    pec::Settings {
        certificates: vec![std::fs::read(data("certificate.der")).unwrap()],
        trust_anchors: vec![std::fs::read(data("root.der")).unwrap()],
        limits: pec::MessageLimits {
            max_size: 200_000_000,
            hard_size: 200_000_000,
            max_recipients: 50,
            max_product: 2_000_000_000,
            daily_recipients: None,
        },
        ..settings()
    }
}

/// A host over the real plug-in; its provider manages `here.example`.
pub fn real_host(plugin: Plugin, store: Store, folder: &Path) -> Host {
    real_host_signed_by(real_signer(), plugin, store, folder)
}

/// The key of the test certificate.
pub fn real_signer() -> Box<dyn Signer> {
    Box::new(RsaSigner::from_pem_file(&data("key-pkcs8.pem")).unwrap())
}

/// The same with another signer.
pub fn real_host_signed_by(
    signer: Box<dyn Signer>,
    plugin: Plugin,
    store: Store,
    folder: &Path,
) -> Host {
    let host = host_without_directory(real_settings(), signer, plugin, store, folder);
    host.load_directory(directory().into_bytes()).unwrap();
    host
}

/// One that has not loaded any directory yet.
pub fn host_without_directory(
    settings: pec::Settings,
    signer: Box<dyn Signer>,
    plugin: Plugin,
    store: Store,
    folder: &Path,
) -> Host {
    let mailbox = |address: &str| pec::Mailbox {
        address: address.to_owned(),
        ordinary_mail: None,
        certified_only: false,
    };
    Host::new(HostParts {
        engine: Box::new(plugin),
        settings,
        store,
        signer,
        scanner: None,
        mailboxes: Box::new(MailboxTable::new([
            mailbox("anna@here.example"),
            mailbox("bruno@here.example"),
        ])),
        revocation: Box::new(NoRevocationData),
        depot: Box::new(Maildir::new(folder.join("mail"))),
        relay: Box::new(EmlFolder::new(folder.join("outbox"))),
        clock: Box::new(Arc::new(FixedClock::new(real_now()))),
        entropy: Box::new(SeededEntropy::new("seed")),
        publisher: Box::new(PublishedFolder::new(folder.join("published"))),
        directory_file: None,
        policy: Policy::default(),
    })
    .unwrap()
}

/// Within the validity of the test certificate, which begins when it was made.
pub fn real_now() -> u64 {
    NOON + 10 * 365 * 86_400
}

/// The provider directory with ourselves in it.
pub fn directory() -> String {
    let der = std::fs::read(data("certificate.der")).unwrap();
    let mut text =
        "dn: o=postacert\nobjectClass: top\nobjectClass: organization\no: postacert\n\n".to_owned();
    text.push_str("dn: providerName=Toy,o=postacert\nobjectClass: top\nobjectClass: provider\n");
    text.push_str("providerName: Toy\nmailReceipt: ricevute@here.example\n");
    // sha1sum certificate.der
    text.push_str("providerCertificateHash: 7618e690542bdfeb8fdbba98c2d994e7dba7eecc\n");
    text.push_str(&format!("providerCertificate;binary:: {}\n", base64(&der)));
    text.push_str("managedDomains: here.example\n");
    text
}

fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in octets.chunks(3) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet));
        let bits = bits << (8 * (3 - group.len()));
        for n in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * n)) as usize & 63];
            text.push(if n <= group.len() { digit.into() } else { '=' });
        }
    }
    text
}

/// A message of about `size` octets, 7-bit with short lines, from Anna to Bruno.
pub fn letter(size: usize) -> Vec<u8> {
    let mut letter = b"From: Anna <anna@here.example>\r\n\
        To: bruno@here.example\r\n\
        Subject: Prova\r\n\
        Date: Thu, 15 Jan 2026 11:00:00 +0100\r\n\
        Message-ID: <prova@here.example>\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=us-ascii\r\n\r\n"
        .to_vec();
    letter.reserve_exact(size);
    let line = b"Nel mezzo del cammin di nostra vita mi ritrovai per una selva oscura..\r\n";
    while letter.len() < size {
        letter.extend_from_slice(line);
    }
    letter
}
