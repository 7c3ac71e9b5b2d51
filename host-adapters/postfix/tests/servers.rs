//! The private servers themselves: what the other tests stand on.

mod support;

use support::{Client, Dovecot, Postfix, PostfixSetup, installed};

const USERS: &[(&str, &str)] = &[("anna@pec.alfa.example", "segreto")];
const PROGRAMS: &[&str] = &["postfix", "dovecot", "openssl", "swaks"];

/// From AUTH at one Postfix to the mailbox, without any of us.
#[test]
fn postfix_and_dovecot_carry_a_message_from_swaks_to_the_mailbox() {
    if !installed(PROGRAMS) {
        return;
    }
    let dovecot = Dovecot::start(USERS, "");
    let postfix = Postfix::start(&PostfixSetup {
        domains: vec!["pec.alfa.example".to_owned()],
        auth: Some(dovecot.auth_socket()),
        main: vec![(
            "virtual_transport".to_owned(),
            format!("lmtp:unix:{}", dovecot.lmtp_socket().display()),
        )],
        ..PostfixSetup::default()
    });
    let sent = std::process::Command::new("swaks")
        .args([
            "--server",
            "127.0.0.1",
            "--port",
            &postfix.access.to_string(),
        ])
        .args([
            "--auth",
            "PLAIN",
            "--auth-user",
            USERS[0].0,
            "--auth-password",
            USERS[0].1,
        ])
        .args(["--from", USERS[0].0, "--to", USERS[0].0, "--body", "ciao"])
        .output()
        .expect("swaks runs");
    assert!(sent.status.success(), "{sent:?}");
    postfix.logged(&["postfix/lmtp", "status=sent", "Saved"]);
    let inbox = dovecot.inbox(USERS[0].0);
    assert_eq!(inbox.len(), 1);
    assert!(String::from_utf8_lossy(&inbox[0]).contains("ciao"));
    assert!(postfix.queue().is_empty() || postfix.queue().trim().is_empty());
}

#[test]
fn a_wrong_password_is_refused_and_two_instances_live_side_by_side() {
    if !installed(PROGRAMS) {
        return;
    }
    let dovecot = Dovecot::start(USERS, "");
    let setup = PostfixSetup {
        domains: vec!["pec.alfa.example".to_owned()],
        auth: Some(dovecot.auth_socket()),
        ..PostfixSetup::default()
    };
    let (one, other) = (Postfix::start(&setup), Postfix::start(&setup));
    for postfix in [&one, &other] {
        let mut client = Client::connect(postfix.access);
        let wrong = client.command("AUTH PLAIN AGFubmEAZmFsc28=");
        assert_eq!(wrong.code, 535, "{wrong:?}");
        client.login(USERS[0].0, USERS[0].1);
    }
}
