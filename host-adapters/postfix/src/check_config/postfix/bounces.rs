//! The two ways on which Postfix's own bounces reach us, so that users get a notice of non-delivery.
//!
//! Where they are made: the cleanup behind bounce(8) has our milter. And from the queue:
//! `virtual_transport` hands mail for our users to a port with our milter, for the bounce that met us
//! while we were away. Either alone leaves a gap, so both are wanted.

use super::milters::{is_ours, milters, same_port};
use super::rules::{BOUNCE, BOUNCE_CLEANUP, apply};
use super::{BOUNCES, Ours, is_local};
use crate::check_config::finding::Finding;
use crate::check_config::postconf::{Postconf, Service};

pub(super) fn check(postconf: &Postconf, ours: &Ours<'_>) -> Vec<Finding> {
    let mut found = at_the_source(postconf, ours);
    found.extend(from_the_queue(postconf, ours));
    found
}

/// What bounce(8) makes goes through a cleanup with our milter.
fn at_the_source(postconf: &Postconf, ours: &Ours<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    // `bounce` for mail that failed, `defer` for mail that waited too long.
    for service in postconf.running("bounce").filter(|s| s.name != "trace") {
        let name = postconf
            .of(service, "cleanup_service_name")
            .unwrap_or_default();
        let cleanup = postconf.service(name, "unix");
        let Some(cleanup) = cleanup.filter(|cleanup| has_us(postconf, ours, cleanup)) else {
            found.push(Finding::warn(
                format!(
                    "{service}: the bounces it makes go through {name}/unix, which has not our milter"
                ),
                "add `pecbounce` of examples/postfix/master.cf, and to this service \
                 -o cleanup_service_name=pecbounce -o internal_mail_filter_classes=bounce",
            ));
            continue;
        };
        found.push(Finding::ok(format!(
            "{service}: the bounces it makes meet our milter in {cleanup}"
        )));
        found.extend(apply(postconf, service, BOUNCE));
        found.extend(apply(postconf, cleanup, BOUNCE_CLEANUP));
    }
    found
}

/// A cleanup asks milters of its own for mail that comes from no smtpd.
fn has_us(postconf: &Postconf, ours: &Ours<'_>, cleanup: &Service) -> bool {
    let listed = postconf.of(cleanup, "non_smtpd_milters");
    let listed = milters(listed.unwrap_or_default());
    listed
        .iter()
        .any(|milter| is_ours(postconf, ours, cleanup, milter))
}

/// Mail that Postfix has for our users leads to a port named PEC-BOUNCES.
fn from_the_queue(postconf: &Postconf, ours: &Ours<'_>) -> Vec<Finding> {
    let is_port = |service: &&Service| {
        let listed = milters(postconf.of(service, "smtpd_milters").unwrap_or_default());
        let name = postconf.of(service, "milter_macro_daemon_name");
        name == Some(BOUNCES) && listed.iter().any(|m| is_ours(postconf, ours, service, m))
    };
    let ports: Vec<_> = postconf.running("smtpd").filter(is_port).collect();
    let mut found: Vec<_> = ports.iter().map(|port| reach(port)).collect();
    let way = postconf.get("virtual_transport").unwrap_or_default();
    let what = format!("main.cf: virtual_transport={way}");
    let (transport, next_hop) = way.split_once(':').unwrap_or((way, ""));
    // Brackets: no MX.
    let next_hop = next_hop.replace(['[', ']'], "");
    let leads_there = ports.iter().any(|port| same_port(&port.name, &next_hop));
    found.push(match postconf.service(transport, "unix") {
        _ if !leads_there => Finding::warn(
            format!(
                "{what} leads to no port with our milter named {BOUNCES}: bounces for our users from \
                 Postfix's queue do not become notices"
            ),
            "add 127.0.0.1:10027 and `pecloop` of examples/postfix/master.cf, and set \
             virtual_transport=pecloop:[127.0.0.1]:10027 in main.cf",
        ),
        None => Finding::fail(
            format!("{what}: master.cf has no service `{transport}`, and mail for our users waits"),
            "add `pecloop` of examples/postfix/master.cf",
        ),
        Some(_) => Finding::ok(what),
    });
    found
}

/// What comes in there is believed to be Postfix's own word on what became of a message.
fn reach(port: &Service) -> Finding {
    if is_local(port) {
        return Finding::ok(format!("{port}: listens on this machine only"));
    }
    Finding::fail(
        format!("{port}: not bound to a loopback address: strangers can forge bounces"),
        "name it 127.0.0.1:PORT in master.cf",
    )
}
