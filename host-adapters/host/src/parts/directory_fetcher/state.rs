//! What is known of the copy and of the last fetch, across restarts.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Value, json};

use super::DirectorySource;
use crate::durable;

/// Lies beside the copy as a small JSON object. Without it, or with another address, everything
/// begins anew: the next fetch is due and not conditional.
#[derive(Debug, Default)]
pub(super) struct State {
    /// When to fetch next: seconds since 1970.
    pub(super) due: u64,
    /// Failures in a row.
    pub(super) failures: u32,
    /// What the server said of the copy.
    pub(super) etag: Option<String>,
    /// What the server said of the copy, as it said it.
    pub(super) last_modified: Option<String>,
}

impl State {
    pub(super) fn read(source: &DirectorySource) -> Self {
        let octets = fs::read(file(source)).unwrap_or_default();
        let value: Value = serde_json::from_slice(&octets).unwrap_or_default();
        if value["url"].as_str() != Some(&source.url) {
            return Self::default();
        }
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Self {
            due: value["due"].as_u64().unwrap_or_default(),
            failures: value["failures"]
                .as_u64()
                .and_then(|failures| failures.try_into().ok())
                .unwrap_or_default(),
            etag: text("etag"),
            last_modified: text("last_modified"),
        }
    }

    /// # Errors
    /// It cannot be written; what was there is there still.
    pub(super) fn write(&self, source: &DirectorySource) -> io::Result<()> {
        let value = json!({
            "url": source.url,
            "due": self.due,
            "failures": self.failures,
            "etag": self.etag,
            "last_modified": self.last_modified,
        });
        let file = file(source);
        durable::replace(&file, &beside(&file, "new"), |out| {
            writeln!(out, "{value:#}")
        })
    }

    /// There is no copy that a fetch could find unchanged.
    pub(super) fn forget_copy(&mut self) {
        self.etag = None;
        self.last_modified = None;
    }
}

/// The file with one more extension.
pub(super) fn beside(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

fn file(source: &DirectorySource) -> PathBuf {
    beside(&source.file, "fetch")
}
