//! Signatures made to be misread, or to be searched for ever (CASES I03, I24): each has a clear
//! verdict, soon, and none is an excuse for a 451.

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use world::cms::{self, SignedData, attribute, tlv};
use world::forgery::{self, ALFAS_EXTENSIONS, Draft, openssl};
use world::mail::letter;
use world::oracles::openssl_verifies;
use world::{ANNA, BRUNO, START, World, codes, tolerant};

/// A world, Anna's envelope without its signature, and Alfa's means to sign it.
struct Stage {
    world: World,
    draft: Draft,
    key: PathBuf,
    leaf: Vec<u8>,
    authority: Vec<u8>,
    scratch: tempfile::TempDir,
}

impl Stage {
    fn new() -> Option<Self> {
        if !forgery::is_possible() {
            return None;
        }
        // Bruno takes ordinary mail, so that what is refused is seen to be no certified mail.
        let mut world = tolerant()?;
        let draft = Draft::of(&world.catch(letter(ANNA, BRUNO, "Raccomandata")));
        let [leaf, authority] = cms::certificates(&world.alfa.folder.file("certificate.pem"))
            .try_into()
            .expect("leaf and authority");
        Some(Self {
            key: world.alfa.folder.file("key.pem"),
            world,
            draft,
            leaf,
            authority,
            scratch: tempfile::tempdir().expect("a folder"),
        })
    }

    /// contentType, messageDigest of the content, signingTime.
    fn attributes(&self) -> [Vec<u8>; 3] {
        [
            attribute(cms::CONTENT_TYPE, &[cms::DATA]),
            self.digest_of(&self.draft.content),
            attribute(cms::SIGNING_TIME, &[&tlv(0x17, &[b"260919134119Z"])]),
        ]
    }

    fn digest_of(&self, content: &str) -> Vec<u8> {
        attribute(cms::MESSAGE_DIGEST, &[&tlv(4, &[&self.sha256(content)])])
    }

    fn sha256(&self, content: &str) -> Vec<u8> {
        let file = self.scratch.path().join("content");
        fs::write(&file, content).expect("a file");
        openssl("dgst|-sha256|-binary", &[&file])
    }

    /// As Alfa signs, before something is changed.
    fn good(&self) -> SignedData {
        SignedData {
            certificates: vec![self.leaf.clone(), self.authority.clone()],
            attributes: self.attributes().to_vec(),
            signers: vec![self.leaf.clone()],
        }
    }

    fn message(&self, signature: &[u8]) -> Vec<u8> {
        self.draft
            .with_signature(signature, "pkcs7-signature", "\"sha-256\"")
    }

    /// The envelope with this signature is ordinary mail, for this reason.
    fn refused(&mut self, what: &str, signature: &[u8], code: &str, fact: &str) {
        let message = self.message(signature);
        self.message_refused(what, &message, &[code], fact);
    }

    fn message_refused(&mut self, what: &str, message: &[u8], expected: &[&str], fact: &str) {
        let before = self.world.kinds(BRUNO).len();
        let begun = Instant::now();
        let committed = self.world.arrive(ANNA, &[BRUNO], message);
        // An honest one takes milliseconds; the host would stop the plug-in after a minute.
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{what}: {:?}",
            begun.elapsed()
        );
        assert_eq!(committed.reply.code, 250, "{what}: {:?}", committed.reply);
        let finding = committed.finding.expect("a finding");
        assert!(!finding.from_provider && !finding.holds, "{what}");
        assert_eq!(codes(&finding), expected, "{what}: {:?}", finding.defects);
        let text = &finding.defects.last().expect("a defect").text;
        assert!(text.contains(fact), "{what}: “{fact}” not in “{text}”");
        assert_eq!(
            self.world.kinds(BRUNO)[before..],
            ["anomaly-envelope"],
            "{what}"
        );
        assert_eq!(self.world.kinds(ANNA), ["server-user-acceptance"], "{what}");
    }

    fn taken(&mut self, what: &str, signature: &[u8]) {
        let message = self.message(signature);
        let committed = self.world.arrive(ANNA, &[BRUNO], &message);
        let finding = committed.finding.expect("a finding");
        assert!(finding.holds, "{what}: {:?}", finding.defects);
    }
}

