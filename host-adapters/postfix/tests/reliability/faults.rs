//! What the service needs goes away, comes back, or is slow: clients hear 4xx or the outbox waits,
//! whoever watches sees it, and all goes on by itself.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use ceralacca_host::Limits;

use crate::dependencies::{Clamd, Hsm, RemoteHsm, SmallDisk};
use crate::pair::{ANNA, BRUNO, CARLA, Pair, letter, wait_until};
use crate::postgres::PostgresServer;
use crate::provider::{Provider, Running};
use crate::proxy::{Door, Mood, Proxy};
use crate::support;

/// Dovecot's LMTP and Postfix's injection port: what was accepted waits, and leaves afterwards.
#[test]
fn the_servers_that_mail_leaves_by_are_away_and_then_slow() {
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    let (to_lmtp, to_injection) = (pair.dovecot.lmtp, pair.alfa.postfix.injection);
    let proxies = [to_lmtp, to_injection].map(|port| in_front(provider, port));
    let both_are = |mood| proxies.iter().for_each(|proxy| proxy.set(mood));
    let (alfa, beta) = (serving(provider), serving(&pair.beta.provider));
    let both = [BRUNO, CARLA];
    both_are(Mood::Away);
    assert_eq!(submit(&pair, &both, "via"), 250);
    wait_until("the outbox waits", || {
        waits(&alfa, "deposit") && waits(&alfa, "relay")
    });
    alfa.logged("postponed");
    assert_eq!(alfa.get("/healthz").0, 200);
    assert_eq!(
        (pair.dovecot.count(BRUNO), pair.dovecot.count(CARLA)),
        (0, 0)
    );
    both_are(Mood::Well);
    arrived(&pair, 1);
    both_are(Mood::Slow(Duration::from_millis(300)));
    assert_eq!(submit(&pair, &both, "lenta"), 250);
    arrived(&pair, 2);
    let actions = ["deposit", "relay", "loop", "confirm"];
    wait_until("the outbox is empty", || {
        !actions.iter().any(|action| waits(&alfa, action))
    });
    ends(&alfa);
    ends(&beta);
    pair.each_once(&both, &["via", "lenta"]);
}

/// Of a reload the outbox takes notice at once, whatever hangs: it may be what mends that.
#[test]
fn a_reload_waits_for_no_silent_server() {
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    let proxy = in_front(provider, pair.alfa.postfix.injection);
    let (alfa, beta) = (serving(provider), serving(&pair.beta.provider));
    proxy.set(Mood::Silent);
    let both = [BRUNO, CARLA];
    assert_eq!(submit(&pair, &both, "uno"), 250);
    pair.holds(BRUNO, 1);
    let hanging = || waits(&alfa, "relay");
    wait_until("a relay hangs", hanging);
    alfa.signal("HUP");
    alfa.logged("the new configuration is in force");
    assert_eq!(submit(&pair, &both, "due"), 250);
    pair.holds(BRUNO, 2);
    assert!(hanging());
    proxy.set(Mood::Well);
    arrived(&pair, 2);
    ends(&alfa);
    ends(&beta);
    pair.each_once(&both, &["uno", "due"]);
}

