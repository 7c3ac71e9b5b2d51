//! Files for others to fetch: our own directory record, plain and signed (RFC 6109 §4.5).

use std::path::PathBuf;

use super::Unavailable;
use crate::durable;

/// A place from which others fetch files.
pub trait Publisher: Send + Sync {
    /// Puts a file there, durably, before it returns. Who fetches it sees the file that was there
    /// before or this one, whole.
    ///
    /// `name` is a plain file name. It may be called again with the same file, also from another
    /// process after a crash.
    ///
    /// # Errors
    /// Not now, and why; what was there is there still, and the host tries again.
    fn publish(&self, name: &str, content: &[u8]) -> Result<(), Unavailable>;
}

/// A folder, which a web server may serve.
#[derive(Clone, Debug)]
pub struct PublishedFolder {
    folder: PathBuf,
}

impl PublishedFolder {
    /// The folder, which is made when first needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }
}

impl Publisher for PublishedFolder {
    fn publish(&self, name: &str, content: &[u8]) -> Result<(), Unavailable> {
        let target = self.folder.join(name);
        let temporary = self.folder.join(format!(".{name}.tmp"));
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| durable::replace(&target, &temporary, |to| to.write_all(content)))
            .map_err(|error| Unavailable(format!("{}: {error}", target.display())))
    }
}

/// Nothing is published: for hosts that only look.
#[derive(Clone, Copy, Debug)]
pub struct NoPublisher;

impl Publisher for NoPublisher {
    fn publish(&self, name: &str, _: &[u8]) -> Result<(), Unavailable> {
        Err(Unavailable(format!("there is no place to publish {name}")))
    }
}