#[test]
fn i24_signed_attributes_that_stand_twice_are_missing_or_lie() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let [content_type, digest, time] = stage.attributes();
    let other = stage.digest_of("Un altro testo.\r\n");
    let both = {
        let [one, two] = ["Un altro testo.\r\n", &stage.draft.content]
            .map(|content| tlv(4, &[&stage.sha256(content)]));
        attribute(cms::MESSAGE_DIGEST, &[&one, &two])
    };
    let later = attribute(cms::SIGNING_TIME, &[&tlv(0x17, &[b"270919134119Z"])]);
    let enveloped = attribute(cms::CONTENT_TYPE, &[cms::ENVELOPED_DATA]);
    let unreadable = "signature-unreadable";
    for (what, attributes, code, fact) in [
        (
            "two digests",
            vec![&content_type, &digest, &other, &time],
            unreadable,
            "messageDigest",
        ),
        (
            "a digest with two values",
            vec![&content_type, &both, &time],
            unreadable,
            "messageDigest",
        ),
        (
            "no digest",
            vec![&content_type, &time],
            unreadable,
            "no messageDigest",
        ),
        (
            "two times",
            vec![&content_type, &digest, &time, &later],
            unreadable,
            "signingTime",
        ),
        ("no type", vec![&digest, &time], unreadable, "contentType"),
        (
            "another type",
            vec![&enveloped, &digest, &time],
            unreadable,
            "contentType",
        ),
        (
            "the digest of other content",
            vec![&content_type, &other, &time],
            "content-altered",
            "altered",
        ),
    ] {
        let signature = SignedData {
            attributes: attributes.into_iter().cloned().collect(),
            ..stage.good()
        };
        let signature = signature.signed(&stage.key);
        stage.refused(what, &signature, code, fact);
    }
    // With everything once, or without the time, which is optional, it is Alfa's signature.
    let timeless = SignedData {
        attributes: vec![content_type, digest],
        ..stage.good()
    };
    let timeless = timeless.signed(&stage.key);
    let finding = stage.world.beta.examine(&stage.message(&timeless));
    assert_eq!(
        finding.judged_at,
        Some(START),
        "now, for want of a signingTime"
    );
    stage.taken("no time", &timeless);
    let good = stage.good().signed(&stage.key);
    let good = stage.message(&good);
    openssl_verifies(&good, &stage.world.roots(), START).expect("OpenSSL takes it");
    let finding = stage.world.beta.examine(&good);
    assert!(finding.holds && finding.remarks.is_empty());
}

#[test]
fn i24_signers_none_two_and_somebody_else() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let nobody = SignedData {
        signers: vec![],
        ..stage.good()
    };
    let nobody = nobody.signed(&stage.key);
    stage.refused("no signer", &nobody, "signature-unreadable", "0 signers");
    let empty = SignedData {
        certificates: vec![],
        attributes: vec![],
        signers: vec![],
    };
    let empty = empty.signed(&stage.key);
    stage.refused(
        "nothing at all",
        &empty,
        "signature-unreadable",
        "0 signers",
    );
    let twice = SignedData {
        signers: vec![stage.leaf.clone(), stage.authority.clone()],
        ..stage.good()
    };
    let twice = twice.signed(&stage.key);
    stage.refused("two signers", &twice, "signature-unreadable", "2 signers");
    // Alfa's certificate, somebody else's key.
    let betas = stage
        .good()
        .signed(&stage.world.beta.folder.file("key.pem"));
    stage.refused("another key", &betas, "signature-broken", "does not match");
    // Alfa's certificate does not travel.
    let without = SignedData {
        certificates: vec![stage.authority.clone()],
        ..stage.good()
    };
    let without = without.signed(&stage.key);
    stage.refused(
        "no certificate",
        &without,
        "signature-unreadable",
        "not included",
    );
}

#[test]
fn i24_certificates_too_many_or_the_same_again() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let ca = forgery::authority(&stage.world, "ca");
    let issued = |number: usize| {
        let name = format!("n{number}");
        let file = forgery::certify(stage.scratch.path(), &name, &stage.key, &ca, "");
        cms::certificates(&file).remove(0)
    };
    let more: Vec<_> = (0..15).map(issued).collect();
    let with = |more: &[Vec<u8>]| {
        let mut signature = stage.good();
        signature.certificates.extend_from_slice(more);
        signature.certificates.sort();
        signature.signed(&stage.key)
    };
    let (sixteen, seventeen) = (with(&more[..14]), with(&more));
    let twice = with(&[stage.authority.clone(), stage.leaf.clone()]);
    let large = with(&[tlv(0x30, &[&[0; 300_000]])]);
    stage.refused(
        "17 certificates",
        &seventeen,
        "signature-unreadable",
        "over 16 certificates",
    );
    stage.refused(
        "300 kB",
        &large,
        "signature-unreadable",
        "over 262144 octets",
    );
    // A SET that repeats a member is no DER, and nobody is deceived by it.
    stage.taken("the same certificates again", &twice);
    let finding = stage.world.beta.examine(&stage.message(&sixteen));
    assert!(finding.holds, "{:?}", finding.defects);
}

