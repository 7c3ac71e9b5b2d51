//! The service as systemd meets it: started, told to reload, told to end.

mod provider;

use std::fs;
use std::path::Path;
use std::process::Command;

use provider::{Provider, Running, plug_in};

#[test]
fn it_serves_reloads_and_drains_as_systemd_wants() {
    if !plug_in() {
        return;
    }
    let provider = Provider::new();
    let service = Running::start(&provider);
    service.told("READY=1");
    assert!(provider.socket().exists(), "Postfix finds no milter");
    assert_eq!(service.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(service.get("/nothing").0, 404);

    // A bad configuration: the culprit is named, and the old one stays.
    provider.edit("#workers = 20", "workers = 0");
    service.signal("HUP");
    service.logged("`limits.workers`");
    service.logged("the configuration before stays in force");
    // A certificate that is not the key's.
    provider.edit("workers = 0", "workers = 2");
    let key = provider.path().join("key.pem");
    let good = fs::read(&key).unwrap();
    fs::write(&key, other_key()).unwrap();
    service.signal("HUP");
    service.logged("the certificate is for another key");
    assert_eq!(service.get("/healthz").0, 200);
    // A good one, with something that must wait for a restart.
    fs::write(&key, good).unwrap();
    provider.edit("#connections = 1000", "connections = 7");
    service.signal("HUP");
    service.logged("limits.connections");
    service.logged("the new configuration is in force");
    assert_eq!(service.get("/healthz").0, 200);

    let metrics = service.get("/metrics").1;
    for line in [
        "ceralacca_build_info{version=",
        "ceralacca_reloads_total{result=\"refused\"} 2",
        "ceralacca_reloads_total{result=\"ok\"} 1",
        "ceralacca_outbox_pending{action=\"relay\"} 0",
        "ceralacca_deadlines_due 0",
        "ceralacca_certificate_expiry_seconds ",
        "ceralacca_directory_age_seconds ",
        // The directory, loaded at the start.
        "ceralacca_transactions_total{event=\"load-directory\",reply=\"2xx\"} 1",
    ] {
        assert!(metrics.contains(line), "no {line:?} in\n{metrics}");
    }
    // What systemd was told, in order.
    service.signal("TERM");
    assert_eq!(service.ends(), Some(0));
    service.logged("drained");
    service.told("RELOADING=1");
    service.told("STOPPING=1");
    assert!(!provider.socket().exists(), "the socket stays behind");
}

#[test]
fn health_tells_why_mail_cannot_pass() {
    if !plug_in() {
        return;
    }
    let provider = Provider::new();
    let service = Running::start(&provider);
    service.told("READY=1");
    // As a full disk would: SQLite may not write any more.
    let database = provider.path().join("state/store.sqlite");
    let broken = Command::new("sqlite3")
        .arg(&database)
        .arg("CREATE TRIGGER full BEFORE INSERT ON memo BEGIN SELECT RAISE(ABORT, 'disk full'); END;")
        .status();
    if !broken.is_ok_and(|status| status.success()) {
        assert!(
            std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
            "sqlite3 not found"
        );
        eprintln!("skipped: sqlite3 not found");
        return;
    }
    let (code, reason) = service.get("/healthz");
    assert_eq!(code, 503);
    assert!(reason.contains("disk full"), "{reason}");
    service.signal("INT");
    assert_eq!(service.ends(), Some(0));
}

#[test]
fn the_log_is_json_where_it_is_asked_for() {
    if !plug_in() {
        return;
    }
    let provider = Provider::new();
    provider.edit("#format = \"text\"", "format = \"json\"");
    let service = Running::start(&provider);
    service.told("READY=1");
    service.signal("TERM");
    assert_eq!(service.ends(), Some(0));
    let log = service.log();
    let lines: Vec<_> = log.lines().collect();
    assert!(lines.len() > 3, "{lines:?}");
    for line in lines {
        let value: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(
            value["level"].is_string() && value["message"].is_string(),
            "{line}"
        );
    }
}

#[test]
fn what_prevents_a_start_is_said_in_one_line() {
    if !plug_in() {
        return;
    }
    let provider = Provider::new();
    for (change, told) in [
        (("[lmtp]", "[lmpt]"), "lmpt"),
        (("none = true", ""), "`scanner.clamd`"),
        (
            (
                "#certificate = \"certificate.pem\"",
                "certificate = \"none.pem\"",
            ),
            "none.pem",
        ),
        (
            (
                "\"posta-certificata@pec.alfa.example\"",
                "\"posta@pec.alfa.example\"",
            ),
            "`provider.service-address`",
        ),
        (
            ("[listen]", "[listen]\ngroup = \"no-such-group\""),
            "`listen.group`",
        ),
    ] {
        let good = fs::read_to_string(provider.config()).unwrap();
        provider.edit(change.0, change.1);
        let service = Running::start(&provider);
        assert_eq!(service.ends(), Some(1), "{change:?}");
        let stderr = service.log();
        let last = stderr.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("ceralacca-postfix: ") && last.contains(told),
            "{change:?}: {stderr}"
        );
        fs::write(provider.config(), good).unwrap();
    }
}

/// A key that no certificate of these tests has.
fn other_key() -> Vec<u8> {
    let other = Provider::new();
    fs::read(Path::new(&other.path()).join("key.pem")).unwrap()
}
