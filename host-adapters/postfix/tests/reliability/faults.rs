//! What the service needs goes away, comes back, or is slow: clients hear 4xx or the outbox waits,
//! whoever watches sees it, and all goes on by itself.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::look;
use crate::pair::{ANNA, BRUNO, CARLA, Pair, letter, wait_until};
use crate::postgres::PostgresServer;
use crate::provider::{Provider, Running};
use crate::proxy::{Mood, Proxy};
use crate::support;

/// Dovecot's LMTP and Postfix's injection port: what was accepted waits, and leaves afterwards.
#[test]
fn the_servers_that_mail_leaves_by_are_away_and_then_slow() {
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    let (to_lmtp, to_injection) = (pair.dovecot.lmtp, pair.alfa.postfix.injection);
    let (lmtp, injection) = (Proxy::to(to_lmtp), Proxy::to(to_injection));
    for (port, proxy) in [(to_lmtp, &lmtp), (to_injection, &injection)] {
        provider.edit(
            &format!("inet:127.0.0.1:{port}\""),
            &format!("inet:127.0.0.1:{}\"", proxy.port),
        );
    }
    let (alfa, beta) = (serving(provider), serving(&pair.beta.provider));
    let both = [BRUNO, CARLA];
    for proxy in [&lmtp, &injection] {
        proxy.set(Mood::Away);
    }
    assert_eq!(submit(&pair, &both, "via"), 250);
    wait_until("the outbox waits", || {
        let waits =
            |action| alfa.metric(&format!("ceralacca_outbox_pending{{action=\"{action}\"}}"));
        waits("deposit") > 0.0 && waits("relay") > 0.0
    });
    alfa.logged("postponed");
    assert_eq!(alfa.get("/healthz").0, 200);
    assert_eq!(
        (pair.dovecot.count(BRUNO), pair.dovecot.count(CARLA)),
        (0, 0)
    );
    for proxy in [&lmtp, &injection] {
        proxy.set(Mood::Well);
    }
    arrived(&pair, 1);
    for proxy in [&lmtp, &injection] {
        proxy.set(Mood::Slow);
    }
    assert_eq!(submit(&pair, &both, "lenta"), 250);
    arrived(&pair, 2);
    wait_until("the outbox is empty", || {
        ["deposit", "relay", "loop", "confirm"]
            .iter()
            .all(|action| {
                alfa.metric(&format!("ceralacca_outbox_pending{{action=\"{action}\"}}")) == 0.0
            })
    });
    ends(&alfa);
    ends(&beta);
    assert_eq!(look::audit(provider), 2);
}

#[test]
fn the_scanner_is_away() {
    if !support::installed(&["clamd"]) {
        return;
    }
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    let mut clamd = Clamd::start();
    provider.edit(
        "none = true",
        &format!("clamd = \"unix:{}\"", clamd.socket().display()),
    );
    let alfa = serving(provider);
    assert_eq!(submit(&pair, &[BRUNO], "uno"), 250);
    pair.holds(ANNA, 2);
    clamd.running.stop();
    assert_deferred(&pair, "due");
    assert!(alfa.metric("ceralacca_scanner_errors_total") > 0.0);
    clamd.restart();
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "due", 0));
    pair.holds(BRUNO, 2);
    // The other choice: it passes, and everybody is told.
    clamd.running.stop();
    provider.edit("#when-down = \"defer\"", "when-down = \"accept\"");
    alfa.signal("HUP");
    alfa.logged("the new configuration is in force");
    assert_eq!(submit(&pair, &[BRUNO], "tre"), 250);
    pair.holds(BRUNO, 3);
    pair.holds(ANNA, 6);
    assert!(alfa.metric("ceralacca_unscanned_messages_total") > 0.0);
    ends(&alfa);
    assert_eq!(look::audit(provider), 3);
}

