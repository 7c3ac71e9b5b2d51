//! Signed directories (case D03, RFC 6109 §4.5): whose signature counts, and what is refused. All
//! of them are made by OpenSSL.

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ceralacca_host::HostError;
use world::oracles::has;
use world::{START, World};

/// Somebody who signs directories, with a certificate of a year.
struct Signer {
    certificate: PathBuf,
    key: PathBuf,
}

impl Signer {
    /// `begins`: when the certificate does, as `date` writes it.
    fn new(folder: &Path, name: &str, begins: &str) -> Self {
        let signer = Self {
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        };
        openssl(
            begins,
            &format!(
                "req|-x509|-newkey|rsa:2048|-nodes|-days|365|-subj|/C=IT/O={name}|-keyout|{}|-out|{}",
                signer.key.display(),
                signer.certificate.display()
            ),
        );
        signer
    }

    /// The file signed; `how` are further words for `openssl cms -sign`.
    fn sign(&self, content: &[u8], how: &str) -> Vec<u8> {
        self.sign_at("2026-09-19 13:00:00", content, how)
    }

    fn sign_at(&self, at: &str, content: &[u8], how: &str) -> Vec<u8> {
        let scratch = tempfile::tempdir().expect("a folder");
        let file = scratch.path().join("content");
        fs::write(&file, content).unwrap();
        let words = format!(
            "cms|-sign|-outform|DER|{how}|-signer|{}|-inkey|{}|-in|{}",
            self.certificate.display(),
            self.key.display(),
            file.display()
        );
        openssl(at, &words)
    }

    fn pem(&self) -> String {
        fs::read_to_string(&self.certificate).expect("a certificate")
    }
}

/// Runs `openssl` with a clock that stands still at a time; the words stand between bars.
fn openssl(at: &str, words: &str) -> Vec<u8> {
    let mut command = Command::new("faketime");
    command.env("TZ", "UTC").args(["-f", at, "openssl"]);
    command.args(words.split('|').filter(|word| !word.is_empty()));
    let output = command.stdin(Stdio::null()).output().expect("a tool");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}

/// A world in which Beta pins the directory's signers, and an unsigned directory of old is still in
/// force.
struct Story {
    world: World,
    /// Pinned; so is `next`, which will follow.
    agency: Signer,
    next: Signer,
    /// Not pinned.
    stranger: Signer,
    /// Pinned, but ended in 2025.
    former: Signer,
    /// Pinned, but begins in 2027.
    future: Signer,
    /// Beta's directory, with a name for Alfa by which it can be told when it is in force.
    ldif: String,
}

impl Story {
    fn begin() -> Option<Self> {
        if !has("openssl") || !has("faketime") {
            return None;
        }
        let mut world = World::new()?;
        let folder = world.scratch().to_owned();
        let signer = |name: &str, begins: &str| Signer::new(&folder, name, begins);
        let agency = signer("Agenzia", "2026-09-01 00:00:00");
        let next = signer("Agenzia-2", "2026-09-18 00:00:00");
        let stranger = signer("Nessuno", "2026-09-01 00:00:00");
        let former = signer("Agenzia-0", "2024-09-01 00:00:00");
        let future = signer("Agenzia-3", "2027-01-01 00:00:00");
        let pinned = folder.join("signers.pem");
        let all = [&agency, &next, &former, &future].map(Signer::pem);
        fs::write(&pinned, all.concat()).unwrap();
        let name = pinned.to_str().expect("UTF-8").to_owned();
        world.reopen_beta(&|settings| settings.files.directory_signers = Some(name.clone()));
        let ldif = fs::read_to_string(world.beta.folder.file("directory.ldif")).unwrap();
        let ldif = ldif.replace("providerName: Alfa S.p.A.", "providerName: Alfa, firmata");
        Some(Self {
            world,
            agency,
            next,
            stranger,
            former,
            future,
            ldif,
        })
    }

    fn load(&self, content: &[u8]) -> Result<(), String> {
        match self.world.beta.host.load_directory(content.to_vec()) {
            Ok(_) => Ok(()),
            Err(error @ HostError::DirectoryRefused { .. }) => Err(error.to_string()),
            Err(error) => panic!("{error}"),
        }
    }

    /// What the directory in force calls Alfa.
    fn alfa(&self) -> String {
        let found = self.world.beta.host.providers_of_domain("pec.alfa.example");
        let names: Vec<_> = found.into_iter().map(|provider| provider.name).collect();
        names.join(" and ")
    }

    /// Refused, in words that have these facts, and the old one stays in force.
    fn refuses(&self, content: &[u8], facts: &[&str]) {
        let said = self.load(content).expect_err(facts[0]);
        for fact in facts {
            assert!(said.contains(fact), "{fact:?} is not in: {said}");
        }
        assert_eq!(self.alfa(), "Alfa S.p.A.", "the old one stays: {said}");
    }
}

