//! Our own record of the provider directory (RFC 6109 §4.5): made by the plug-in, signed by the
//! host, and judged by those who would take it: OpenSSL, OpenLDAP, another provider.

mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use ceralacca_harness::provider::record;
use ceralacca_harness::provider::settings::{Record, Settings, Unit};
use ceralacca_host::{HostError, pec};
use world::oracles::{find, has, shared};
use world::{START, World, address};

/// Alfa with all that a record may have: a second certificate, a secondary environment with two
/// certificates of its own, names that LDIF cannot write as they are.
struct Story {
    world: World,
    settings: Settings,
}

impl Story {
    fn begin() -> Option<Self> {
        if !has("openssl") || !has("faketime") {
            return None;
        }
        let world = World::new()?;
        let folder = &world.alfa.folder;
        for name in ["next", "unit-1", "unit-2"] {
            certificate(&folder.file(format!("{name}.pem")), name);
        }
        let pem = |name: &str| fs::read_to_string(folder.file(name)).unwrap();
        fs::write(
            folder.file("unit.pem"),
            pem("unit-1.pem") + &pem("unit-2.pem"),
        )
        .unwrap();
        let mut settings = Settings::load(folder).expect("settings");
        let domains = ["Legal.Alfa.example", "comune.alfa.example"];
        settings
            .domains
            .extend(domains.map(|domain| domain.parse().expect("a domain")));
        settings.record = Record {
            location: Some("https://alfa.example/pec/record.ldif.p7m".to_owned()),
            description: Some("Posta certificata per le città,\ne non solo".to_owned()),
            further_certificates: Some("next.pem".to_owned()),
            units: vec![Unit {
                name: "Sanità, \"Nord\"".to_owned(),
                service_mailbox: address("ricevute@comune.alfa.example"),
                domains: vec!["comune.alfa.example".parse().unwrap()],
                certificate: "unit.pem".to_owned(),
                description: Some(" begins with a blank".to_owned()),
            }],
        };
        Some(Self { world, settings })
    }

    fn request(&self) -> pec::RecordRequest {
        record::request(&self.world.alfa.folder, &self.settings).expect("a request")
    }

    fn compose(&self) -> pec::Reply {
        let composed = self.world.alfa.host.compose_record(self.request());
        composed.expect("a record")
    }

    fn published(&self, name: &str) -> Vec<u8> {
        fs::read(self.world.alfa.folder.file("published").join(name)).expect("it is published")
    }
}

