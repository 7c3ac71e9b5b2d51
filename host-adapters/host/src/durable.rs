//! Writing files so that they are either there, whole, or not there at all.
//!
//! POSIX promises that a file survives a power cut when it has been fsynced **and** the folder
//! that names it has been; and that `rename` puts a name in place at once. The functions here are
//! the parts of that recipe.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::crash;

/// Writes `target` through `temporary` (in the same file system) and replaces what is there.
///
/// Doing it again with the same content is harmless; a crash leaves the old file, or the new one.
///
/// # Errors
/// Writing failed; `target` is as it was.
pub(crate) fn replace(
    target: &Path,
    temporary: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    // A crash may have left one behind, so it is opened whether it is there or not.
    let file = File::create(temporary)?;
    write_buffered(&file, write)?;
    file.sync_all()?;
    crash::point("file-written");
    fs::rename(temporary, target)?;
    crash::point("file-named");
    sync_folder_of(target)
}

/// Writes a file that must not be there yet, without making it durable.
///
/// # Errors
/// It is there, or writing failed; then it may be there in part.
pub(crate) fn write_new(
    target: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    write_buffered(&File::create_new(target)?, write)
}

/// Makes the names in the folder of `path` durable.
///
/// # Errors
/// The folder cannot be opened or synced.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

fn write_buffered(
    file: &File,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffered = BufWriter::new(file);
    write(&mut buffered)?;
    buffered.flush()
}
