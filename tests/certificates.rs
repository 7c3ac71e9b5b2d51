//! Whose certificates are believed, and until when (CASES I05, I24). Lists, certificates and
//! signatures are made by OpenSSL and GnuTLS, not by us.

mod world;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use ceralacca_harness::moment::Moment;
use ceralacca_harness::provider::settings::{Revocation, Settings};
use ceralacca_host::Clock as _;
use ceralacca_host::pec::{self, RevocationVerdict};
use world::forgery::{ALFAS_EXTENSIONS, Draft, authority, issue, openssl, output, pair};
use world::mail::letter;
use world::oracles::has;
use world::{ANNA, BRUNO, Difference, START, World};

const DAY: u64 = 86_400;

/// A world whose Beta reads revocation lists from a folder, Anna's envelope, and the folder.
fn listening(policy: Revocation) -> Option<(World, Vec<u8>, PathBuf)> {
    let folder = tempfile::tempdir().expect("a folder").keep();
    let lists = folder.clone();
    let beta = move |settings: &mut Settings| {
        settings.revocation = policy;
        settings.crl_folder = Some(lists.to_str().expect("UTF-8").to_owned());
    };
    if !world::forgery::is_possible() {
        return None;
    }
    let mut world = World::with(Difference {
        beta: Some(&beta),
        ..Default::default()
    })?;
    let envelope = catch(&mut world);
    Some((world, envelope, folder))
}

fn catch(world: &mut World) -> Vec<u8> {
    // Another subject each time: the same message again would be the client's retry.
    let subject = format!("Raccomandata {}", world.clock.now());
    world.catch(letter(ANNA, BRUNO, &subject))
}

fn codes(reasons: &[pec::Defect]) -> Vec<&str> {
    reasons.iter().map(|reason| reason.code.as_str()).collect()
}

fn examine(world: &World, message: &[u8], at: Option<u64>) -> pec::Finding {
    world.beta.examine_at(message, at)
}

// ---- revocation lists -------------------------------------------------------------------------

/// A revocation list that OpenSSL makes.
struct List<'a> {
    issuer: &'a Path,
    key: &'a Path,
    made: u64,
    due: u64,
    /// Serial numbers in hex, since when, and what `openssl ca` writes behind a comma.
    revoked: &'a [(String, u64, &'a str)],
}

impl List<'_> {
    fn write(&self, place: &Path) {
        let scratch = tempfile::tempdir().expect("a folder");
        let file = |name: &str| scratch.path().join(name);
        let rows: String = self
            .revoked
            .iter()
            .map(|(serial, since, why)| {
                let since = digits(*since);
                format!(
                    "R\t301231235959Z\t{}{why}\t{serial}\tunknown\t/CN=x\n",
                    &since[2..]
                )
            })
            .collect();
        fs::write(file("index"), rows).unwrap();
        fs::write(file("number"), "01\n").unwrap();
        let config = format!(
            "[ca]\ndefault_ca=x\n[x]\ndatabase={}\ncrlnumber={}\ndefault_md=sha256\n\
             crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid:always\n",
            file("index").display(),
            file("number").display()
        );
        fs::write(file("config"), config).unwrap();
        let words = format!(
            "ca|-gencrl|-config|{}|-crl_lastupdate|{}|-crl_nextupdate|{}|-cert|{}|-keyfile|{}|-out",
            file("config").display(),
            digits(self.made),
            digits(self.due),
            self.issuer.display(),
            self.key.display()
        );
        openssl(&words, &[place]);
    }
}

/// `yyyymmddhhmmssZ`.
fn digits(at: u64) -> String {
    let text = Moment(at).to_string();
    text.chars()
        .filter(|c| c.is_ascii_digit() || *c == 'Z')
        .collect()
}

fn serial(certificate: &Path) -> String {
    let said = openssl("x509|-noout|-serial|-in", &[certificate]);
    let said = String::from_utf8(said).expect("ASCII");
    said.trim().trim_start_matches("serial=").to_owned()
}

/// A list of the providers' authority in `folder`, made an hour ago, due in six.
fn publish(world: &World, folder: &Path, revoked: &[(String, u64, &str)]) {
    publish_between(world, folder, START - 3600, START + 6 * 3600, revoked);
}

fn publish_between(
    world: &World,
    folder: &Path,
    made: u64,
    due: u64,
    revoked: &[(String, u64, &str)],
) {
    let (issuer, key) = authority(world, "ca");
    let list = List {
        issuer: &issuer,
        key: &key,
        made,
        due,
        revoked,
    };
    list.write(&folder.join("ca.crl"));
}

