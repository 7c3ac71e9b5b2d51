//! The demonstration: what it writes holds up before others' eyes, and it replaces nothing that is
//! not its own.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{NOW, Ran, files, in_folder, names, openssl_verifies, plug_in, shared, succeed, tool};
use mail_parser::{MessageParser, MimeHeaders as _};
use tempfile::TempDir;

/// Every kind of message that a provider signs.
const KINDS: [&str; 11] = [
    "transport-envelope",
    "anomaly-envelope",
    "server-user-acceptance",
    "non-acceptance",
    "virus-non-acceptance",
    "server-server-acceptance",
    "delivery",
    "non-delivery",
    "virus-non-delivery",
    "timeout",
    "virus-detection",
];

#[test]
fn every_message_verifies_and_every_link_leads_somewhere() {
    if !plug_in() {
        return;
    }
    let place = TempDir::new().unwrap();
    let ran = demo(place.path());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // Whatever is refused in a story is told in the story.
    assert_eq!(ran.stderr, "");
    let out = place.path().join("out");
    let messages = files(&out, "eml");
    for kind in KINDS {
        assert!(
            !of_kind(&messages, kind).is_empty(),
            "{kind}: {:?}",
            names(&out)
        );
    }
    if tool("openssl") {
        for message in &messages {
            openssl_verifies(message, &out.join("roots.pem"));
        }
    }

    let page = fs::read_to_string(out.join("index.html")).unwrap();
    for link in page
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        let target = link.strip_prefix('#');
        match target {
            Some(id) => assert!(page.contains(&format!("id=\"{id}\"")), "{link}"),
            None => assert!(out.join(link).is_file(), "{link}"),
        }
    }
    // Every line that names a file names one that is there, and all are named.
    for message in messages.iter().chain(&files(&out.join("submitted"), "txt")) {
        let name = message.strip_prefix(&out).unwrap().to_str().unwrap();
        assert!(
            ran.stdout.contains(&format!("  {name}\n")),
            "{name}: {}",
            ran.stdout
        );
    }
}

