//! What the demonstration writes, read back by implementations that are not ours: a PEC client and
//! Python's mail library (`tests/readers/read.py`). `make install-test-tools` installs both.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use ceralacca_harness::moment::Moment;
use common::{NOW, files, in_folder, plug_in, skipped, succeed};
use serde_json::Value;
use tempfile::TempDir;

/// What the file of a message is called, and what RFC 6109 and PRACTICE 3 call the kind: the word of
/// `X-Ricevuta` or `X-Trasporto`, which is that of `daticert.xml`, too.
const KINDS: [(&str, &str); 11] = [
    ("transport-envelope", "posta-certificata"),
    ("anomaly-envelope", "errore"),
    ("server-user-acceptance", "accettazione"),
    ("virus-non-acceptance", "non-accettazione"),
    ("non-acceptance", "non-accettazione"),
    ("server-server-acceptance", "presa-in-carico"),
    ("virus-non-delivery", "errore-consegna"),
    ("non-delivery", "errore-consegna"),
    ("delivery", "avvenuta-consegna"),
    ("timeout", "preavviso-errore-consegna"),
    ("virus-detection", "rilevazione-virus"),
];

#[test]
fn a_pec_client_and_a_mail_library_read_what_we_write() {
    let Some(python) = python() else { return };
    if !plug_in() {
        return;
    }
    let place = TempDir::new().unwrap();
    let ran = in_folder(place.path(), &format!("demo --out {{}}/out --now {NOW}"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let messages = files(&place.path().join("out"), "eml");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/read.py");
    let said = succeed(Command::new(python).arg(script).args(&messages));
    let read: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(read.len(), messages.len());
    for (file, word) in KINDS {
        let of_kind = |message: &&Value| kind(message) == file;
        assert!(read.iter().any(|m| of_kind(&m)), "no {file}");
        for message in read.iter().filter(of_kind) {
            agrees(message, word);
        }
    }
}

/// The readers object to nothing, and what they take from headers and from `daticert.xml` agrees.
fn agrees(message: &Value, word: &str) {
    let (pec, mail) = (&message["pec"], &message["mail"]);
    let none = Value::Array(Vec::new());
    assert_eq!(mail["defects"], none, "{message:#}");
    assert_eq!(mail["field_defects"], none, "{message:#}");
    assert_eq!(text(&pec["pec_type"]), word, "{message:#}");
    assert!(text(&mail["from"]).starts_with("posta-certificata@"));
    assert!(!text(&pec["body"]).is_empty(), "{message:#}");
    let certified = &pec["pec_cert"];
    if word == "errore" {
        // It certifies nothing (RFC 6109 §3.2.2); data that the client shows are those of what it
        // wraps.
        return;
    }
    assert_eq!(text(&certified["tipo"]), word, "{message:#}");
    // One time reference for the whole transaction (PRACTICE 8.15). A receipt's own time is the
    // same in both places, whatever it refers to.
    let at: Moment = text(&certified["data"]).parse().expect("an instant");
    assert_eq!(Some(at.0), mail["date"].as_u64(), "{message:#}");
    let reference = mail["reference"].as_str().unwrap_or_default();
    let id = text(&certified["riferimento_message_id"]);
    assert_eq!(reference.trim_matches(['<', '>']), id, "{message:#}");
    let own_id = text(&mail["message_id"]);
    let identifier = format!("<{}>", text(&certified["identificativo"]));
    assert_eq!(own_id == identifier, word == "posta-certificata");
    // Envelopes go to the recipients, prese in carico and virus notices to the other provider, the
    // rest to the sender (PRACTICE 3, RFC 6109 §3.2.1, §3.2.3).
    let sender = text(&certified["mittente"]);
    let to_sender = list(&mail["to"]) == [sender];
    let to_others = ["posta-certificata", "presa-in-carico", "rilevazione-virus"];
    assert_eq!(to_sender, !to_others.contains(&word), "{message:#}");
    assert!(!list(&certified["destinatari"]).is_empty(), "{message:#}");
}

/// `05-delivery.eml` → `delivery`.
fn kind(message: &Value) -> &str {
    let file = Path::new(text(&message["file"]));
    let name = file.file_stem().and_then(|name| name.to_str());
    let (_, kind) = name.and_then(|n| n.split_once('-')).expect("number, kind");
    kind
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn list(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// The interpreter that `make install-test-tools` gives the readers to.
fn python() -> Option<PathBuf> {
    // Tests have their folder in the target directory, and so have the tools.
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tools/readers/bin/python");
    (tools.exists() || skipped("the reader mayai-pec-cli")).then_some(tools)
}
