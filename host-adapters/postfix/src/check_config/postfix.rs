//! The settings of Postfix that the octets of a message depend on.
//!
//! Each was measured: with another value Postfix changes a message before the milter sees it (so
//! the envelope holds something else than the user sent), or after it was signed (so the signature
//! is broken), or lets it pass uncertified while the milter is away. Looked at as the service in
//! question sees them: `-o` of master.cf before main.cf.

use std::collections::HashSet;

use ceralacca_host::Endpoint;

use super::finding::Finding;
use super::postconf::{Postconf, Service};
use milters::{Milter, is_ours, milters, same_port};
use rules::{ACCESS_ONLY, CLEANUP, INJECTION, INJECTION_CLEANUP, Rule, SMTPD, apply};

mod bounces;
mod milters;
mod rules;

/// What of our own configuration Postfix must fit.
#[derive(Debug)]
pub struct Ours<'a> {
    /// The sockets the milter listens on.
    pub sockets: &'a [Endpoint],
    /// The port without milters.
    pub injection: &'a Endpoint,
    /// `provider.limits.max-size`: the largest message that we accept.
    pub max_size: u64,
    /// `provider.limits.hard-size`: larger ones get an SMTP error and no notice.
    pub hard_size: u64,
}

/// Looks at all of them.
pub fn check(postconf: &Postconf, ours: &Ours<'_>) -> Vec<Finding> {
    let mut found = vec![milter_protocol(postconf)];
    let mut roles = Vec::new();
    for service in postconf.running("smtpd") {
        let milters = milters(postconf.of(service, "smtpd_milters").unwrap_or_default());
        let (mine, others): (Vec<_>, Vec<_>) = milters
            .iter()
            .partition(|milter| is_ours(postconf, ours, service, milter));
        let Some(milter) = mine.first() else { continue };
        let name = postconf
            .of(service, "milter_macro_daemon_name")
            .unwrap_or_default();
        roles.push(name.to_owned());
        found.push(role(service, name));
        found.push(default_action(postconf, service, milter));
        found.extend(others.iter().map(|other| {
            let remedy = format!("leave it out of {service}, or be sure that it changes nothing");
            Finding::warn(
                format!("{service}: {} may change messages before us", other.address),
                remedy,
            )
        }));
        found.extend(apply(postconf, service, SMTPD));
        if name == ACCESS {
            found.extend(apply(postconf, service, ACCESS_ONLY));
        }
        found.extend(cleanup(postconf, service, CLEANUP));
        found.push(size(postconf, service, ours));
    }
    found.extend(ROLES.iter().filter_map(|role| missing(role, &roles)));
    found.extend(bounces::check(postconf, ours));
    found.extend(injection(postconf, ours));
    // Services share a cleanup, and rules a parameter.
    let mut told = HashSet::new();
    found.retain(|finding| told.insert(finding.to_string()));
    found
}

/// A role that no service has.
fn missing(role: &Role, present: &[String]) -> Option<Finding> {
    if present.iter().any(|name| name == role.name) {
        return None;
    }
    let what = format!(
        "no smtpd of master.cf has our milter and is {}: {}",
        role.name, role.without
    );
    let remedy = format!(
        "add the service of examples/postfix/master.cf with milter_macro_daemon_name={}, \
         and smtpd_milters=SOCKET as in `listen.milter`",
        role.name
    );
    Some(Finding::fail(what, remedy))
}

fn role(service: &Service, name: &str) -> Finding {
    if ROLES.iter().any(|role| role.name == name) || name == BOUNCES {
        return Finding::ok(format!("{service}: our milter, as {name}"));
    }
    let names: Vec<_> = ROLES
        .iter()
        .map(|role| role.name)
        .chain([BOUNCES])
        .collect();
    Finding::fail(
        format!("{service}: our milter, with the unknown role milter_macro_daemon_name={name}"),
        format!("set it to one of {}", names.join(", ")),
    )
}

/// While we are away nothing may pass.
fn default_action(postconf: &Postconf, service: &Service, milter: &Milter) -> Finding {
    let general = postconf
        .of(service, "milter_default_action")
        .unwrap_or_default();
    let action = milter.default_action.as_deref().unwrap_or(general);
    let what = format!("{service}: milter_default_action={action}");
    if action == "tempfail" {
        return Finding::ok(what);
    }
    Finding::fail(
        format!(
            "{what}: while this service is away mail is not deferred but {}",
            match action {
                "accept" => "passes uncertified",
                _ => "turned away",
            }
        ),
        "set milter_default_action=tempfail",
    )
}

