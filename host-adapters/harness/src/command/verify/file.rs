//! From what is named on the command line to octets.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// All files that are meant, those of folders in the order of their names.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            walk(path, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Folders below, too; links to folders are not followed, they may lead in circles.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let error = |error: io::Error| Error::file(folder, error, "name a folder that can be read");
    let mut entries = fs::read_dir(folder)
        .and_then(|entries| entries.collect::<io::Result<Vec<_>>>())
        .map_err(error)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().map_err(error)?);
        if kind.is_dir() {
            walk(&path, files)?;
        } else if kind.is_file() || (kind.is_symlink() && path.is_file()) {
            files.push(path);
        }
    }
    Ok(())
}

/// Reads a file, or stdin if it is called `-`.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut octets = Vec::new();
    let read = if path == Path::new("-") {
        take(io::stdin().lock(), &mut octets)
    } else {
        File::open(path).and_then(|file| take(file, &mut octets))
    };
    read.map_err(|error| Error::file(path, error, "name a file with a message"))?;
    if octets.len() as u64 > MOST {
        let problem = format!("has over {MOST} octets");
        let remedy = "no message that a PEC provider takes is so large: name a message";
        return Err(Error::file(path, problem, remedy));
    }
    Ok(octets)
}

/// One octet more than we look at, so that it shows.
fn take(source: impl io::Read, octets: &mut Vec<u8>) -> io::Result<usize> {
    source.take(MOST + 1).read_to_end(octets)
}

/// What a provider takes at most, unless it is told otherwise (`hard-size`).
const MOST: u64 = 120_000_000;
