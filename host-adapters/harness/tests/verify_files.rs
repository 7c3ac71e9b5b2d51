//! `ceralacca verify` on whatever people name: folders, forwards, files that are no mail.

mod common;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding as _};
use common::verdicts::{Demonstration, codes, objects};
use common::{ceralacca, in_folder, plug_in};
use serde_json::Value;

/// A forward is ordinary mail; what it forwards is PEC, and is judged.
#[test]
fn pec_messages_inside_a_message_are_judged_too() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let (receipt, envelope) = (demo.octets("delivery"), demo.octets("transport-envelope"));
    let (receipt, envelope) = (
        String::from_utf8(receipt).unwrap(),
        String::from_utf8(envelope).unwrap(),
    );
    let forward = demo.write("forward.eml", forward(&receipt, &envelope));
    let (code, judged) = demo.judge(&forward, &[]);
    assert_eq!(
        (code, &judged["verdict"]),
        (0, &Value::from("not-pec")),
        "{judged:#}"
    );
    let enclosed = judged["enclosed"].as_array().unwrap();
    let facts: Vec<_> = enclosed
        .iter()
        .map(|inner| {
            [
                &inner["path"],
                &inner["name"],
                &inner["kind"],
                &inner["verdict"],
            ]
        })
        .collect();
    assert_eq!(facts[0], ["2", "receipt.eml", "delivery", "holds"]);
    assert_eq!(
        facts[1],
        ["3", "envelope.eml", "transport-envelope", "holds"]
    );
    assert_eq!(facts.len(), 2);
    // The receipt was altered by whoever forwarded it, the envelope was not.
    let altered = receipt.replacen("Gentile Bruno", "Gentile Bruna", 1);
    let altered = demo.write("altered.eml", self::forward(&altered, &envelope));
    let (code, judged) = demo.judge(&altered, &[]);
    assert_eq!(code, 6);
    assert_eq!(judged["enclosed"][0]["verdict"], "does-not-hold");
    assert_eq!(judged["enclosed"][1]["verdict"], "holds");
    // In words, the forward comes first and what is inside below it.
    let ran = demo.verify(&[&forward], &[]);
    let first = ran.stdout.lines().next().unwrap();
    assert!(
        first.ends_with("inside it 2 PEC messages, of which 2 hold"),
        "{first}"
    );
    assert!(
        ran.stdout
            .contains("\ninside, part 2:\n    Holds: delivery receipt"),
        "{}",
        ran.stdout
    );
}

/// I28: an anomaly envelope is genuine and wraps a whole message that does not hold.
#[test]
fn an_anomaly_envelope_holds_and_what_it_wraps_is_judged_for_itself() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let wrapping = demo
        .messages()
        .into_iter()
        .filter(|path| path.to_str().unwrap().ends_with("-anomaly-envelope.eml"))
        .map(|path| demo.judge(&path, &[]))
        .find(|(_, judged)| judged["enclosed"] != Value::Array(Vec::new()));
    let (code, judged) = wrapping.expect("the demonstration wraps an altered envelope");
    assert_eq!((code, &judged["verdict"]), (0, &Value::from("holds")));
    assert_eq!(judged["enclosed"][0]["kind"], "transport-envelope");
    assert_eq!(judged["enclosed"][0]["verdict"], "does-not-hold");
    assert_eq!(judged["enclosed"][0]["signature"]["anchored"], true);
}

/// Files that are no mail are called what they are, with what to do.
#[test]
fn a_file_that_is_no_mail_is_called_what_it_is() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let receipt = demo.octets("delivery");
    for (name, octets, words) in [
        ("empty", &b""[..], "the file is empty"),
        (
            "message.eml.gz",
            b"\x1f\x8b\x08\0\0\0\0\0",
            "a gzip archive; unpack it",
        ),
        (
            "receipts.zip",
            b"PK\x03\x04\x14\0",
            "a zip archive; unpack it",
        ),
        (
            "from-outlook.msg",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0",
            "save the message as .eml",
        ),
        (
            "directory.p7m",
            b"\x30\x82\x10\0\x06\x09",
            "a CMS, certificate or other DER file",
        ),
        (
            "daticert.xml",
            b"<?xml version=\"1.0\"?>",
            "daticert.xml alone proves nothing",
        ),
        ("utf16.eml", b"\xff\xfeF\0r\0", "UTF-16 text"),
        (
            "garbage",
            &[0xff; 4096],
            "binary data, but no message (RFC 5322)",
        ),
        (
            "letter.txt",
            b"Dear Anna,\nthank you.\n",
            "text, but no message (RFC 5322): no header",
        ),
        (
            "body-only",
            &receipt[receipt.len() - 1000..],
            "text, but no message",
        ),
    ] {
        let path = demo.write(name, octets);
        let (code, judged) = demo.judge(&path, &[]);
        assert_eq!(
            (code, &judged["verdict"]),
            (7, &Value::from("not-mail")),
            "{name}"
        );
        let sentence = judged["sentence"].as_str().unwrap();
        assert!(
            sentence.starts_with("Not mail: the file is ") || name == "empty",
            "{name}: {sentence}"
        );
        assert!(sentence.contains(words), "{name}: {sentence}");
        assert_eq!(judged["kind"], Value::Null, "{name}");
    }
}

