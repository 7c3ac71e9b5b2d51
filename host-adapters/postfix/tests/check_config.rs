//! `ceralacca-postfix check-config`: each thing that is wrong is one line with its remedy.

#[path = "../../host/tests/support/postgres.rs"]
#[allow(dead_code, unused_macros, reason = "each program uses its part")]
mod postgres_server;
mod provider;
mod support;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use postgres_server::PostgresServer;
use provider::{Provider, plug_in};
use support::{Dovecot, Postfix, PostfixSetup, installed};

#[test]
fn with_real_servers_everything_is_ok_and_then_one_by_one_it_is_not() {
    if !plug_in() || !installed(&["postfix", "dovecot", "openssl"]) {
        return;
    }
    let provider = Provider::new();
    // Files of the service's user; Postfix's user passes.
    open_to_all(&provider.path());
    let dovecot = Dovecot::start(&[("ricevute@pec.alfa.example", "x")], "");
    let postfix = Postfix::start(&PostfixSetup {
        domains: vec!["pec.alfa.example".to_owned()],
        milter: Some(format!("unix:{}", provider.socket().display())),
        auth: Some(dovecot.auth_socket()),
        ..PostfixSetup::default()
    });
    provider.edit(
        "inet:127.0.0.1:9\"",
        &format!("inet:127.0.0.1:{}\"", postfix.injection),
    );
    let lmtp = format!("unix:{}", dovecot.lmtp_socket().display());
    provider.edit(&format!("unix:{}/lmtp", provider.path().display()), &lmtp);
    let config = postfix.folder().join("config");
    let line = format!("config-directory = \"{}\"", config.display());
    provider.edit("#config-directory = \"/etc/postfix\"", &line);

    let (code, text) = check(&provider);
    for words in [
        "ok    the signing key belongs to the certificate",
        "ok    the certificate holds now, and for 10",
        "ok    the certificate is for posta-certificata@pec.alfa.example",
        "ok    the plug-in takes the settings and the provider directory",
        "ok    the directory has our certificate, under “Alfa Posta Certificata S.p.A.”",
        "ok    a receipt of ours holds",
        "ok    there is no store in",
        "ok    the injection port answers",
        "knows ricevute@pec.alfa.example",
        "ok    the mailboxes are listed",
        "ok    Postfix's user postfix reaches",
        "warn  NO VIRUS SCANNER",
        "our milter, as PEC-ACCESS",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    assert_eq!(code, 0, "{text}");

    let list = "mailboxes = [\"ricevute@pec.alfa.example\"]";
    for (line, instead, told) in [
        (
            lmtp.as_str(),
            "unix:/nowhere/lmtp",
            "FAIL  LMTP does not answer at unix:/nowhere/lmtp",
        ),
        (
            DOVEADM,
            "doveadm = { url = \"http://127.0.0.1:9\", key-file = \"none.key\" }",
            "none.key",
        ),
        (
            DOVEADM,
            "doveadm = { url = \"http://127.0.0.1:9\", key-file = \"key.pem\" }",
            "FAIL  doveadm: ",
        ),
        (
            list,
            "mailboxes = []",
            "FAIL  there is no mailbox ricevute@pec.alfa.example",
        ),
        (
            list,
            "mailboxes = \"any\"",
            "warn  provider.mailboxes is \"any\"",
        ),
        (
            "none = true",
            "clamd = \"unix:/nowhere/clamd\"",
            "FAIL  clamd at unix:/nowhere/clamd: it cannot be reached",
        ),
        (
            "service-mailbox = \"ricevute@",
            "service-mailbox = \"other@",
            "mailReceipt is ricevute@pec.alfa.example and not other@",
        ),
        (
            "service-mailbox = \"ricevute@",
            "service-mailbox = \"other@",
            "does not take mail for the service mailbox other@",
        ),
        (
            "service-address = \"posta-certificata@pec",
            "service-address = \"posta@pec",
            "the certificate is for [posta-certificata@pec.alfa.example]",
        ),
        (
            "domains = [\"pec.alfa.example\"]",
            "domains = [\"pec.alfa.example\", \"x.example\"]",
            "the directory does not have x.example as ours",
        ),
        ("/state\"", "/none\"", "FAIL  there is no store in"),
        (
            "/run/milter.sock\"]",
            "/gone/milter.sock\"]",
            "FAIL  there is no folder for the socket",
        ),
        (
            line.as_str(),
            "config-directory = \"/nowhere\"",
            "FAIL  Postfix's settings cannot be read",
        ),
        ("[signer]", "[sing]", "FAIL  configuration"),
    ] {
        with_change(&provider, line, instead, told);
    }
    // Postfix would refuse what we have signed.
    postfix.set("mynetworks=192.0.2.0/24");
    let port = format!(
        "FAIL  the injection port at inet:127.0.0.1:{}",
        postfix.injection
    );
    fails(
        &provider,
        &format!("{port} does not take our mail for others: "),
    );
}

#[test]
fn a_wrong_key_certificate_root_or_directory_is_told_apart() {
    if !plug_in() {
        return;
    }
    let (provider, other) = (Provider::new(), Provider::new());
    for (file, told) in [
        (
            "key.pem",
            "FAIL  signing key: the certificate is for another key",
        ),
        ("roots.pem", "FAIL  others would refuse what we sign"),
        (
            "directory.ldif",
            "FAIL  the directory does not have our certificate",
        ),
    ] {
        let path = provider.path().join(file);
        let good = fs::read(&path).unwrap();
        fs::copy(other.path().join(file), &path).unwrap();
        fails(&provider, told);
        fs::write(&path, good).unwrap();
    }
    // Without its issuer nobody finds the way to the root.
    let path = provider.path().join("certificate.pem");
    let chain = fs::read_to_string(&path).unwrap();
    let leaf = chain
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next()
        .unwrap();
    fs::write(&path, leaf).unwrap();
    fails(&provider, "FAIL  others would refuse what we sign");
    fs::write(&path, &chain).unwrap();
    // LDIF that is none.
    let mut directory = fs::OpenOptions::new()
        .append(true)
        .open(provider.path().join("directory.ldif"))
        .unwrap();
    directory.write_all(b"\nnonsense\n").unwrap();
    fails(&provider, "FAIL  provider directory");
}

#[test]
fn a_store_that_is_there_is_written_to_and_a_foreign_one_is_refused() {
    if !plug_in() {
        return;
    }
    let provider = Provider::new();
    let database = provider.path().join("state/store.sqlite");
    drop(ceralacca_host::Store::open(&provider.path().join("state")).unwrap());
    let (_, text) = check(&provider);
    assert!(text.contains("can be written, and is up to date"), "{text}");
    fs::write(
        &database,
        "no database, whatever its name says, but quite a long text",
    )
    .unwrap();
    fails(&provider, "FAIL  store");
}

#[test]
fn a_database_must_allow_as_many_connections_as_we_open() {
    let Some(server) = PostgresServer::start().filter(|_| plug_in()) else {
        return;
    };
    let provider = Provider::new();
    let example = "#postgres = \"postgresql://ceralacca@/pec?host=/run/postgresql\"";
    provider.edit(example, &format!("postgres = \"{}\"", server.url("pec")));
    // It allows 50, three of them to its superusers.
    for (workers, told) in [
        (
            30,
            "ok    this host opens up to 47 connections to the database, which allows 47",
        ),
        (
            31,
            "warn  this host opens up to 48 connections to the database, which allows 47",
        ),
    ] {
        provider.edit(
            "#workers = 20",
            &format!("workers = {workers} #workers = 20"),
        );
        let (_, text) = check(&provider);
        assert!(text.contains("ok    the database can be written"), "{text}");
        assert!(text.contains(told), "no {told:?} in\n{text}");
        provider.edit(&format!("workers = {workers} #"), "#");
    }
}

const DOVEADM: &str = "#doveadm = { url = \"http://127.0.0.1:8080\", key-file = \"doveadm.key\" }";

fn with_change(provider: &Provider, line: &str, instead: &str, told: &str) {
    let good = fs::read_to_string(provider.config()).unwrap();
    provider.edit(line, instead);
    let (code, text) = check(provider);
    let named = text.lines().find(|line| line.contains(told));
    let named = named.unwrap_or_else(|| panic!("{instead}: no {told:?} in\n{text}"));
    assert!(
        named.contains("  -- ") || named.contains("; "),
        "no remedy: {named}"
    );
    if named.starts_with("FAIL") {
        assert_eq!(code, 1);
    }
    fs::write(provider.config(), good).unwrap();
}

fn fails(provider: &Provider, told: &str) {
    let (code, text) = check(provider);
    assert!(
        text.lines().any(|line| line.starts_with(told)),
        "no {told:?} in\n{text}"
    );
    assert_eq!(code, 1, "{text}");
}

fn check(provider: &Provider) -> (i32, String) {
    let output = provider.check_config();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code().unwrap(), text)
}

/// Temporary folders are for their owner only.
fn open_to_all(folder: &Path) {
    let above = folder.parent().unwrap();
    assert!(
        Command::new("chmod")
            .arg("a+x")
            .arg(above)
            .arg(folder)
            .status()
            .unwrap()
            .success()
    );
}
