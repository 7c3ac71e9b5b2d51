//! The provider directory (CASES D, RFC 6109 §4.5), loaded through the component.

mod world;

use ceralacca_host::HostError;
use world::mail::letter;
use world::oracles::{openssl_sha1, shared};
use world::{ANNA, BRUNO, World};

/// What loading a directory is refused with.
fn refusal(world: &World, ldif: &str) -> String {
    let loaded = world.beta.host.load_directory(ldif.as_bytes().to_vec());
    match loaded.expect_err("a faulty directory") {
        // Told by the plug-in, within its contract.
        error @ HostError::DirectoryRefused { .. } => error.to_string(),
        error => panic!("{error}"),
    }
}

fn own_ldif(world: &World) -> String {
    std::fs::read_to_string(world.beta.folder.file("directory.ldif")).expect("the directory")
}

/// Case D01: the RFC's example, whose hashes match its certificates: each is found by the hash that
/// the example states, and OpenSSL finds the same.
#[test]
fn d01_the_ldif_example_of_the_rfc_loads() {
    let Some(file) = shared("spec/rfc6109-example-2.ldif") else {
        return;
    };
    let Some(world) = World::new() else { return };
    let summary = world
        .beta
        .host
        .load_directory(std::fs::read(&file).unwrap())
        .expect("it loads");
    assert_eq!(
        (summary.providers, summary.domains > 3),
        (3, true),
        "{summary:?}"
    );
    let text = std::fs::read_to_string(&file).unwrap();
    let stated = text
        .split("providerCertificateHash:")
        .skip(1)
        .filter_map(|rest| rest.split_whitespace().next());
    for hash in stated {
        let holders = world.beta.host.providers_of_certificate(hash);
        assert!(!holders.is_empty(), "{hash}");
        for certificate in holders.iter().flat_map(|holder| &holder.certificates) {
            let Some(sha1) = openssl_sha1(certificate) else {
                return;
            };
            assert_eq!(sha1, hash.to_ascii_lowercase());
        }
    }
    assert_eq!(text.matches("providerCertificateHash:").count(), 3);
}

#[test]
fn d02_folds_base64_line_ends_and_comments() {
    let Some(world) = World::new() else { return };
    let ldif = own_ldif(&world);
    let name = "providerName: Beta S.p.A.";
    assert!(ldif.contains(name));
    let receipts = "mailReceipt: ricevute@pec.beta.example";
    assert!(ldif.contains(receipts));
    for variant in [
        ldif.replace('\n', "\r\n"),
        format!("version: 1\n# a comment\n#  folded\n  comment\n{ldif}"),
        format!("\n\n# a comment first\nversion:1\n\n\n{ldif}\n\n\n"),
        ldif.trim_end().to_owned(),
        ldif.replace(name, "providerName:: QmV0YSBTLnAuQS4="),
        ldif.replace(name, "provider\n Name: Beta\n  S.p.A."),
        ldif.replace(name, &format!("# within\n#: an\n  entry\n{name}")),
        ldif.replace(name, "PROVIDERNAME:Beta S.p.A.  "),
        ldif.replace(
            receipts,
            "mailReceipt:: cmljZXZ1dGVAcGVj\n LmJldGEuZXhhbXBsZQ==",
        ),
        ldif.replace("managedDomains: pec.beta", "manageddomains: PEC.Beta"),
        ldif.replace("\nobjectClass: provider", "\nobjectclass: PROVIDER"),
        // Twice the same is the registry's slip, and harmless.
        ldif.replace(
            "managedDomains: pec.beta.example",
            "managedDomains: pec.beta.example\nmanagedDomains: PEC.BETA.example",
        ),
    ] {
        let loaded = world.beta.host.load_directory(variant.clone().into_bytes());
        let summary = loaded.unwrap_or_else(|error| panic!("{error}: {variant}"));
        assert_eq!((summary.providers, summary.domains), (2, 2), "{variant}");
    }
}

