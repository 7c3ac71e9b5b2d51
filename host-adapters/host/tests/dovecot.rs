//! Whose mailboxes are ours: a scripted Dovecot for what goes wrong, and a real one.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ceralacca_host::pec::{Mailbox, OrdinaryMailPolicy};
use ceralacca_host::*;
use support::{NOON, Peer, Running, program};

// ---- a scripted one ---------------------------------------------------------------------------

const HELLO: &str = "VERSION\t1\t1\nSPID\t4711\n";

#[test]
fn answers_are_remembered_for_a_while_and_connections_kept() {
    let peer = speaking(HELLO, |number, name| match name {
        "bruno@pec.beta.example" => format!("USER\t{number}\t{name}\tuid=1000\n"),
        _ => format!("NOTFOUND\t{number}\n"),
    });
    let clock = Arc::new(FixedClock::new(NOON));
    let userdb = DovecotUserdb::new(settings(peer.0.address()), Box::new(Arc::clone(&clock)));
    let asked = || peer.1.load(std::sync::atomic::Ordering::SeqCst);
    let (bruno, nemo) = ("bruno@pec.beta.example", "nemo@pec.beta.example");
    for _ in 0..3 {
        assert_eq!(userdb.mailbox(bruno).unwrap(), Some(plain(bruno)));
        assert_eq!(
            userdb.mailbox("Bruno@PEC.beta.example").unwrap(),
            Some(plain(bruno))
        );
        assert_eq!(userdb.mailbox(nemo).unwrap(), None);
    }
    assert_eq!(asked(), 2);
    clock.advance(10);
    userdb.mailbox(nemo).unwrap();
    userdb.mailbox(bruno).unwrap();
    assert_eq!(asked(), 3);
    clock.advance(50);
    userdb.mailbox(bruno).unwrap();
    assert_eq!(asked(), 4);
    clock.set(NOON - 1000);
    userdb.mailbox(bruno).unwrap();
    assert_eq!(asked(), 5);
    assert_eq!(peer.0.connections(), 1);
}

/// One that was restarted, or that ends idle connections.
#[test]
fn a_kept_connection_may_have_ended() {
    let peer = Peer::new(|mut client: UnixStream| {
        client.write_all(HELLO.as_bytes()).unwrap();
        let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
        lines.nth(1).unwrap().unwrap();
        client.write_all(b"NOTFOUND\t1\n").unwrap();
    });
    let userdb = userdb(peer.address());
    for name in ["a@x.example", "b@x.example", "c@x.example"] {
        assert_eq!(userdb.mailbox(name), Ok(None));
    }
    assert_eq!(peer.connections(), 3);
}

#[test]
fn the_cache_has_an_end() {
    let peer = speaking(HELLO, |number, name| format!("USER\t{number}\t{name}\n"));
    let mut settings = settings(peer.0.address());
    settings.cache.entries = 2;
    let clock = Arc::new(FixedClock::new(NOON));
    let userdb = DovecotUserdb::new(settings, Box::new(Arc::clone(&clock)));
    for _ in 0..2 {
        for name in ["a@x.example", "b@x.example", "c@x.example"] {
            userdb.mailbox(name).unwrap();
        }
    }
    // The third had no room, and was asked for twice.
    let asked = || peer.1.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(asked(), 4);
    clock.advance(60);
    for _ in 0..2 {
        userdb.mailbox("c@x.example").unwrap();
    }
    assert_eq!(asked(), 5);
}

