//! A certified message from sender to receipt, command by command, as `ceralacca --help` tells it.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{NOW, Ran, copy, files, in_folder, openssl_verifies, plug_in, tool, two_providers};
use serde_json::Value;

const OFFER: &str = "From: Anna <anna@pec.alfa.example>\n\
    To: Bruno <bruno@pec.beta.example>\n\
    Subject: =?utf-8?Q?Perch=C3=A9_no?=\n\
    Date: Sat, 19 Sep 2026 15:41:00 +0200\n\
    Message-ID: <offer@studio.example>\n\
    \n\
    Buongiorno\n";

/// RFC 6109 §3.5: the whole way, each message carried by hand.
#[test]
fn a_message_reaches_its_recipient_and_the_receipts_its_sender() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    fs::write(world.path().join("offer.eml"), OFFER).unwrap();
    let said = submit(world.path(), "bruno@pec.beta.example");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.starts_with("250 "), "{}", said.stdout);
    assert!(said.stderr.contains("NO VIRUS SCANNER"), "{}", said.stderr);
    assert_eq!(
        mailbox(world.path(), "alfa", "anna").len(),
        1,
        "the acceptance receipt"
    );

    // Alfa's outbox → Beta: presa in carico, deposit, delivery receipt.
    let envelope = outbox(world.path(), "alfa");
    assert_eq!(kinds(&envelope), ["transport-envelope"]);
    assert_eq!(carry(world.path(), &envelope[0], "beta").code, 0);
    let deposited = mailbox(world.path(), "beta", "bruno");
    assert_eq!(
        fs::read(&deposited[0]).unwrap(),
        fs::read(eml(&envelope[0])).unwrap()
    );

    // Beta's outbox → Alfa: only the delivery receipt is for Anna's eyes.
    let receipts = outbox(world.path(), "beta");
    assert_eq!(kinds(&receipts), ["server-server-acceptance", "delivery"]);
    for receipt in &receipts {
        assert_eq!(carry(world.path(), receipt, "alfa").code, 0);
    }
    assert_eq!(mailbox(world.path(), "alfa", "anna").len(), 2);
    assert_eq!(mailbox(world.path(), "alfa", "ricevute").len(), 1);

    let status = in_folder(world.path(), "status --provider {}/alfa --json");
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status[0]["subject"], "Perché no");
    assert_eq!(status[0]["recipients"][0]["state"], "delivered");
    let pec_id = status[0]["pec_id"].as_str().unwrap();
    let lines = in_folder(
        world.path(),
        &format!("status --provider {{}}/alfa <{pec_id}>"),
    );
    assert!(
        lines
            .stdout
            .contains("bruno@pec.beta.example: delivered since"),
        "{}",
        lines.stdout
    );
    let unknown = in_folder(world.path(), "status --provider {}/alfa no-such-id");
    assert_eq!(
        (unknown.code, unknown.stdout.as_str()),
        (1, ""),
        "{unknown:?}"
    );

    if tool("openssl") {
        let roots = world.path().join("beta/roots.pem");
        for message in envelope.iter().chain(&receipts).map(|sidecar| eml(sidecar)) {
            openssl_verifies(&message, &roots);
        }
        for message in mailbox(world.path(), "alfa", "anna") {
            openssl_verifies(&message, &roots);
        }
    }
}

/// Within one provider nothing leaves, and what its incoming point takes at once is told of like the rest.
#[test]
fn a_message_within_the_provider_is_told_of_step_by_step() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    let note = OFFER.replace("bruno@pec.beta.example", "anna@pec.alfa.example");
    let line =
        "submit --provider {}/alfa --from anna@pec.alfa.example --rcpt anna@pec.alfa.example";
    // The first time it must be known whether our own certificate is revoked, which is left to the outbox.
    for (name, text) in [
        ("note.eml", &note),
        ("again.eml", &(note.clone() + "again\n")),
    ] {
        fs::write(world.path().join(name), text).unwrap();
    }
    let first = in_folder(world.path(), &format!("{line} {{}}/note.eml"));
    assert_eq!(first.code, 0, "{}", first.stderr);
    let looped = "to our own incoming point for anna@pec.alfa.example";
    assert_eq!(first.stdout.matches(looped).count(), 2, "{}", first.stdout);
    let said = in_folder(world.path(), &format!("{line} --json {{}}/again.eml"));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let said: Value = serde_json::from_str(&said.stdout).unwrap();
    let events: Vec<_> = said["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["event"] != "transaction")
        .map(|event| (event["event"].as_str(), event["message"]["kind"].as_str()))
        .collect();
    let expected = [
        ("looped", "transport-envelope"),
        ("deposited", "server-user-acceptance"),
        ("deposited", "transport-envelope"),
        ("looped", "delivery"),
        ("deposited", "delivery"),
    ];
    assert_eq!(
        events,
        expected.map(|(what, kind)| (Some(what), Some(kind)))
    );
    assert_eq!(mailbox(world.path(), "alfa", "anna").len(), 6);
    assert!(outbox(world.path(), "alfa").is_empty());
}