/// Every fault is named with its line, its entry and its attribute. The directory is a good one in
/// which one thing was replaced.
#[test]
fn d02_faults_are_named_with_their_line_entry_and_attribute() {
    let Some(world) = World::new() else { return };
    let good = own_ldif(&world);
    let line_of = |text: &str, needle: &str| {
        let found = text.lines().position(|line| line.contains(needle));
        found.unwrap_or_else(|| panic!("no {needle} in {text}")) + 1
    };
    let beta = r#"entry "providerName=Beta S.p.A.,o=postacert""#;
    // What is replaced, by what; where the fault is then found; what is said of it.
    for (old, new, place, said) in [
        (
            "mailReceipt: ricevute@pec.beta.example\n",
            "",
            BETA,
            "mailReceipt: is missing",
        ),
        (
            "mailReceipt: ricevute@pec.beta",
            "mailReceipt: pec.beta",
            BETA,
            "mailReceipt: ",
        ),
        (
            "providerName: Beta S.p.A.\n",
            "",
            BETA,
            "providerName: is missing",
        ),
        (
            "providerName: Beta S.p.A.",
            "providerName:: /////w==",
            "providerName:: /",
            "providerName: is not UTF-8",
        ),
        (
            "providerName: Beta S.p.A.",
            "providerName: Beta\nproviderName: Gamma",
            "providerName: Gamma",
            "providerName: stands here a second time",
        ),
        (
            "providerName: Beta S.p.A.",
            "providerName:: QmV",
            "providerName:: QmV",
            "providerName: is not base64",
        ),
        (
            "providerName: Beta S.p.A.",
            "providerName:< file:///etc/passwd",
            "file:",
            "providerName: has its value elsewhere",
        ),
        (
            "managedDomains: pec.beta.example\n",
            "",
            BETA,
            "managedDomains: is missing",
        ),
        (
            "managedDomains: pec.beta",
            "managedDomains: -pec.beta",
            "-pec.beta",
            "managedDomains: ",
        ),
        (
            "managedDomains: pec.beta",
            "managedDomains pec.beta",
            "managedDomains pec",
            "neither an attribute",
        ),
        (
            "managedDomains: pec.beta",
            "managed Domains: pec.beta",
            "managed Domains",
            "neither an attribute",
        ),
        (
            "managedDomains: pec.beta",
            "changetype: delete\nmanagedDomains: pec.beta",
            "changetype",
            "changetype: asks for a change",
        ),
        (
            "managedDomains: pec.beta",
            "version: 1\nmanagedDomains: pec.beta",
            "version: 1",
            "version: stands within",
        ),
        (
            "managedDomains: pec.beta",
            "dn: o=other\nmanagedDomains: pec.beta",
            "dn: o=other",
            "dn: begins an entry",
        ),
        (
            "objectClass: provider\nproviderName: Beta",
            "providerName: Beta",
            BETA,
            "objectClass: provider is missing",
        ),
    ] {
        assert!(good.contains(old), "{old}");
        let bad = good.replacen(old, new, 1);
        let error = refusal(&world, &bad);
        let line = line_of(&bad, place.trim_end());
        for fact in [format!("line {line}: "), beta.to_owned(), said.to_owned()] {
            assert!(error.contains(&fact), "{new:?}: {fact} is not in: {error}");
        }
    }
}

/// Where the record of Beta begins.
const BETA: &str = "dn: providerName=Beta";

/// Certificates and their hashes belong together.
#[test]
fn d02_a_hash_of_no_certificate_and_a_certificate_without_its_hash() {
    let Some(world) = World::new() else { return };
    let good = own_ldif(&world);
    let hash = good
        .lines()
        .rfind(|line| line.starts_with("providerCertificateHash: "))
        .unwrap();
    let zeros = format!("providerCertificateHash: {}", "0".repeat(40));
    let said = refusal(&world, &good.replace(hash, &zeros));
    assert!(said.contains("providerName=Beta"), "{said}");
    assert!(said.contains("providerCertificateHash: \"0000"), "{said}");
    let said = refusal(&world, &good.replace(&format!("{hash}\n"), ""));
    assert!(
        said.contains("providerCertificateHash: is missing"),
        "{said}"
    );
    // One bit of the certificate: its SHA-1 is another.
    let altered = good.replacen(
        "providerCertificate;binary:: MII",
        "providerCertificate;binary:: MIJ",
        1,
    );
    let said = refusal(&world, &altered);
    assert!(
        said.contains("providerName=Alfa") && said.contains("is the SHA-1 of none"),
        "{said}"
    );
    // Upper case is how the RFC's example writes it.
    let upper = hash.replace("providerCertificateHash", "").to_uppercase();
    let upper = good.replace(hash, &format!("providerCertificateHash{upper}"));
    world
        .beta
        .host
        .load_directory(upper.into_bytes())
        .expect("it loads");
}

