//! What providers of one test world share: the authority and the directory.
//!
//! In the real world AgID keeps both, and every provider fetches the directory daily. Here each
//! folder has a copy, and joining brings the two folders concerned up to date. A third one learns of
//! a later provider when its directory.ldif is replaced by hand.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::init::WRITABLE;
use super::ldif::{Directory, Taken};
use super::pki::{CaFiles, TestCa};
use super::settings::Settings;
use super::{Folder, TEST_CA};
use crate::error::Error;
use crate::moment::Moment;

/// The authority and the directory of one test world.
pub(super) struct Shared {
    pub(super) ca: TestCa,
    pub(super) directory: Directory,
    other: Option<Other>,
}

/// The provider that is joined.
struct Other {
    folder: Folder,
    settings: Settings,
    /// Its leaf, PEM.
    leaf: String,
}

impl Shared {
    /// A new authority, and a directory with nobody in it.
    pub(super) fn alone(now: Moment) -> Result<Shared, Error> {
        let ca = TestCa::create(now)
            .map_err(|error| Error::argument("--now", error, "choose another time"))?;
        Ok(Shared {
            ca,
            directory: Directory::new(),
            other: None,
        })
    }

    /// What a provider's folder has.
    pub(super) fn with(other: &Path) -> Result<Shared, Error> {
        let folder = Folder::at(other);
        let settings = Settings::load(&folder)?;
        let remedy = "join a folder that `ceralacca provider init` has made";
        let directory = Directory::parse(&folder.read(&settings.files.directory, remedy)?);
        let chain = folder.read(&settings.files.certificate, remedy)?;
        // The other's leaf stays; the intermediate after it will be the re-issued one.
        let leaf = match chain.find(PEM_END) {
            Some(end) => format!("{}\n", &chain[..end + PEM_END.len()]),
            None => {
                let path = folder.file(&settings.files.certificate);
                return Err(Error::file(&path, "there is no certificate in it", remedy));
            }
        };
        let in_ca = |name: &str| folder.read(Path::new(TEST_CA).join(name), remedy);
        let files = CaFiles {
            root_key: in_ca(ROOT_KEY)?,
            root: in_ca(ROOT)?,
            ca_key: in_ca(CA_KEY)?,
            ca: in_ca(CA)?,
        };
        let ca = TestCa::load(&files)
            .map_err(|error| Error::file(&folder.file(TEST_CA), error, remedy))?;
        Ok(Shared {
            ca,
            directory,
            other: Some(Other {
                folder,
                settings,
                leaf,
            }),
        })
    }

    /// Writes the other provider's new files beside the old ones. Until they are moved into place,
    /// and if they never are, nothing has changed for it: dropping them removes them.
    pub(super) fn stage(&self) -> Result<Vec<(NamedTempFile, PathBuf)>, Error> {
        let Some(other) = &self.other else {
            return Ok(Vec::new());
        };
        let files = [
            (other.folder.file(TEST_CA).join(CA), self.ca.ca_pem()),
            (
                other.folder.file(&other.settings.files.certificate),
                other.leaf.clone() + &self.ca.ca_pem(),
            ),
            (
                other.folder.file(&other.settings.files.directory),
                self.directory.to_ldif(),
            ),
        ];
        files
            .into_iter()
            .map(|(place, text)| {
                let staged =
                    stage(&place, &text).map_err(|error| Error::file(&place, error, WRITABLE))?;
                Ok((staged, place))
            })
            .collect()
    }

    /// The error for a provider that the directory cannot take.
    pub(super) fn taken(&self, taken: Taken) -> Error {
        match taken {
            Taken::Name => Error::argument(
                "--name",
                "the directory already has this provider",
                "choose another",
            ),
            Taken::Domain(domain) => {
                let problem = format!("the directory already has a provider for `{domain}`");
                Error::argument("--domain", problem, "choose another")
            }
        }
    }
}

/// A temporary file in the folder of `place`, so that moving it there is one step.
fn stage(place: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ceralacca-init-");
    // Temporary files are for their owner only; certificates and directories are for everybody.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(place.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

// Names in the authority's folder.
pub(super) const ROOT_KEY: &str = "root-key.pem";
pub(super) const ROOT: &str = "root.pem";
pub(super) const CA_KEY: &str = "ca-key.pem";
pub(super) const CA: &str = "ca.pem";
const PEM_END: &str = "-----END CERTIFICATE-----";