/// A folder is all that lies in it: a line each, a total, and the worst as exit code.
#[test]
fn folders_are_judged_whole_with_a_line_each_and_a_total() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let good = demo.octets("delivery");
    demo.write("box/cur/1", &good);
    demo.write("box/cur/2", &good);
    demo.write("box/.Archive/cur/3", &good);
    let folder = demo.folder().with_file_name("box");
    let ran = demo.verify(&[&folder], &[]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{}", ran.stdout);
    assert!(lines[0].starts_with("✓ ") && lines[0].contains("box/.Archive/cur/3: Holds: "));
    assert_eq!(lines[3], "3 files: 3 hold");
    // One that is ordinary, then one that is forged.
    demo.write("box/cur/4", "Subject: hello\r\n\r\nhello\r\n");
    assert_eq!(demo.verify(&[&folder], &[]).code, 7);
    demo.write("box/cur/5", "X-Ricevuta: accettazione\r\n\r\nhello\r\n");
    let ran = demo.verify(&[&folder], &[]);
    assert_eq!(ran.code, 6);
    assert!(
        ran.stdout
            .ends_with("\n5 files: 3 hold, 1 does not hold, 1 is not PEC\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(demo.verify_without_directory(&[&folder], &[]).code, 6);
    // One object per line, and a file that is not there does not stop the others.
    let missing = folder.join("missing");
    let ran = demo.verify(&[&folder, &missing], &["--json"]);
    assert_eq!((ran.code, objects(&ran).len()), (1, 5));
    assert!(ran.complaint().contains("box/missing: "), "{}", ran.stderr);
    // Everything about each, for those who ask.
    let ran = demo.verify(&[&folder], &["--full"]);
    assert_eq!(
        ran.stdout.matches("\nchecks\n").count(),
        4,
        "{}",
        ran.stdout
    );
    // An empty folder has nothing to judge.
    fs::create_dir(demo.folder().with_file_name("empty-box")).unwrap();
    let ran = demo.verify(&[&demo.folder().with_file_name("empty-box")], &[]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (7, "0 files: nothing to judge\n")
    );
}

#[test]
fn a_message_on_stdin_is_judged_like_a_file() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let (directory, roots) = (
        demo.folder().join("directory.ldif"),
        demo.folder().join("roots.pem"),
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_ceralacca"))
        .args(["verify", "-", "--json", "--directory"])
        .arg(directory)
        .arg("--roots")
        .arg(roots)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let receipt = demo.octets("delivery");
    child.stdin.take().unwrap().write_all(&receipt).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let judged: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&judged["file"], &judged["kind"]),
        (&Value::from("-"), &Value::from("delivery"))
    );
    assert_eq!(judged["size"], receipt.len());
}

/// Mistakes at the keyboard name the file and the remedy; no message is blamed for them.
#[test]
fn wrong_arguments_are_named_with_their_remedy() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let receipt = demo.first("delivery");
    let text = demo.write("text", "hello\n");
    let text = text.to_str().unwrap();
    for (options, words) in [
        (["--roots", text], "text: no certificates can be read"),
        (
            ["--directory", text],
            "text: the provider directory was refused: line 1",
        ),
        (
            ["--crls", text],
            "text: is no folder; name a folder with revocation lists",
        ),
        (["--compare", "/no/such/file"], "/no/such/file: "),
        (
            ["--component", "/no/such/file"],
            "/no/such/file: the plug-in is not there",
        ),
    ] {
        let mut line = vec!["verify", receipt.to_str().unwrap()];
        let (directory, roots) = (
            demo.folder().join("directory.ldif"),
            demo.folder().join("roots.pem"),
        );
        for (name, value) in [("--directory", &directory), ("--roots", &roots)] {
            if options[0] != name {
                line.extend([name, value.to_str().unwrap()]);
            }
        }
        line.extend(options);
        let ran = ceralacca(&line);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{options:?}");
        assert!(ran.complaint().contains(words), "{}", ran.stderr);
    }
    assert_eq!(ceralacca(&["verify"]).code, 2);
    // No message is so large; nothing of it is judged.
    let huge = demo.write("huge", "");
    let file = fs::OpenOptions::new().write(true).open(&huge).unwrap();
    file.set_len(120_000_001).unwrap();
    let ran = demo.verify(&[&huge], &[]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.complaint().contains("huge: has over 120000000 octets"),
        "{}",
        ran.stderr
    );
    let missing = in_folder(Path::new("/no/such/folder"), "verify {}/message.eml");
    assert_eq!(missing.code, 1);
    assert!(
        missing
            .complaint()
            .contains("/no/such/folder/message.eml: "),
        "{}",
        missing.stderr
    );
}

/// The receipt as an attached message, the envelope as a file in base64: both ways are common.
fn forward(receipt: &str, envelope: &str) -> String {
    let file = Base64::encode_string(envelope.as_bytes());
    let lines: Vec<&str> = file
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "From: anna@posta.example\r\nTo: avv@posta.example\r\nSubject: Fwd: two messages\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"outermost\"\r\n\r\n\
         --outermost\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n\
         --outermost\r\nContent-Type: message/rfc822; name=\"receipt.eml\"\r\n\
         Content-Disposition: attachment; filename=\"receipt.eml\"\r\n\r\n{receipt}\r\n\
         --outermost\r\nContent-Type: application/octet-stream; name=\"envelope.eml\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--outermost--\r\n",
        lines.join("\r\n")
    )
}

/// Codes of checks are for programs: each verdict has some.
#[test]
fn the_checks_of_a_good_envelope_are_these() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let (_, judged) = demo.judge(&demo.first("transport-envelope"), &[]);
    assert_eq!(
        codes(&judged["checks"], Some("passed")),
        [
            "signature-found",
            "content-intact",
            "signature-good",
            "signer-in-directory",
            "from-managed",
            "path-good",
            "daticert",
            "kind-agrees",
            "identifier-agrees",
            "postacert",
            "from-certified",
            "reference-agrees",
            "sender-agrees",
            "subject-agrees",
            "receipt-type-agrees",
            "inner-identifier-agrees",
            "times-agree",
        ]
    );
}