/// A self-signed certificate, as RFC 6109's examples have them.
fn certificate(file: &Path, name: &str) {
    let mut command = Command::new("faketime");
    command
        .env("TZ", "UTC")
        .args(["-f", "2026-09-01 00:00:00", "openssl", "req", "-x509"]);
    command.args([
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "365",
        "-keyout",
        "/dev/null",
    ]);
    command
        .args(["-subj", &format!("/C=IT/O=Alfa/CN={name}"), "-out"])
        .arg(file);
    run(&mut command);
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("a tool");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// OpenSSL opens the signed file up to the root, and finds the plain one in it.
#[test]
fn d04_openssl_opens_the_signed_record() {
    let Some(story) = Story::begin() else { return };
    let reply = story.compose();
    assert_eq!(reply.text, "2 records, 3 domains");
    let (plain, signed) = (
        story.published("record.ldif"),
        story.published("record.ldif.p7m"),
    );
    assert_eq!(signed[0], 0x30, "binary");
    let scratch = tempfile::tempdir().unwrap();
    let (file, out) = (scratch.path().join("p7m"), scratch.path().join("out"));
    fs::write(&file, signed).unwrap();
    let mut command = Command::new("openssl");
    command.args([
        "cms",
        "-verify",
        "-binary",
        "-inform",
        "DER",
        "-purpose",
        "smimesign",
    ]);
    command
        .args(["-attime", &START.to_string(), "-CAfile"])
        .arg(story.world.roots());
    run(command.arg("-in").arg(&file).arg("-out").arg(&out));
    assert_eq!(fs::read(out).unwrap(), plain);
    let text = String::from_utf8(plain).expect("ASCII");
    assert!(
        text.is_ascii() && text.lines().all(|line| line.len() <= 76),
        "{text}"
    );
}

/// Beta pins Alfa's certificate and loads Alfa's record: two certificates and a secondary
/// environment with two of its own, each found by every one of its domains and certificates.
#[test]
fn d04_a_provider_with_two_certificates_and_a_unit() {
    let Some(mut story) = Story::begin() else {
        return;
    };
    story.compose();
    let pinned = story.world.alfa.folder.file("certificate.pem");
    let pinned = pinned.to_str().expect("UTF-8").to_owned();
    story
        .world
        .reopen_beta(&|settings| settings.files.directory_signers = Some(pinned.clone()));
    let beta = &story.world.beta.host;
    let summary = beta
        .load_directory(story.published("record.ldif.p7m"))
        .expect("it loads");
    assert_eq!(
        (summary.providers, summary.domains, summary.certificates),
        (2, 3, 4)
    );

    let main = "providerName=Alfa S.p.A.,o=postacert";
    let unit = format!(r#"providerUnit=Sanità\, \"Nord\",{main}"#);
    let names = |found: Vec<pec::Provider>| -> Vec<String> {
        found.into_iter().map(|provider| provider.dn).collect()
    };
    for (domain, dn) in [
        ("PEC.alfa.example", main),
        ("legal.alfa.example", main),
        ("comune.Alfa.example", &unit),
    ] {
        assert_eq!(names(beta.providers_of_domain(domain)), [dn], "{domain}");
    }
    assert!(beta.providers_of_domain("alfa.example").is_empty());
    for (file, dn) in [
        ("certificate.pem", main),
        ("next.pem", main),
        ("unit-1.pem", &unit),
        ("unit-2.pem", &unit),
    ] {
        let mut command = Command::new("openssl");
        command.args(["x509", "-noout", "-fingerprint", "-sha1", "-in"]);
        let said = run(command.arg(story.world.alfa.folder.file(file)));
        let sha1 = said
            .split('=')
            .nth(1)
            .expect("digits")
            .trim()
            .replace(':', "");
        let found = beta.providers_of_certificate(&sha1);
        assert_eq!(found[0].certificates.len(), 2, "{file}");
        assert_eq!(names(found), [dn], "{file}");
    }
    let found = beta.providers_of_domain("comune.alfa.example");
    assert_eq!(found[0].unit.as_deref(), Some("Sanità, \"Nord\""));
    assert_eq!(found[0].mail_receipt, "ricevute@comune.alfa.example");
}

/// Case D06: OpenLDAP takes the record under the law's schema, and gives back every value of it.
#[test]
fn d06_openldap_takes_our_record_and_gives_it_back() {
    let Some(schema) = shared("checkers/pec.schema") else {
        return;
    };
    let (Some(slapadd), Some(slapcat)) = (find("slapadd"), find("slapcat")) else {
        return;
    };
    let Some(story) = Story::begin() else { return };
    story.compose();
    let plain = String::from_utf8(story.published("record.ldif")).expect("ASCII");
    let scratch = tempfile::tempdir().unwrap();
    let file = |name: &str| scratch.path().join(name);
    fs::create_dir(file("db")).unwrap();
    let config = format!(
        "include /etc/ldap/schema/core.schema\ninclude {}\nmodulepath /usr/lib/ldap\n\
         moduleload back_mdb\ndatabase mdb\nsuffix \"o=postacert\"\ndirectory {}\n",
        schema.canonicalize().unwrap().display(),
        file("db").display()
    );
    fs::write(file("slapd.conf"), config).unwrap();
    // The base is the central directory's.
    let base = "dn: o=postacert\nobjectClass: top\nobjectClass: organization\no: postacert\n";
    fs::write(file("base.ldif"), base).unwrap();
    fs::write(file("record.ldif"), &plain).unwrap();
    for name in ["base.ldif", "record.ldif"] {
        let mut command = Command::new(&slapadd);
        run(command
            .arg("-f")
            .arg(file("slapd.conf"))
            .arg("-l")
            .arg(file(name)));
    }
    let given_back = run(Command::new(&slapcat).arg("-f").arg(file("slapd.conf")));
    let (ours, theirs) = (values(&plain), values(&given_back));
    let missing: Vec<_> = ours.difference(&theirs).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {theirs:?}");
    // Theirs has the base and what a server notes for itself, and no more.
    let operational = |(_, name, _): &&(String, String, Vec<u8>)| {
        [
            "structuralobjectclass",
            "entryuuid",
            "creatorsname",
            "createtimestamp",
            "entrycsn",
            "modifiersname",
            "modifytimestamp",
        ]
        .contains(&name.as_str())
    };
    let more = theirs.difference(&ours).filter(|value| !operational(value));
    assert!(
        more.clone().all(|(dn, ..)| dn == "o=postacert"),
        "{:?}",
        more.collect::<Vec<_>>()
    );
    // Twelve of the main environment, eleven of the secondary one.
    assert_eq!(ours.len(), 23);
}

/// Every value of an LDIF text: entry, attribute, octets. Written for this test alone, so that our
/// reader and our writer cannot agree on a mistake.
fn values(ldif: &str) -> BTreeSet<(String, String, Vec<u8>)> {
    let unfolded = ldif.replace("\n ", "");
    let mut found = BTreeSet::new();
    for entry in unfolded.split("\n\n") {
        let mut dn = String::new();
        for line in entry.lines().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').expect("an attribute");
            let octets = match value.strip_prefix(':') {
                Some(base64) => decode(base64.trim()),
                None => value.trim_start().as_bytes().to_vec(),
            };
            if name == "dn" {
                // OpenLDAP writes what is escaped as hex digits.
                dn = String::from_utf8(octets)
                    .unwrap()
                    .replace("\\,", "\\2C")
                    .replace("\\\"", "\\22");
                continue;
            }
            let name = name.to_ascii_lowercase();
            let octets = match name.as_str() {
                "objectclass" => octets.to_ascii_lowercase(),
                _ => octets,
            };
            found.insert((dn.clone(), name, octets));
        }
    }
    found
}

fn decode(base64: &str) -> Vec<u8> {
    encodify::base64::STANDARD.decode(base64).expect("base64")
}

/// What no record can be made of is told before anything is signed, and nothing is published.
#[test]
fn d04_what_no_record_can_be_made_of() {
    let Some(story) = Story::begin() else { return };
    type Change = fn(&mut pec::RecordRequest);
    let changes: [(&str, Change); 9] = [
        ("has no domain", |r| r.managed_domains.clear()),
        ("has no domain", |r| r.units[0].managed_domains.clear()),
        ("has no certificate", |r| r.units[0].certificates.clear()),
        ("not X.509", |r| {
            r.further_certificates.push(b"certificate".to_vec())
        }),
        ("is not an https:// URL", |r| {
            r.location = Some("http://alfa.example/x".to_owned())
        }),
        ("is not an https:// URL", |r| {
            r.location = Some("https:///x".to_owned())
        }),
        ("has no name", |r| r.units[0].name = " ".to_owned()),
        ("pec.alfa.example is in", |r| {
            r.units[0]
                .managed_domains
                .push("PEC.alfa.example".to_owned())
        }),
        ("stands here a second time", |r| {
            let mut again = r.units[0].clone();
            again.managed_domains = vec!["other.alfa.example".to_owned()];
            r.units.push(again);
        }),
    ];
    for (said, change) in changes {
        let mut request = story.request();
        change(&mut request);
        let error = story
            .world
            .alfa
            .host
            .compose_record(request)
            .expect_err(said);
        assert!(matches!(error, HostError::RecordRefused { .. }), "{error}");
        assert!(
            error.to_string().contains(said),
            "{said} is not in: {error}"
        );
    }
    // A signing certificate that has ended signs nothing that anybody takes.
    story.world.clock.advance(40 * 365 * 86_400);
    let error = story
        .world
        .alfa
        .host
        .compose_record(story.request())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the signing certificate is valid from"),
        "{error}"
    );
    assert!(!story.world.alfa.folder.file("published").exists());
}

/// The record is kept until it is a file: what could not be written is written at the next tick.
#[test]
fn d04_a_record_that_could_not_be_written_is_written_later() {
    let Some(story) = Story::begin() else { return };
    let folder = story.world.alfa.folder.file("published");
    fs::write(&folder, "in the way").unwrap();
    let error = story
        .world
        .alfa
        .host
        .compose_record(story.request())
        .unwrap_err();
    assert!(matches!(error, HostError::NotPublished(_)), "{error}");
    assert!(error.to_string().contains("record.ldif"), "{error}");
    fs::remove_file(&folder).unwrap();
    story.world.alfa.host.tick(&mut |_| {}).expect("a tick");
    assert!(story.published("record.ldif.p7m").len() > story.published("record.ldif").len());
    // Published is published: what somebody removes is not put back.
    fs::remove_file(folder.join("record.ldif")).unwrap();
    story.world.alfa.host.tick(&mut |_| {}).expect("a tick");
    assert!(!folder.join("record.ldif").exists());
}
