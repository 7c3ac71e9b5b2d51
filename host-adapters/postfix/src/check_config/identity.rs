//! Key, certificate and clock.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ceralacca_host::provider::Identity;

use super::Look;
use super::finding::Finding;
use super::servers::is_to_come;
use crate::service::assemble;

pub(super) fn check(look: &Look<'_>) -> Vec<Finding> {
    let identity = match assemble::identity(look.config, look.folder) {
        Ok(identity) => identity,
        Err(error) => return vec![Finding::fail("certificate", error.to_string())],
    };
    let now = SystemTime::now();
    vec![
        key(look, &identity),
        validity(&identity, now),
        address(look, &identity),
        clock(look, now),
        synchronised(),
    ]
}

fn key(look: &Look<'_>, identity: &Identity) -> Finding {
    let signer = match assemble::signer(look.config, look.folder) {
        Ok(signer) => signer,
        Err(error) => return Finding::fail("signing key", error.to_string()),
    };
    match identity.check_key(&*signer) {
        Ok(()) => Finding::ok("the signing key belongs to the certificate"),
        Err(error) => Finding::fail(
            format!("signing key: {error}"),
            "name a key (provider.files.key, or signer) and a certificate \
             (provider.files.certificate) that belong together",
        ),
    }
}

fn validity(identity: &Identity, now: SystemTime) -> Finding {
    let now = seconds(now);
    let days = |seconds: u64| seconds / Duration::from_secs(86_400).as_secs();
    let renew = "have the certificate renewed, and put the new one into the directory first";
    if now < identity.not_before {
        let what = format!(
            "the certificate begins in {} days",
            days(identity.not_before - now)
        );
        return Finding::fail(what, "set the clock, or use the certificate that holds now");
    }
    if now > identity.not_after {
        let what = format!(
            "the certificate ended {} days ago",
            days(now - identity.not_after)
        );
        return Finding::fail(what, renew);
    }
    let left = days(identity.not_after - now);
    let what = format!("the certificate holds now, and for {left} days");
    match left {
        0..RENEWAL => Finding::warn(what, renew),
        _ => Finding::ok(what),
    }
}

/// Mail clients compare it with From.
fn address(look: &Look<'_>, identity: &Identity) -> Finding {
    let ours = look.config.provider.service_address.as_str();
    if identity
        .addresses
        .iter()
        .any(|a| a.eq_ignore_ascii_case(ours))
    {
        return Finding::ok(format!("the certificate is for {ours}"));
    }
    Finding::fail(
        format!(
            "the certificate is for [{}], and provider.service-address is {ours}",
            identity.addresses.join(", ")
        ),
        "set service-address to the certificate's rfc822Name",
    )
}

fn clock(look: &Look<'_>, now: SystemTime) -> Finding {
    let file = look.folder.file(&look.config.provider.files.directory);
    match std::fs::metadata(&file).and_then(|file| file.modified()) {
        Ok(written) if written > now + SLACK => Finding::fail(
            format!(
                "the clock is behind {}, which was written later than now",
                file.display()
            ),
            "set the clock: receipts certify times",
        ),
        Ok(_) => Finding::ok("the clock is not behind the provider directory"),
        Err(_) if is_to_come(look.config, &file) => Finding::warn(
            format!("provider directory {}: not fetched yet", file.display()),
            "start the service, which fetches it, and run check-config again: whether others will \
             accept what we sign cannot be told before",
        ),
        Err(error) => Finding::fail(
            format!("provider directory {}: {error}", file.display()),
            "put the directory there (RFC 6109 §4.5), or have it fetched (directory.url)",
        ),
    }
}

/// Times in receipts are evidence (PRACTICE 6): who keeps the clock?
fn synchronised() -> Finding {
    let mut timedatectl = Command::new("timedatectl");
    let asked = timedatectl
        .args(["show", "--property=NTPSynchronized", "--value"])
        .output();
    let remedy = "run chrony or systemd-timesyncd: receipts certify times";
    match asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()) {
        Ok(word) if word == "yes" => Finding::ok("the clock is synchronised"),
        Ok(word) if word == "no" => Finding::warn("the clock is not synchronised", remedy),
        _ => Finding::warn(
            "whether the clock is synchronised cannot be told here",
            remedy,
        ),
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Days: a renewal takes the authority and the directory some weeks.
const RENEWAL: u64 = 30;
/// Clocks of file servers differ a little.
const SLACK: Duration = Duration::from_secs(120);
