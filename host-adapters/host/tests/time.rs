//! Ticks: deadlines, the provider directory, what is forgotten.

mod support;

use ceralacca_host::pec::{self, Answer, Question, RecipientState};
use ceralacca_host::{HostError, PluginError, TickReport};
use support::*;

fn tick(host: &ceralacca_host::Host) -> TickReport {
    host.tick(&mut |_| {}).unwrap()
}

/// 450 recipients fall due at once: they come in batches, each exactly once, and not again.
fn deadlines_come_in_batches() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let recipients: Vec<String> = (0..45).map(|n| format!("r{n}@there.example")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    for n in 0..10 {
        let _ = host.submit(submission(&recipients, format!("{n}").as_bytes()));
    }
    provider.clock.advance(DEADLINE - 1);
    assert_eq!(tick(&host).due, 0);
    provider.clock.advance(1);
    let report = tick(&host);
    assert_eq!((report.due, report.deferred), (450, 0));
    assert_eq!(tick(&host).due, 0);
    for status in host.status(None).unwrap() {
        let expired =
            |r: &ceralacca_host::RecipientStatus| r.recipient.state == RecipientState::Expired;
        assert!(status.recipients.iter().all(expired));
        assert!(
            status
                .recipients
                .iter()
                .all(|r| r.changed_at == NOON + DEADLINE)
        );
    }
}

/// A plug-in in trouble, or one that asks to wait: the rows stay due, and the rest goes on.
fn deadlines_that_could_not_be_handled_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let _ = host.submit(submission(&["carla@there.example"], b"x"));
    provider.clock.advance(DEADLINE);
    provider.toy.push(Rule::Fail(PluginError::Trap {
        reason: "unreachable".into(),
    }));
    let report = tick(&host);
    assert_eq!((report.due, report.deferred), (1, 1));
    assert_eq!(
        report.outbox.done, 2,
        "acceptance and envelope leave all the same"
    );
    provider
        .toy
        .push(Rule::Script(vec![], Box::new(outcome(451, vec![], vec![]))));
    assert_eq!(tick(&host).deferred, 1);
    let report = tick(&host);
    assert_eq!((report.due, report.deferred), (1, 0));
}

/// A directory is asked by domain in any case, replaced as a whole, and kept when the next one
/// is bad.
fn the_directory_is_replaced_when_the_next_one_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let summary = host
        .load_directory(b"One.example A\ntwo.example B".to_vec())
        .unwrap();
    assert_eq!(
        (summary.providers, summary.domains, summary.certificates),
        (2, 2, 2)
    );
    assert!(!summary.unchanged);
    assert!(
        host.load_directory(b"One.example A\ntwo.example B".to_vec())
            .unwrap()
            .unchanged
    );

    let names = |question: Question| -> Vec<(String, usize, usize)> {
        provider.toy.heard();
        provider.toy.push(Rule::Script(
            vec![question],
            Box::new(outcome(550, vec![], vec![])),
        ));
        let _ = host.submit(submission(&["x@there.example"], b"x"));
        let Some(Answer::Providers(found)) = provider.toy.heard().pop() else {
            panic!()
        };
        found
            .into_iter()
            .map(|p| (p.name, p.certificate_hashes.len(), p.certificates.len()))
            .collect()
    };
    let domain = |domain: &str| names(Question::ProviderOfDomain(domain.to_owned()));
    assert_eq!(domain("ONE.EXAMPLE"), [("A".to_owned(), 1, 0)]);
    assert_eq!(domain("sub.one.example"), []);
    let hash = "AB".repeat(20);
    let both = [("A".to_owned(), 1, 1), ("B".to_owned(), 1, 1)];
    assert_eq!(names(Question::ProviderOfCertificate(hash)), both);

    let error = host.load_directory(b"refuse me".to_vec()).unwrap_err();
    assert!(
        matches!(error, HostError::DirectoryRefused { .. }),
        "{error}"
    );
    assert_eq!(domain("one.example").len(), 1, "the old one stays");
    host.load_directory(b"three.example C".to_vec()).unwrap();
    assert_eq!(domain("one.example").len(), 0);
    assert_eq!(domain("three.example").len(), 1);
}

/// The file is loaded at start, and again when it changes; a bad one is named once, and the
/// tick goes on.
fn the_directory_file_is_watched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.ldif");
    let mut provider = Provider::at(folder.path());
    provider.directory_file = Some(file.clone());

    std::fs::write(&file, "refuse").unwrap();
    let error = provider.try_start().err().unwrap();
    assert!(
        error.to_string().contains("directory.ldif was refused"),
        "{error}"
    );

    std::fs::write(&file, "one.example A").unwrap();
    let host = provider.start();
    assert!(tick(&host).directory.is_none(), "it has not changed");
    std::fs::write(&file, "one.example A\ntwo.example B").unwrap();
    assert_eq!(tick(&host).directory.unwrap().domains, 2);
    std::fs::write(&file, "refuse this").unwrap();
    assert!(
        tick(&host)
            .directory_error
            .unwrap()
            .contains("directory.ldif")
    );
    assert!(tick(&host).directory_error.is_none(), "said once");
    provider.start();
    std::fs::remove_file(&file).unwrap();
    assert!(
        tick(&host)
            .directory_error
            .unwrap()
            .contains("directory.ldif")
    );
}

