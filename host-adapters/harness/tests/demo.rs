//! The demonstration: what it writes holds up before others' eyes, and it replaces nothing that is
//! not its own.

mod common;

use std::fs;
use std::path::Path;

use common::{NOW, Ran, files, in_folder, names, openssl_verifies, plug_in, tool};
use tempfile::TempDir;

#[test]
fn every_message_verifies_and_every_link_leads_somewhere() {
    if !plug_in() {
        return;
    }
    let place = TempDir::new().unwrap();
    let ran = demo(place.path());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let out = place.path().join("out");
    let messages = files(&out, "eml");
    for kind in [
        "transport-envelope",
        "server-user-acceptance",
        "server-server-acceptance",
        "delivery",
        "non-delivery",
        "non-acceptance",
    ] {
        let of_kind = |name: &String| name.ends_with(&format!("{kind}.eml"));
        assert!(names(&out).iter().any(of_kind), "{kind}: {:?}", names(&out));
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
        assert!(link.starts_with('#') || out.join(link).is_file(), "{link}");
    }
    // Every line that names a file names one that is there, and all are named.
    for message in messages.iter().chain(&files(&out.join("submitted"), "txt")) {
        let name = message.to_str().unwrap();
        assert!(
            ran.stdout.contains(&format!(": {name}\n")),
            "{name}: {}",
            ran.stdout
        );
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

fn demo(place: &Path) -> Ran {
    in_folder(place, &format!("demo --out {{}}/out --now {NOW}"))
}
