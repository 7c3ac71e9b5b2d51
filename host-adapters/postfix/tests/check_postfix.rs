//! `check-config` against real Postfix configurations: the one of `examples/postfix` is as it should
//! be, and every setting that harms certified mail is named. Postfix itself reads them (`postconf`).

mod support;

use std::fs;
use std::path::Path;

use ceralacca_host::Endpoint;
use ceralacca_postfix::check_config::postconf::Postconf;
use ceralacca_postfix::check_config::{Finding, Level, postfix};
use support::installed;
use tempfile::TempDir;

/// What is changed in which file, and what must be said: level, and words of the line.
const MISTAKES: &[Mistake] = &[
    // POSTFIX.md's table, row by row. In master.cf a service says otherwise than main.cf.
    Mistake(
        "master.cf",
        "-o message_drop_headers=",
        "-o message_drop_headers=bcc",
        Level::Fail,
        "pecclean/unix: message_drop_headers=bcc",
    ),
    Mistake(
        "master.cf",
        "    -o message_drop_headers=\n",
        "",
        Level::Fail,
        "pecclean/unix: message_drop_headers=bcc, content-length",
    ),
    Mistake(
        "master.cf",
        "    -o local_header_rewrite_clients=\n",
        "",
        Level::Fail,
        "submission/inet: local_header_rewrite_clients=permit_inet_interfaces",
    ),
    Mistake(
        "master.cf",
        "-o cleanup_replace_stray_cr_lf=no",
        "-o cleanup_replace_stray_cr_lf=yes",
        Level::Fail,
        "pecclean/unix: cleanup_replace_stray_cr_lf=yes",
    ),
    Mistake(
        "main.cf",
        "smtpd_forbid_bare_newline = reject",
        "remote_header_rewrite_domain = pec.alfa.example\nsmtpd_forbid_bare_newline = reject",
        Level::Fail,
        "smtp/inet: remote_header_rewrite_domain=pec.alfa.example",
    ),
    Mistake(
        "master.cf",
        "-o smtpd_sasl_auth_enable=yes",
        "-o smtpd_sasl_auth_enable=yes -o receive_override_options=no_milters",
        Level::Fail,
        "submission/inet: receive_override_options=no_milters",
    ),
    Mistake(
        "main.cf",
        "smtpd_forbid_bare_newline = reject",
        "smtpd_milter_maps = cidr:/etc/postfix/no-milter\nsmtpd_forbid_bare_newline = reject",
        Level::Fail,
        "submission/inet: smtpd_milter_maps=cidr:",
    ),
    Mistake(
        "main.cf",
        "smtpd_forbid_bare_newline = reject",
        "smtpd_forbid_bare_newline = no",
        Level::Fail,
        "smtp/inet: smtpd_forbid_bare_newline=no",
    ),
    Mistake(
        "main.cf",
        "smtpd_forbid_bare_newline = reject",
        "smtpd_forbid_bare_newline = normalize",
        Level::Fail,
        "smtp/inet: smtpd_forbid_bare_newline=normalize",
    ),
    Mistake(
        "master.cf",
        "    -o message_reject_characters=\\0\n",
        "",
        Level::Fail,
        "pecclean/unix: message_reject_characters=:",
    ),
    Mistake(
        "main.cf",
        "smtpd_forbid_bare_newline_exclusions =\n",
        "",
        Level::Warn,
        "smtp/inet: smtpd_forbid_bare_newline_exclusions=127.0.0.0/8",
    ),
    Mistake(
        "master.cf",
        "-o smtpd_discard_ehlo_keywords=8bitmime,smtputf8,chunking,silent-discard",
        "-o smtpd_discard_ehlo_keywords=chunking",
        Level::Warn,
        "submission/inet: smtpd_discard_ehlo_keywords=chunking",
    ),
    Mistake(
        "master.cf",
        "    -o in_flow_delay=0\n",
        "",
        Level::Warn,
        "pecclean/unix: in_flow_delay=1s: Postfix has messages wait",
    ),
    Mistake(
        "main.cf",
        "milter_default_action = tempfail",
        "milter_default_action = accept",
        Level::Fail,
        "submission/inet: milter_default_action=accept",
    ),
    Mistake(
        "master.cf",
        "-o smtpd_milters=unix:pec/milter.sock\n    -o milter_macro_daemon_name=PEC-INCOMING",
        "-o {smtpd_milters={unix:pec/milter.sock, default_action=accept}}\n    -o milter_macro_daemon_name=PEC-INCOMING",
        Level::Fail,
        "smtp/inet: milter_default_action=accept",
    ),
    Mistake(
        "master.cf",
        "-o message_size_limit=150000000",
        "-o message_size_limit=100000000",
        Level::Fail,
        "127.0.0.1:10026/inet: message_size_limit=100000000",
    ),
    Mistake(
        "master.cf",
        "-o message_size_limit=150000000",
        "-o message_size_limit=110000000",
        Level::Warn,
        "127.0.0.1:10026/inet: message_size_limit=110000000",
    ),
    Mistake(
        "main.cf",
        "message_size_limit = 120000000",
        "message_size_limit = 10240000",
        Level::Warn,
        "smtp/inet: message_size_limit=10240000",
    ),
    // What else stands between a message and its octets.
    Mistake(
        "main.cf",
        "milter_protocol = 6",
        "milter_protocol = 2",
        Level::Fail,
        "milter_protocol=2",
    ),
    Mistake(
        "main.cf",
        "mydestination =",
        "mydestination =\nheader_checks = static:OK",
        Level::Warn,
        "pecclean/unix: header_checks=static:OK",
    ),
    Mistake(
        "master.cf",
        "-o milter_macro_daemon_name=PEC-INCOMING",
        "-o milter_macro_daemon_name=PEC",
        Level::Fail,
        "smtp/inet: our milter, with the unknown role",
    ),
    Mistake(
        "master.cf",
        "-o milter_macro_daemon_name=PEC-INCOMING",
        "-o milter_macro_daemon_name=PEC",
        Level::Fail,
        "no smtpd of master.cf has our milter and is PEC-INCOMING",
    ),
    Mistake(
        "master.cf",
        "-o milter_macro_daemon_name=PEC-BOUNCES\n    -o cleanup",
        "-o milter_macro_daemon_name=PEC-ACCESS\n    -o cleanup",
        Level::Warn,
        "leads to no port with our milter named PEC-BOUNCES",
    ),
    Mistake(
        "main.cf",
        "virtual_transport = pecloop:[127.0.0.1]:10027",
        "virtual_transport = virtual",
        Level::Warn,
        "virtual_transport=virtual leads to no port",
    ),
    Mistake(
        "master.cf",
        "pecloop   unix",
        "pecpool   unix",
        Level::Fail,
        "master.cf has no service `pecloop`",
    ),
    Mistake(
        "master.cf",
        "127.0.0.1:10027 inet",
        "10027 inet",
        Level::Fail,
        "10027/inet: not bound to a loopback address",
    ),
    Mistake(
        "master.cf",
        "0       bounce\n    -o cleanup_service_name=pecbounce\n",
        "0       bounce\n",
        Level::Warn,
        "bounce/unix: the bounces it makes go through cleanup/unix",
    ),
    Mistake(
        "master.cf",
        "    -o internal_mail_filter_classes=bounce\n",
        "",
        Level::Warn,
        "defer/unix: internal_mail_filter_classes=:",
    ),
    Mistake(
        "master.cf",
        "-o milter_macro_daemon_name=PEC-BOUNCES\n    -o milter_default",
        "-o milter_macro_daemon_name=PEC-INCOMING\n    -o milter_default",
        Level::Warn,
        "pecbounce/unix: milter_macro_daemon_name=PEC-INCOMING",
    ),
    Mistake(
        "master.cf",
        "    -o milter_default_action=accept\n",
        "",
        Level::Fail,
        "pecbounce/unix: milter_default_action=tempfail",
    ),
    Mistake(
        "master.cf",
        "-o smtpd_milters=unix:pec/milter.sock\n    -o milter_macro_daemon_name=PEC-ACCESS",
        "-o smtpd_milters=unix:/pec/milter.sock\n    -o milter_macro_daemon_name=PEC-ACCESS",
        Level::Fail,
        "is PEC-ACCESS: users cannot hand in",
    ),
    Mistake(
        "master.cf",
        "-o smtpd_milters=unix:pec/milter.sock\n    -o milter_macro_daemon_name=PEC-ACCESS",
        "-o {smtpd_milters=inet:localhost:8891 unix:pec/milter.sock}\n    -o milter_macro_daemon_name=PEC-ACCESS",
        Level::Warn,
        "submission/inet: inet:localhost:8891 may change",
    ),
    Mistake(
        "master.cf",
        "-o smtpd_sasl_auth_enable=yes",
        "-o smtpd_sasl_auth_enable=no",
        Level::Fail,
        "submission/inet: smtpd_sasl_auth_enable=no",
    ),
    Mistake(
        "master.cf",
        "    -o cleanup_service_name=pecclean\n",
        "",
        Level::Fail,
        "cleanup/unix: message_drop_headers=bcc",
    ),
    Mistake(
        "master.cf",
        "pecclean  unix",
        "pecclaen  unix",
        Level::Fail,
        "cleanup_service_name=pecclean, and master.cf has no such service",
    ),
    // The port without milters.
    Mistake(
        "master.cf",
        "-o smtpd_milters=\n    -o cleanup_service_name=pecclean\n",
        "-o smtpd_milters=\n    -o cleanup_service_name=none\n",
        Level::Fail,
        "10026/inet: cleanup_service_name=none, and master.cf has no such service",
    ),
    Mistake(
        "master.cf",
        "-o smtpd_milters=\n",
        "-o smtpd_milters=inet:localhost:8891\n",
        Level::Fail,
        "127.0.0.1:10026/inet: smtpd_milters=inet:localhost:8891",
    ),
    Mistake(
        "master.cf",
        "no_milters,",
        "",
        Level::Fail,
        "10026/inet: receive_override_options=no_header",
    ),
    Mistake(
        "master.cf",
        ",no_address_mappings",
        "",
        Level::Warn,
        "canonical, masquerade",
    ),
    Mistake(
        "master.cf",
        "127.0.0.1:10026 inet",
        "127.0.0.1:10028 inet",
        Level::Fail,
        "no smtpd of master.cf listens on injection.address, 127.0.0.1:10026",
    ),
    Mistake(
        "master.cf",
        "127.0.0.1:10026 inet",
        "10026 inet",
        Level::Warn,
        "10026/inet: not bound to a loopback address",
    ),
    Mistake(
        "master.cf",
        "-o smtpd_client_restrictions=permit_mynetworks,reject",
        "-o smtpd_client_restrictions=",
        Level::Warn,
        "10026/inet: smtpd_client_restrictions=",
    ),
    Mistake(
        "main.cf",
        "mydestination =",
        "mydestination =\ncontent_filter = scan:dummy",
        Level::Fail,
        "10026/inet: content_filter=scan:dummy",
    ),
];

