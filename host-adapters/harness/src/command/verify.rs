//! `ceralacca verify`

mod file;
mod json;
mod judge;
mod look;
mod tally;
mod text;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_host::provider::{PATIENCE, certificates};
use ceralacca_host::{CrlCache, CrlFolder, Examiner, Revocation, Unavailable, pec};
use clap::Args;
use tempfile::TempDir;

use super::with_crlf;
use crate::cli::PlugInArgs;
use crate::error::{Error, Exit};
use crate::moment::Moment;
use crate::narrate::say;
use crate::provider::Folder;
use crate::running::clock;

use judge::Judge;
use tally::Tally;

/// Judge messages: what each is, who issued it and when, and whether and why it holds.
///
/// Takes any message on earth. A PEC message holds if the signature is good, the certificate
/// belongs to a provider of the directory and goes back to a root at the time in question, the
/// provider manages the domain in From, and the format is right. PEC messages inside a message
/// (forwarded, or wrapped as an anomaly) are judged too. Nothing is stored, and without --fetch-crls
/// no network is used.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
pub struct Verify {
    /// Messages; folders with all that lies in them; - for stdin.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The provider directory. Without it everything else is judged, but nobody says that the
    /// signer is a provider, and so no message holds.
    #[arg(long, value_name = "LDIF")]
    pub directory: Option<PathBuf>,
    /// Whoever may sign the directory, PEM. With it only a directory that they signed (.p7m) is
    /// taken, without it only one that is not signed.
    #[arg(long, value_name = "PEM", requires = "directory")]
    pub directory_signer: Vec<PathBuf>,
    /// The roots to trust, PEM. Without it: those that the system trusts.
    #[arg(long, value_name = "PEM", default_value = SYSTEM_ROOTS)]
    pub roots: PathBuf,
    /// A folder with revocation lists (*.crl, *.der, *.pem). Without it revocation is not checked,
    /// and that is said where a certificate names a list.
    #[arg(long, value_name = "DIR")]
    pub crls: Option<PathBuf>,
    /// Fetch revocation lists by HTTP from where certificates say they are. Only those of
    /// certificates that lead to a root are asked for.
    #[arg(long)]
    pub fetch_crls: bool,
    /// Judge certificates at this time: RFC 3339 or seconds since 1970. Without it: when the
    /// signature says it was made.
    #[arg(long, value_name = "T")]
    pub at: Option<Moment>,
    /// Is this the message that the envelope or receipt has inside? Brief receipts: are its
    /// attachments those whose hashes it has?
    #[arg(long, value_name = "ORIGINAL.eml")]
    pub compare: Option<PathBuf>,
    /// Of several messages, too, say everything and not only the verdict.
    #[arg(long)]
    pub full: bool,
    /// Print JSON: for each message one object, on one line.
    #[arg(long)]
    pub json: bool,
    /// With which plug-in.
    #[command(flatten)]
    pub plug_in: PlugInArgs,
}

impl Verify {
    /// Judges the messages, each told as soon as it is judged.
    pub fn run(self) -> Result<Exit, Error> {
        let judge = self.judge()?;
        let files = file::expand(&self.files)?;
        let several = files.len() > 1 || self.files.iter().any(|path| path.is_dir());
        let mut tally = Tally::default();
        for path in &files {
            let judged = file::read(path).and_then(|octets| {
                let remedy = "if this is mail, please report it as a bug";
                let failed = |error| Error::file(path, error, remedy);
                judge.judge(&octets).map_err(failed)
            });
            let judged = match judged {
                Ok(judged) => judged,
                // Alone it stops the command; among others it is one of them.
                Err(error) if !several => return Err(error),
                Err(error) => {
                    eprintln!("ceralacca: {error}");
                    tally.unread += 1;
                    continue;
                }
            };
            let name = path.display().to_string();
            if self.json {
                say(&json::document(&name, &judged).to_string());
            } else if several && !self.full {
                text::summary(&name, &judged)
                    .iter()
                    .for_each(|line| say(line));
            } else {
                text::report(&name, &judged)
                    .iter()
                    .for_each(|line| say(line));
            }
            tally.count(&judged);
        }
        if several && !self.json {
            say(&tally.sentence());
        }
        Ok(tally.exit())
    }