/// ARCHITECTURE, decision 4.
#[test]
fn the_same_time_and_entropy_give_the_same_octets() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    fs::write(world.path().join("offer.eml"), OFFER).unwrap();
    let again = tempfile::TempDir::new().unwrap();
    copy(world.path(), again.path());
    for world in [world.path(), again.path()] {
        assert_eq!(submit(world, "bruno@pec.beta.example").code, 0);
    }
    let octets = |world: &Path| {
        let sent = files(&world.join("alfa/outbox"), "eml");
        let all = sent.into_iter().chain(mailbox(world, "alfa", "anna"));
        all.map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(octets(world.path()).len(), 2);
    assert_eq!(octets(world.path()), octets(again.path()));
}

/// A file with the line ends of Unix is what a mail client makes of it; one with CRLF is not
/// touched (so the two are the same message).
#[test]
fn line_ends_of_a_file_become_those_of_mail() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    let again = tempfile::TempDir::new().unwrap();
    copy(world.path(), again.path());
    fs::write(world.path().join("offer.eml"), OFFER).unwrap();
    fs::write(again.path().join("offer.eml"), OFFER.replace('\n', "\r\n")).unwrap();
    for world in [world.path(), again.path()] {
        assert_eq!(submit(world, "bruno@pec.beta.example").code, 0);
    }
    let sent = |world: &Path| fs::read(&files(&world.join("alfa/outbox"), "eml")[0]).unwrap();
    assert_eq!(sent(world.path()), sent(again.path()));
}

#[test]
fn a_hidden_recipient_is_not_accepted_and_nothing_leaves() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    fs::write(world.path().join("offer.eml"), OFFER).unwrap();
    let said = submit(
        world.path(),
        "bruno@pec.beta.example --rcpt carla@pec.beta.example",
    );
    assert_eq!(said.code, 3, "{said:?}");
    assert_eq!(mailbox(world.path(), "alfa", "anna").len(), 1, "the notice");
    assert_eq!(outbox(world.path(), "alfa"), Vec::<PathBuf>::new());
}

#[test]
fn an_unknown_recipient_becomes_a_notice() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    fs::write(
        world.path().join("offer.eml"),
        OFFER.replace("bruno@", "bruna@"),
    )
    .unwrap();
    assert_eq!(submit(world.path(), "bruna@pec.beta.example").code, 0);
    carry(world.path(), &outbox(world.path(), "alfa")[0], "beta");
    let answers = outbox(world.path(), "beta");
    assert_eq!(
        kinds(&answers),
        ["server-server-acceptance", "non-delivery"]
    );
    let notice = eml(&answers[1]);
    let found = verify(world.path(), &notice, "--json");
    assert_eq!(found.code, 0, "{found:?}");
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    // PRACTICE 5.
    let error = found["data"]["extended_error"].as_str().unwrap();
    assert!(error.starts_with("5.1.1 - Beta - "), "{error}");
}

#[test]
fn ordinary_mail_is_refused_with_code_5() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    fs::write(world.path().join("offer.eml"), OFFER).unwrap();
    let line = "arrive --provider {}/beta --from x@posta.example --rcpt bruno@pec.beta.example \
                {}/offer.eml";
    let said = in_folder(world.path(), line);
    assert_eq!(said.code, 5, "{said:?}");
    assert!(
        !world
            .path()
            .join("beta/mail/bruno@pec.beta.example")
            .exists()
    );
}

