//! A thousand mail programs at once, on the real servers.

use crate::faults::{ends, serving};
use crate::pair::{ANNA, BRUNO, PASSWORD, Pair, letter};
use crate::support::{Client, stuffed};

/// Each has a session of its own and is inside its message when the last one comes; then all end
/// theirs.
#[test]
fn a_thousand_mail_programs_are_inside_a_message_at_once() {
    let Some(pair) = Pair::start() else { return };
    let postfix = &pair.alfa.postfix;
    // A process for each session; at its limit Postfix would hurry them.
    postfix.set(&format!("default_process_limit={}", CROWD + 100));
    let alfa = serving(&pair.alfa.provider);
    let mut crowd: Vec<(String, Client)> = (0..CROWD)
        .map(|n| {
            let mut client = Client::connect(postfix.access);
            client.login(ANNA, PASSWORD);
            for (line, code) in [
                (format!("MAIL FROM:<{ANNA}>"), 250),
                (format!("RCPT TO:<{BRUNO}>"), 250),
                ("DATA".to_owned(), 354),
            ] {
                let reply = client.command(&line);
                assert_eq!(reply.code, code, "{line}: {reply:?}");
            }
            (format!("n{n}"), client)
        })
        .collect();
    for (subject, client) in &mut crowd {
        client.send(&stuffed(&letter(&[BRUNO], subject, 3_000)));
    }
    for (subject, client) in &mut crowd {
        let reply = client.reply().expect("a reply");
        assert_eq!(reply.code, 250, "{subject}: {reply:?}");
    }
    let subjects: Vec<&String> = crowd.iter().map(|(subject, _)| subject).collect();
    pair.holds(BRUNO, CROWD);
    pair.holds(ANNA, 2 * CROWD);
    ends(&alfa);
    pair.each_once(&[BRUNO], &subjects);
}

const CROWD: usize = 1_000;