/// Beside the name that they log in with.
#[test]
fn an_account_may_write_from_the_addresses_that_dovecot_names() {
    let peer = speaking(HELLO, |number, name| match name {
        "anna@pec.alfa.example" => format!(
            "USER\t{number}\t{name}\tpec_addresses=a.rossi@pec.alfa.example, studio@alfa.example\n"
        ),
        "bruno@pec.alfa.example" => format!("USER\t{number}\t{name}\tuid=1000\n"),
        "carla@pec.alfa.example" => format!("USER\t{number}\t{name}\tpec_addresses=carla\n"),
        _ => format!("NOTFOUND\t{number}\n"),
    });
    let userdb = userdb(peer.0.address());
    assert_eq!(
        userdb.addresses("anna@pec.alfa.example").unwrap(),
        [
            "anna@pec.alfa.example",
            "a.rossi@pec.alfa.example",
            "studio@alfa.example"
        ]
    );
    let bruno = "bruno@pec.alfa.example";
    assert_eq!(userdb.addresses(bruno).unwrap(), [bruno]);
    // Whom Dovecot does not know any more may write from nowhere.
    assert!(
        userdb
            .addresses("dario@pec.alfa.example")
            .unwrap()
            .is_empty()
    );
    let Unavailable(why) = userdb.addresses("carla@pec.alfa.example").unwrap_err();
    assert!(
        why.contains("pec_addresses") && why.contains("carla"),
        "{why}"
    );
}

#[test]
fn an_alias_is_no_mailbox() {
    let peer = speaking(HELLO, |number, _| {
        format!("USER\t{number}\tbruno@pec.beta.example\n")
    });
    let userdb = userdb(peer.0.address());
    assert_eq!(userdb.mailbox("info@pec.beta.example"), Ok(None));
    assert_eq!(userdb.mailbox("bruno"), Ok(None));
    let bruno = userdb.mailbox("BRUNO@pec.beta.example").unwrap();
    assert_eq!(bruno, Some(plain("bruno@pec.beta.example")));
}

#[test]
fn what_dovecot_cannot_say_is_unavailable_and_not_remembered() {
    let log: &str = "see Dovecot's log";
    for (reply, reason) in [
        ("FAIL\tNUMBER\n", log),
        ("FAIL\tNUMBER\treason=database down\n", "database down"),
        ("USER\t999\tbruno@pec.beta.example\n", "not its protocol"),
        ("USER\tNUMBER\n", "not its protocol"),
        ("NOTFOUND\n", "not its protocol"),
        ("MAYBE\tNUMBER\n", "MAYBE"),
        ("", "closed the connection"),
        ("NOTFOUND\tNUMBER", "closed the connection"),
        (
            "USER\tNUMBER\tbruno@pec.beta.example\tpec_ordinary_mail=maybe\n",
            "redirect:ADDRESS",
        ),
        (
            "USER\tNUMBER\tbruno@pec.beta.example\tpec_ordinary_mail=redirect:bruno\n",
            "redirect:ADDRESS",
        ),
        (
            "USER\tNUMBER\tbruno@pec.beta.example\tpec_certified_only=true\n",
            "yes or no",
        ),
    ] {
        let peer = speaking(HELLO, move |number, _| reply.replace("NUMBER", number));
        let userdb = userdb(peer.0.address());
        for asked in 1..=2 {
            let said = userdb
                .mailbox("bruno@pec.beta.example")
                .unwrap_err()
                .to_string();
            assert!(
                said.contains(reason) && said.contains("unix:/"),
                "{reply:?}: {said}"
            );
            assert!(peer.1.load(std::sync::atomic::Ordering::SeqCst) >= asked);
        }
    }
    for greeting in [
        "SPID\t1\n",
        "VERSION\t2\t0\nSPID\t1\n",
        "* OK IMAP\r\n",
        "VERSION\t1\t1\nHELLO\n",
    ] {
        let peer = speaking(greeting, |number, _| format!("NOTFOUND\t{number}\n"));
        userdb(peer.0.address())
            .mailbox("bruno@pec.beta.example")
            .unwrap_err();
    }
}

