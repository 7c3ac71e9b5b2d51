//! `ceralacca directory`: what a postmaster does with directories, through the program itself.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{NOW, Ran, in_folder, names, plug_in, succeed, tool, two_providers};

fn check(folder: &Path, line: &str) -> Ran {
    in_folder(folder, &format!("directory check --now {NOW} {line}"))
}

#[test]
fn a_good_file_is_described() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    let ran = check(world.path(), "{}/alfa/directory.ldif");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for fact in [
        "2 providers, 2 domains, not signed",
        "providerName=Beta,o=postacert",
        "receipts to: ricevute@pec.beta.example",
        "domains:     pec.beta.example",
        "certificate: SHA-1 ",
        ", valid 2026-09-18T00:00:00Z to 2029-09-17T00:00:00Z",
    ] {
        assert!(ran.stdout.contains(fact), "{fact}: {}", ran.stdout);
    }
    // Who asks in a hundred years is told that it has ended.
    let line = "directory check {}/alfa/directory.ldif --now 2126-01-01T00:00:00Z";
    assert!(in_folder(world.path(), line).stdout.contains("(ended)"));
}

#[test]
fn a_bad_file_is_told_with_its_culprit_and_a_remedy() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    let file = world.path().join("alfa/directory.ldif");
    let good = fs::read_to_string(&file).unwrap();
    let bad = world.path().join("bad.ldif");
    fs::write(
        &bad,
        good.replace("mailReceipt: ricevute@pec.beta", "mailReceipt: pec.beta"),
    )
    .unwrap();
    let ran = check(world.path(), "{}/bad.ldif");
    assert_eq!(ran.code, 1);
    for fact in [
        "bad.ldif: line ",
        "providerName=Beta",
        "mailReceipt: ",
        "mend it",
    ] {
        assert!(ran.complaint().contains(fact), "{fact}: {}", ran.stderr);
    }
    let ran = check(world.path(), "{}/nothing.ldif");
    assert_eq!(ran.code, 1);
    assert!(
        ran.complaint().contains("name an LDIF file"),
        "{}",
        ran.stderr
    );
    // Loading it changes neither what is in force nor the file.
    let ran = in_folder(
        world.path(),
        &format!("directory load {{}}/bad.ldif --provider {{}}/alfa --now {NOW}"),
    );
    assert_eq!(ran.code, 1);
    assert!(ran.complaint().contains("mailReceipt"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), good);
}

#[test]
fn who_manages_a_domain_and_who_holds_a_certificate() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    let find = |line: &str| in_folder(world.path(), &format!("directory find --now {NOW} {line}"));
    for place in ["--provider {}/alfa", "--directory {}/alfa/directory.ldif"] {
        for what in [
            "pec.beta.example",
            "PEC.Beta.example",
            "{}/beta/certificate.pem",
        ] {
            let ran = find(&format!("{what} {place}"));
            assert_eq!(ran.code, 0, "{what} {place}: {}", ran.stderr);
            assert!(
                ran.stdout.starts_with("providerName=Beta,o=postacert\n"),
                "{}",
                ran.stdout
            );
        }
        let ran = find(&format!("beta.example {place}"));
        assert_eq!(ran.code, 7, "{}", ran.stderr);
        assert_eq!(ran.stdout, "beta.example: in no record\n");
        let ran = find(&format!("{} {place}", "0".repeat(40)));
        assert_eq!(ran.code, 7, "{}", ran.stderr);
    }
    assert_eq!(find("pec.beta.example").code, 2, "where?");
    let ran = find("- --provider {}/alfa");
    assert!(
        ran.code == 1 && ran.complaint().contains("DOMAIN|CERT"),
        "{}",
        ran.stderr
    );
}

