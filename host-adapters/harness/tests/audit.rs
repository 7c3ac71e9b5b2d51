//! `ceralacca audit`: a log that nobody touched has no findings, one that somebody touched has.

mod common;

use std::process::Command;

use common::{NOW, in_folder, plug_in, succeed, tool, two_providers};

#[test]
fn an_audit_finds_what_somebody_changed() {
    if !plug_in() || !tool("sqlite3") {
        return;
    }
    let world = two_providers();
    let folder = world.path();
    let letter =
        "From: anna@pec.alfa.example\r\nTo: aldo@pec.alfa.example\r\nSubject: x\r\n\r\nx\r\n";
    std::fs::write(folder.join("letter.eml"), letter).expect("a file");
    let sent = in_folder(
        folder,
        &format!(
            "submit --provider {{}}/alfa --from anna@pec.alfa.example --rcpt \
             aldo@pec.alfa.example --now {NOW} {{}}/letter.eml"
        ),
    );
    assert_eq!(sent.code, 0, "{}", sent.stderr);

    let good = in_folder(folder, "audit --provider {}/alfa");
    assert_eq!(
        (good.code, &*good.stdout),
        (0, "1 messages, 6 rows, 0 findings\n")
    );

    let sql = "DELETE FROM log WHERE event = 'delivery'";
    succeed(
        Command::new("sqlite3")
            .arg(folder.join("alfa/store.sqlite"))
            .arg(sql),
    );
    let bad = in_folder(folder, "audit --provider {}/alfa");
    assert_eq!(bad.code, 6, "{}", bad.stderr);
    let lines: Vec<&str> = bad.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].ends_with(": one-end: aldo@pec.alfa.example has 0 ends"),
        "{lines:?}"
    );
    assert_eq!(lines[1], "1 messages, 5 rows, 1 findings");

    // Within its 24 hours it is not missed.
    let early = in_folder(folder, &format!("audit --provider {{}}/alfa --now {NOW}"));
    assert_eq!(early.code, 0, "{}", early.stdout);

    let id = lines[0].split(": ").next().expect("an id");
    let json = in_folder(folder, &format!("audit --provider {{}}/alfa --json <{id}>"));
    assert_eq!(json.code, 6);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(
        (&document["messages"], &document["rows"]),
        (&1.into(), &5.into())
    );
    assert_eq!(document["findings"][0]["rule"], "one-end");
    assert_eq!(document["findings"][0]["pec_id"], id);

    let nobody = in_folder(folder, "audit --provider {}/alfa nobody@nowhere");
    assert_eq!(nobody.code, 1);
    assert!(
        nobody.complaint().contains("no such message"),
        "{}",
        nobody.stderr
    );
}