#[test]
fn the_scanner_is_away_then_slow_then_silent() {
    if !support::installed(&["clamd"]) {
        return;
    }
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    let mut clamd = Clamd::start();
    let proxy = between(provider, &clamd);
    let alfa = Running::start_with(provider, |program| {
        program.env("WATCHDOG_USEC", "1000000");
    });
    alfa.told("READY=1");
    assert_eq!(submit(&pair, &[BRUNO], "uno"), 250);
    pair.holds(ANNA, 2);
    clamd.stop();
    assert_deferred(&pair, "due");
    assert!(alfa.metric("ceralacca_scanner_errors_total") > 0.0);
    clamd.restart();
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "due", 0));
    pair.holds(BRUNO, 2);
    proxy.set(Mood::Slow(Duration::from_millis(300)));
    assert_eq!(submit(&pair, &[BRUNO], "tre"), 250);
    proxy.set(Mood::Silent);
    let late = given_up(&pair, "quattro", &alfa, Limits::default().conversations);
    // A reload has to wait for a place in the plug-in, and nothing else for the reload.
    alfa.signal("HUP");
    alfa.told("RELOADING=1");
    assert_stuck(&alfa, "scan");
    let pulses = alfa.times_told("WATCHDOG=1");
    wait_until("it shows that it is alive", || {
        alfa.times_told("WATCHDOG=1") > pulses + 2
    });
    proxy.set(Mood::Well);
    late.is_finished(&alfa);
    alfa.logged("the new configuration is in force");
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "quattro", 0));
    pair.holds(BRUNO, 4);
    // The other choice: it passes, and everybody is told.
    clamd.stop();
    provider.edit("#when-down = \"defer\"", "when-down = \"accept\"");
    alfa.signal("HUP");
    let reloads = "ceralacca_reloads_total{result=\"ok\"}";
    wait_until("it is in force", || alfa.metric(reloads) > 1.0);
    assert_eq!(submit(&pair, &[BRUNO], "cinque"), 250);
    pair.holds(BRUNO, 5);
    pair.holds(ANNA, 10);
    assert!(alfa.metric("ceralacca_unscanned_messages_total") > 0.0);
    ends(&alfa);
    pair.each_once(&[BRUNO], &["uno", "due", "tre", "quattro", "cinque"]);
}

/// A stop while a transaction waits for somebody: it is brought to its end, and its client hears so.
#[test]
fn a_stop_waits_for_what_is_under_way() {
    if !support::installed(&["clamd"]) {
        return;
    }
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    let clamd = Clamd::start();
    let proxy = between(provider, &clamd);
    let alfa = serving(provider);
    proxy.set(Mood::Silent);
    std::thread::scope(|scope| {
        let client = scope.spawn(|| submit(&pair, &[BRUNO], "uno"));
        wait_until("it is under way", || {
            alfa.metric("ceralacca_milter_octets_in_flight") > 0.0
        });
        alfa.signal("TERM");
        alfa.logged("draining");
        proxy.set(Mood::Well);
        assert_eq!(client.join().expect("it heard something"), 250);
    });
    assert_eq!(alfa.ends(), Some(0));
    let alfa = serving(provider);
    pair.holds(BRUNO, 1);
    pair.holds(ANNA, 2);
    ends(&alfa);
    pair.each_once(&[BRUNO], &["uno"]);
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
    pair.each_once(&[BRUNO], &["uno", "due"]);
}

/// A signer at the other end of a network is silent for longer than Postfix waits, its connections
/// break, and it comes back slow.
#[test]
fn the_signer_is_silent_breaks_off_and_is_slow() {
    if !support::installed(&["softhsm2-util", "p11-kit"]) {
        return;
    }
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    let mut hsm = RemoteHsm::holding_the_key_of(provider);
    let proxy = Proxy::to(Door::Socket(hsm.socket()));
    let Door::Socket(socket) = &proxy.door else {
        unreachable!("it is of the same sort")
    };
    let alfa = Running::start_with(provider, |program| {
        program.env(RemoteHsm::ADDRESS, RemoteHsm::address(socket));
    });
    alfa.told("READY=1");
    assert_eq!(submit(&pair, &[BRUNO], "uno"), 250);
    pair.holds(ANNA, 2);
    hsm.fall_silent();
    let late = given_up(&pair, "due", &alfa, Limits::default().conversations);
    assert_stuck(&alfa, "sign");
    hsm.speak_again();
    late.is_finished(&alfa);
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "due", 0));
    pair.holds(ANNA, 4);
    hsm.take_away();
    assert_deferred(&pair, "tre");
    hsm.bring_back();
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "tre", 0));
    pair.holds(BRUNO, 3);
    pair.holds(ANNA, 6);
    proxy.set(Mood::Slow(Duration::from_millis(100)));
    assert_eq!(submit(&pair, &[BRUNO], "quattro"), 250);
    pair.holds(BRUNO, 4);
    pair.holds(ANNA, 8);
    ends(&alfa);
    pair.each_once(&[BRUNO], &["uno", "due", "tre", "quattro"]);
}