fn alfas_serial(world: &World) -> String {
    serial(&world.alfa.folder.file("certificate.pem"))
}

#[test]
fn i05_a_current_list_that_does_not_name_the_certificate_is_good_until_the_next_is_due() {
    let Some((mut world, envelope, folder)) = listening(Revocation::AcceptAndLog) else {
        return;
    };
    publish(&world, &folder, &[]);
    let committed = world.arrive(ANNA, &[BRUNO], &envelope);
    let finding = committed.finding.expect("a finding");
    assert!(
        finding.holds && codes(&finding.remarks).is_empty(),
        "{finding:?}"
    );
    let revocation = finding.signature.expect("a signature").revocation;
    assert_eq!(revocation[0].verdict, RevocationVerdict::Good);
    assert_eq!(revocation[0].next_update, Some(START + 6 * 3600));

    // Revoked a minute later. The verdict on the certificate lives as long as its list…
    publish_between(
        &world,
        &folder,
        START + 60,
        START + DAY,
        &[(alfas_serial(&world), START + 30, "")],
    );
    world.clock.set(START + 6 * 3600 - 1);
    let other = catch(&mut world);
    assert!(
        world
            .beta
            .arrive(ANNA, &[BRUNO], &other)
            .finding
            .unwrap()
            .holds
    );
    // …and not a second longer.
    world.clock.set(START + 6 * 3600 + 1);
    let third = catch(&mut world);
    let finding = world.beta.arrive(ANNA, &[BRUNO], &third).finding.unwrap();
    assert_eq!(codes(&finding.defects), ["certificate-revoked"]);
}

#[test]
fn i05_a_revoked_certificate_is_refused_the_providers_own_and_its_issuers() {
    let Some((mut world, envelope, folder)) = listening(Revocation::AcceptAndLog) else {
        return;
    };
    publish(&world, &folder, &[(alfas_serial(&world), START - 7200, "")]);
    let committed = world.arrive(ANNA, &[BRUNO], &envelope);
    assert_eq!(
        codes(&committed.finding.unwrap().defects),
        ["certificate-revoked"]
    );
    assert_eq!(committed.reply.code, 554);
    assert!(world.kinds(BRUNO).is_empty());

    let Some((mut world, envelope, folder)) = listening(Revocation::AcceptAndLog) else {
        return;
    };
    publish(&world, &folder, &[]);
    let (issuer, key) = authority(&world, "root");
    // The intermediate as it travels with Alfa's messages: the second in the file.
    let chain = fs::read_to_string(world.alfa.folder.file("certificate.pem")).unwrap();
    let at = chain.rfind("-----BEGIN").expect("two certificates");
    let travelling = folder.join("travelling.txt");
    fs::write(&travelling, &chain[at..]).unwrap();
    let list = List {
        issuer: &issuer,
        key: &key,
        made: START - 3600,
        due: START + 3600,
        revoked: &[(serial(&travelling), START - 7200, "")],
    };
    list.write(&folder.join("root.crl"));
    let committed = world.arrive(ANNA, &[BRUNO], &envelope);
    let finding = committed.finding.unwrap();
    assert_eq!(codes(&finding.defects), ["certificate-revoked"]);
    let revocation = finding.signature.unwrap().revocation;
    let verdicts: Vec<_> = revocation.iter().map(|facts| facts.verdict).collect();
    assert_eq!(
        verdicts,
        [RevocationVerdict::Good, RevocationVerdict::Revoked]
    );
}

/// Out of date, from the future, or signed by somebody else: such a list decides nothing.
#[test]
fn i05_what_a_bad_list_leaves_open_is_for_the_policy() {
    type Publish = fn(&World, &Path);
    let bad: [(Publish, &str); 3] = [
        (
            |w, f| publish_between(w, f, START - 2 * DAY, START - DAY, &[]),
            "out of date",
        ),
        (
            |w, f| publish_between(w, f, START + 60, START + DAY, &[]),
            "yet to come",
        ),
        (forge, "not signed with its key"),
    ];
    for (publish_badly, why) in bad {
        let Some((mut world, envelope, folder)) = listening(Revocation::AcceptAndLog) else {
            return;
        };
        publish_badly(&world, &folder);
        let committed = world.arrive(ANNA, &[BRUNO], &envelope);
        assert_eq!(committed.reply.code, 250, "{why}");
        let finding = committed.finding.unwrap();
        assert!(finding.holds, "{why}: {:?}", finding.defects);
        assert_eq!(codes(&finding.remarks), ["revocation-unchecked"], "{why}");
        assert!(
            finding.remarks[0].text.contains(why),
            "{:?}",
            finding.remarks
        );
        assert!(
            committed.notices.iter().any(|n| n.text.contains(why)),
            "{why}"
        );

        let Some((world, envelope, folder)) = listening(Revocation::Defer) else {
            return;
        };
        publish_badly(&world, &folder);
        let committed = world.beta.arrive(ANNA, &[BRUNO], &envelope);
        assert_eq!(committed.reply.code, 451, "{why}");
        // The list has come: the sender's next try gets through.
        publish(&world, &folder, &[]);
        let committed = world.beta.arrive(ANNA, &[BRUNO], &envelope);
        assert_eq!(committed.reply.code, 250, "{why}");
    }
}