struct Mistake(
    &'static str,
    &'static str,
    &'static str,
    Level,
    &'static str,
);

#[test]
fn the_example_is_as_it_should_be() {
    if !installed(&["postconf"]) {
        return;
    }
    let folder = example();
    let found = check(folder.path());
    let bad: Vec<_> = found
        .iter()
        .filter(|f| f.level != Level::Ok)
        .map(ToString::to_string)
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    // All three roles and the port without milters were looked at, with every row of the table.
    for words in [
        "submission/inet: our milter, as PEC-ACCESS",
        "smtp/inet: our milter, as PEC-INCOMING",
        "127.0.0.1:10027/inet: our milter, as PEC-BOUNCES",
        "pecclean/unix: message_drop_headers=",
        "127.0.0.1:10026/inet: receive_override_options=no_milters",
    ] {
        assert!(found.iter().any(|f| f.what.starts_with(words)), "{words}");
    }
}

#[test]
fn every_mistake_is_named_with_its_service_and_remedy() {
    if !installed(&["postconf"]) {
        return;
    }
    for Mistake(file, line, instead, level, words) in MISTAKES {
        let folder = example();
        let path = folder.path().join(file);
        let good = fs::read_to_string(&path).unwrap();
        assert!(good.contains(line), "{file} has no {line:?}");
        fs::write(&path, good.replace(line, instead)).unwrap();
        let found = check(folder.path());
        let named = found
            .iter()
            .find(|f| f.level == *level && f.what.contains(words));
        let all = || {
            found
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        };
        let named = named
            .unwrap_or_else(|| panic!("{instead:?}: no {level:?} with {words:?} in\n{}", all()));
        assert!(!named.remedy.is_empty(), "{named}");
    }
}