#[test]
fn somebody_else_holds_sqlite() {
    if !support::installed(&["sqlite3"]) {
        return;
    }
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
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
        .write_all(b".timeout 10000\nBEGIN IMMEDIATE;\n")
        .expect("it reads");
    wait_until("somebody holds it", || alfa.get("/healthz").0 == 503);
    assert_deferred(&pair, "due");
    drop(statements);
    holder.wait().expect("it ends");
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "due", 0));
    pair.holds(ANNA, 4);
    assert_eq!(alfa.get("/healthz").0, 200);
    ends(&alfa);
    pair.each_once(&[BRUNO], &["uno", "due"]);
}

#[test]
fn the_disk_of_sqlite_is_full() {
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    let Some(disk) = SmallDisk::at(&provider.path().join("state"), 8) else {
        return;
    };
    let alfa = serving(provider);
    assert_eq!(submit(&pair, &[BRUNO], "uno"), 250);
    pair.holds(ANNA, 2);
    disk.fill();
    wait_until("the disk is full", || alfa.get("/healthz").0 == 503);
    assert_deferred(&pair, "due");
    assert!(alfa.metric_sum("ceralacca_store_errors_total") > 0.0);
    disk.clear();
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "due", 0));
    pair.holds(BRUNO, 2);
    pair.holds(ANNA, 4);
    assert_eq!(alfa.get("/healthz").0, 200);
    ends(&alfa);
    pair.each_once(&[BRUNO], &["uno", "due"]);
}

#[test]
fn postgres_is_away_then_slow_then_silent() {
    let Some(mut server) = PostgresServer::start() else {
        return;
    };
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    let proxy = Proxy::to(Door::Socket(server.folder().join(".s.PGSQL.5432")));
    let Door::Socket(socket) = &proxy.door else {
        unreachable!("it is of the same sort")
    };
    let folders = [Some(server.folder()), socket.parent()];
    let [direct, led] = folders.map(|folder| folder.expect("it has one").display().to_string());
    at_postgres(provider, &server.url("alfa").replace(&direct, &led));
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
    proxy.set(Mood::Slow(Duration::from_millis(20)));
    assert_eq!(submit(&pair, &[BRUNO], "tre"), 250);
    pair.holds(ANNA, 6);
    proxy.set(Mood::Silent);
    let late = given_up(&pair, "quattro", &alfa, 1);
    // Whoever watches is not left waiting.
    let (code, said) = alfa.get("/healthz");
    assert!(code == 503 && said.contains("no answer"), "{said}");
    assert!(alfa.get("/metrics").1.contains("ceralacca_store_answers 0"));
    proxy.set(Mood::Well);
    late.is_finished(&alfa);
    pair.alfa.insist(&[BRUNO], &letter(&[BRUNO], "quattro", 0));
    pair.holds(BRUNO, 4);
    pair.holds(ANNA, 8);
    ends(&alfa);
    pair.each_once(&[BRUNO], &["uno", "due", "tre", "quattro"]);
}

