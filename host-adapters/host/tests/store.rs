//! The store as a folder: what it refuses to open, what it clears up, who may share it.

mod support;

use std::path::Path;
use std::sync::Arc;

use ceralacca_host::{Action, FixedClock, Store, pec};
use support::*;

fn refusal(folder: &Path) -> String {
    let text = Store::open(folder).unwrap_err().to_string();
    assert!(
        text.contains(&folder.display().to_string()),
        "{text} names the folder"
    );
    text
}

#[test]
fn a_missing_folder_is_named() {
    assert!(refusal(Path::new("/nowhere/provider")).contains("must exist"));
}

#[test]
fn another_programs_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    assert!(refusal(folder.path()).contains("is no Ceralacca store"));
    std::fs::write(
        &path,
        "hello, this is no database at all, and long enough to tell",
    )
    .unwrap();
    assert!(refusal(folder.path()).contains("not a database"));
}

fn a_newer_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::at(folder.path());
    drop(provider.open_store().unwrap());
    provider.tamper(match provider.database {
        Some(_) => "UPDATE ceralacca SET version = 99",
        None => "PRAGMA user_version = 99",
    });
    let text = provider.open_store().unwrap_err().to_string();
    assert!(
        text.contains("has version 99, this program knows 9"),
        "{text}"
    );
}

/// A subject may decode to anything, also to what PostgreSQL has no text for.
fn text_with_a_nul_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let notice = pec::Notice {
        recipient: "postmaster@here.example".to_owned(),
        text: "a subject with \0 in it".to_owned(),
    };
    let effects = vec![pec::Effect::Notify(notice)];
    provider.toy.push(Rule::Script(
        vec![],
        Box::new(outcome(250, vec![], effects)),
    ));
    let committed = host.submit(submission(&["carla@there.example"], b"x"));
    assert_eq!(committed.reply.code, 250);
}

/// A statement that nobody waited for is part of the outcome all the same: where a value of it cannot be
/// stored, or the database refuses it, nothing of the outcome is there.
fn what_fails_at_the_last_moment_undoes_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let submission = || self::submission(&["carla@there.example"], b"x");
    let entry = pec::LogEntry {
        event: "acceptance".to_owned(),
        pec_id: None,
        message_id: None,
        // More than any database of ours has a number for.
        at: u64::MAX,
        sender: "anna@here.example".to_owned(),
        recipients: vec![],
        subject: "Oggetto".to_owned(),
        generated: vec![],
        provider: "Toy".to_owned(),
        error: None,
    };
    let effects = vec![
        pec::Effect::Track(tracked(NOON, "one", &submission())),
        pec::Effect::Log(entry),
    ];
    let end = Box::new(outcome(250, vec![], effects));
    provider.toy.push(Rule::Script(vec![], end));
    assert_eq!(host.submit(submission()).reply.code, 451);
    assert!(host.status(None).unwrap().is_empty());

    provider.tamper("CREATE UNIQUE INDEX each_once ON log (event)");
    assert_eq!(host.submit(submission()).reply.code, 250);
    let another = || self::submission(&["carla@there.example"], b"y");
    assert_eq!(host.submit(another()).reply.code, 451);
    assert_eq!(host.status(None).unwrap().len(), 1);
    provider.tamper("DROP INDEX each_once");
    let again = host.submit(another());
    assert_eq!((again.reply.code, again.repeated), (250, false));
    assert_eq!(host.status(None).unwrap().len(), 2);
}

/// What waits is counted by what is to be done, and by how long it has waited.
fn the_queue_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let store = provider.open_store().unwrap();
    assert_eq!(store.queue(NOON).unwrap(), Default::default());
    let _ = host.submit(submission(
        &["bruno@here.example", "carla@there.example"],
        &large(),
    ));
    let queue = store.queue(NOON + 7).unwrap();
    assert_eq!(
        queue.pending,
        [(Action::Deposit, 1), (Action::Loop, 1), (Action::Relay, 1)]
    );
    assert_eq!((queue.oldest, queue.deadlines), (Some(7), 0));
    // However often it was put off.
    provider.tamper("UPDATE outbox SET next_at = next_at + 3600, attempts = 9");
    assert_eq!(store.queue(NOON + 8).unwrap().oldest, Some(8));
    provider.tamper("UPDATE outbox SET next_at = at, attempts = 0");
    run(&host);
    let queue = store.queue(NOON + DEADLINE).unwrap();
    assert_eq!((queue.pending, queue.oldest), (vec![], None));
    assert_eq!(
        queue.deadlines, 1,
        "Bruno's receipt is there, Carla's is not"
    );
}