    fn judge(&self) -> Result<Judge, Error> {
        let roots = certificates(&Folder::at(Path::new("")), &self.roots)?;
        let revocation = self.revocation()?;
        let engine = Box::new(self.plug_in.load()?);
        let mut examiner = Examiner::new(engine, roots, Box::new(revocation), clock(None));
        let mut signers = Vec::new();
        for path in &self.directory_signer {
            signers.extend(certificates(&Folder::at(Path::new("")), path)?);
        }
        examiner.pin_directory_signers(signers);
        if let Some(path) = &self.directory {
            let directory =
                fs::read(path).map_err(|error| Error::file(path, error, "name an LDIF file"))?;
            examiner.load_directory(directory).map_err(|error| {
                Error::file(path, error, "name a provider directory (RFC 6109 §4.5)")
            })?;
        }
        let original = match &self.compare {
            Some(path) => Some(with_crlf(&file::read(path)?)),
            None => None,
        };
        Ok(Judge {
            examiner,
            at: self.at,
            original,
        })
    }

    /// Where revocation lists come from. Fetched ones are kept for as long as the command runs.
    fn revocation(&self) -> Result<Vec<Box<dyn Revocation>>, Error> {
        let mut sources: Vec<Box<dyn Revocation>> = Vec::new();
        if let Some(folder) = &self.crls {
            // A name that is no folder would look like an issuer without lists.
            if !folder.is_dir() {
                let remedy = "name a folder with revocation lists";
                return Err(Error::file(folder, "is no folder", remedy));
            }
            sources.push(Box::new(CrlFolder::new(folder)));
        }
        if self.fetch_crls {
            let folder = tempfile::tempdir().map_err(|error| {
                let remedy = "make room where temporary files go (TMPDIR)";
                Error::argument("--fetch-crls", error, remedy)
            })?;
            let cache = CrlCache::new(folder.path(), clock(None), PATIENCE);
            sources.push(Box::new(Temporary {
                cache,
                _folder: folder,
            }));
        }
        Ok(sources)
    }
}

/// Fetched lists, and the folder that goes with them.
struct Temporary {
    cache: CrlCache,
    _folder: TempDir,
}

impl Revocation for Temporary {
    fn revocation(&self, query: &pec::RevocationQuery) -> Result<Vec<Vec<u8>>, Unavailable> {
        self.cache.revocation(query)
    }
}

/// Where Debian and its children keep them; among them is the root of real PEC (PRACTICE 7).
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What `-h` and `--help` both end with.
macro_rules! examples_and_exit_codes {
    () => {
        "\
Examples:
  ceralacca verify receipt.eml --directory alfa/directory.ldif --roots alfa/roots.pem
  ceralacca verify receipt.eml --crls lists            against the system's roots
  ceralacca verify receipt.eml --compare sent.eml      is it about this message?
  ceralacca verify Maildir archive/*.eml --json | jq -r 'select(.verdict != \"holds\") | .file'

Exit codes, of several messages the first of these that occurs: 1 something could not be read, 6 one
does not hold (or is not about the message to compare), 8 one holds only as far as it could be
checked, 7 one is no PEC message, 0 all hold. Ordinary mail with PEC messages inside counts as these."
    };
}

const AFTER_HELP: &str = examples_and_exit_codes!();

const AFTER_LONG_HELP: &str = concat!(
    examples_and_exit_codes!(),
    "\n\n\
Line ends: mail travels with CRLF, and signatures depend on it; files often have LF. A file with bare
LF is judged both ways; the better verdict counts, and which one it was is said.

JSON: one object per message. Members may be added, none will change. Instants are seconds since 1970,
digests lower-case hex, what is not known is null.
  file, size, sha256     the file as it lies there
  verdict                holds, does-not-hold, unproven, not-pec, not-mail
  sentence               the verdict in words
  notes                  what was done to the file before it was judged: line ends, mbox line
  kind                   transport-envelope, delivery, ..., ordinary
  holds, from_provider   all is good; all but the format is good
  from, issuer           From; the provider of the directory that signed
  signature              digest_algorithm, message_digest (signed), computed_digest (of what is here),
                         signing_time, chain (subject, issuer, serial, address, not_before, not_after,
                         sha1, sha256; signer first), anchored, revocation (per certificate)
  judged_at              the instant at which certificates were judged
  data                   daticert.xml: kind, error, sender, recipients, subject, pec_id, at, ...
  checks                 one by one: verdict (passed, failed, not-checked), code, clause, text
  defects, remarks       what failed; what breaks nothing but should be known: code, clause, text
  original               the message inside, or ordinary mail itself: from, to, cc, subject, date,
                         message_id, parts (path, content_type, name, size, sha256, hash), unlisted
  comparison             with --compare: checks; the original is the same if none failed
  enclosed               PEC messages inside: path, name, and all of the above"
);
