//! Commits: one fsync for many, and what a lost connection leaves unknown.

mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ceralacca_host::*;
use support::*;

const CARLA: &str = "carla@there.example";

fn number(n: usize) -> pec::Submission {
    submission(&[CARLA], format!("message {n}").as_bytes())
}

/// To two of ours as well, whose part is committed along with it.
fn to_ours(n: usize) -> pec::Submission {
    let recipients = ["bruno@here.example", "dora@here.example", CARLA];
    submission(&recipients, format!("message {n}").as_bytes())
}

/// To more recipients than fit into one statement.
fn to_many(n: usize) -> pec::Submission {
    let recipients: Vec<String> = (0..20).map(|r| format!("r{r}@there.example")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    submission(&recipients, format!("message {n}").as_bytes())
}

/// A provider whose database is elsewhere, in a folder that goes with it.
fn provider_with(url: String) -> (tempfile::TempDir, Provider) {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    provider.database = Some(url);
    (folder, provider)
}

/// Eight sessions come to commit while another process holds the database; when it lets go, they
/// do so in one or two transactions. One of them breaks the contract, and harms nobody but itself.
#[test]
fn those_who_commit_at_once_share_an_fsync() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let bad = vec![settle("nobody", CARLA, pec::RecipientState::Delivered)];
    provider
        .toy
        .push(Rule::Script(vec![], Box::new(outcome(250, vec![], bad))));
    let before = wal_commits(folder.path());
    let other = rusqlite::Connection::open(folder.path().join("store.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut codes: Vec<u16> = thread::scope(|scope| {
        let host = &host;
        let sessions: Vec<_> = (0..8)
            .map(|n| scope.spawn(move || host.submit(number(n)).reply.code))
            .collect();
        // The bad one asks nothing. From the others' last question it is not far to the commit.
        let mut heard = 0;
        while heard < 7 {
            heard += provider.toy.heard().len();
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_secs(1));
        other.execute_batch("COMMIT").unwrap();
        sessions.into_iter().map(|s| s.join().unwrap()).collect()
    });
    codes.sort_unstable();
    assert_eq!(codes, [250, 250, 250, 250, 250, 250, 250, 451]);
    let commits = wal_commits(folder.path()) - before;
    assert!((1..=3).contains(&commits), "{commits} commits");
    // Another process sees all of them.
    assert_eq!(provider.start().status(None).unwrap().len(), 7);
}

/// Who is alone waits for nobody: each commit is its own.
#[test]
fn who_is_alone_commits_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let before = wal_commits(folder.path());
    for n in 0..5 {
        assert_eq!(host.submit(number(n)).reply.code, 250);
    }
    assert_eq!(wal_commits(folder.path()) - before, 5);
}

/// Counts the frames of the write-ahead log that end a transaction
/// (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).
fn wal_commits(folder: &Path) -> usize {
    let log = std::fs::read(folder.join("store.sqlite-wal")).unwrap();
    let Some((header, frames)) = log.split_at_checked(32) else {
        return 0;
    };
    let page = u32::from_be_bytes(header[8..12].try_into().unwrap()) as usize;
    let current = |frame: &&[u8]| frame[8..16] == header[16..24];
    let ends = |frame: &&[u8]| frame[4..8] != [0; 4];
    frames
        .chunks_exact(24 + page)
        .filter(current)
        .filter(ends)
        .count()
}

/// The way to the server, which is cut when something comes along.
struct Cable {
    folder: tempfile::TempDir,
    cut: Arc<Cut>,
}

struct Cut {
    /// What is waited for, and what is in the answer to it.
    at: Exchange,
    /// Before the server hears it.
    before: AtomicBool,
    /// After it has answered, and before anybody hears that.
    after: AtomicBool,
}

/// Octets of what is said to the server, and of its answer.
type Exchange = (&'static [u8], &'static [u8]);

/// A value of five octets, in the one statement that says all of an outcome: what a new item asks for.
const ALL: Exchange = (b"\0\0\0\x05relay", b"SELECT 1\0");

/// A simple query, behind the statements that nobody waits for.
const COMMIT: Exchange = (b"COMMIT\0", b"COMMIT\0");

