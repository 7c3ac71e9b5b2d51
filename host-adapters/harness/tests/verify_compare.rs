//! `ceralacca verify --compare`: is this the message that the envelope or receipt is about?

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::verdicts::{Demonstration, codes, objects, with_lf};
use common::{NOW, in_folder, plug_in, succeed, tool, two_providers};
use serde_json::Value;

/// A complete receipt has the original inside: every field and part is compared.
#[test]
fn a_complete_receipt_is_about_the_message_that_was_sent() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let receipt = demo.first("delivery");
    let sent = original(&demo, "01");
    for copy in [sent.clone(), with_lf(&sent)] {
        let copy = demo.write("sent.eml", copy);
        for about in [&receipt, &demo.first("transport-envelope")] {
            let (code, judged) = compare(&demo, about, &copy);
            assert_eq!(code, 0, "{judged:#}");
            let codes = codes(&judged["comparison"], None);
            assert_eq!(codes[..2], ["message-id-agrees", "fields-agree"]);
            assert!(
                codes[2..].iter().all(|code| *code == "part-agrees"),
                "{codes:?}"
            );
        }
    }
    let said = demo.verify(
        &[&receipt],
        &["--compare", demo.write("sent.eml", &sent).to_str().unwrap()],
    );
    let first = said.stdout.lines().next().unwrap();
    assert!(
        first.ends_with("; the message to compare is the one inside"),
        "{first}"
    );
}

/// What differs is named: a field, a text, another message.
#[test]
fn another_message_is_told_from_the_one_that_was_sent() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let receipt = demo.first("delivery");
    let sent = String::from_utf8_lossy(&original(&demo, "01")).into_owned();
    let subject = sent.replacen("Subject: ", "Subject: no ", 1);
    let id = sent.replacen("Message-ID: <", "Message-ID: <other-", 1);
    let body = sent.replacen("Gentile Bruno", "Gentile Bruna", 1);
    assert_ne!(body, sent);
    for (name, changed, code) in [
        ("subject.eml", subject, "fields-differ"),
        ("id.eml", id, "message-id-differs"),
        ("body.eml", body, "part-differs"),
    ] {
        let (exit, judged) = compare(&demo, &receipt, &demo.write(name, changed));
        assert_eq!(
            (exit, &judged["verdict"]),
            (6, &Value::from("holds")),
            "{name}"
        );
        assert_eq!(
            codes(&judged["comparison"], Some("failed")),
            [code],
            "{judged:#}"
        );
        assert!(
            judged["sentence"]
                .as_str()
                .unwrap()
                .contains("is NOT the one inside")
        );
    }
    let (exit, judged) = compare(&demo, &receipt, &demo.write("text", "no mail\r\n"));
    assert_eq!(exit, 6);
    assert_eq!(codes(&judged["comparison"], None), ["original-not-mail"]);
}

/// A brief receipt has hashes in the place of files. The hash is taken by OpenSSL over the part as
/// it travels (PRACTICE 8.10), not by us.
#[test]
fn a_brief_receipt_has_the_hash_of_every_file_that_was_sent() {
    if !plug_in() || !tool("openssl") {
        return;
    }
    let demo = Demonstration::run();
    let (receipt, judged) = of_type(&demo, "breve");
    let about = judged["data"]["message_id"].as_str().unwrap();
    let sent = originals(&demo)
        .into_iter()
        .find(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).contains(about))
        .expect("the message that was sent");
    let hashes: Vec<&str> = judged["original"]["parts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|part| part["hash"].as_str())
        .collect();
    assert_eq!(hashes.len(), 1, "{judged:#}");
    assert_eq!(hashes[0], sha1_of_the_pdf(&demo, &sent));
    let (code, compared) = compare(&demo, &receipt, &sent);
    assert_eq!(code, 0, "{compared:#}");
    let passed = codes(&compared["comparison"], Some("passed"));
    assert_eq!(
        passed.iter().filter(|code| **code == "hash-agrees").count(),
        1
    );
    // One character of the file in base64.
    let text = fs::read_to_string(&sent).unwrap();
    let other = demo.write("other.eml", text.replacen("JVBERi0", "JVBERi1", 1));
    let (code, compared) = compare(&demo, &receipt, &other);
    assert_eq!(code, 6);
    assert_eq!(
        codes(&compared["comparison"], Some("failed")),
        ["hash-differs"]
    );
}

/// A concise receipt and an acceptance have nothing inside: identifiers are all there is.
#[test]
fn where_nothing_is_inside_that_is_said() {
    if !plug_in() {
        return;
    }
    let demo = Demonstration::run();
    let sent = demo.write("sent.eml", original(&demo, "01"));
    let (concise, _) = of_type(&demo, "sintetica");
    for receipt in [demo.first("server-user-acceptance"), concise] {
        let (code, judged) = compare(&demo, &receipt, &sent);
        let all = codes(&judged["comparison"], None);
        assert_eq!(*all.last().unwrap(), "nothing-to-compare", "{judged:#}");
        let same = judged["comparison"][0]["code"] == "message-id-agrees";
        assert_eq!(code, if same { 0 } else { 6 });
    }
}