#[test]
fn d03_signed_by_a_pinned_signer_whatever_the_encoding() {
    let Some(story) = Story::begin() else { return };
    for (number, (signer, how)) in [
        (&story.agency, "-nodetach|-binary|-md|sha256"),
        // Without -binary OpenSSL makes lines end in CRLF, and encloses that.
        (&story.agency, "-nodetach|-md|sha256"),
        // BER: indefinite lengths, the content in pieces.
        (&story.agency, "-nodetach|-binary|-stream|-md|sha256"),
        (&story.agency, "-nodetach|-stream|-md|sha512"),
        (&story.agency, "-nodetach|-binary|-md|sha1"),
        (&story.next, "-nodetach|-binary|-md|sha384|-keyid"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("Alfa numero {number}");
        let ldif = story.ldif.replace("Alfa, firmata", &name);
        story
            .load(&signer.sign(ldif.as_bytes(), how))
            .unwrap_or_else(|said| panic!("{how}: {said}"));
        assert_eq!(story.alfa(), name, "{how}");
    }
}

/// 40,000 domains are a file of more than a megabyte, which OpenSSL streams in hundreds of pieces.
#[test]
fn d03_a_large_one_in_many_pieces() {
    let Some(story) = Story::begin() else { return };
    let domains: String = (0..40_000)
        .map(|n| format!("managedDomains: comune-{n}.pec.example\n"))
        .collect();
    let ldif = format!("{}\n{domains}", story.ldif.trim_end());
    let signed = story
        .agency
        .sign(ldif.as_bytes(), "-nodetach|-binary|-stream");
    assert!(signed.len() > 1_000_000);
    story.load(&signed).expect("it loads");
    let found = story
        .world
        .beta
        .host
        .providers_of_domain("comune-39999.pec.example");
    assert_eq!(found.len(), 1);
}

#[test]
fn d03_altered_or_broken() {
    let Some(story) = Story::begin() else { return };
    let signed = story
        .agency
        .sign(story.ldif.as_bytes(), "-nodetach|-binary");
    let place = |needle: &[u8]| {
        let found = signed.windows(needle.len()).position(|w| w == needle);
        found.expect("it is there")
    };
    // One bit of the content.
    let mut altered = signed.clone();
    altered[place(b"firmata")] ^= 1;
    story.refuses(&altered, &["altered after it was signed", "its digest is"]);
    // One bit of the RSA value, which comes last.
    let mut broken = signed.clone();
    *broken.last_mut().expect("an octet") ^= 1;
    story.refuses(&broken, &["signature is broken"]);
    // One bit of the signed digest: the attributes are no longer those that were signed.
    let sha256 = {
        let file = story.world.scratch().join("content");
        fs::write(&file, &story.ldif).unwrap();
        openssl(
            "2026-09-19 13:00:00",
            &format!("dgst|-sha256|-binary|{}", file.display()),
        )
    };
    let mut other_digest = signed.clone();
    other_digest[place(&sha256)] ^= 1;
    story.refuses(&other_digest, &["altered after it was signed"]);
    // Cut short anywhere.
    for length in [1, 2, 3, 20, signed.len() / 2, signed.len() - 1] {
        story.refuses(
            &signed[..length],
            &["cannot be opened", "not CMS SignedData"],
        );
    }
    let (_, other) = (0, story.agency.sign(b"hello", "-nodetach|-binary"));
    story.refuses(&other, &["line 1: ", "neither an attribute"]);
}

#[test]
fn d03_signed_by_somebody_who_does_not_count() {
    let Some(story) = Story::begin() else { return };
    let ldif = story.ldif.as_bytes();
    let by = |signer: &Signer| signer.sign(ldif, "-nodetach|-binary");
    story.refuses(
        &by(&story.stranger),
        &["O=Nessuno", "none of directory-signers", "SHA-256"],
    );
    story.refuses(
        &by(&story.former),
        &[
            "O=Agenzia-0",
            // OpenSSL may take a second to begin.
            "to 2025-09-01T00:00:0",
            "now it is 2026-09-19T13:41:19Z",
        ],
    );
    story.refuses(
        &by(&story.future),
        &["O=Agenzia-3", "valid from 2027-01-01"],
    );
    // The pinned certificate travels, but somebody else signed.
    let both = format!(
        "-nodetach|-binary|-certfile|{}",
        story.agency.certificate.display()
    );
    story.refuses(&story.stranger.sign(ldif, &both), &["O=Nessuno"]);
    let twice = format!(
        "-nodetach|-binary|-signer|{}|-inkey|{}",
        story.stranger.certificate.display(),
        story.stranger.key.display()
    );
    story.refuses(
        &story.agency.sign(ldif, &twice),
        &["2 signers where one is expected"],
    );
}

#[test]
fn d03_not_signed_in_the_form_that_the_law_wants() {
    let Some(story) = Story::begin() else { return };
    let ldif = story.ldif.as_bytes();
    story.refuses(ldif, &["is not signed", "directory-signers are set"]);
    story.refuses(
        &story.agency.sign(ldif, "-binary"),
        &["signs something that is not enclosed"],
    );
    story.refuses(
        &story.agency.sign(ldif, "-nodetach|-binary|-nocerts"),
        &["the signer's certificate is not included"],
    );
    story.refuses(
        &story.agency.sign(ldif, "-nodetach|-binary|-noattr"),
        &["no messageDigest"],
    );
    let pem = story.agency.sign(ldif, "-nodetach|-binary|-outform|PEM");
    story.refuses(&pem, &["PEM form", "binary form (DER)"]);
    let smime = story.agency.sign(ldif, "-nodetach|-outform|SMIME");
    story.refuses(&smime, &["S/MIME form"]);
    let certificate = format!(
        "x509|-outform|DER|-in|{}",
        story.agency.certificate.display()
    );
    story.refuses(
        &openssl("2026-09-19 13:00:00", &certificate),
        &["not CMS SignedData"],
    );
}

/// A genuine file of last week brings back whoever has been removed since: whoever can put it in the
/// place of today's must not get it into force. The same one again, and a later one, are welcome.
#[test]
fn d03_a_genuine_directory_of_old_is_refused() {
    let Some(story) = Story::begin() else { return };
    let named = |name: &str| story.ldif.replace("Alfa, firmata", name).into_bytes();
    let how = "-nodetach|-binary";
    let sign = |at: &str, name: &str| story.agency.sign_at(at, &named(name), how);
    let today = sign("2026-09-19 12:00:00", "Alfa, oggi");
    story.load(&today).expect("today's");
    for (old, facts) in [
        (
            sign("2026-09-12 12:00:00", "Alfa, una settimana fa"),
            [
                "signed at 2026-09-12T12:00:00Z",
                "2026-09-19T12:00:00Z has been in force",
            ],
        ),
        (
            sign("2026-09-19 11:59:59", "Alfa, prima"),
            ["signed at 2026-09-19T11:59:59Z", "fetch the current one"],
        ),
        (
            sign("2026-10-19 12:00:00", "Alfa, tra un mese"),
            [
                "signed at 2026-10-19T12:00:00Z",
                "one of the two clocks is wrong",
            ],
        ),
    ] {
        let said = story.load(&old).expect_err(facts[0]);
        assert!(facts.iter().all(|fact| said.contains(fact)), "{said}");
        assert_eq!(story.alfa(), "Alfa, oggi");
    }
    // Of the same second, by the other pinned signer.
    let other = story
        .next
        .sign_at("2026-09-19 12:00:00", &named("Alfa, altra firma"), how);
    story.load(&other).expect("as new");
    story
        .load(&sign("2026-09-19 12:00:01", "Alfa, dopo"))
        .expect("newer");
    assert_eq!(story.alfa(), "Alfa, dopo");
    story.load(&today).expect_err("now this is of old");
}

/// Signed, and nobody said whose signature counts: a setting was forgotten.
#[test]
fn d03_a_signed_directory_needs_somebody_pinned() {
    let Some(story) = Story::begin() else { return };
    let signed = story
        .agency
        .sign(story.ldif.as_bytes(), "-nodetach|-binary");
    let error = story.world.alfa.host.load_directory(signed).unwrap_err();
    assert!(
        error.to_string().contains("set directory-signers"),
        "{error}"
    );
}

/// Whoever pins signers wants the directory that is in force proven as well: the same file again is
/// not taken for granted. The unsigned one goes on until there is a signed one, and that survives a
/// restart.
#[test]
fn d05_the_old_directory_stays_across_a_restart() {
    let Some(mut story) = Story::begin() else {
        return;
    };
    let folder = story.world.beta.folder.clone();
    let file = folder.file("directory.ldif");
    let unsigned = fs::read(&file).unwrap();
    story.refuses(&unsigned, &["is not signed"]);

    let signed = story
        .agency
        .sign(story.ldif.as_bytes(), "-nodetach|-binary");
    fs::write(&file, &signed).unwrap();
    story.world.tick();
    assert_eq!(story.alfa(), "Alfa, firmata");

    // The next day's file is bad; so is it after a restart, and the one before stays in force.
    let mut bad = signed.clone();
    *bad.last_mut().expect("an octet") ^= 1;
    fs::write(&file, &bad).unwrap();
    let report = story.world.beta.host.tick(&mut |_| {}).expect("a tick");
    let said = report.directory_error.expect("an error");
    assert!(said.contains("signature is broken"), "{said}");
    assert_eq!(story.alfa(), "Alfa, firmata");
    let pinned = story.world.scratch().join("signers.pem");
    let name = pinned.to_str().expect("UTF-8").to_owned();
    story
        .world
        .reopen_beta(&|settings| settings.files.directory_signers = Some(name.clone()));
    assert_eq!(story.alfa(), "Alfa, firmata");
    assert_eq!(ceralacca_host::Clock::now(&*story.world.clock), START);
}