/// Certificates that issue each other, and many that all issue each other.
#[test]
fn i24_issuers_in_a_circle() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let folder = stage.scratch.path().to_owned();
    let is_ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
    let root = forgery::authority(&stage.world, "root");
    let first = forgery::issue(&folder, "a", &root, is_ca);
    let b = forgery::issue(&folder, "b", &first, is_ca);
    // Under the name of the first, but issued by the second.
    let a = (forgery::certify(&folder, "a", &first.1, &b, is_ca), first.1);
    let leaf = forgery::issue(&folder, "leaf", &a, ALFAS_EXTENSIONS);
    let read = |file: &Path| cms::certificates(file).remove(0);
    let with = |leaf: &(PathBuf, PathBuf), others: Vec<Vec<u8>>| {
        let mut certificates = vec![read(&leaf.0)];
        certificates.extend(others);
        let signature = SignedData {
            certificates,
            signers: vec![read(&leaf.0)],
            ..stage.good()
        };
        signature.signed(&leaf.1)
    };
    let circle = with(&leaf, vec![read(&a.0), read(&b.0)]);
    // Fourteen re-issues under one name and key, each the issuer of each: 14! orders.
    let own = forgery::issue(&folder, "c", &a, is_ca);
    let alone = forgery::certify(&folder, "c", &own.1, &own, is_ca);
    assert!(alone.is_file());
    let mut crowd = Vec::new();
    for _ in 0..14 {
        let file = forgery::certify(&folder, "c", &own.1, &(own.0.clone(), own.1.clone()), is_ca);
        crowd.push(read(&file));
    }
    crowd.sort();
    crowd.dedup();
    assert_eq!(crowd.len(), 14);
    let below = forgery::issue(&folder, "leaf", &own, ALFAS_EXTENSIONS);
    let crowd = with(&below, crowd);
    for (what, signature) in [("a circle", circle), ("a crowd", crowd)] {
        let message = stage.message(&signature);
        let expected = ["signer-not-in-directory", "path-incomplete"];
        stage.message_refused(what, &message, &expected, "neither included nor a root");
    }
}

/// A key costs its owner nothing and whoever checks with it much. The authority certifies it here;
/// no real one would.
#[test]
fn i24_keys_of_absurd_size() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let ca = forgery::authority(&stage.world, "ca");
    let odd = |octets: usize| {
        let mut number = vec![0xd5; octets];
        number.insert(0, 0);
        tlv(2, &[&number])
    };
    let f4: &[u8] = &[2, 3, 1, 0, 1];
    for (what, modulus, exponent) in [
        ("16,384 bits", odd(2048), f4.to_vec()),
        ("100,000 octets", odd(100_000), f4.to_vec()),
        ("an exponent as long as the modulus", odd(1024), odd(1024)),
        ("a modulus of one bit", vec![2, 1, 1], f4.to_vec()),
        ("a modulus of nothing", vec![2, 1, 0], vec![2, 1, 0]),
    ] {
        let file = |name: &str| stage.scratch.path().join(name);
        let rsa = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
        let key = tlv(0x30, &[&modulus, &exponent]);
        let key = tlv(0x30, &[rsa, &tlv(3, &[&[0], &key])]);
        fs::write(file("big.der"), key).expect("a file");
        fs::write(file("big.ext"), ALFAS_EXTENSIONS).expect("a file");
        let words = format!("req|-new|-key|{}|-subj|/CN=big|-out", stage.key.display());
        openssl(&words, &[&file("big.csr")]);
        let words = format!(
            "x509|-req|-sha256|-days|300|-extfile|{}|-CA|{}|-CAkey|{}|-force_pubkey|{}|-keyform|DER|-in|{}|-out",
            file("big.ext").display(),
            ca.0.display(),
            ca.1.display(),
            file("big.der").display(),
            file("big.csr").display(),
        );
        openssl(&words, &[&file("big.pem")]);
        let big = cms::certificates(&file("big.pem")).remove(0);
        let signature = SignedData {
            certificates: vec![big.clone(), stage.authority.clone()],
            signers: vec![big],
            ..stage.good()
        };
        let message = stage.message(&signature.signed(&stage.key));
        let finding = stage.world.beta.examine(&message);
        assert_eq!(
            codes(&finding)[0],
            "signature-broken",
            "{what}: {:?}",
            finding.defects
        );
        let before = stage.world.kinds(BRUNO).len();
        let reply = stage.world.arrive(ANNA, &[BRUNO], &message).reply;
        assert_eq!(reply.code, 250, "{what}: {reply:?}");
        assert_eq!(stage.world.kinds(BRUNO)[before..], ["anomaly-envelope"]);
    }
}

/// What only begins like CMS.
#[test]
fn i24_octets_that_are_no_cms() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let good = stage.good().signed(&stage.key);
    let nested = |octets: &[u8], times: usize| octets.repeat(times);
    let mut wrong_length = good.clone();
    wrong_length[2] = 0xff;
    for (what, octets) in [
        ("nothing", vec![]),
        ("text", b"Buongiorno.".to_vec()),
        ("half of it", good[..good.len() / 2].to_vec()),
        ("a length beyond the end", wrong_length),
        (
            "sequences within each other",
            nested(&[0x30, 0x80], 100_000),
        ),
        ("contexts within each other", nested(&[0xa0, 0x80], 100_000)),
        ("strings within each other", nested(&[0x24, 0x80], 100_000)),
    ] {
        stage.refused(what, &octets, "signature-unreadable", "");
    }
    // What stands behind a whole one is no part of it, to OpenSSL as to us.
    let more = [&good[..], b"\0"].concat();
    let (message, roots) = (stage.message(&more), stage.world.roots());
    openssl_verifies(&message, &roots, START).expect("OpenSSL takes it");
    stage.taken("an octet behind it", &more);
}