type Numbered = fn(usize) -> pec::Submission;
/// Two outcomes that are said in one statement, and one that takes a transaction.
const OUTCOMES: [(Exchange, Numbered); 3] = [(ALL, number), (ALL, to_ours), (COMMIT, to_many)];

/// A value of four octets: the state of an item that has been carried out.
const DONE: Exchange = (b"\0\0\0\x04done", b"UPDATE 1\0");

fn has(octets: &[u8], what: &[u8]) -> bool {
    octets.windows(what.len()).any(|window| window == what)
}

const SOCKET: &str = ".s.PGSQL.5432";

impl Cable {
    fn cut_at(at: Exchange, server: &PostgresServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let cut = Arc::new(Cut {
            at,
            before: AtomicBool::new(false),
            after: AtomicBool::new(false),
        });
        let (target, cuts) = (server.folder().join(SOCKET), Arc::clone(&cut));
        // Ends with the process.
        thread::spawn(move || {
            for client in listener.incoming() {
                plug(client.unwrap(), &target, &cuts);
            }
        });
        Self { folder, cut }
    }

    fn url(&self, url: &str) -> String {
        let (_, rest) = url.split_once(' ').unwrap();
        format!("host={} {rest}", self.folder.path().display())
    }
}

fn plug(client: UnixStream, target: &PathBuf, cut: &Arc<Cut>) {
    let server = UnixStream::connect(target).unwrap();
    let deaf = Arc::new(AtomicBool::new(false));
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let answer = cut.at.1;
    let (cut, hears_not) = (Arc::clone(cut), Arc::clone(&deaf));
    thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let comes = has(&buffer[..count], cut.at.0);
            if comes && cut.before.swap(false, Ordering::SeqCst) {
                break;
            }
            if comes && cut.after.swap(false, Ordering::SeqCst) {
                hears_not.store(true, Ordering::SeqCst);
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
    let (mut from, mut to) = (server, client);
    thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let said = &buffer[..count];
            if deaf.load(Ordering::SeqCst) {
                // The answers to earlier statements may come by themselves.
                if has(said, answer) {
                    break;
                }
            } else if to.write_all(said).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// Who has an item in hand has its claim on the disk: after a power cut somebody else must see that it may
/// have been carried out. Of nothing else is anything written here, and the server syncs nothing by
/// itself for ten seconds.
#[test]
fn a_claim_survives_a_power_cut() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let url = server.url("claims");
    let mut database = connect(&url);
    for statement in [
        "ALTER SYSTEM SET wal_writer_delay = '10s'",
        "SELECT pg_reload_conf()",
    ] {
        database.execute(statement, &[]).unwrap();
    }
    let (_folder, mut provider) = provider_with(url);
    let synced = Arc::new(Mutex::new(None));
    provider.relay = Some(Box::new(Looking(Mutex::new(database), Arc::clone(&synced))));
    let host = provider.start();
    assert_eq!(host.submit(number(1)).reply.code, 250);
    run(&host);
    assert_eq!(*synced.lock().unwrap(), Some(true));
}

/// Looks, with a relay in hand, whether all that the server has written is synced.
struct Looking(Mutex<postgres::Client>, Arc<Mutex<Option<bool>>>);

impl Relay for Looking {
    fn relay(&self, _: &RelayItem<'_>) -> RelayOutcome {
        let all = "SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()";
        let row = self.0.lock().unwrap().query_one(all, &[]).unwrap();
        *self.1.lock().unwrap() = Some(row.get(0));
        RelayOutcome::Handed
    }
}

/// The server has committed and we did not hear it: the client is told to come again, and is then
/// told what it would have been told the first time.
#[test]
fn a_commit_that_was_not_heard_of_is_recognised() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    for (schema, (at, submission)) in ["one", "ours", "many"].into_iter().zip(OUTCOMES) {
        let cable = Cable::cut_at(at, &server);
        let (_folder, mut provider) = provider_with(cable.url(&server.url(schema)));
        let host = provider.start();
        assert_eq!(host.submit(submission(1)).reply.code, 250);
        cable.cut.after.store(true, Ordering::SeqCst);
        let unheard = host.submit(submission(2));
        assert!(!cable.cut.after.load(Ordering::SeqCst), "it was cut");
        assert_eq!((unheard.reply.code, unheard.repeated), (451, false));
        let again = host.submit(submission(2));
        assert_eq!((again.reply.code, again.repeated), (250, true));
        assert_eq!(host.status(None).unwrap().len(), 2);
        run(&host);
        assert_eq!(provider.sent().len(), 2);
    }
}

