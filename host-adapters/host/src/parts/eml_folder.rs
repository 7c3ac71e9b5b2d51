//! The network as a folder: one `.eml` file and one `.json` file for each message that leaves.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Relay, RelayItem, RelayOutcome};
use crate::{durable, kind_name};

/// Writes what leaves into a folder, as `NNNNNN-KIND.eml` with its envelope in `NNNNNN-KIND.json`.
///
/// NNNNNN is [`RelayItem::seq`], so a repetition writes the same files. The sidecar is written
/// last: where it is, the message is whole. Its members: `seq`, `key`, `kind`, `pec_id` (or
/// null), `message_id`, `reverse_path`, `recipients`, `at` (seconds since 1970), `size` (octets).
#[derive(Clone, Debug)]
pub struct EmlFolder {
    folder: PathBuf,
}

impl EmlFolder {
    /// The folder, which is made when first needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    fn write(&self, item: &RelayItem<'_>) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let stem = stem(item);
        let sidecar = json!({
            "seq": item.seq,
            "key": item.key,
            "kind": kind_name(item.kind),
            "pec_id": item.pec_id,
            "message_id": item.message_id,
            "reverse_path": item.reverse_path,
            "recipients": item.recipients,
            "at": item.at,
            "size": item.body.len(),
        });
        self.put(&format!("{stem}.eml"), |to| item.body.copy_to(to))?;
        self.put(&format!("{stem}.json"), |to| writeln!(to, "{sidecar:#}"))
    }

    fn put(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let temporary: &Path = &self.folder.join(format!(".{name}.tmp"));
        durable::replace(&self.folder.join(name), temporary, write)
    }
}

impl Relay for EmlFolder {
    fn relay(&self, item: &RelayItem<'_>) -> RelayOutcome {
        match self.write(item) {
            Ok(()) => RelayOutcome::Handed,
            Err(error) => {
                RelayOutcome::Later(format!("outbox folder {}: {error}", self.folder.display()))
            }
        }
    }
}

/// `000017-transport-envelope`. The names of kinds that the law may yet invent come from the
/// plug-in, so what is not a letter, digit or hyphen becomes a hyphen.
fn stem(item: &RelayItem<'_>) -> String {
    let kind: String = kind_name(item.kind)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    format!("{:06}-{kind}", item.seq)
}
