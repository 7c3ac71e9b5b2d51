//! Mailboxes as folders: ROOT/USER@DOMAIN/{tmp,new,cur}.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{DepositItem, DepositOutcome, Depot};
use crate::{durable, pec};

/// Deposits into Maildirs (<https://cr.yp.to/proto/maildir.html>), one per address, made when
/// first needed.
///
/// The file name is `TIME.KEY.ceralacca`, the same at every try. Before writing, both `new` and
/// `cur` are searched for it: a reader may have moved the message (and appended flags) between a
/// crash and the repetition. A message that the owner deleted in between comes back once.
#[derive(Clone, Debug)]
pub struct Maildir {
    root: PathBuf,
}

impl Maildir {
    /// The Maildirs below `root`, which is made when first needed.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn store(&self, item: &DepositItem<'_>, mailbox: &Path) -> io::Result<()> {
        self.prepare(mailbox)?;
        let name = format!("{}.{}.ceralacca", item.at, item.key);
        let target = mailbox.join("new").join(&name);
        if is_there(mailbox, &name)? {
            // Found after a crash: the file is whole, but perhaps its name is not durable yet.
            return durable::sync_folder_of(&target);
        }
        // No Return-Path on top: what lies here is, octet for octet, what was signed.
        let temporary = mailbox.join("tmp").join(&name);
        durable::replace(&target, &temporary, |to| item.body.copy_to(to))
    }

    /// Makes the folders of a mailbox that has none yet, durably.
    fn prepare(&self, mailbox: &Path) -> io::Result<()> {
        // The last one made tells that all are there.
        if mailbox.join("cur").is_dir() {
            return Ok(());
        }
        for name in ["tmp", "new", "cur"] {
            fs::create_dir_all(mailbox.join(name))?;
        }
        durable::sync_folder_of(&mailbox.join("cur"))?;
        durable::sync_folder_of(mailbox)?;
        durable::sync_folder_of(&self.root)
    }
}

impl Depot for Maildir {
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
        let Some(name) = folder_name(item.recipient) else {
            return DepositOutcome::Failed(pec::Failure {
                status: "5.1.3".to_owned(),
                code: 553,
                text: format!("{:?} cannot be the name of a mailbox here", item.recipient),
                no_such_domain: false,
            });
        };
        match self.store(item, &self.root.join(name)) {
            Ok(()) => DepositOutcome::Stored,
            // A full disk, a missing right: an operator mends it, and nothing is lost meanwhile.
            Err(error) => {
                DepositOutcome::Later(format!("mailbox folder {}: {error}", self.root.display()))
            }
        }
    }
}

/// The address in lower case, where it is a harmless file name.
fn folder_name(address: &str) -> Option<String> {
    let hostile = |c: char| c == '/' || c == '\\' || c == ':' || c.is_control();
    if address.is_empty() || address.starts_with('.') || address.contains(hostile) {
        return None;
    }
    Some(address.to_lowercase())
}

/// Is a message of this base name in `new` or `cur`, with or without flags (`:2,S`)?
///
/// `new` first: messages move from there to `cur`, never back.
fn is_there(mailbox: &Path, name: &str) -> io::Result<bool> {
    if mailbox.join("new").join(name).try_exists()? {
        return Ok(true);
    }
    for entry in fs::read_dir(mailbox.join("cur"))? {
        let entry = entry?.file_name();
        let entry = entry.to_string_lossy();
        if entry.split(':').next() == Some(name) {
            return Ok(true);
        }
    }
    Ok(false)
}