/// Alfa makes its record; Beta, who pins Alfa's certificate, takes it for the directory.
#[test]
fn a_record_from_one_provider_to_the_other() {
    if !plug_in() || !tool("openssl") {
        return;
    }
    let world = two_providers();
    let folder = world.path();
    let settings = folder.join("alfa/provider.toml");
    let text = fs::read_to_string(&settings).unwrap();
    let text = text.replace(
        "\n[record]\n",
        "\n[record]\nlocation = \"https://alfa.example/a.p7m\"\n",
    );
    fs::write(&settings, &text).unwrap();
    let ran = in_folder(
        folder,
        &format!("directory record --provider {{}}/alfa --now {NOW}"),
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with("1 records, 1 domains\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        names(&folder.join("alfa/published")),
        ["record.ldif", "record.ldif.p7m"]
    );
    let record = fs::read_to_string(folder.join("alfa/published/record.ldif")).unwrap();
    assert!(
        record.contains("\nLDIFLocationURL: https://alfa.example/a.p7m\n"),
        "{record}"
    );
    let mut command = Command::new("openssl");
    command.args([
        "cms",
        "-verify",
        "-noverify",
        "-binary",
        "-inform",
        "DER",
        "-in",
    ]);
    let opened = succeed(command.arg(folder.join("alfa/published/record.ldif.p7m")));
    assert_eq!(opened, record);

    // Nobody said whose signature counts.
    let load = format!(
        "directory load {{}}/alfa/published/record.ldif.p7m --provider {{}}/beta --now {NOW}"
    );
    let ran = in_folder(folder, &load);
    assert_eq!(ran.code, 1);
    assert!(
        ran.complaint().contains("set directory-signers"),
        "{}",
        ran.stderr
    );
    let pinned = "--signer {}/alfa/certificate.pem {}/alfa/published/record.ldif.p7m";
    let ran = check(folder, pinned);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("signed by \""), "{}", ran.stdout);
    let ran = check(
        folder,
        "--signer {}/beta/certificate.pem {}/alfa/published/record.ldif.p7m",
    );
    assert_eq!(ran.code, 1);
    assert!(
        ran.complaint().contains("none of directory-signers"),
        "{}",
        ran.stderr
    );

    let settings = folder.join("beta/provider.toml");
    let text = fs::read_to_string(&settings).unwrap();
    let line = "directory-signers = \"../alfa/certificate.pem\"";
    let text = text.replace("# directory-signers = \"directory-signers.pem\"", line);
    assert!(text.contains(line));
    fs::write(&settings, text).unwrap();
    // The directory that provider init made is not signed, so there is none to start with.
    fs::copy(
        folder.join("alfa/published/record.ldif.p7m"),
        folder.join("beta/directory.ldif"),
    )
    .unwrap();
    let ran = in_folder(folder, &load);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout
            .contains("in force already: 1 providers, 1 domains"),
        "{}",
        ran.stdout
    );
    let find = format!("directory find pec.alfa.example --provider {{}}/beta --now {NOW}");
    assert_eq!(in_folder(folder, &find).code, 0);
    // The unsigned one is refused from now on, in words that say what to do.
    let ran = in_folder(
        folder,
        &format!("directory load {{}}/alfa/directory.ldif --provider {{}}/beta --now {NOW}"),
    );
    assert_eq!(ran.code, 1);
    assert!(ran.complaint().contains("is not signed"), "{}", ran.stderr);
    assert_eq!(in_folder(folder, &find).code, 0, "the old one stays");
}

/// A mistake in [record] is told with its field, or in the plug-in's words.
#[test]
fn mistakes_in_a_record() {
    if !plug_in() {
        return;
    }
    let world = two_providers();
    let settings = world.path().join("alfa/provider.toml");
    let good = fs::read_to_string(&settings).unwrap();
    for (lines, facts) in [
        ("locaton = \"x\"", vec!["`record", "locaton"]),
        (
            "location = \"http://alfa.example/\"",
            vec!["is not an https:// URL"],
        ),
        (
            "further-certificates = \"none.pem\"",
            vec!["none.pem", "PEM form"],
        ),
        (
            "units = [{ name = \"U\", service-mailbox = \"a@pec.alfa.example\", domains = [\"x.example\"], certificate = \"certificate.pem\" }]",
            vec!["`record.units[0].domains`", "x.example", "add it there"],
        ),
        (
            "units = [{ name = \"U\", service-mailbox = \"a@pec.alfa.example\", domains = [\"pec.alfa.example\"], certificate = \"certificate.pem\" }]",
            vec!["providerName=Alfa", "has no domain"],
        ),
    ] {
        fs::write(
            &settings,
            good.replace("\n[record]\n", &format!("\n[record]\n{lines}\n")),
        )
        .unwrap();
        let ran = in_folder(
            world.path(),
            &format!("directory record --provider {{}}/alfa --now {NOW}"),
        );
        assert_eq!(ran.code, 1, "{lines}: {}", ran.stdout);
        for fact in facts {
            assert!(ran.complaint().contains(fact), "{fact}: {}", ran.stderr);
        }
    }
    assert!(!world.path().join("alfa/published").exists());
}
