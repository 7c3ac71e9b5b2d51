//! Where everything is remembered.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use ceralacca_host::{Connections, Store};

use super::Look;
use super::finding::Finding;
use crate::service::assemble;

pub(super) fn check(look: &Look<'_>) -> Vec<Finding> {
    if look.config.store.postgres.is_some() {
        return findings(look, "the database");
    }
    let folder = &look.config.store.folder;
    // Opening makes it; made by root, it would be closed to the service.
    if !folder.join(DATABASE).exists() {
        let what = format!("there is no store in {} yet", folder.display());
        return vec![match could_be_made_in(folder) {
            Ok(()) => Finding::ok(format!("{what}: the first start makes it")),
            Err(error) => Finding::fail(
                format!("{what}, and none can be made: {error}"),
                "make the folder, for the service's user only (mode 0700)",
            ),
        }];
    }
    findings(look, &format!("the store in {}", folder.display()))
}

fn could_be_made_in(folder: &Path) -> io::Result<()> {
    let trial = folder.join(".check-config");
    File::create_new(&trial)?;
    fs::remove_file(trial)
}

fn findings(look: &Look<'_>, name: &str) -> Vec<Finding> {
    match assemble::store(look.config) {
        Ok(store) => [writable(&store, name)]
            .into_iter()
            .chain(connections(&store))
            .collect(),
        Err(error) => vec![Finding::fail("store", error.to_string())],
    }
}

/// Those that are one too many are refused under load only.
fn connections(store: &Store) -> Option<Finding> {
    let Connections { ours, allowed, .. } = store.connections().ok()??;
    let what = format!(
        "this host opens up to {ours} connections to the database, which allows {allowed} to all hosts"
    );
    Some(if ours <= allowed {
        Finding::ok(what)
    } else {
        Finding::warn(what, "raise its max_connections, or lower limits.workers")
    })
}

fn writable(store: &Store, name: &str) -> Finding {
    match store.check_writable() {
        Ok(()) => Finding::ok(format!("{name} can be written, and is up to date")),
        Err(error) => Finding::fail(
            format!("{name}: {error}"),
            "make room, or let us write there",
        ),
    }
}

const DATABASE: &str = "store.sqlite";