#[test]
fn the_signer_is_away() {
    if !support::installed(&["softhsm2-util"]) {
        return;
    }
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    let hsm = Hsm::holding_the_key_of(provider);
    let alfa = Running::start_with(provider, |program| {
        program.env("SOFTHSM2_CONF", hsm.conf());
    });
    alfa.told("READY=1");
    assert_eq!(submit(&pair, &[BRUNO], "uno"), 250);
    pair.holds(ANNA, 2);
    hsm.take_away();
    assert_deferred(&pair, "due");
    assert!(alfa.metric("ceralacca_unavailable_total{question=\"sign\"}") > 0.0);
    hsm.bring_back();
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "due", 0));
    pair.holds(BRUNO, 2);
    pair.holds(ANNA, 4);
    ends(&alfa);
    assert_eq!(look::audit(provider), 2);
}

/// Somebody else holds the database, and then the disk is full.
#[test]
fn sqlite_cannot_write() {
    if !support::installed(&["sqlite3"]) {
        return;
    }
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    let Some(disk) = SmallDisk::at(&provider.path().join("state")) else {
        return;
    };
    let alfa = serving(provider);
    assert_eq!(submit(&pair, &[BRUNO], "uno"), 250);
    pair.holds(ANNA, 2);

    let mut holder = Command::new("sqlite3")
        .arg(provider.path().join("state/store.sqlite"))
        .stdin(Stdio::piped())
        .spawn()
        .expect("it is installed");
    let mut statements = holder.stdin.take().expect("it is piped");
    statements
        .write_all(b"BEGIN IMMEDIATE;\n")
        .expect("it reads");
    wait_until("somebody holds it", || alfa.get("/healthz").0 == 503);
    assert_deferred(&pair, "due");
    drop(statements);
    holder.wait().expect("it ends");
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "due", 0));
    pair.holds(ANNA, 4);
    assert_eq!(alfa.get("/healthz").0, 200);

    disk.fill();
    wait_until("the disk is full", || alfa.get("/healthz").0 == 503);
    assert_deferred(&pair, "tre");
    assert!(alfa.metric_sum("ceralacca_store_errors_total") > 0.0);
    disk.clear();
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "tre", 0));
    pair.holds(BRUNO, 3);
    pair.holds(ANNA, 6);
    assert_eq!(alfa.get("/healthz").0, 200);
    ends(&alfa);
    assert_eq!(look::audit(provider), 3);
}

#[test]
fn postgres_is_away() {
    let Some(mut server) = PostgresServer::start() else {
        return;
    };
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    on_postgres(provider, &server);
    let alfa = serving(provider);
    assert_eq!(submit(&pair, &[BRUNO], "uno"), 250);
    pair.holds(ANNA, 2);
    server.stop("INT");
    assert_eq!(alfa.get("/healthz").0, 503);
    assert_deferred(&pair, "due");
    assert!(alfa.metric_sum("ceralacca_store_errors_total") > 0.0);
    server.run();
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "due", 0));
    pair.holds(BRUNO, 2);
    pair.holds(ANNA, 4);
    assert_eq!(alfa.get("/healthz").0, 200);
    ends(&alfa);
    assert_eq!(look::audit(provider), 2);
}

/// Has the provider's store on a server.
pub fn on_postgres(provider: &Provider, server: &PostgresServer) {
    let line = format!("postgres = \"{}\"", server.url("alfa"));
    let example = "#postgres = \"postgresql://ceralacca@/pec?host=/run/postgresql\"";
    provider.edit(example, &line);
}

fn serving(provider: &Provider) -> Running {
    let service = Running::start(provider);
    service.told("READY=1");
    service
}

fn ends(service: &Running) {
    service.signal("TERM");
    assert_eq!(service.ends(), Some(0));
}

fn submit(pair: &Pair, to: &[&str], subject: &str) -> u16 {
    let reply = pair.alfa.hand_in(to, &letter(to, subject, 0));
    reply.expect("Postfix is there").code
}

fn assert_deferred(pair: &Pair, subject: &str) {
    let code = submit(pair, &[BRUNO], subject);
    assert!((400..500).contains(&code), "{subject}: {code}");
}

