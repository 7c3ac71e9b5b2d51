//! Where everything is remembered.

use super::Look;
use super::finding::Finding;
use crate::service::assemble;

pub(super) fn check(look: &Look<'_>) -> Vec<Finding> {
    if look.config.store.postgres.is_some() {
        return vec![writable(look, "the database")];
    }
    let folder = &look.config.store.folder;
    // Opening makes it; made by root, it would be closed to the service.
    if !folder.join(DATABASE).exists() {
        let what = format!("there is no store in {} yet", folder.display());
        return vec![match folder.is_dir() {
            true => Finding::ok(format!("{what}: the first start makes it")),
            false => Finding::fail(
                what,
                "make the folder, for the service's user only (mode 0700)",
            ),
        }];
    }
    vec![writable(
        look,
        &format!("the store in {}", folder.display()),
    )]
}

fn writable(look: &Look<'_>, name: &str) -> Finding {
    let store = match assemble::store(look.config) {
        Ok(store) => store,
        Err(error) => return Finding::fail("store", error.to_string()),
    };
    match store.check_writable() {
        Ok(()) => Finding::ok(format!("{name} can be written, and is up to date")),
        Err(error) => Finding::fail(
            format!("{name}: {error}"),
            "make room, or let us write there",
        ),
    }
}

const DATABASE: &str = "store.sqlite";