#[test]
fn verify_tells_a_good_message_from_a_changed_one() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    fs::write(world.path().join("offer.eml"), OFFER).unwrap();
    assert_eq!(submit(world.path(), "bruno@pec.beta.example").code, 0);
    let envelope = eml(&outbox(world.path(), "alfa")[0]);
    let good = verify(world.path(), &envelope, "");
    assert_eq!(good.code, 0, "{good:?}");
    let opening = "Holds: transport envelope (busta di trasporto) of Alfa for the message";
    assert!(good.stdout.starts_with(opening), "{}", good.stdout);

    // One letter of the body, inside what is signed.
    let text = fs::read_to_string(&envelope).unwrap();
    let changed = world.path().join("changed.eml");
    fs::write(&changed, text.replacen("Buongiorno", "Buonasera!", 1)).unwrap();
    let bad = verify(world.path(), &changed, "");
    assert_eq!(bad.code, 6, "{bad:?}");
    assert!(bad.stdout.starts_with("Does not hold: "), "{}", bad.stdout);
    let check = "✗ the signed part was altered";
    assert!(bad.stdout.contains(check), "{}", bad.stdout);

    // Trust in a stranger's directory.
    let stranger = two_providers();
    let found = verify(stranger.path(), &envelope, "");
    assert_eq!(found.code, 6, "{found:?}");
}

/// T01 in small: nothing came back for twelve hours.
#[test]
fn time_passes_and_the_sender_is_warned() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    fs::write(world.path().join("offer.eml"), OFFER).unwrap();
    assert_eq!(submit(world.path(), "bruno@pec.beta.example").code, 0);
    let early = in_folder(
        world.path(),
        "tick --provider {}/alfa --now 2026-09-19T16:00:00+02:00",
    );
    assert_eq!(early.code, 0, "{early:?}");
    assert_eq!(mailbox(world.path(), "alfa", "anna").len(), 1);
    let late = in_folder(
        world.path(),
        "tick --provider {}/alfa --now 2026-09-20T04:00:00+02:00",
    );
    assert_eq!(late.code, 0, "{late:?}");
    assert_eq!(
        mailbox(world.path(), "alfa", "anna").len(),
        2,
        "the 12 h notice: {late:?}"
    );
}

// ---- steps -----------------------------------------------------------------------------------

/// Anna submits `offer.eml` at Alfa, always at the same time and with the same entropy.
fn submit(world: &Path, recipients: &str) -> Ran {
    let entropy = "0123456789abcdef".repeat(4);
    let line = format!(
        "submit --provider {{}}/alfa --from anna@pec.alfa.example --rcpt {recipients} \
         --now {NOW} --entropy {entropy} {{}}/offer.eml"
    );
    in_folder(world, &line)
}

/// Carries what lies in one provider's outbox to the other's incoming point.
fn carry(world: &Path, sidecar: &Path, to: &str) -> Ran {
    let envelope: Value = serde_json::from_slice(&fs::read(sidecar).unwrap()).unwrap();
    let mut line = format!("arrive --provider {{}}/{to} --now {NOW}");
    let sender = envelope["reverse_path"].as_str().unwrap();
    line.push_str(&format!(" --from {sender}"));
    for recipient in envelope["recipients"].as_array().unwrap() {
        line.push_str(&format!(" --rcpt {}", recipient.as_str().unwrap()));
    }
    line.push_str(&format!(" {}", eml(sidecar).display()));
    let ran = in_folder(world, &line);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

fn verify(world: &Path, message: &Path, options: &str) -> Ran {
    let line = format!(
        "verify {} --directory {{}}/alfa/directory.ldif --roots {{}}/alfa/roots.pem {options}",
        message.display()
    );
    in_folder(world, &line)
}

/// The sidecars of a provider's outbox, in the order of sending.
fn outbox(world: &Path, provider: &str) -> Vec<PathBuf> {
    files(&world.join(provider).join("outbox"), "json")
}

fn eml(sidecar: &Path) -> PathBuf {
    sidecar.with_extension("eml")
}

fn kinds(sidecars: &[PathBuf]) -> Vec<String> {
    let kind = |path: &PathBuf| {
        let sidecar: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        sidecar["kind"].as_str().unwrap().to_owned()
    };
    sidecars.iter().map(kind).collect()
}

/// The new messages of a mailbox.
fn mailbox(world: &Path, provider: &str, user: &str) -> Vec<PathBuf> {
    let new = world.join(format!("{provider}/mail/{user}@pec.{provider}.example/new"));
    if new.is_dir() {
        files(&new, "ceralacca")
    } else {
        Vec::new()
    }
}