/// A store as the program before this one left it: what waits there is carried out.
#[test]
fn an_older_store_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let older = std::fs::read_to_string(data("store-2.sql")).unwrap();
    rusqlite::Connection::open(folder.path().join("store.sqlite"))
        .unwrap()
        .execute_batch(&older)
        .unwrap();
    let mut provider = Provider::at(folder.path());
    // The message was submitted then.
    provider.clock = Arc::new(FixedClock::new(1_795_600_800));
    let host = provider.start();
    let (report, _) = run(&host);
    assert_eq!((report.done, report.next_at), (2, None));
    assert_eq!(provider.mailbox("a@p.example").len(), 1);
    let files: Vec<String> = provider.world().into_keys().collect();
    assert!(
        files
            .iter()
            .any(|f| f == "outbox/000001-transport-envelope.eml"),
        "{files:?}"
    );
    let status = host.status(None).unwrap();
    assert_eq!(status.len(), 1);
    assert_eq!(status[0].subject, "Prova");
    assert_eq!(host.providers_of_domain("p.example")[0].name, "P");
}

fn a_store_opens_again_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let _ = provider
        .start()
        .submit(submission(&["carla@there.example"], b"x"));
    let host = provider.start();
    run(&host);
    assert_eq!(provider.sent().len(), 1);
}

/// A lost transaction's file goes when the store is opened by somebody who is alone with it, and
/// only then: it could be another's that is just being written.
#[test]
fn orphans_in_the_spool_are_removed_by_whoever_is_alone() {
    let folder = tempfile::tempdir().unwrap();
    let first = Store::open(folder.path()).unwrap();
    let orphan = folder.path().join("spool/0123");
    std::fs::write(&orphan, "x").unwrap();
    let second = Store::open(folder.path()).unwrap();
    assert!(orphan.exists());
    drop((first, second));
    Store::open(folder.path()).unwrap();
    assert!(!orphan.exists());
}

/// A large message that rows refer to is no orphan.
fn the_spool_files_of_waiting_messages_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let _ = provider
        .start()
        .submit(submission(&["carla@there.example"], &large()));
    let host = provider.start();
    run(&host);
    assert!(provider.world()["outbox/000001-transport-envelope.eml"].len() > large().len());
}

/// A spool file that somebody deleted: the item waits and says why; nothing else is held up.
#[test]
fn a_lost_spool_file_holds_up_its_own_item_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let _ = host.submit(submission(&["bruno@here.example"], &large()));
    let _ = host.submit(submission(&["carla@there.example"], b"x"));
    std::fs::remove_file(folder.path().join("spool").join(&provider.spool()[0])).unwrap();
    let (report, _) = run(&host);
    assert_eq!(report.postponed, 1);
    assert_eq!(provider.sent().len(), 1);
    let status = host.status(None).unwrap();
    let errors: Vec<_> = status
        .iter()
        .flat_map(|s| &s.items)
        .filter_map(|i| i.last_error.as_ref())
        .collect();
    assert!(errors[0].contains("cannot be read"), "{errors:?}");
}

/// Two processes (here: two hosts) run the outbox of one store at once: everything happens once.
fn two_hosts_share_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let (one, two) = (provider.start(), provider.start());
    std::thread::scope(|scope| {
        for (host, name) in [(&one, "one"), (&two, "two")] {
            scope.spawn(move || {
                for n in 0..10 {
                    let message = format!("{name} {n}");
                    let committed =
                        host.submit(submission(&["bruno@here.example"], message.as_bytes()));
                    assert_eq!(committed.reply.code, 250);
                    run(host);
                }
            });
        }
    });
    assert_eq!(run(&one).0.next_at, None);
    assert_eq!(provider.mailbox("bruno@here.example").len(), 20);
    assert_eq!(provider.mailbox("anna@here.example").len(), 40);
}

/// A store in memory does all the same, and leaves nothing of its own behind.
#[test]
fn a_store_may_be_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    provider.in_memory = true;
    let host = provider.start();
    assert_eq!(
        host.submit(submission(&["bruno@here.example"], &large()))
            .reply
            .code,
        250
    );
    run(&host);
    assert_eq!(provider.mailbox("anna@here.example").len(), 2);
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|f| f.unwrap().file_name())
        .collect();
    assert_eq!(left, ["mail"]);
}

/// Whoever asks whether it can be written makes it write: SQLite spares itself what changes nothing,
/// and would call a full disk well.
#[test]
fn the_look_at_whether_it_can_be_written_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let log = folder.path().join("store.sqlite-wal");
    let mut length = 0;
    for _ in 0..3 {
        store.check_writable().unwrap();
        let longer = std::fs::metadata(&log).unwrap().len();
        assert!(longer > length, "{longer} octets after {length}");
        length = longer;
    }
}

on_both! {
    a_newer_store_is_left_alone;
    a_store_opens_again_as_it_was;
    text_with_a_nul_is_stored;
    the_queue_is_counted;
    the_spool_files_of_waiting_messages_stay;
    what_fails_at_the_last_moment_undoes_everything;
    two_hosts_share_a_store;
}
