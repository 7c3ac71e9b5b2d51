//! A directory file, read by the plug-in and by nobody else; no provider is needed for that.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_host::provider::{Domain, certificates};
use ceralacca_host::{Dialogue, Engine as _, Event, onlooker, pec, verify_signature};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::DirectoryFile;
use crate::error::Error;
use crate::provider::Folder;
use crate::provider::pki::certificate_hash;
use crate::running::clock;

/// What a good file has.
pub struct Loaded {
    /// The plug-in's words about it.
    pub reply: String,
    /// Its records.
    pub records: Vec<pec::ProviderRecord>,
    /// When it was looked at.
    pub now: u64,
}

/// Has the plug-in read a file.
pub fn read(path: &Path, how: &DirectoryFile) -> Result<Loaded, Error> {
    let content = content(path)?;
    let engine = how.plug_in.load()?;
    let now = clock(how.time.now).now();
    let context = pec::Context {
        now,
        // Nothing is derived from it: reading makes nothing.
        entropy: vec![0; 32],
        settings: settings(&how.signers)?,
        largest: None,
    };
    let failed = |error: &dyn fmt::Display| {
        Error::file(
            path,
            error,
            "if the file is good, please report this as a bug",
        )
    };
    let event = Event::LoadDirectory(pec::DirectoryUpdate { content });
    let dialogue = engine.begin(&context, event).map_err(|e| failed(&e))?;
    let outcome = converse(dialogue).map_err(|e| failed(&e))?;
    let installed = outcome.effects.into_iter().find_map(|effect| match effect {
        pec::Effect::InstallDirectory(records) => Some(records),
        _ => None,
    });
    match installed {
        Some(records) => Ok(Loaded {
            reply: outcome.reply.text,
            records,
            now,
        }),
        None => Err(refusal(path, &outcome.reply.text)),
    }
}

/// The error for a file that the plug-in does not take.
pub fn refusal(path: &Path, why: &str) -> Error {
    Error::file(
        path,
        why,
        "mend it, or have whoever publishes it mend it; nothing was loaded",
    )
}

/// The octets of a file.
pub fn content(path: &Path) -> Result<Vec<u8>, Error> {
    let remedy = "name an LDIF file, or a signed one (.p7m)";
    fs::read(path).map_err(|error| Error::file(path, error, remedy))
}

/// The questions about a directory are whether a signature holds, and whether a newer one has been
/// in force: of a file by itself, none has.
fn converse(mut dialogue: Box<dyn Dialogue>) -> Result<pec::Outcome, ceralacca_host::PluginError> {
    let mut answers = Vec::new();
    loop {
        match dialogue.advance(std::mem::take(&mut answers))? {
            pec::Step::Done(outcome) => return Ok(outcome),
            pec::Step::Ask(questions) => {
                let answer = |question: &pec::Question| match question {
                    pec::Question::VerifySignature(check) => verify_signature(check),
                    pec::Question::Recall(_) => pec::Answer::Recalled(None),
                    _ => pec::Answer::Unavailable("nothing is known here".to_owned()),
                };
                answers = questions.iter().map(answer).collect();
            }
        }
    }
}

/// Of settings only the signers count when a directory is read.
fn settings(signers: &[PathBuf]) -> Result<pec::Settings, Error> {
    let mut settings = onlooker(Vec::new());
    for path in signers {
        let pinned = certificates(&Folder::at(Path::new("")), path)?;
        settings.directory_signers.extend(pinned);
    }
    Ok(settings)
}

/// What is looked for.
pub enum Wanted {
    /// A domain.
    Domain(Domain),
    /// The SHA-1 of a certificate, lower-case hex.
    Certificate(String),
}

impl Wanted {
    /// A file that is there is a certificate; 40 hex digits are a hash; all else is a domain.
    pub fn parse(text: &str) -> Result<Wanted, Error> {
        let path = Path::new(text);
        if path.is_file() {
            return Ok(Wanted::Certificate(certificate_hash(&certificate(path)?)));
        }
        if text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Wanted::Certificate(text.to_ascii_lowercase()));
        }
        let remedy = "name a domain, a certificate's SHA-1, or a file with a certificate";
        text.parse()
            .map(Wanted::Domain)
            .map_err(|error| Error::argument("DOMAIN|CERT", error, remedy))
    }

    /// Does the record answer?
    pub fn fits(&self, record: &pec::ProviderRecord) -> bool {
        match self {
            Wanted::Domain(domain) => record
                .managed_domains
                .iter()
                .any(|managed| managed.eq_ignore_ascii_case(domain.as_str())),
            Wanted::Certificate(sha1) => record.provider.certificate_hashes.contains(sha1),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Domain(domain) => write!(f, "{domain}"),
            Wanted::Certificate(sha1) => write!(f, "certificate {sha1}"),
        }
    }
}

/// The first certificate of a file, DER.
fn certificate(path: &Path) -> Result<Vec<u8>, Error> {
    let remedy = "name a file with a certificate, PEM or DER";
    let octets = fs::read(path).map_err(|error| Error::file(path, error, remedy))?;
    if Certificate::from_der(&octets).is_ok() {
        return Ok(octets);
    }
    certificates(&Folder::at(Path::new("")), path).map(|mut chain| chain.swap_remove(0))
}