#[test]
fn a_silent_dovecot_ends_the_patience() {
    let peer = Peer::new(|_client| std::thread::sleep(Duration::from_secs(5)));
    let mut settings = settings(peer.address());
    settings.patience = Duration::from_millis(200);
    let begun = Instant::now();
    let userdb = DovecotUserdb::new(settings, Box::new(SystemClock));
    let said = userdb
        .mailbox("bruno@pec.beta.example")
        .unwrap_err()
        .to_string();
    assert!(said.contains("timed out"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[test]
fn an_address_cannot_ask_for_more_than_itself() {
    let peer = speaking(HELLO, |number, name| {
        assert_eq!(name, "a\x01nUSER\x01t1\x01tb@x.example");
        format!("NOTFOUND\t{number}\n")
    });
    assert_eq!(
        userdb(peer.0.address()).mailbox("a\nUSER\t1\tb@x.example"),
        Ok(None)
    );
    let long = format!("{}@x.example", "a".repeat(300));
    assert_eq!(
        userdb("unix:/nowhere".parse().unwrap()).mailbox(&long),
        Ok(None)
    );
}

// ---- a real one -------------------------------------------------------------------------------

#[test]
fn dovecot_tells_mailboxes_and_their_policies() {
    let users = "bruno@pec.beta.example:::::::\n\
        carla@pec.beta.example:::::::userdb_pec_ordinary_mail=accept userdb_pec_certified_only=yes\n\
        dino@pec.beta.example:::::::userdb_pec_ordinary_mail=redirect:dino@beta.example\n\
        enzo@pec.beta.example:::::::userdb_pec_ordinary_mail=perhaps\n\
        info@pec.beta.example:::::::userdb_user=bruno@pec.beta.example\n";
    let Some(dovecot) = Dovecot::start(
        "passwd-file",
        &format!("username_format=%Lu {USERS}"),
        users,
    ) else {
        return;
    };
    let userdb = userdb(dovecot.address());
    userdb.check("bruno@pec.beta.example").unwrap();
    let mailbox = |address: &str| userdb.mailbox(address);
    assert_eq!(
        mailbox("Bruno@PEC.Beta.example").unwrap(),
        Some(plain("bruno@pec.beta.example"))
    );
    assert_eq!(
        mailbox("carla@pec.beta.example").unwrap(),
        Some(Mailbox {
            ordinary_mail: Some(OrdinaryMailPolicy::Accept),
            certified_only: true,
            ..plain("carla@pec.beta.example")
        })
    );
    let elsewhere = OrdinaryMailPolicy::Redirect("dino@beta.example".to_owned());
    assert_eq!(
        mailbox("dino@pec.beta.example")
            .unwrap()
            .unwrap()
            .ordinary_mail,
        Some(elsewhere)
    );
    mailbox("enzo@pec.beta.example").unwrap_err();
    // Aliases, strangers, and what no user can be called: nobody's mailbox, and no reason to wait.
    for nobody in [
        "info@pec.beta.example",
        "nemo@pec.beta.example",
        "bruno@beta.example",
        "bruno",
        "",
        "o'brien@pec.beta.example",
        "\"a b\"@pec.beta.example",
        "a\nb@pec.beta.example",
        "perché@pec.beta.example",
        "*@pec.beta.example",
        "%u@pec.beta.example",
        "bruno+x@pec.beta.example",
    ] {
        assert_eq!(mailbox(nobody), Ok(None), "{nobody:?}");
    }
    let said = userdb
        .check("nemo@pec.beta.example")
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("nemo@pec.beta.example") && said.contains("%Lu"),
        "{said}"
    );
}

#[test]
fn a_dovecot_that_is_away_is_said_to_be_and_may_come_back() {
    let users = "bruno@pec.beta.example:::::::\n";
    let Some(mut dovecot) = Dovecot::start("passwd-file", USERS, users) else {
        return;
    };
    let address = dovecot.address();
    let check = || userdb(address.clone()).check("bruno@pec.beta.example");
    check().unwrap();
    dovecot.stop();
    let said = check().unwrap_err().to_string();
    assert!(
        said.contains("cannot be reached") && said.contains("auth-userdb"),
        "{said}"
    );
    dovecot.run();
    check().unwrap();
}

#[test]
fn a_userdb_that_knows_everybody_fails_the_check() {
    let everybody = "uid=1000 gid=1000 home=/nowhere allow_all_users=yes";
    let Some(dovecot) = Dovecot::start("static", everybody, "") else {
        return;
    };
    let said = userdb(dovecot.address())
        .check("bruno@pec.beta.example")
        .unwrap_err()
        .to_string();
    assert!(said.contains("knows everybody"), "{said}");
}

// ---- the scene --------------------------------------------------------------------------------

fn settings(socket: Endpoint) -> DovecotSettings {
    DovecotSettings {
        socket,
        patience: Duration::from_secs(10),
        cache: UserdbCache::default(),
    }
}

fn userdb(socket: Endpoint) -> DovecotUserdb {
    DovecotUserdb::new(settings(socket), Box::new(SystemClock))
}

fn plain(address: &str) -> Mailbox {
    Mailbox {
        address: address.to_owned(),
        ordinary_mail: None,
        certified_only: false,
    }
}

/// A peer that greets, and answers look-ups by their number and name; with the count of them.
fn speaking(
    greeting: &'static str,
    answer: impl Fn(&str, &str) -> String + Send + Sync + 'static,
) -> (Peer, Arc<std::sync::atomic::AtomicUsize>) {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let peer = Peer::new(move |mut client: UnixStream| {
        client.write_all(greeting.as_bytes()).unwrap();
        let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "VERSION\t1\t0");
        for line in lines.map_while(Result::ok) {
            let fields: Vec<&str> = line.split('\t').collect();
            let ["USER", number, name, "service=ceralacca"] = fields[..] else {
                panic!("{line:?} is no look-up");
            };
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let reply = answer(number, name);
            client.write_all(reply.as_bytes()).unwrap();
            if !reply.ends_with('\n') {
                return;
            }
        }
    });
    (peer, asked)
}

/// Dovecot's authentication alone.
struct Dovecot {
    running: Option<Running>,
    folder: tempfile::TempDir,
}

impl Dovecot {
    /// Arguments of the `userdb` may name the file of users as [`USERS`].
    fn start(driver: &str, arguments: &str, users: &str) -> Option<Self> {
        program("dovecot")?;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display().to_string();
        fs::write(folder.path().join("users"), users).unwrap();
        let arguments = arguments.replace(USERS, &format!("{root}/users"));
        let config = format!(
            "base_dir = {root}/run\nstate_dir = {root}/state\nlog_path = {root}/log\n\
             protocols =\nssl = no\nauth_username_format = %Lu\n\
             passdb {{\n  driver = static\n  args = nopassword\n}}\n\
             userdb {{\n  driver = {driver}\n  args = {arguments}\n}}\n\
             service auth {{\n  unix_listener {root}/auth-userdb {{\n    mode = 0600\n  }}\n}}\n"
        );
        fs::write(folder.path().join("dovecot.conf"), config).unwrap();
        let mut dovecot = Self {
            running: None,
            folder,
        };
        dovecot.run();
        Some(dovecot)
    }

    fn run(&mut self) {
        let mut command = Command::new(program("dovecot").unwrap());
        command
            .arg("-F")
            .arg("-c")
            .arg(self.folder.path().join("dovecot.conf"));
        let mut running = Running::start(command.stderr(Stdio::null()));
        running.wait_for_socket(&self.folder.path().join("auth-userdb"));
        self.running = Some(running);
    }

    fn stop(&mut self) {
        self.running = None;
    }

    fn address(&self) -> Endpoint {
        Endpoint::Unix(self.folder.path().join("auth-userdb"))
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log"));
            eprintln!("{}", log.unwrap_or_default());
        }
    }
}

const USERS: &str = "USERS";
