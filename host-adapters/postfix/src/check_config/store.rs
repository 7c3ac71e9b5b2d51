//! Where everything is remembered.

use ceralacca_host::Store;

use super::Look;
use super::finding::Finding;

pub(super) fn check(look: &Look<'_>) -> Vec<Finding> {
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
    let opened = Store::open(folder).and_then(|store| store.check_writable());
    vec![match opened {
        Ok(()) => Finding::ok(format!(
            "the store in {} can be written, and is up to date",
            folder.display()
        )),
        Err(error) => Finding::fail("store", error.to_string()),
    }]
}

const DATABASE: &str = "store.sqlite";