/// The cleanup that the service hands its messages to.
fn cleanup(postconf: &Postconf, smtpd: &Service, rules: &[Rule]) -> Vec<Finding> {
    let name = postconf
        .of(smtpd, "cleanup_service_name")
        .unwrap_or_default();
    match postconf.service(name, "unix") {
        Some(cleanup) => apply(postconf, cleanup, rules),
        None => vec![Finding::fail(
            format!("{smtpd}: cleanup_service_name={name}, and master.cf has no such service"),
            "add the service `pecclean` of examples/postfix/master.cf",
        )],
    }
}

/// Postfix must not refuse what we would have answered with a notice.
fn size(postconf: &Postconf, service: &Service, ours: &Ours<'_>) -> Finding {
    let limit = octets(postconf, service);
    let what = format!("{service}: message_size_limit={limit}");
    if limit == 0 || limit >= ours.hard_size {
        return Finding::ok(what);
    }
    Finding::warn(
        format!("{what}: what is larger is refused without the notice that we would send"),
        format!(
            "set message_size_limit={} in main.cf, or lower provider.limits.hard-size",
            ours.hard_size
        ),
    )
}

/// The port through which what we have signed leaves.
fn injection(postconf: &Postconf, ours: &Ours<'_>) -> Vec<Finding> {
    let Endpoint::Inet(address) = ours.injection else {
        let what = format!(
            "injection.address is {}, which Postfix cannot listen on",
            ours.injection
        );
        return vec![Finding::fail(what, "write inet:127.0.0.1:PORT")];
    };
    let Some(service) = postconf
        .running("smtpd")
        .find(|s| s.kind == "inet" && same_port(&s.name, address))
    else {
        return vec![Finding::fail(
            format!("no smtpd of master.cf listens on injection.address, {address}"),
            "add the service of examples/postfix/master.cf, or change injection.address",
        )];
    };
    let mut found = apply(postconf, service, INJECTION);
    found.extend(cleanup(postconf, service, INJECTION_CLEANUP));
    found.push(reach(service));
    found.push(room(postconf, service, ours));
    found
}

/// Whoever can connect to it sends as the provider.
fn reach(service: &Service) -> Finding {
    if is_local(service) {
        return Finding::ok(format!("{service}: listens on this machine only"));
    }
    Finding::warn(
        format!("{service}: not bound to a loopback address"),
        "name it 127.0.0.1:PORT in master.cf, or keep strangers out with a firewall",
    )
}

/// Can nobody from elsewhere connect to it?
fn is_local(service: &Service) -> bool {
    let local = ["127.", "[::1]:", "localhost:"];
    local.iter().any(|prefix| service.name.starts_with(prefix))
}

/// What we signed is larger than what came in: up to 137 % (base64), and what surrounds it.
fn room(postconf: &Postconf, service: &Service, ours: &Ours<'_>) -> Finding {
    let limit = octets(postconf, service);
    let needed = ours.max_size + ours.max_size / 8 * 3 + OVERHEAD;
    let what = format!("{service}: message_size_limit={limit}");
    match limit {
        0 => Finding::ok(what),
        limit if limit >= needed => Finding::ok(what),
        limit if limit >= ours.max_size + OVERHEAD => Finding::warn(
            format!(
                "{what}: an 8-bit original of {} octets may grow to {needed}",
                ours.max_size
            ),
            format!("add -o message_size_limit={needed} to it in master.cf"),
        ),
        _ => Finding::fail(
            format!(
                "{what}: an envelope around {} octets is larger, and will never leave",
                ours.max_size
            ),
            format!("add -o message_size_limit={needed} to it in master.cf"),
        ),
    }
}

fn milter_protocol(postconf: &Postconf) -> Finding {
    let version = postconf.get("milter_protocol").unwrap_or_default();
    let what = format!("main.cf: milter_protocol={version}");
    match version.parse::<u32>() {
        Ok(6..) => Finding::ok(what),
        _ => Finding::fail(
            format!("{what}: header fields would lose the blank after the colon"),
            "remove the line from main.cf (the default is 6)",
        ),
    }
}

fn octets(postconf: &Postconf, service: &Service) -> u64 {
    let limit = postconf.of(service, "message_size_limit");
    limit.and_then(|limit| limit.parse().ok()).unwrap_or(0)
}

/// A role that some service must have, as `milter_macro_daemon_name` names it.
struct Role {
    name: &'static str,
    without: &'static str,
}

const ACCESS: &str = "PEC-ACCESS";
const BOUNCES: &str = "PEC-BOUNCES";

const ROLES: &[Role] = &[
    Role {
        name: ACCESS,
        without: "users cannot hand in messages",
    },
    Role {
        name: "PEC-INCOMING",
        without: "messages of other providers are not taken in",
    },
];

/// Octets: header, certified data, text and signature around an original.
const OVERHEAD: u64 = 64 * 1024;
