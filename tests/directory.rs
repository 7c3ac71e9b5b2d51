//! The provider directory (CASES D, RFC 6109 §4.5), loaded through the component.

mod world;

use world::mail::letter;
use world::oracles::shared;
use world::{ANNA, BRUNO, World};

/// What loading a directory is refused with.
fn refusal(world: &World, ldif: &str) -> String {
    let loaded = world.beta.host.load_directory(ldif.as_bytes().to_vec());
    loaded.expect_err("a faulty directory").to_string()
}

fn own_ldif(world: &World) -> String {
    std::fs::read_to_string(world.beta.folder.file("directory.ldif")).expect("the directory")
}

/// Case D01: the RFC's example, whose hashes match its certificates.
#[test]
fn d01_the_ldif_example_of_the_rfc_loads() {
    let Some(file) = shared("spec/rfc6109-example-2.ldif") else {
        return;
    };
    let Some(world) = World::new() else { return };
    let summary = world
        .beta
        .host
        .load_directory(std::fs::read(file).unwrap())
        .expect("it loads");
    assert_eq!(
        (summary.providers, summary.domains > 3),
        (3, true),
        "{summary:?}"
    );
}

#[test]
fn d02_folds_base64_line_ends_and_comments() {
    let Some(world) = World::new() else { return };
    let ldif = own_ldif(&world);
    let crlf = ldif.replace('\n', "\r\n");
    let commented = format!("version: 1\n# a comment\n#  folded\n  comment\n{ldif}");
    let name = "providerName: Beta S.p.A.";
    assert!(ldif.contains(name));
    let base64 = ldif.replace(name, "providerName:: QmV0YSBTLnAuQS4=");
    let folded = ldif.replace(name, "provider\n Name: Beta\n  S.p.A.");
    for variant in [crlf, commented, base64, folded] {
        let summary = world
            .beta
            .host
            .load_directory(variant.into_bytes())
            .expect("it loads");
        assert_eq!((summary.providers, summary.domains), (2, 2));
    }
}

/// Every fault is named with its line.
#[test]
fn d02_faults_are_named_with_their_line() {
    let Some(world) = World::new() else { return };
    let ldif = own_ldif(&world);
    let line_of = |text: &str| ldif.lines().position(|l| l.starts_with(text)).unwrap() + 1;
    let without = |name: &str| {
        let kept = ldif.lines().filter(|l| !l.starts_with(name));
        kept.collect::<Vec<_>>().join("\n")
    };
    let record = line_of("dn: providerName=");
    let said = refusal(&world, &without("mailReceipt"));
    assert!(
        said.contains("mailReceipt is missing") && said.contains(&format!("line {record}")),
        "{said}"
    );
    let said = refusal(&world, &without("managedDomains"));
    assert!(said.contains("managedDomains is missing"), "{said}");
    let said = refusal(
        &world,
        &ldif.replacen("managedDomains: ", "managedDomains: -", 1),
    );
    let line = line_of("managedDomains:");
    assert!(
        said.contains(&format!("line {line}: managedDomains")),
        "{said}"
    );
    let said = refusal(
        &world,
        &ldif.replacen(
            "providerCertificate;binary:: ",
            "providerCertificate;binary:: !",
            1,
        ),
    );
    assert!(said.contains("not base64"), "{said}");
    let hash = ldif
        .lines()
        .find(|l| l.starts_with("providerCertificateHash: "))
        .unwrap();
    let said = refusal(
        &world,
        &ldif.replacen(
            hash,
            &format!("providerCertificateHash: {}", "0".repeat(40)),
            1,
        ),
    );
    assert!(said.contains("is of no certificate here"), "{said}");
    let said = refusal(&world, "just text\n");
    assert!(said.contains("line 1: neither an attribute"), "{said}");
}

/// Case D05: mail goes on with the old one.
#[test]
fn d05_the_old_directory_stays_when_the_new_one_is_bad() {
    let Some(mut world) = World::new() else {
        return;
    };
    refusal(&world, "dn: o=postacert\nobjectClass: top\n");
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x"));
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "delivery"]);
}
