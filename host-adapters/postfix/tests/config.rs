//! The configuration: the example that the package installs is one, and mistakes are told with file,
//! line, field and remedy.

use std::path::Path;

use ceralacca_host::Endpoint;
use ceralacca_postfix::config::{Config, LimitsConfig, LogFormat, WhenDown};

const EXAMPLE: &str = include_str!("../../../examples/postfix/ceralacca.toml");

#[test]
fn the_example_is_a_configuration_and_shows_the_defaults() {
    let config = parse(EXAMPLE).unwrap();
    assert_eq!(config.store.folder, Path::new("/var/lib/ceralacca"));
    assert_eq!(config.limits, LimitsConfig::default());
    assert_eq!(config.listen.mode, 0o660);
    assert_eq!(
        config.listen.milter,
        [Endpoint::Unix("/var/spool/postfix/pec/milter.sock".into())]
    );
    assert_eq!(
        (config.log.format, config.log.level.as_str()),
        (LogFormat::Text, "info")
    );
    assert_eq!(config.scanner.when_down, WhenDown::Defer);
    assert!(!config.takes_any_mailbox());
}

/// Whoever removes the `#` of a line gets what the line says.
#[test]
fn every_line_that_is_commented_out_can_be_used() {
    for line in EXAMPLE.lines().filter(|line| is_setting(line)) {
        // These need, or exclude, another one.
        if ["#none", "#pin-env", "#client-", "#roots = \"directory-tls"]
            .iter()
            .any(|l| line.starts_with(l))
        {
            continue;
        }
        if line.starts_with("#module")
            || line.starts_with("#token")
            || line.starts_with("#key = \"pec")
            || line.starts_with("#pin-file")
            || line.starts_with("#[signer")
        {
            continue;
        }
        parse(&EXAMPLE.replacen(line, &line[1..], 1))
            .unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    let hsm: String = EXAMPLE
        .lines()
        .map(|line| match line {
            "#[signer.pkcs11]"
            | "#token = \"pec\""
            | "#key = \"pec-signing\""
            | "#pin-file = \"hsm.pin\"" => &line[1..],
            line if line.starts_with("#module") => &line[1..],
            line => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let config = parse(&hsm).unwrap();
    assert_eq!(
        config.signer.pkcs11.unwrap().pin_file.unwrap(),
        Path::new("/etc/ceralacca/hsm.pin")
    );
}

#[test]
fn mistakes_name_line_field_and_remedy() {
    for (line, instead, told) in [
        ("[scanner]", "[scaner]", &["scaner", "line"][..]),
        (
            "clamd = \"unix:/run/clamav/clamd.ctl\"",
            "",
            &["`scanner.clamd`", "none = true"],
        ),
        (
            "clamd = \"unix:/run/clamav/clamd.ctl\"",
            "clamd = \"unix:/x\"\nnone = true",
            &["`scanner.none`"],
        ),
        (
            "clamd = \"unix:/run/clamav/clamd.ctl\"",
            "clamd = \"/run/clamav\"",
            &["`scanner.clamd`", "line", "unix:/PATH"],
        ),
        (
            "name = \"Alfa Posta Certificata S.p.A.\"",
            "name = \"\"",
            &["`provider.name`", "empty"],
        ),
        (
            "domains = [\"pec.alfa.example\"]",
            "domains = [\"alfa\"]",
            &["`provider.domains[0]`", "line"],
        ),
        (
            "domains = [\"pec.alfa.example\"]",
            "domains = [\"pec.beta.example\"]",
            &["`provider.service-address`"],
        ),
        (
            "milter = [\"unix:/var/spool/postfix/pec/milter.sock\"]",
            "milter = []",
            &["`listen.milter`"],
        ),
        (
            "#mode = \"0660\"",
            "mode = \"rw\"",
            &["`listen.mode`", "0660"],
        ),
        (
            "address = \"127.0.0.1:9154\"",
            "address = \"0.0.0.0:9154\"",
            &["`metrics.address`", "127.0.0.1"],
        ),
        (
            "#level = \"info\"",
            "level = \"inof\"",
            &["`log.level`", "debug"],
        ),
        (
            "#retry-first = 60",
            "retry-first = 0",
            &["`outbox.retry-first`", "at least 1"],
        ),
        (
            "#retry-most = 3600",
            "retry-most = 59",
            &["`outbox.retry-most`", "retry-first, 60"],
        ),
        (
            "#lease = 60",
            "lease = 29",
            &["`store.lease`", "at least 30"],
        ),
        (
            "#workers = 20",
            "workers = 0",
            &["`limits.workers`", "at least 1"],
        ),
        (
            "#octets-in-flight = 536870912",
            "octets-in-flight = 1000",
            &["`limits.octets-in-flight`", "120000000"],
        ),
        (
            "#client-key = \"client-key.pem\"",
            "client-key = \"client-key.pem\"",
            &["`directory`", "client-certificate"],
        ),
        (
            "folder = \"/var/lib/ceralacca\"",
            "",
            &["`store`", "folder"],
        ),
    ] {
        assert_eq!(EXAMPLE.matches(&format!("{line}\n")).count(), 1, "{line}");
        let error = parse(&EXAMPLE.replace(line, instead)).unwrap_err();
        for word in told.iter().chain(&["/etc/ceralacca/ceralacca.toml"]) {
            assert!(error.contains(word), "{instead:?}: no {word:?} in: {error}");
        }
    }
}

#[test]
fn a_database_address_is_not_shown() {
    let url = "postgres = \"postgresql://pec:geheim@db/pec\"";
    let text = EXAMPLE.replace(
        "#postgres = \"postgresql://ceralacca@/pec?host=/run/postgresql\"",
        url,
    );
    assert!(!format!("{:?}", parse(&text).unwrap()).contains("geheim"));
}

/// `#key = value`, and no sentence.
fn is_setting(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '"' || c == '[')
            && (rest.contains(" = ") || rest.starts_with('['))
    })
}

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("/etc/ceralacca/ceralacca.toml"))
        .map_err(|error| error.to_string())
}