/// Signed mail of people is no certified mail: however their authorities publish revocation, it goes
/// the way of ordinary mail at once, nothing is fetched or remembered for it, and nobody is warned.
#[test]
fn i05_the_policy_is_for_certified_mail_only() {
    for policy in [Revocation::Defer, Revocation::AcceptAndLog] {
        let Some((mut world, envelope, folder)) = listening(policy) else {
            return;
        };
        let extensions = "keyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n\
                          subjectAltName=email:dario@posta.example\n\
                          crlDistributionPoints=URI:http://127.0.0.1:1/ca.crl\n";
        let authority = authority(&world, "ca");
        let signer = issue(&folder, "dario", &authority, extensions);
        let signed = resigned(&envelope, &signer, &authority.0, "-md|sha256", "sha-256");
        let signed = String::from_utf8(signed).expect("7-bit");
        let signed = signed.replace("X-Trasporto: posta-certificata\r\n", "");
        let committed = world.arrive("dario@posta.example", &[BRUNO], &signed);
        // Beta's policy for ordinary mail.
        let said = committed.reply.text;
        assert!(said.ends_with("takes certified mail only"), "{said}");
        assert_eq!(
            committed.finding.expect("one").kind,
            pec::MessageKind::Ordinary
        );
        assert_eq!(committed.notices.len(), 0, "{:?}", committed.notices);
        let remembered = world
            .beta
            .query("SELECT count(*) FROM memo WHERE key LIKE 'path/%'");
        assert!(remembered.is_none_or(|rows| rows == [["0"]]));
    }
}

/// A list in the authority's name under another key.
fn forge(world: &World, folder: &Path) {
    let (issuer, _) = authority(world, "ca");
    let name = openssl("x509|-noout|-subject|-nameopt|compat|-in", &[&issuer]);
    let name = String::from_utf8(name).expect("ASCII");
    let name = name.trim().trim_start_matches("subject=").trim();
    let (fake, key) = (folder.join("fake.txt"), folder.join("fake-key.txt"));
    let words = format!(
        "req|-x509|-newkey|rsa:2048|-nodes|-utf8|-subj|{name}|-keyout|{}|-out",
        key.display()
    );
    openssl(&words, &[&fake]);
    let list = List {
        issuer: &fake,
        key: &key,
        made: START - 60,
        due: START + DAY,
        revoked: &[],
    };
    list.write(&folder.join("ca.crl"));
}

/// Old mail is judged at its signingTime with the lists of today (PRACTICE 7).
#[test]
fn i05_a_certificate_revoked_after_the_signature_held_then() {
    let Some((world, envelope, folder)) = listening(Revocation::AcceptAndLog) else {
        return;
    };
    let later = START + 30 * DAY;
    let row = |since, why| [(alfas_serial(&world), since, why)];
    world.clock.set(later + DAY);
    publish_between(
        &world,
        &folder,
        later,
        later + 7 * DAY,
        &row(START + DAY, ""),
    );
    let finding = examine(&world, &envelope, None);
    assert!(finding.holds, "{:?}", finding.defects);
    assert_eq!(finding.judged_at, Some(START));
    assert_eq!(codes(&finding.remarks), ["certificate-revoked-since"]);
    let facts = &finding.signature.unwrap().revocation[0];
    assert_eq!(facts.verdict, RevocationVerdict::RevokedLater);
    assert_eq!(facts.revoked_at, Some(START + DAY));
    // Judged after that, it does not hold.
    let finding = examine(&world, &envelope, Some(START + 2 * DAY));
    assert_eq!(codes(&finding.defects), ["certificate-revoked"]);

    // Revoked later too, but the key was in other hands before the signature (RFC 5280 §5.3.2).
    let compromised = format!(",keyTime,{}", digits(START - DAY));
    let rows = row(START + DAY, compromised.as_str());
    publish_between(&world, &folder, later, later + 7 * DAY, &rows);
    let finding = examine(&world, &envelope, None);
    assert_eq!(codes(&finding.defects), ["certificate-revoked"]);
    assert_eq!(
        finding.signature.unwrap().revocation[0].revoked_at,
        Some(START - DAY)
    );

    // A list made after the certificate had ended need not name it any more: nothing is proved.
    let ended = START + 4 * 365 * DAY;
    world.clock.set(ended);
    publish_between(&world, &folder, ended - 60, ended + DAY, &[]);
    let finding = examine(&world, &envelope, None);
    assert!(finding.holds);
    assert_eq!(
        codes(&finding.remarks),
        ["revocation-unchecked", "certificate-not-valid-now"]
    );
}