#[test]
fn in_a_chroot_an_absolute_path_begins_at_the_queue_directory() {
    if !installed(&["postconf"]) {
        return;
    }
    let folder = example();
    let path = folder.path().join("master.cf");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace(
        "-       n       -       -       smtpd",
        "-       y       -       -       smtpd",
    );
    fs::write(
        &path,
        text.replace("unix:pec/milter.sock", "unix:/pec/milter.sock"),
    )
    .unwrap();
    let found = check(folder.path());
    let roles = found
        .iter()
        .filter(|f| f.what.contains("our milter, as PEC-") && f.level == Level::Ok);
    assert_eq!(roles.count(), 3, "{found:?}");
}

/// The example, as Debian would have it in /etc/postfix.
fn example() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/postfix");
    for file in ["main.cf", "master.cf"] {
        let mut text = fs::read_to_string(examples.join(file)).unwrap();
        if file == "main.cf" {
            text.push_str("queue_directory = /var/spool/postfix\nmynetworks = 127.0.0.0/8\n");
        }
        fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}

fn check(folder: &Path) -> Vec<Finding> {
    let postconf = Postconf::read(Some(folder)).unwrap();
    let sockets = ["unix:/var/spool/postfix/pec/milter.sock".parse().unwrap()];
    let injection: Endpoint = "inet:127.0.0.1:10026".parse().unwrap();
    let ours = postfix::Ours {
        sockets: &sockets,
        injection: &injection,
        max_size: 100_000_000,
        hard_size: 120_000_000,
    };
    postfix::check(&postconf, &ours)
}