/// The server refuses to write, or gives up altogether and is started again once there is room.
#[test]
fn the_disk_of_postgres_is_full() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(disk) = SmallDisk::at(folder.path(), 128) else {
        return;
    };
    let Some(mut server) = PostgresServer::start_in(folder) else {
        return;
    };
    let Some(pair) = Pair::start() else { return };
    let provider = &pair.alfa.provider;
    on_postgres(provider, &server);
    let alfa = serving(provider);
    assert_eq!(submit(&pair, &[BRUNO], "uno"), 250);
    pair.holds(ANNA, 2);
    disk.fill();
    // Large, so that it does not fit into what the server holds in reserve.
    let large = letter(&[BRUNO], "due", 4_000_000);
    let reply = pair.alfa.hand_in(&[BRUNO], &large).expect("a reply");
    assert!((400..500).contains(&reply.code), "{reply:?}");
    assert!(alfa.metric_sum("ceralacca_store_errors_total") > 0.0);
    disk.clear();
    server.run_if_it_has_ended();
    pair.alfa.insist(&[BRUNO], &large);
    pair.holds(BRUNO, 2);
    pair.holds(ANNA, 4);
    assert_eq!(alfa.get("/healthz").0, 200);
    ends(&alfa);
    pair.each_once(&[BRUNO], &["uno", "due"]);
}

/// Has the provider's store on a server.
pub fn on_postgres(provider: &Provider, server: &PostgresServer) {
    at_postgres(provider, &server.url("alfa"));
}

fn at_postgres(provider: &Provider, url: &str) {
    let line = format!("postgres = \"{url}\"");
    let example = "#postgres = \"postgresql://ceralacca@/pec?host=/run/postgresql\"";
    provider.edit(example, &line);
}

/// Has the provider reach a server of this machine through a proxy.
fn in_front(provider: &Provider, port: u16) -> Proxy {
    let door = Door::Port(port);
    let proxy = Proxy::to(door.clone());
    let quoted = |door: &Door| format!("\"{}\"", door.endpoint());
    provider.edit(&quoted(&door), &quoted(&proxy.door));
    proxy
}

/// Does something of the kind wait in the outbox, or is it in hand?
fn waits(service: &Running, action: &str) -> bool {
    let pending = format!("ceralacca_outbox_pending{{action=\"{action}\"}}");
    service.metric(&pending) > 0.0
}

/// Has the provider's messages scanned, through a proxy.
fn between(provider: &Provider, clamd: &Clamd) -> Proxy {
    let proxy = Proxy::to(clamd.door());
    let line = format!("clamd = \"{}\"", proxy.door.endpoint());
    provider.edit("none = true", &line);
    proxy
}

/// A service that is ready.
pub fn serving(provider: &Provider) -> Running {
    let service = Running::start(provider);
    service.told("READY=1");
    service
}

/// Ends it as systemd does.
pub fn ends(service: &Running) {
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

/// Postfix has less patience than usual, and so many clients, who hand in the same at once, hear that it
/// was not taken.
fn given_up(pair: &Pair, subject: &str, alfa: &Running, times: u32) -> Late {
    let late = Late(accepted(alfa));
    pair.alfa.postfix.set("milter_content_timeout=3s");
    thread::scope(|scope| {
        for _ in 0..times {
            scope.spawn(|| assert_deferred(pair, subject));
        }
    });
    pair.alfa.postfix.set("milter_content_timeout=300s");
    assert_eq!(accepted(alfa), late.0, "nothing is decided yet");
    late
}

/// Whoever watches hears which question all conversations wait for.
fn assert_stuck(service: &Running, question: &str) {
    let (code, said) = service.get("/healthz");
    let question = format!("`{question}`");
    let words = ["503", "no answer from the plug-in", &question];
    let said = format!("{code} {said}");
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
}

/// A submission that the service still has in hand, although nobody waits for it any more.
struct Late(f64);

impl Late {
    /// Waits until it is accepted after all.
    fn is_finished(&self, alfa: &Running) {
        wait_until("it is accepted late", || accepted(alfa) > self.0);
    }
}

/// Of how many submissions it has told the client that they are accepted.
pub fn accepted(alfa: &Running) -> f64 {
    alfa.metric("ceralacca_transactions_total{event=\"submit\",reply=\"2xx\"}")
}