// ---- certification paths ----------------------------------------------------------------------

/// Certificates that anybody could make or wheedle out of the authority: each breaks one rule.
#[test]
fn i05_a_path_that_breaks_a_rule_of_rfc_5280_or_5750_is_refused() {
    let Some((world, envelope, _)) = listening(Revocation::AcceptAndLog) else {
        return;
    };
    let good = ALFAS_EXTENSIONS;
    let with = |old: &str, new: &str| good.replace(old, new);
    let sub_ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
    let of_authority = authority(&world, "ca");
    let of_alfa = pair(&world.alfa);
    let scratch = tempfile::tempdir().expect("a folder");
    let of_sub_ca = issue(scratch.path(), "sub", &of_authority, sub_ca);
    let stranger = with("pec.alfa", "pec.gamma");
    for (rule, issuer, extensions, code) in [
        ("none", &of_authority, good, None),
        (
            "name constraints",
            &of_authority,
            stranger.as_str(),
            Some("path-invalid"),
        ),
        ("pathlen", &of_sub_ca, good, Some("path-invalid")),
        (
            "the issuer is no authority",
            &of_alfa,
            good,
            Some("path-invalid"),
        ),
        (
            "extKeyUsage",
            &of_authority,
            &with("emailProtection", "serverAuth"),
            Some("certificate-purpose"),
        ),
        (
            "keyUsage",
            &of_authority,
            &with("digitalSignature", "keyEncipherment"),
            Some("certificate-purpose"),
        ),
    ] {
        let signer = issue(scratch.path(), "leaf", issuer, extensions);
        let others = scratch.path().join("others.pem");
        // Alfa's file holds its issuer, too, and OpenSSL takes no certificate twice.
        let above = (issuer == &of_sub_ca).then_some(&of_authority.0);
        let chain = std::iter::once(&issuer.0).chain(above);
        let chain: String = chain
            .map(|file| fs::read_to_string(file).unwrap())
            .collect();
        fs::write(&others, chain).unwrap();
        let signed = resigned(&envelope, &signer, &others, "-md|sha256", "sha-256");
        let finding = examine(&world, &signed, Some(START + 60));
        let mut expected = vec!["signer-not-in-directory"];
        expected.extend(code);
        assert_eq!(
            codes(&finding.defects),
            expected,
            "{rule}: {:?}",
            finding.defects
        );
    }
}

// ---- signatures -------------------------------------------------------------------------------

/// The envelope with a signature by OpenSSL in place of its own.
fn resigned(
    envelope: &[u8],
    signer: &(PathBuf, PathBuf),
    others: &Path,
    how: &str,
    micalg: &str,
) -> Vec<u8> {
    Draft::of(envelope).signed(signer, others, how, micalg)
}

