//! `check-config`: tests everything that the service needs, as the service would use it.
//!
//! | what | how |
//! |---|---|
//! | configuration | read; the provider's settings tested by the plug-in |
//! | clock | not before our certificate and the directory were made; synchronised |
//! | identity | the key signs what the certificate verifies; validity; rfc822Name |
//! | rehearsal | a message through all points in a store in memory, its receipt examined: chain, roots, directory, From |
//! | directory | our domains and certificate stand in it, under our service mailbox |
//! | store | opened and written; on PostgreSQL, connections enough |
//! | servers | injection port and LMTP greet; LMTP knows the service mailbox; clamd finds EICAR |
//! | mailboxes | the service mailbox is found, one that cannot exist is not |
//! | Postfix | socket folders can be reached by its user; the settings that octets depend on ([`postfix`]) |

use std::path::Path;
use std::process::ExitCode;

use ceralacca_host::provider::Folder;

use crate::config::Config;
pub use finding::{Finding, Level};

mod dialogue;
pub mod finding;
mod identity;
pub mod postconf;
pub mod postfix;
mod rehearsal;
mod servers;
mod sockets;
mod store;

/// Tests everything and prints a line for each; 1 if anything fails.
pub fn run(path: &Path) -> ExitCode {
    let mut worst = Level::Ok;
    check(path, &mut |finding| {
        worst = worst.max(finding.level);
        println!("{finding}");
    });
    match worst {
        Level::Fail => ExitCode::FAILURE,
        Level::Ok | Level::Warn => ExitCode::SUCCESS,
    }
}

/// Tests everything; each finding is told as soon as it is there.
pub fn check(path: &Path, tell: &mut dyn FnMut(Finding)) {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return tell(Finding::fail("configuration", error.to_string())),
    };
    tell(Finding::ok(format!("configuration: {}", path.display())));
    let folder = Config::folder(path);
    let look = Look {
        config: &config,
        folder: &folder,
        path,
    };
    for finding in [identity::check(&look), rehearsal::check(&look)]
        .into_iter()
        .flatten()
    {
        tell(finding);
    }
    for does in [store::check, servers::check, sockets::check, mail_server] {
        does(&look).into_iter().for_each(&mut *tell);
    }
}

/// What is looked at.
struct Look<'a> {
    config: &'a Config,
    /// Where relative names begin.
    folder: &'a Folder,
    /// The configuration file.
    path: &'a Path,
}

/// Postfix's settings.
fn mail_server(look: &Look<'_>) -> Vec<Finding> {
    let Config {
        listen,
        injection,
        provider,
        postfix,
        ..
    } = look.config;
    let ours = postfix::Ours {
        sockets: &listen.milter,
        injection: &injection.address,
        max_size: provider.limits.max_size,
        hard_size: provider.limits.hard_size,
    };
    match postconf::Postconf::read(postfix.config_directory.as_deref()) {
        Ok(postconf) => postfix::check(&postconf, &ours),
        Err(reason) => vec![Finding::fail(
            format!("Postfix's settings cannot be read: {reason}"),
            "install postfix here, or name its folder in postfix.config-directory",
        )],
    }
}