/// The infected original is kept for as long as the law says, and then goes; so does what was
/// only remembered.
fn what_was_kept_for_a_time_is_forgotten_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let infected = pec::Effect::KeepInfected(pec::InfectedMessage {
        pec_id: None,
        name: "EICAR".into(),
        until: NOON + 1000,
    });
    provider.toy.push(Rule::Script(
        vec![],
        Box::new(outcome(250, vec![], vec![infected])),
    ));
    assert_eq!(
        host.submit(submission(&["carla@there.example"], &large()))
            .reply
            .code,
        250
    );
    provider.clock.advance(999);
    tick(&host);
    assert_eq!(provider.spool().len(), 1);
    provider.clock.advance(1);
    tick(&host);
    assert_eq!(provider.spool().len(), 0);
}

/// A command line loads a directory while the server runs: the server goes over to it at its next
/// tick, and until then answers from the one it has, whole.
fn another_process_loads_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let server = Provider::at(folder.path()).start();
    server.load_directory(b"one.example A".to_vec()).unwrap();
    let command = Provider::at(folder.path()).start();
    assert_eq!(command.providers_of_domain("ONE.example").len(), 1);
    command
        .load_directory(b"two.example A\ntwo.example B".to_vec())
        .unwrap();
    assert_eq!(command.providers_of_domain("two.example").len(), 2);
    assert_eq!(server.providers_of_domain("one.example").len(), 1);
    tick(&server);
    assert_eq!(server.providers_of_domain("one.example").len(), 0);
    assert_eq!(server.providers_of_domain("two.example").len(), 2);
}

/// A file's name comes from the plug-in and leads nowhere but into the folder.
fn a_published_file_stays_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    for name in ["../x", "a/b", "", ".", "..", ".hidden", "a\\b", "a b"] {
        let file = pec::Publication {
            name: name.to_owned(),
            content: b"x".to_vec(),
        };
        let end = outcome(250, vec![], vec![pec::Effect::Publish(file)]);
        provider.toy.push(Rule::Script(vec![], Box::new(end)));
        let error = host.compose_record(request()).unwrap_err();
        assert!(matches!(error, HostError::Contract(_)), "{name:?}: {error}");
    }
    let files = [("record.ldif", "old"), ("record.ldif", "new")];
    let files = files.map(|(name, content)| {
        pec::Effect::Publish(pec::Publication {
            name: name.to_owned(),
            content: content.into(),
        })
    });
    let end = outcome(250, vec![], files.into());
    provider.toy.push(Rule::Script(vec![], Box::new(end)));
    host.compose_record(request()).unwrap();
    let published = std::fs::read_dir(folder.path().join("published")).unwrap();
    assert_eq!(published.count(), 1);
    let content = std::fs::read(folder.path().join("published/record.ldif")).unwrap();
    assert_eq!(content, b"new", "the last one counts");
}

fn request() -> pec::RecordRequest {
    pec::RecordRequest {
        managed_domains: vec![],
        further_certificates: vec![],
        location: None,
        description: None,
        units: vec![],
    }
}

/// Whoever comes second finds nothing left to do; nobody is disturbed.
fn two_hosts_may_tick_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let (one, two) = (provider.start(), provider.start());
    for n in 0..30 {
        let message = format!("message {n}");
        let _ = one.submit(submission(&["carla@there.example"], message.as_bytes()));
    }
    provider.clock.advance(DEADLINE);
    let reports: Vec<TickReport> = std::thread::scope(|scope| {
        let ticks =
            [&one, &two].map(|host| scope.spawn(|| host.tick_beside_workers(&mut |_| {}).unwrap()));
        ticks.into_iter().map(|tick| tick.join().unwrap()).collect()
    });
    let due: u64 = reports.iter().map(|report| report.due).sum();
    let deferred: u64 = reports.iter().map(|report| report.deferred).sum();
    assert_eq!((due, deferred), (30, 0));
    for message in one.status(None).unwrap() {
        assert_eq!(
            message.recipients[0].recipient.state,
            pec::RecipientState::Expired
        );
    }
}

on_both! {
    two_hosts_may_tick_at_once;
    deadlines_come_in_batches;
    deadlines_that_could_not_be_handled_come_again;
    the_directory_is_replaced_when_the_next_one_is_good;
    the_directory_file_is_watched;
    what_was_kept_for_a_time_is_forgotten_after_it;
    another_process_loads_a_directory;
    a_published_file_stays_in_its_folder;
}
