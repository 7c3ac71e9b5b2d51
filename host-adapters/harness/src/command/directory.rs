//! `ceralacca directory`

mod file;
mod show;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ceralacca_host::{HostError, pec};
use clap::Args;

use crate::cli::{PlugInArgs, ProviderArgs, TimeArgs};
use crate::error::{Error, Exit};
use crate::narrate::say;
use crate::provider::settings::Settings;
use crate::provider::{Folder, PUBLISHED, record};
use crate::running;
use show::{doubles, lines};

/// Look at a directory file: is it good, who signed it, who is in it?
///
/// The first fault is told with its line, entry and attribute. Nothing is loaded.
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub struct Check {
    /// The file: LDIF, or signed (.p7m).
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How it is looked at.
    #[command(flatten)]
    pub directory: DirectoryFile,
}

/// How a directory file is looked at.
#[derive(Clone, Debug, Args)]
pub struct DirectoryFile {
    /// A certificate, PEM, whose signature counts; may be repeated. With it the file must be signed
    /// by one of them, without it the file must not be signed.
    #[arg(long = "signer", value_name = "PEM")]
    pub signers: Vec<PathBuf>,
    /// When.
    #[command(flatten)]
    pub time: TimeArgs,
    /// With which plug-in.
    #[command(flatten)]
    pub plug_in: PlugInArgs,
}

impl Check {
    /// Looks at the file.
    pub fn run(self) -> Result<Exit, Error> {
        let loaded = file::read(&self.file, &self.directory)?;
        say(&format!("{}: {}", self.file.display(), loaded.reply));
        for record in &loaded.records {
            let domains = record.managed_domains.len();
            let domains = (domains, record.managed_domains.first());
            lines(&record.provider, Some(domains), loaded.now)
                .iter()
                .for_each(|line| say(line));
        }
        doubles(&loaded.records).iter().for_each(|line| say(line));
        Ok(Exit::Done)
    }
}

/// Load a directory file: from now on it says who is certified.
///
/// The provider's own copy of the directory is replaced as well. A file that is no good changes
/// nothing. Whether it must be signed, and by whom, is for `directory-signers` in provider.toml.
#[derive(Debug, Args)]
#[command(after_help = LOAD_HELP)]
pub struct Load {
    /// The file: LDIF, or signed (.p7m).
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Which provider.
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// When.
    #[command(flatten)]
    pub time: TimeArgs,
}

impl Load {
    /// Loads the file.
    pub fn run(self) -> Result<Exit, Error> {
        let content = file::content(&self.file)?;
        let host = running::open_to_look(&self.provider, &self.time)?;
        let loaded = host.load_directory(content.clone());
        let summary = loaded.map_err(|error| refused(&self.file, &error))?;
        let folder = Folder::at(&self.provider.provider);
        let settings = Settings::load(&folder)?;
        let place = folder.file(&settings.files.directory);
        replace(&place, &content).map_err(|error| {
            let problem =
                format!("the directory is in force, but this copy is the old one: {error}");
            Error::file(&place, problem, "make it writable and load again")
        })?;
        say(&format!(
            "{}: {}{} providers, {} domains, {} certificates",
            self.file.display(),
            if summary.unchanged {
                "was in force already: "
            } else {
                "in force: "
            },
            summary.providers,
            summary.domains,
            summary.certificates
        ));
        Ok(Exit::Done)
    }
}

/// Who manages a domain, or holds a certificate?
#[derive(Debug, Args)]
#[command(after_help = FIND_HELP)]
pub struct Find {
    /// A domain; a certificate's SHA-1 (40 hex digits); or a file with a certificate, PEM or DER.
    #[arg(value_name = "DOMAIN|CERT")]
    pub what: String,
    /// Ask the directory that is in force at this provider,
    #[arg(long, value_name = "DIR", required_unless_present = "directory")]
    pub provider: Option<PathBuf>,
    /// or this file.
    #[arg(long, value_name = "FILE", conflicts_with = "provider")]
    pub directory: Option<PathBuf>,
    /// How the file is looked at.
    #[command(flatten)]
    pub how: DirectoryFile,
}

impl Find {
    /// Asks.
    pub fn run(self) -> Result<Exit, Error> {
        let what = file::Wanted::parse(&self.what)?;
        let found = match (&self.provider, &self.directory) {
            (Some(provider), _) => {
                let args = ProviderArgs {
                    provider: provider.clone(),
                    plug_in: self.how.plug_in.clone(),
                };
                let host = running::open_to_look(&args, &self.how.time)?;
                match &what {
                    file::Wanted::Domain(domain) => host.providers_of_domain(domain.as_str()),
                    file::Wanted::Certificate(sha1) => host.providers_of_certificate(sha1),
                }
            }
            (None, Some(path)) => {
                let records = file::read(path, &self.how)?.records;
                let fits = |record: &pec::ProviderRecord| what.fits(record);
                records
                    .into_iter()
                    .filter(fits)
                    .map(|r| r.provider)
                    .collect()
            }
            (None, None) => Vec::new(),
        };
        let now = running::clock(self.how.time.now).now();
        for provider in &found {
            lines(provider, None, now).iter().for_each(|line| say(line));
        }
        if found.is_empty() {
            say(&format!("{what}: in no record"));
            return Ok(Exit::NotFound);
        }
        Ok(Exit::Done)
    }
}

/// Make our own directory record, plain and signed, for the central directory to fetch.
///
/// It says what provider.toml says; the section [record] has what nothing else needs.
#[derive(Debug, Args)]
#[command(after_help = RECORD_HELP)]
pub struct Record {
    /// Which provider.
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// When.
    #[command(flatten)]
    pub time: TimeArgs,
}

impl Record {
    /// Makes it.
    pub fn run(self) -> Result<Exit, Error> {
        let folder = Folder::at(&self.provider.provider);
        let settings = Settings::load(&folder)?;
        let request = record::request(&folder, &settings)?;
        let host = running::open_to_look(&self.provider, &self.time)?;
        let reply = host.compose_record(request).map_err(|error| {
            let remedy = "change provider.toml (section [record]) or the file that it names";
            Error::file(folder.root(), error, remedy)
        })?;
        say(&reply.text);
        for name in ["record.ldif", "record.ldif.p7m"] {
            say(&folder.file(PUBLISHED).join(name).display().to_string());
        }
        Ok(Exit::Done)
    }
}

/// What is wrong with a directory file, in the plug-in's words.
fn refused(path: &Path, error: &HostError) -> Error {
    match error {
        HostError::DirectoryRefused { reply, .. } => file::refusal(path, &reply.text),
        error => Error::file(path, error, "mend what it says and try again"),
    }
}

/// Replaces a file at once: a host that watches it sees the old one or the new one.
fn replace(place: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ceralacca-directory-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let parent = place.parent().unwrap_or(Path::new("."));
    let mut file = builder.tempfile_in(parent)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(place).map_err(|error| error.error)?;
    fs::File::open(parent)?.sync_all()
}

const CHECK_HELP: &str = "\
Examples:
  ceralacca directory check alfa/directory.ldif
  ceralacca directory check directory.ldif.p7m --signer agency.pem --signer agency-next.pem";

const LOAD_HELP: &str = "\
Example:
  ceralacca directory load directory.ldif.p7m --provider alfa";

const FIND_HELP: &str = "\
Examples:
  ceralacca directory find pec.beta.example --provider alfa
  ceralacca directory find beta.pem --directory directory.ldif

Exit codes: 0 found, 7 in no record, 1 something could not be read.";

const RECORD_HELP: &str = "\
Example:
  ceralacca directory record --provider alfa";