/// So many messages of Anna's to both have come, with their receipts.
fn arrived(pair: &Pair, count: usize) {
    pair.holds(BRUNO, count);
    pair.holds(CARLA, count);
    pair.holds(ANNA, 3 * count);
}

/// ClamAV's daemon with a database of one signature.
struct Clamd {
    running: support::Running,
    folder: tempfile::TempDir,
}

impl Clamd {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        fs::create_dir(root.join("db")).expect("ours");
        fs::write(root.join("db/test.ndb"), "Test:0:*:6e6f7468696e67\n").expect("ours");
        let config = format!(
            "DatabaseDirectory {0}/db\nLocalSocket {0}/clamd.ctl\nTemporaryDirectory {0}\n\
             Foreground yes\n",
            root.display()
        );
        fs::write(root.join("clamd.conf"), config).expect("ours");
        let running = Self::run(root);
        Self { running, folder }
    }

    fn restart(&mut self) {
        self.running = Self::run(self.folder.path());
    }

    fn run(root: &Path) -> support::Running {
        let clamd = support::find("clamd").expect("it is installed");
        let conf = root.join("clamd.conf");
        let conf = conf.to_str().expect("UTF-8");
        let running = support::Running::start(&[&clamd, "--config-file", conf]);
        wait_until("clamd answers", || {
            std::os::unix::net::UnixStream::connect(root.join("clamd.ctl")).is_ok()
        });
        running
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("clamd.ctl")
    }
}

/// A token that can be pulled out.
struct Hsm(tempfile::TempDir);

impl Hsm {
    fn holding_the_key_of(provider: &Provider) -> Self {
        let hsm = Self(tempfile::tempdir().expect("a temporary folder"));
        fs::create_dir(hsm.tokens()).expect("ours");
        let tokens = hsm.tokens();
        let conf = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\n",
            tokens.display()
        );
        fs::write(hsm.conf(), conf).expect("ours");
        let key = provider.path().join("key.pem");
        for line in [
            "--init-token --free --label pec --pin 4711 --so-pin 12345678".to_owned(),
            format!(
                "--import {} --token pec --label pec-signing --id a1 --pin 4711",
                key.display()
            ),
        ] {
            let mut util = Command::new("softhsm2-util");
            util.args(line.split(' ')).env("SOFTHSM2_CONF", hsm.conf());
            support::succeed(&mut util);
        }
        let pin = provider.path().join("hsm.pin");
        fs::write(&pin, "4711\n").expect("ours");
        fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).expect("ours");
        for line in [
            "#[signer.pkcs11]",
            "#module = \"/usr/lib/softhsm/libsofthsm2.so\"",
            "#token = \"pec\"",
            "#key = \"pec-signing\"",
            "#pin-file = \"hsm.pin\"",
        ] {
            provider.edit(line, &line[1..]);
        }
        hsm
    }

    fn conf(&self) -> PathBuf {
        self.0.path().join("softhsm2.conf")
    }

    fn tokens(&self) -> PathBuf {
        self.0.path().join("tokens")
    }

    fn take_away(&self) {
        fs::rename(self.tokens(), self.0.path().join("away")).expect("ours");
        fs::create_dir(self.tokens()).expect("ours");
    }

    fn bring_back(&self) {
        fs::remove_dir(self.tokens()).expect("it is empty");
        fs::rename(self.0.path().join("away"), self.tokens()).expect("ours");
    }
}

/// A file system of a few megabytes, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None: this machine does not let us, which the test then says.
    fn at(folder: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs"]);
        let output = mount.arg(folder).output().expect("it is everywhere");
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            // Containers may not, and it is no tool that could be installed.
            eprintln!("skipped: no tmpfs can be mounted: {reason}");
            return None;
        }
        Some(Self(folder.to_owned()))
    }

    /// Leaves not an octet free.
    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).expect("there is room");
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn clear(&self) {
        fs::remove_file(self.0.join("filler")).expect("it is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the service may have it open still.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