/// PRACTICE 2: an 8-bit original is re-encoded at the access point. It is the same message.
#[test]
fn a_message_that_was_re_encoded_is_the_one_that_was_sent() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    let offer = "From: anna@pec.alfa.example\r\nTo: bruno@pec.beta.example\r\nSubject: Offerta\r\n\
                 Message-ID: <1@studio.example>\r\nDate: Sat, 19 Sep 2026 15:41:00 +0200\r\n\
                 MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n\
                 --b\r\nContent-Type: text/plain; charset=utf-8\r\n\
                 Content-Transfer-Encoding: 8bit\r\n\r\nPerché no? È già più vicino.\r\n\
                 --b\r\nContent-Type: text/csv; charset=utf-8; name=\"città.csv\"\r\n\
                 Content-Transfer-Encoding: 8bit\r\n\r\nForlì;1\r\n--b--\r\n";
    // Raw 8-bit header fields are refused; the name of the file goes as RFC 2231 has it.
    let offer = offer.replace("name=\"città.csv\"", "name*=utf-8''citt%C3%A0.csv");
    let sent = world.path().join("offer.eml");
    fs::write(&sent, &offer).unwrap();
    let line = "submit --provider {}/alfa --from anna@pec.alfa.example \
                --rcpt bruno@pec.beta.example {}/offer.eml";
    let ran = in_folder(world.path(), &format!("{line} --now {NOW}"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let envelopes = common::files(&world.path().join("alfa/outbox"), "eml");
    let envelope = fs::read_to_string(&envelopes[0]).unwrap();
    assert!(envelope.is_ascii(), "it was re-encoded");
    let line = format!(
        "verify {} --json --directory {{}}/alfa/directory.ldif --roots {{}}/alfa/roots.pem --compare",
        envelopes[0].display()
    );
    let ran = in_folder(world.path(), &format!("{line} {}", sent.display()));
    assert_eq!(ran.code, 0, "{ran:?}");
    let judged = &objects(&ran)[0];
    assert_eq!(
        codes(&judged["comparison"], None),
        [
            "message-id-agrees",
            "fields-agree",
            "part-agrees",
            "part-agrees"
        ]
    );
    assert_eq!(judged["original"]["parts"][1]["name"], "città.csv");
    // The digest is that of the file as it was sent, whatever its encoding on the way.
    let file = world.path().join("città.csv");
    fs::write(&file, "Forlì;1").unwrap();
    if tool("openssl") {
        let mut dgst = Command::new("openssl");
        let said = succeed(dgst.args(["dgst", "-sha256", "-r"]).arg(&file));
        let digest = judged["original"]["parts"][1]["sha256"].as_str().unwrap();
        assert!(said.starts_with(digest), "{said}: {digest}");
    }
    // One accent is another message.
    fs::write(&sent, offer.replace("Forlì", "Forli")).unwrap();
    let ran = in_folder(world.path(), &format!("{line} {}", sent.display()));
    assert_eq!(ran.code, 6);
    assert_eq!(
        codes(&objects(&ran)[0]["comparison"], Some("failed")),
        ["part-differs"]
    );
}

fn compare(demo: &Demonstration, message: &Path, with: &Path) -> (i32, Value) {
    demo.judge(message, &["--compare", with.to_str().unwrap()])
}

/// The messages that the people of the demonstration handed in.
fn originals(demo: &Demonstration) -> Vec<PathBuf> {
    common::files(&demo.folder().join("submitted"), "txt")
}

fn original(demo: &Demonstration, number: &str) -> Vec<u8> {
    fs::read(
        demo.folder()
            .join(format!("submitted/{number}-original.txt")),
    )
    .unwrap()
}

/// The first delivery receipt of a type, and what is known of it.
fn of_type(demo: &Demonstration, receipt_type: &str) -> (PathBuf, Value) {
    demo.messages()
        .into_iter()
        .map(|path| {
            let (_, judged) = demo.judge(&path, &[]);
            (path, judged)
        })
        .find(|(_, judged)| {
            judged["kind"] == "delivery" && judged["data"]["receipt_type"] == receipt_type
        })
        .expect("the demonstration has every type")
}

/// The lines of base64 that begin like a PDF, up to the boundary, its line break left out.
fn sha1_of_the_pdf(demo: &Demonstration, sent: &Path) -> String {
    let text = fs::read_to_string(sent).unwrap();
    let start = text.find("\r\nJVBERi0").expect("a PDF") + 2;
    let length = text[start..].find("\r\n--").expect("its end");
    let body = demo.write("body", &text[start..start + length]);
    let mut command = Command::new("openssl");
    command
        .args(["dgst", "-sha1", "-r"])
        .arg(body)
        .stdin(Stdio::null());
    let said = succeed(&mut command);
    said.split_whitespace().next().unwrap().to_owned()
}