/// The same, but the server had not heard it either.
#[test]
fn a_commit_that_was_not_made_is_made_the_second_time() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    for (schema, (at, submission)) in ["one", "ours", "many"].into_iter().zip(OUTCOMES) {
        let cable = Cable::cut_at(at, &server);
        let (_folder, mut provider) = provider_with(cable.url(&server.url(schema)));
        let host = provider.start();
        cable.cut.before.store(true, Ordering::SeqCst);
        assert_eq!(host.submit(submission(1)).reply.code, 451);
        assert!(!cable.cut.before.load(Ordering::SeqCst), "it was cut");
        assert!(host.status(None).unwrap().is_empty());
        let again = host.submit(submission(1));
        assert_eq!((again.reply.code, again.repeated), (250, false));
        run(&host);
        assert_eq!(provider.sent().len(), 1);
    }
}

/// What is said in one statement is said again when its answer gets lost. The item has ended, and only
/// once, whether the server had heard of it or not.
#[test]
fn an_end_that_was_not_heard_of_is_one() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let cable = Cable::cut_at(DONE, &server);
    let (_folder, mut provider) = provider_with(cable.url(&server.url("pec")));
    let host = provider.start();
    for (n, cut) in [(1, &cable.cut.before), (2, &cable.cut.after)] {
        assert_eq!(host.submit(number(n)).reply.code, 250);
        cut.store(true, Ordering::SeqCst);
        let _ = run(&host);
        assert!(!cut.load(Ordering::SeqCst), "it was cut");
        let status = host.status(None).unwrap();
        let items = status.iter().flat_map(|message| &message.items);
        // Nothing was postponed: it was the statement that was tried again, not the item.
        let at_once = |item: &ItemStatus| item.state == ItemState::Done && item.attempts == 0;
        assert!(items.clone().all(at_once), "{status:?}");
        assert_eq!(items.count(), 2 * n);
        assert_eq!(provider.sent().len(), n);
        assert_eq!(provider.mailbox("anna@here.example").len(), n);
    }
}

/// The server dies and comes back, again and again, while ten clients hand in messages, each until
/// it is told 250. All of them are sent, and none twice.
#[test]
fn a_server_that_dies_under_load_loses_nothing() {
    let Some(mut server) = PostgresServer::start() else {
        return;
    };
    let (_folder, mut provider) = provider_with(server.url("pec"));
    let host = provider.start();
    let stop = Stop::new();
    thread::scope(|scope| {
        let host = &host;
        scope.spawn(|| host.run_outbox_workers(4, &stop));
        let clients: Vec<_> = (0..10)
            .map(|client| {
                scope.spawn(move || {
                    for n in 0..20 {
                        while host.submit(number(100 * client + n)).reply.code != 250 {
                            thread::sleep(Duration::from_millis(20));
                        }
                    }
                })
            })
            .collect();
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(300));
            server.crash_and_restart();
        }
        for client in clients {
            client.join().unwrap();
        }
        stop.request();
    });
    provider.tamper("UPDATE outbox SET claimed_until = 0");
    provider.clock.advance(3600);
    assert_eq!(run(&host).0.next_at, None);
    assert_eq!(host.status(None).unwrap().len(), 200);
    assert_eq!(provider.sent().len(), 200);
    assert_eq!(provider.mailbox("anna@here.example").len(), 200);
}

/// Connections that were idle while the server was restarted are no reason to refuse a message.
#[test]
fn a_restart_between_two_messages_is_not_noticed() {
    let Some(mut server) = PostgresServer::start() else {
        return;
    };
    let (_folder, mut provider) = provider_with(server.url("pec"));
    let host = provider.start();
    assert_eq!(host.submit(number(1)).reply.code, 250);
    server.crash_and_restart();
    assert_eq!(host.submit(number(2)).reply.code, 250);
    server.stop("INT");
    assert_eq!(host.submit(number(3)).reply.code, 451);
    server.run();
    assert_eq!(host.submit(number(3)).reply.code, 250);
}

