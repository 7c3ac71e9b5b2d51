//! The folder that the demonstration writes: replaced as a whole, and only if it is its own.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ceralacca_host::pec::MessageKind;
use tempfile::TempDir;

use crate::error::Error;
use crate::kind::file_stem;

/// A demonstration's folder while it is being written, beside the place where it will be.
pub struct Output {
    target: PathBuf,
    building: TempDir,
    /// Messages that lie there already: the same octets are one file, however often they travel.
    written: HashMap<Vec<u8>, Written>,
}

/// A message in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The number its name begins with.
    pub number: u32,
    /// Its name, relative to the folder.
    pub file: String,
}

impl Output {
    /// Begins a folder that will replace `target`, if that is nothing, empty, or the output of an
    /// earlier demonstration.
    pub fn begin(target: &Path) -> Result<Output, Error> {
        let remedy = "name another folder with --out, or remove this one";
        match fs::read_dir(target).map(|mut entries| entries.next().is_none()) {
            Ok(empty) if empty || target.join(MARKER).is_file() => {}
            Ok(_) => {
                let problem = "the folder holds something else than a demonstration";
                return Err(Error::file(target, problem, remedy));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::file(target, error, remedy)),
        }
        let parent = match target.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let building = fs::create_dir_all(parent)
            .and_then(|()| {
                tempfile::Builder::new()
                    .prefix(".ceralacca-demo-")
                    .tempdir_in(parent)
            })
            .map_err(|error| Error::file(parent, error, "name a place that you may write to"))?;
        let output = Output {
            target: target.to_owned(),
            building,
            written: HashMap::new(),
        };
        output.write(MARKER, MARKER_TEXT.as_bytes())?;
        Ok(output)
    }

    /// Where to write until the end.
    pub fn building(&self) -> &Path {
        self.building.path()
    }

    /// Where a file will be in the end, for people.
    pub fn shown(&self, file: &str) -> String {
        self.target.join(file).display().to_string()
    }

    /// Writes a file.
    pub fn write(&self, file: &str, octets: &[u8]) -> Result<(), Error> {
        let path = self.building().join(file);
        let written = match path.parent() {
            Some(folder) => fs::create_dir_all(folder).and_then(|()| fs::write(&path, octets)),
            None => fs::write(&path, octets),
        };
        written.map_err(|error| Error::file(&path, error, "make room and try again"))
    }

    /// Writes a message as `NN-KIND.eml`, unless it lies there already. What no provider has signed
    /// goes to `submitted/` as text: whatever is called `.eml` here verifies.
    pub fn message(&mut self, kind: &MessageKind, octets: &[u8]) -> Result<Written, Error> {
        let stem = file_stem(kind);
        match kind {
            MessageKind::Ordinary => self.numbered("submitted/", "original.txt", octets),
            _ => self.numbered("", &format!("{stem}.eml"), octets),
        }
    }

    /// Writes a message that is not any more what its provider signed, as text beside the others.
    pub fn altered(&mut self, octets: &[u8]) -> Result<Written, Error> {
        self.numbered("submitted/", "altered.txt", octets)
    }

    fn numbered(&mut self, folder: &str, name: &str, octets: &[u8]) -> Result<Written, Error> {
        if let Some(written) = self.written.get(octets) {
            return Ok(written.clone());
        }
        let number = u32::try_from(self.written.len()).unwrap_or(u32::MAX) + 1;
        let file = format!("{folder}{number:02}-{name}");
        self.write(&file, octets)?;
        let written = Written { number, file };
        self.written.insert(octets.to_vec(), written.clone());
        Ok(written)
    }

    /// Puts the folder in its place. Nothing in it may be open any more.
    pub fn finish(self) -> Result<(), Error> {
        let failed = |error| Error::file(&self.target, error, "remove it and try again");
        // Out of the way first: a folder with something in it cannot be renamed over.
        let parent = self.building().parent().unwrap_or(Path::new("."));
        let old = TempDir::new_in(parent).map_err(failed)?;
        let aside = old.path().join("old");
        match fs::rename(&self.target, &aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        if let Err(error) = fs::rename(self.building(), &self.target) {
            // Back again: the earlier output is better than none.
            let _ = fs::rename(&aside, &self.target);
            return Err(failed(error));
        }
        let _ = self.building.keep();
        Ok(())
    }
}

/// Marks a folder as ours to replace.
const MARKER: &str = ".ceralacca-demo";
const MARKER_TEXT: &str = "`ceralacca demo` made this folder. It may replace it as a whole as long as this file is here.\n";
