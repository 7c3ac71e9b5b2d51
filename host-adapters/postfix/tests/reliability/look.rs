//! What a provider's store says, asked through the host library beside the service.

use ceralacca_host::provider::{load_plug_in, pec_settings};
use ceralacca_host::{
    AuditFinding, EmlFolder, Host, HostError, HostParts, MailboxTable, Maildir, NoPublisher,
    NoRevocationData, NoScanner, OsEntropy, Policy, PostgresOptions, RsaSigner, Store, SystemClock,
    pec,
};
use ceralacca_postfix::config::Config;

use crate::provider::Provider;

/// A host over the provider's store through which no mail passes.
pub fn host(provider: &Provider) -> Host {
    let path = provider.config();
    let config = Config::load(&path).expect("it is good");
    let folder = Config::folder(&path);
    let store = match &config.store.postgres {
        Some(url) => Store::open_postgres(url.reveal(), &PostgresOptions::default()),
        None => Store::open(&config.store.folder),
    };
    let parts = HostParts {
        engine: Box::new(load_plug_in(None).expect("it is built")),
        settings: pec_settings(&folder, &config.provider).expect("they are good"),
        store: store.expect("it is one"),
        signer: Box::new(RsaSigner::from_pem_file(&folder.file("key.pem")).expect("a key")),
        scanner: Some(Box::new(NoScanner)),
        mailboxes: Box::new(MailboxTable::new([])),
        revocation: Box::new(NoRevocationData),
        depot: Box::new(Maildir::new(folder.file("nowhere"))),
        relay: Box::new(EmlFolder::new(folder.file("nowhere"))),
        publisher: Box::new(NoPublisher),
        clock: Box::new(SystemClock),
        entropy: Box::new(OsEntropy),
        directory_file: None,
        policy: Policy::default(),
    };
    Host::new(parts).expect("it starts")
}

/// The log must be without a flaw; of how many messages it tells.
pub fn audit(provider: &Provider) -> u64 {
    let mut findings: Vec<AuditFinding> = Vec::new();
    let report = host(provider).audit(None, &mut |finding| findings.push(finding));
    assert!(findings.is_empty(), "{findings:#?}");
    report.expect("it can be read").messages
}

/// Asks for a directory record, which whoever serves is to publish.
pub fn compose_record(provider: &Provider, description: &str) {
    let composed = host(provider).compose_record(pec::RecordRequest {
        managed_domains: vec!["pec.alfa.example".to_owned()],
        further_certificates: Vec::new(),
        location: Some("https://pec.alfa.example/record.ldif.p7m".to_owned()),
        description: Some(description.to_owned()),
        units: Vec::new(),
    });
    // This host has no place for it.
    assert!(
        matches!(composed, Err(HostError::NotPublished(_))),
        "{composed:?}"
    );
}