/// Whoever reads the story in a plain terminal reads it without broken lines.
#[test]
fn the_story_fits_into_a_hundred_columns() {
    if !plug_in() {
        return;
    }
    let place = TempDir::new().unwrap();
    let ran = demo(place.path());
    let told = ran.stdout.lines().filter(|line| !line.contains("/out"));
    for line in told {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

/// The kinds of message by story, and by the clock: PRACTICE 1 and 5.
#[test]
fn the_stories_end_as_the_rules_have_it() {
    if !plug_in() {
        return;
    }
    let place = TempDir::new().unwrap();
    let ran = demo(place.path());
    let stories: Vec<&str> = ran.stdout.split("\n\n").collect();
    let story = |title: &str| {
        let found = stories.iter().find(|story| {
            story
                .lines()
                .next()
                .is_some_and(|line| line.ends_with(title))
        });
        *found.unwrap_or_else(|| panic!("{title}: {}", ran.stdout))
    };
    let count = |title, words: &str| story(title).matches(words).count();
    let late = story("A day without network");
    let at = |words: &str| {
        late.find(words)
            .unwrap_or_else(|| panic!("{words}: {late}"))
    };
    assert!(at("12 hours later") < at("(4.4.1)") && at("(4.4.1)") < at("11 hours later"));
    assert!(at("11 hours later") < at("(5.4.1)") && at("(5.4.1)") < at("-delivery.eml"));
    let stuck = "Taken charge of, and not delivered";
    assert_eq!((count(stuck, "(4.4.1)"), count(stuck, "(5.4.1)")), (0, 1));
    assert_eq!(
        count("A full mailbox", "non-delivery notice (5.2.2) to Anna"),
        1
    );
    assert_eq!(
        count(
            "The same envelope twice",
            "sends Beta the transport envelope"
        ),
        2
    );
    assert_eq!(
        count("The same envelope twice", "delivers the delivery receipt"),
        1
    );
    assert_eq!(
        count(
            "A virus that the sender’s provider finds",
            "transport-envelope"
        ),
        0
    );
    assert_eq!(
        count(
            "A virus that only the recipient’s provider finds",
            "to Bruno"
        ),
        0
    );
    let altered = story("A price that changes on its way");
    assert!(altered.contains("refuses it: 554 5.7.1"), "{altered}");
    assert_eq!(
        count(
            "Ordinary mail for three certified mailboxes",
            "anomaly-envelope.eml"
        ),
        1
    );
    assert_eq!(
        count(
            "An envelope that loses its form on the way",
            "anomaly-envelope.eml"
        ),
        1
    );
}

/// PRACTICE 8.10: what the story says to type prints the hash that the receipt holds.
#[test]
fn the_command_that_checks_the_brief_receipt_works() {
    if !plug_in() || !tool("openssl") {
        return;
    }
    let place = TempDir::new().unwrap();
    let ran = demo(place.path());
    let (_, proof) = ran
        .stdout
        .split_once("To check, in the folder, with ")
        .unwrap();
    let (hash, rest) = proof.split_once(" as the answer:\n").unwrap();
    let (command, _) = rest.split_once("  →").unwrap();
    assert_eq!(hash.len(), 40, "{hash}");
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(command)
        .current_dir(place.path().join("out"));
    let said = succeed(&mut shell);
    // Once out of the receipt, once out of what Anna sent.
    assert_eq!(said.matches(hash).count(), 2, "{command}{said}");
}

/// RFC 6109 §4.4, by the DTD of the RFC; and four engines that are not ours, for each kind.
#[test]
fn others_take_what_the_demonstration_writes() {
    let (Some(dtd), Some(verify4)) = (shared("spec/rfc6109.dtd"), shared("checkers/verify4.sh"))
    else {
        return;
    };
    let tools = [
        "openssl", "xmllint", "certtool", "cmsutil", "gpgsm", "faketime",
    ];
    if !plug_in() || !tools.iter().all(|name| tool(name)) {
        return;
    }
    let place = TempDir::new().unwrap();
    assert_eq!(demo(place.path()).code, 0);
    let out = place.path().join("out");
    let messages = files(&out, "eml");
    for message in &messages {
        let octets = fs::read(message).unwrap();
        let parsed = MessageParser::default().parse(&octets).unwrap();
        let daticert = parsed
            .parts
            .iter()
            .find(|part| part.attachment_name() == Some("daticert.xml"));
        // An anomaly envelope certifies nothing (RFC 6109 §3.2.2).
        let is_anomaly = message.to_str().unwrap().ends_with("-anomaly-envelope.eml");
        assert_eq!(daticert.is_none(), is_anomaly, "{message:?}");
        if let Some(daticert) = daticert {
            let file = place.path().join("daticert.xml");
            fs::write(&file, daticert.contents()).unwrap();
            let mut xmllint = Command::new("xmllint");
            succeed(xmllint.args(["--noout", "--dtdvalid"]).arg(&dtd).arg(&file));
        }
    }
    // One of each kind: a second one differs in nothing that these look at.
    for kind in KINDS {
        let message = of_kind(&messages, kind)[0];
        let mut command = Command::new("bash");
        command
            .arg(&verify4)
            .arg(message)
            .arg(out.join("roots.pem"));
        let said = succeed(command.arg("1789900000"));
        for verdict in [
            "OpenSSL chain   : CMS Verification successful",
            "OpenSSL detached: CMS Verification successful",
            "Signature status: ok",
            "rc=0",
            "Good signature",
        ] {
            assert!(said.contains(verdict), "{message:?}: {said}");
        }
    }
}

/// The picture in the README is the demonstration's own.
#[test]
fn the_picture_of_the_first_story_is_as_published() {
    if !plug_in() {
        return;
    }
    let place = TempDir::new().unwrap();
    assert_eq!(demo(place.path()).code, 0);
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo/timeline.svg");
    let drawn = fs::read_to_string(place.path().join("out/timeline.svg")).unwrap();
    let remedy = "copy timeline.svg of `ceralacca demo --now 2026-09-19T15:41:19+02:00` there";
    assert!(fs::read_to_string(published).unwrap() == drawn, "{remedy}");
    for foreign in ["<script", "href", "url(", "@import"] {
        assert!(!drawn.contains(foreign), "{foreign}");
    }
}

#[test]
fn the_other_commands_go_on_where_the_demonstration_ended() {
    if !plug_in() {
        return;
    }
    let place = TempDir::new().unwrap();
    assert_eq!(demo(place.path()).code, 0);
    let status = in_folder(place.path(), "status --provider {}/out/providers/alfa");
    assert_eq!(status.code, 0, "{}", status.stderr);
    assert!(
        status
            .stdout
            .contains("bruna.verdi@pec.beta.example: not delivered"),
        "{status:?}"
    );
}

#[test]
fn only_its_own_folder_is_replaced() {
    if !plug_in() {
        return;
    }
    let place = TempDir::new().unwrap();
    let out = place.path().join("out");
    // Nothing there, an empty folder, an earlier demonstration: replaced, and nothing is left over.
    fs::create_dir(&out).unwrap();
    assert_eq!(demo(place.path()).code, 0);
    fs::write(out.join("99-left-over.eml"), "x").unwrap();
    assert_eq!(demo(place.path()).code, 0);
    assert!(!out.join("99-left-over.eml").exists());
    assert_eq!(names(place.path()), ["out"]);
    // Somebody's folder: refused, untouched.
    fs::remove_dir_all(&out).unwrap();
    fs::create_dir(&out).unwrap();
    fs::write(out.join("thesis.txt"), "years of work").unwrap();
    let ran = demo(place.path());
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.complaint().contains("--out"), "{}", ran.stderr);
    assert_eq!(names(&out), ["thesis.txt"]);
    assert_eq!(names(place.path()), ["out"]);
}

/// The messages of a kind: `NN-KIND.eml`.
fn of_kind<'a>(messages: &'a [PathBuf], kind: &str) -> Vec<&'a PathBuf> {
    let is_kind = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.split_once('-').unwrap().1 == format!("{kind}.eml")
    };
    messages.iter().filter(is_kind).collect()
}

fn demo(place: &Path) -> Ran {
    in_folder(place, &format!("demo --out {{}}/out --now {NOW}"))
}
