//! Can Postfix get to our sockets?

use std::ffi::CString;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ceralacca_host::Endpoint;
use nix::unistd::{Gid, User, getgrouplist};

use super::Look;
use super::finding::Finding;
use super::postconf::Postconf;

pub(super) fn check(look: &Look<'_>) -> Vec<Finding> {
    let unix = look
        .config
        .listen
        .milter
        .iter()
        .filter_map(|socket| match socket {
            Endpoint::Unix(path) => Some(path),
            Endpoint::Inet(_) => None,
        });
    let owner = mail_owner(look);
    unix.map(|path| folder(look, path, owner.as_ref()))
        .collect()
}

/// The user as which Postfix connects.
struct Owner {
    name: String,
    uid: u32,
    gids: Vec<u32>,
}

fn mail_owner(look: &Look<'_>) -> Option<Owner> {
    let postconf = Postconf::read(look.config.postfix.config_directory.as_deref()).ok()?;
    let name = postconf.get("mail_owner")?.to_owned();
    let user = User::from_name(&name).ok()??;
    let groups = getgrouplist(&CString::new(name.clone()).ok()?, user.gid).ok()?;
    Some(Owner {
        name,
        uid: user.uid.as_raw(),
        gids: groups.into_iter().map(Gid::as_raw).collect(),
    })
}

fn folder(look: &Look<'_>, socket: &Path, owner: Option<&Owner>) -> Finding {
    let Some(folder) = socket.parent().filter(|folder| folder.is_dir()) else {
        return Finding::fail(
            format!("there is no folder for the socket {}", socket.display()),
            "make it (systemd-tmpfiles --create ceralacca-postfix.conf), owned by our user",
        );
    };
    let Some(owner) = owner else {
        return Finding::warn(
            format!(
                "whether Postfix reaches {} cannot be told",
                socket.display()
            ),
            "see to it that postconf mail_owner names a user of this machine",
        );
    };
    if let Some(closed) = folder.ancestors().find(|folder| !may(folder, owner, 0o1)) {
        return Finding::fail(
            format!(
                "{} is closed to Postfix's user {}",
                closed.display(),
                owner.name
            ),
            format!(
                "chgrp it to a group of {0} and chmod g+x, or add {0} to its group",
                owner.name
            ),
        );
    }
    // Unless we are running there is no socket; then its group is what the configuration says.
    if socket.exists() && !may(socket, owner, 0o2) {
        return Finding::fail(
            format!(
                "Postfix's user {} may not open {}",
                owner.name,
                socket.display()
            ),
            format!(
                "set listen.group to a group of {} and listen.mode to 0660 (now {:04o})",
                owner.name, look.config.listen.mode
            ),
        );
    }
    Finding::ok(format!(
        "Postfix's user {} reaches {}",
        owner.name,
        socket.display()
    ))
}

/// Does the owner have this permission (1 to search a folder, 2 to write)?
fn may(path: &Path, owner: &Owner, permission: u32) -> bool {
    let Ok(file) = path.metadata() else {
        return false;
    };
    let shift = if file.uid() == owner.uid {
        6
    } else if owner.gids.contains(&file.gid()) {
        3
    } else {
        0
    };
    file.mode() >> shift & permission != 0
}