/// What is no entry at all, with the line in which that shows.
#[test]
fn d02_what_is_no_ldif() {
    let Some(world) = World::new() else { return };
    let good = own_ldif(&world);
    for (bad, line, said) in [
        ("just text\n".to_owned(), 1, "neither an attribute"),
        (String::new(), 1, "no provider record"),
        ("# nothing\n\n\n".to_owned(), 1, "no provider record"),
        (
            format!("version: 2\n{good}"),
            1,
            "version: 1 is the only one",
        ),
        (
            format!("{good}\nversion: 1\n"),
            good.lines().count() + 2,
            "version: may only stand at the start",
        ),
        (format!(" version: 1\n{good}"), 1, "continues nothing"),
        (
            format!("\n folded: but what\n{good}"),
            2,
            "continues nothing",
        ),
        (
            format!("objectClass: top\n{good}"),
            1,
            "objectClass: an entry begins with dn",
        ),
        (format!("dn:: /////w==\n{good}"), 1, "dn: is not UTF-8"),
        (format!("\u{feff}{good}"), 1, "neither an attribute"),
        ("\0\0\0\0".to_owned(), 1, "neither an attribute"),
    ] {
        let error = refusal(&world, &bad);
        assert!(error.contains(&format!("line {line}: ")), "{error}");
        assert!(error.contains(said), "{said} is not in: {error}");
    }
}

/// The same record twice, however its name is written.
#[test]
fn d02_a_second_record_of_the_same_name() {
    let Some(world) = World::new() else { return };
    let good = own_ldif(&world);
    let alfa = good
        .split("\n\n")
        .find(|entry| entry.contains("providerName=Alfa"))
        .unwrap();
    for again in [
        alfa.to_owned(),
        alfa.replace(
            "dn: providerName=Alfa S.p.A.,o=postacert",
            "dn: PROVIDERNAME = alfa s.p.a. , O=PostaCert",
        ),
    ] {
        let line = good.lines().count() + 2;
        let said = refusal(&world, &format!("{good}\n{again}"));
        assert!(said.contains(&format!("line {line}: ")), "{said}");
        assert!(said.contains("dn: stands here a second time"), "{said}");
    }
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

/// Case D07: a directory of the national one's kind. Each of 100,000 domains is found in any case,
/// at its provider and nowhere else; one that is moving from one provider to another, at both.
#[test]
fn d07_100_000_domains() {
    let Some(world) = World::new() else { return };
    let own = own_ldif(&world);
    let domain = |n: usize| format!("comune-{n}.pec{}.example", n % 7);
    let entries: Vec<&str> = own.split("\n\n").collect();
    let mut ldif = String::new();
    for entry in entries {
        ldif.push_str(entry.trim_end());
        ldif.push('\n');
        let share = match entry {
            entry if entry.contains("providerName=Alfa") => 0..60_000,
            entry if entry.contains("providerName=Beta") => 59_999..100_000,
            _ => 0..0,
        };
        for n in share {
            ldif.push_str(&format!("managedDomains: {}\n", domain(n)));
        }
        ldif.push('\n');
    }
    let host = &world.beta.host;
    let summary = host.load_directory(ldif.into_bytes()).expect("it loads");
    assert_eq!((summary.providers, summary.domains), (2, 100_003));

    let managers = |domain: &str| -> String {
        let found = host.providers_of_domain(domain);
        let names: Vec<_> = found.iter().map(|p| p.name.as_str()).collect();
        names.join(" and ")
    };
    for n in 0..100_000 {
        let expected = match n {
            0..59_999 => "Alfa S.p.A.",
            59_999 => "Alfa S.p.A. and Beta S.p.A.",
            _ => "Beta S.p.A.",
        };
        assert_eq!(managers(&domain(n)), expected, "{n}");
    }
    assert_eq!(managers("COMUNE-5.Pec5.EXAMPLE"), "Alfa S.p.A.");
    for stranger in [
        "comune-5.pec6.example",
        "x.comune-5.pec5.example",
        "pec5.example",
        "",
        ".",
    ] {
        assert_eq!(managers(stranger), "", "{stranger}");
    }
}

/// While a domain moves, both records have it. Its recipients are certified (PRACTICE 8.1), and what
/// either provider sends from it holds: each is judged by the record with its own certificate
/// (PRACTICE 7).
#[test]
fn d07_a_domain_in_two_records() {
    let Some(mut world) = World::new() else {
        return;
    };
    let moving = own_ldif(&world).replace(
        "managedDomains: pec.beta.example",
        "managedDomains: pec.beta.example\nmanagedDomains: pec.alfa.example",
    );
    for station in [&world.alfa, &world.beta] {
        let loaded = station.host.load_directory(moving.clone().into_bytes());
        assert_eq!(loaded.expect("it loads").domains, 3);
    }
    let _ = world.submit(ANNA, &[BRUNO], letter(ANNA, BRUNO, "x"));
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "delivery"]);
    assert_eq!(world.kinds(BRUNO), ["transport-envelope"]);
}