/// It was idle between what was read and what is written, too: nothing was begun by then.
#[test]
fn a_restart_while_a_message_is_thought_about_is_not_noticed() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let (_folder, mut provider) = provider_with(server.url("pec"));
    let server = Arc::new(Mutex::new(server));
    let same = Arc::clone(&server);
    provider.scanner = Meanwhile::scanner(move || same.lock().unwrap().crash_and_restart());
    let host = provider.start();
    // What the first one says to the server is what the second one says, so there is nothing to prepare.
    for (n, questions) in [(1, vec![]), (2, vec![pec::Question::Scan])] {
        let message = tracked(NOON, &format!("number {n}"), &number(n));
        let end = outcome(250, vec![], vec![pec::Effect::Track(message)]);
        provider.toy.push(Rule::Script(questions, Box::new(end)));
        assert_eq!(host.submit(number(n)).reply.code, 250, "{n}");
    }
    assert_eq!(host.status(None).unwrap().len(), 2);
}

/// A server that will not have several statements as one is told them one after the other.
#[test]
fn what_a_server_will_not_take_as_one_is_said_in_several() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let (_folder, mut provider) = provider_with(server.url("pec"));
    let host = provider.start();
    provider.tamper("DROP FUNCTION must_change(BIGINT, BIGINT)");
    for n in [1, 2] {
        assert_eq!(host.submit(number(n)).reply.code, 250);
    }
    run(&host);
    assert_eq!(provider.sent().len(), 2);
    assert_eq!(provider.mailbox("anna@here.example").len(), 2);
    // What must change something is looked at all the same.
    let twice = vec![pec::Effect::Track(tracked(NOON, "one", &number(3)))];
    for (n, code) in [(3, 250), (4, 451)] {
        let end = outcome(250, vec![], twice.clone());
        provider.toy.push(Rule::Script(vec![], Box::new(end)));
        assert_eq!(host.submit(number(n)).reply.code, code);
    }
    assert_eq!(host.status(None).unwrap().len(), 3);
}

/// Errors name the place and the remedy, and no password.
#[test]
fn what_cannot_be_opened_is_named() {
    let options = PostgresOptions::default();
    let refusal = |url: &str| Store::open_postgres(url, &options).unwrap_err().to_string();
    let away = refusal("postgresql://pec:geheim@/mail?host=/nowhere");
    assert!(away.contains("postgresql /nowhere/mail: "), "{away}");
    assert!(
        away.contains("the server must answer") && !away.contains("geheim"),
        "{away}"
    );
    let wrong = refusal("postgresql://pec:geheim@host/mail?ssl=perhaps");
    assert!(
        wrong.contains("ssl") && !wrong.contains("geheim"),
        "{wrong}"
    );
    let in_the_clear = refusal("postgresql://pec:geheim@localhost/mail?sslmode=require");
    assert!(in_the_clear.contains("root certificates"), "{in_the_clear}");
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let url = server.url("other");
    connect(&url)
        .batch_execute("CREATE TABLE t (x INT)")
        .unwrap();
    assert!(refusal(&url).contains("is no Ceralacca store"));
    let missing = url.replace("other", "missing");
    assert!(
        refusal(&missing).contains("search_path"),
        "{}",
        refusal(&missing)
    );
}

/// With the authority's certificate the way to the server is encrypted and the server is the one
/// that was meant; whatever else answers is refused.
#[test]
fn the_way_to_the_server_may_be_encrypted() {
    let Some(mut server) = PostgresServer::start() else {
        return;
    };
    let (url, authority) = server.speak_tls();
    let mut admin = connect(&server.url("pec"));
    let url = format!("{url} options='-c search_path=pec'");
    let mut options = PostgresOptions::default();
    options.root_certificates = Some(authority);
    let store = Store::open_postgres(&url, &options).unwrap();
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'ceralacca'";
    let encrypted: Option<bool> = admin.query_one(encrypted, &[]).unwrap().get(0);
    assert_eq!(encrypted, Some(true));
    drop(store);

    let elsewhere = url.replace("host=localhost", "host=db.example");
    let text = Store::open_postgres(&elsewhere, &options)
        .unwrap_err()
        .to_string();
    assert!(text.contains("certificate"), "{text}");
    options.root_certificates = Some(data("certificate.der"));
    let text = Store::open_postgres(&url, &options)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("certificate.der: there is none in it"),
        "{text}"
    );
}
