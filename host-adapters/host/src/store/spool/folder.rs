//! Large messages as files.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::body::{Place, Source};
use crate::durable;

/// A folder beside the database, with nothing else in it.
#[derive(Debug)]
pub(in crate::store) struct Folder(PathBuf);

impl Folder {
    /// Makes it if need be.
    pub(super) fn open(folder: &PathBuf) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self(folder.clone()))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn write(
        &self,
        name: &str,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        durable::write_new(&self.path(name), write)
    }

    pub(super) fn sync(&self, name: &str) -> io::Result<()> {
        let path = self.path(name);
        File::open(&path)?.sync_all()?;
        durable::sync_folder_of(&path)
    }

    /// One that is already gone is fine.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn remove_orphans(&self, known: &HashSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_str().is_none_or(|name| !known.contains(name)) {
                tracing::info!(file = ?entry.path(), "removing a spool file of a lost transaction");
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Place for Folder {
    fn open(&self, name: &str) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(File::open(self.path(name))?))
    }
}
