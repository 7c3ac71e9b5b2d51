//! Every mistake in a provider folder is told in one sentence that names the file, the field and
//! the remedy; nothing is done, and the exit code is 1.

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, in_folder, plug_in, two_providers};

/// What is wrong with `provider.toml`, and what the complaint must contain.
const MISTAKES: &[(&str, &str, &[&str])] = &[
    ("name = \"Alfa\"", "name = \"\"", &["`name`", "empty"]),
    ("name = \"Alfa\"", "", &["missing field `name`"]),
    ("name = \"Alfa\"", "name = 7", &["`name`", "line"]),
    (
        "name = \"Alfa\"",
        "nmae = \"Alfa\"",
        &["unknown field `nmae`", "line"],
    ),
    ("name = \"Alfa\"", "name = \"Alfa", &["line", "TOML"]),
    (
        "mail-domain = \"pec.alfa.example\"",
        "mail-domain = \"alfa\"",
        &["`mail-domain`", "pec.alfa.example"],
    ),
    (
        "domains = [\"pec.alfa.example\"]",
        "domains = []",
        &["`domains`", "mail domain"],
    ),
    (
        "domains = [\"pec.alfa.example\"]",
        "domains = [\"pec.x.example\"]",
        &["`service-address`", "domains"],
    ),
    (
        "domains = [\"pec.alfa.example\"]",
        "domains = [\"pec.alfa.example\", \"-\"]",
        &["`domains[1]`"],
    ),
    (
        "mailboxes = \"any\"",
        "mailboxes = \"all\"",
        &["`mailboxes`", "any"],
    ),
    (
        "mailboxes = \"any\"",
        "mailboxes = [\"a@b.example\"]",
        &["`mailboxes`", "a@b.example"],
    ),
    (
        "mailboxes = \"any\"",
        "mailboxes = [{ adress = \"a@pec.alfa.example\" }]",
        &["`mailboxes`", "adress"],
    ),
    (
        "ordinary-mail = \"refuse\"",
        "ordinary-mail = \"bounce\"",
        &["`ordinary-mail`", "refuse, accept or redirect"],
    ),
    (
        "revocation = \"accept-and-log\"",
        "revocation = \"ignore\"",
        &["`revocation`", "defer"],
    ),
    (
        "max-recipients = 500",
        "max-recipients = -1",
        &["`limits.max-recipients`", "line"],
    ),
    ("key = \"key.pem\"", "kye = \"key.pem\"", &["`files", "kye"]),
];

#[test]
fn mistakes_in_the_settings_name_the_field() {
    let world = two_providers();
    let file = world.path().join("alfa/provider.toml");
    let good = fs::read_to_string(&file).unwrap();
    for (line, instead, told) in MISTAKES {
        assert_eq!(good.matches(&format!("\n{line}\n")).count(), 1, "{line}");
        fs::write(&file, good.replace(line, instead)).unwrap();
        let ran = status(world.path());
        refused(&ran, "alfa/provider.toml", told);
    }
}

#[test]
fn mistakes_that_only_the_plug_in_sees_name_the_field_too() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    let file = world.path().join("alfa/provider.toml");
    let good = fs::read_to_string(&file).unwrap();
    for (line, instead, told) in [
        // PRACTICE 1: below the floor of the law.
        (
            "max-recipients = 500",
            "max-recipients = 49",
            "max-recipients",
        ),
        (
            "\"posta-certificata@pec.alfa.example\"",
            "\"posta@pec.alfa.example\"",
            "service-address",
        ),
        (
            "[texts]",
            "[texts]\n\"no.such.text\" = \"x\"",
            "no.such.text",
        ),
    ] {
        fs::write(&file, good.replace(line, instead)).unwrap();
        refused(&status(world.path()), "alfa/provider.toml", &[told]);
    }
}

#[test]
fn missing_and_unreadable_files_are_named() {
    if !plug_in() {
        return;
    }
    for file in [
        "provider.toml",
        "key.pem",
        "certificate.pem",
        "roots.pem",
        "directory.ldif",
    ] {
        let world = two_providers();
        let path = world.path().join("alfa").join(file);
        fs::remove_file(&path).unwrap();
        refused(&status(world.path()), file, &[]);
        // Something else than what belongs there.
        fs::write(&path, "\u{1}nonsense\n").unwrap();
        refused(&status(world.path()), file, &[]);
        // Not text at all, or not to be read.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        refused(&status(world.path()), file, &[]);
    }
}

#[test]
fn a_missing_plug_in_is_said_with_its_remedy() {
    let world = two_providers();
    let ran = in_folder(
        world.path(),
        "status --provider {}/alfa --component {}/none.wasm",
    );
    refused(&ran, "none.wasm", &["make component"]);
}

#[test]
fn arguments_that_are_none_end_with_code_2() {
    let world = two_providers();
    for line in [
        "status --provider",
        "submit --provider {}/alfa --from a --rcpt b --entropy 00 x.eml",
        "submit --provider {}/alfa --from a --rcpt b --now yesterday x.eml",
        "submit --provider {}/alfa --from a x.eml",
        "provider init {}/c --name C",
    ] {
        let ran = in_folder(world.path(), line);
        assert_eq!(ran.code, 2, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("--help"), "{}", ran.stderr);
    }
}

#[test]
fn a_message_that_is_not_there_is_named() {
    let world = two_providers();
    let line = "submit --provider {}/alfa --from a@pec.alfa.example --rcpt b@c.example {}/no.eml";
    refused(&in_folder(world.path(), line), "no.eml", &[]);
}

fn status(world: &Path) -> Ran {
    in_folder(world, "status --provider {}/alfa")
}

fn refused(ran: &Ran, file: &str, told: &[&str]) {
    assert_eq!(ran.code, 1, "{file}: {ran:?}");
    assert_eq!(ran.stdout, "");
    let complaint = ran.complaint();
    assert!(complaint.contains(file), "{file}: {}", ran.stderr);
    // One sentence: where, what; remedy.
    assert!(
        complaint.starts_with("ceralacca: ") && complaint.contains("; "),
        "{complaint}"
    );
    for word in told {
        assert!(complaint.contains(word), "{word}: {complaint}");
    }
}
