//! The core as a library: is this PEC, and does it hold? For mail programs and archives.
//!
//! No WebAssembly, no host library: this program is the host. It knows a few files and answers what
//! it is asked. Exit codes: 0 all certified messages hold; 1 one does not; 2 it failed.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use ceralacca::directory::{self, ProviderRecord};
use ceralacca::event::{ContentQuery, Context, Examination};
use ceralacca::finding::Finding;
use ceralacca::instant::Instant;
use ceralacca::outcome::MessageKind;
use ceralacca::question::{Answer, Question};
use ceralacca::settings::Settings;
use ceralacca::{Step, examine};
use encodify::pem;

fn main() -> ExitCode {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [ldif, roots, messages @ ..] = paths.as_slice() else {
        eprintln!("usage: embed LDIF ROOTS MESSAGE...");
        return ExitCode::from(2);
    };
    match run(ldif, roots, messages) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("embed: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(ldif: &Path, roots: &Path, messages: &[PathBuf]) -> Result<bool, Box<dyn Error>> {
    let roots = read(roots)?;
    let roots = pem::STANDARD.blocks(&roots).map(|b| Ok(b?.contents));
    let settings = Settings::onlooker(roots.collect::<Result<_, encodify::Error>>()?);
    let examiner = Examiner(directory::read(&read(ldif)?)?, settings);
    let mut well = true;
    for path in messages {
        let finding = examiner.examine(message(path)?)?;
        println!("{}: {}", path.display(), sentence(&finding));
        well &= finding.holds() || finding.kind == MessageKind::Ordinary;
    }
    Ok(well)
}

/// Knows a directory, trusts the roots of its settings, judges messages.
struct Examiner(Vec<ProviderRecord>, Settings);

impl Examiner {
    fn examine(&self, message: Vec<u8>) -> Result<Finding, Box<dyn Error>> {
        let context = Context {
            now: Instant::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?,
            // For identifiers of what is made; nothing is.
            entropy: Vec::new(),
            settings: self.1.clone(),
            largest: None,
        };
        let event = Examination {
            message,
            at: None,
            contents: Some(ContentQuery { original: None }),
        };
        let mut transaction = examine(context, event);
        let mut answers = Vec::new();
        loop {
            match transaction.advance(answers)? {
                Step::Ask(questions) => {
                    answers = questions.into_iter().map(|q| self.answer(q)).collect();
                }
                Step::Done(outcome) => return outcome.finding.ok_or(outcome.reply.text.into()),
            }
        }
    }

    fn answer(&self, question: Question) -> Answer {
        let providers = |fits: &dyn Fn(&ProviderRecord) -> bool| {
            let found = self.0.iter().filter(|record| fits(record));
            Answer::Providers(found.map(|record| record.provider.clone()).collect())
        };
        match question {
            Question::ProviderOfDomain(name) => providers(&|r| r.managed_domains.contains(&name)),
            Question::ProviderOfCertificate(sha1) => {
                providers(&|r| r.provider.certificate_hashes.contains(&sha1))
            }
            // Lists could be fetched here; without them the finding says what is not known.
            Question::RevocationData(_) => Answer::Revocation(Vec::new()),
            Question::VerifySignature(_) => Answer::Declined, // the core does it itself
            other => Answer::Unavailable(format!("nobody here knows about {}", other.name())),
        }
    }
}

fn sentence(finding: &Finding) -> String {
    let kind = &finding.kind;
    match (&finding.issuer, finding.defects.as_slice()) {
        _ if finding.contents.is_none() => "no mail".to_owned(),
        _ if *kind == MessageKind::Ordinary => "ordinary mail".to_owned(),
        (Some(issuer), []) => format!("{kind:?} of {}: holds", issuer.name),
        (None, []) => format!("{kind:?}: not all could be checked"),
        (_, defects) => {
            let reasons: Vec<&str> = defects.iter().map(|defect| &*defect.text).collect();
            format!("{kind:?}: does not hold: {}", reasons.join("; "))
        }
    }
}

/// A message as it travels: with CRLF line ends.
fn message(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let octets = read(path)?;
    if octets.windows(2).any(|pair| pair == b"\r\n") {
        return Ok(octets);
    }
    let lines: Vec<&[u8]> = octets.split(|&octet| octet == b'\n').collect();
    Ok(lines.join(&b"\r\n"[..]))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