#[test]
fn i24_ber_and_der_every_digest_both_names_of_the_algorithm_and_of_the_part() {
    let Some((mut world, envelope, _)) = listening(Revocation::AcceptAndLog) else {
        return;
    };
    let alfa = pair(&world.alfa);
    let others = authority(&world, "ca").0;
    for (how, micalg, remarks) in [
        ("-md|sha1", "sha1", vec!["sha1-signature"]),
        ("-md|sha1", "\"sha-1\"", vec!["sha1-signature"]),
        ("-md|sha256", "sha256", vec![]),
        ("-md|sha384", "sha-384", vec![]),
        ("-md|sha512", "\"sha512\"", vec![]),
        ("-md|sha512", "sha-256", vec!["micalg-differs"]),
        // BER: indefinite lengths.
        ("-stream|-md|sha256", "sha-256", vec![]),
        ("-stream|-md|sha256|-keyid", "sha-256", vec![]),
    ] {
        let message = resigned(&envelope, &alfa, &others, how, micalg);
        let finding = examine(&world, &message, Some(START));
        assert!(finding.holds, "{how}: {:?}", finding.defects);
        assert_eq!(codes(&finding.remarks), remarks, "{how} {micalg}");
    }
    let message = resigned(&envelope, &alfa, &others, "-stream|-md|sha384", "sha384");
    let committed = world.arrive(ANNA, &[BRUNO], &message);
    assert!(committed.finding.expect("a finding").holds);
    assert_eq!(world.kinds(BRUNO), ["transport-envelope"]);

    // GnuTLS names the algorithm sha256WithRSAEncryption where OpenSSL says rsaEncryption.
    if !has("certtool") {
        return;
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let (content, signature) = (scratch.path().join("c"), scratch.path().join("s"));
    let draft = Draft::of(&envelope);
    fs::write(&content, &draft.content).unwrap();
    let mut certtool = Command::new("certtool");
    certtool.args([
        "--p7-detached-sign",
        "--p7-include-cert",
        "--p7-time",
        "--outder",
    ]);
    certtool
        .args(["--hash", "SHA256", "--load-certificate"])
        .arg(&alfa.0);
    certtool
        .arg("--load-privkey")
        .arg(&alfa.1)
        .arg("--infile")
        .arg(&content);
    output(certtool.arg("--outfile").arg(&signature));
    let octets = fs::read(&signature).unwrap();
    let message = draft.with_signature(&octets, "pkcs7-signature", "sha-256");
    let finding = examine(&world, &message, Some(START));
    let facts = finding.signature.expect("a signature");
    assert_eq!(facts.message_digest, facts.computed_digest);
    let broken = [
        "signature-broken",
        "signature-unreadable",
        "content-altered",
    ];
    let defects = codes(&finding.defects);
    assert!(
        !broken.iter().any(|code| defects.contains(code)),
        "{defects:?}"
    );
}

#[test]
fn i24_signatures_that_say_too_little_or_too_much_are_unreadable() {
    let Some((world, envelope, _)) = listening(Revocation::AcceptAndLog) else {
        return;
    };
    let alfa = pair(&world.alfa);
    let scratch = tempfile::tempdir().expect("a folder");
    let second = issue(scratch.path(), "second", &authority(&world, "ca"), "");
    let twice = format!(
        "-signer|{}|-inkey|{}",
        second.0.display(),
        second.1.display()
    );
    for (how, why) in [
        ("-noattr", "no messageDigest"),
        ("-nocerts", "not included"),
        (twice.as_str(), "2 signers"),
    ] {
        let others = if how == "-nocerts" {
            // `-certfile` adds certificates all the same: give it others'.
            authority(&world, "root").0
        } else {
            authority(&world, "ca").0
        };
        let message = resigned(&envelope, &alfa, &others, how, "sha-256");
        let finding = examine(&world, &message, Some(START));
        assert_eq!(codes(&finding.defects), ["signature-unreadable"], "{how}");
        assert!(
            finding.defects[0].text.contains(why),
            "{:?}",
            finding.defects
        );
    }
}

// ---- lists that have to be fetched ------------------------------------------------------------

/// The address stands in the certificate; whoever serves it there, the signature on it counts.
#[test]
fn i05_a_list_is_fetched_from_where_the_certificate_says() {
    let Some((world, envelope, _)) = listening(Revocation::AcceptAndLog) else {
        return;
    };
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    let scratch = tempfile::tempdir().expect("a folder");
    let extensions = format!(
        "keyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n\
         subjectAltName=email:posta-certificata@pec.alfa.example\n\
         crlDistributionPoints=URI:http://127.0.0.1:{port}/ca.crl\n"
    );
    let authority = authority(&world, "ca");
    let signer = issue(scratch.path(), "leaf", &authority, &extensions);
    publish(
        &world,
        scratch.path(),
        &[(serial(&signer.0), START - 60, "")],
    );
    let list = openssl("crl|-outform|DER|-in", &[&scratch.path().join("ca.crl")]);
    let serving = thread::spawn(move || {
        let (mut connection, _) = server.accept().expect("a connection");
        let mut request = [0; 1024];
        let length = connection.read(&mut request).expect("a request");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            list.len()
        );
        let answer = [head.as_bytes(), &list].concat();
        connection.write_all(&answer).expect("an answer");
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let others = &authority.0;
    let message = resigned(&envelope, &signer, others, "-md|sha256", "sha-256");
    let finding = examine(&world, &message, None);
    assert_eq!(
        codes(&finding.defects),
        ["signer-not-in-directory", "certificate-revoked"]
    );
    let request = serving.join().expect("the server");
    assert!(request.starts_with("GET /ca.crl HTTP/1.1"), "{request}");
}
