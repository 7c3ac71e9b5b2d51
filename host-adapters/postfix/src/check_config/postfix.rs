//! The settings of Postfix that the octets of a message depend on.
//!
//! Each was measured: with another value Postfix changes a message before the milter sees it (so
//! the envelope holds something else than the user sent), or after it was signed (so the signature
//! is broken), or lets it pass uncertified while the milter is away. Looked at as the service in
//! question sees them: `-o` of master.cf before main.cf.

use std::collections::HashSet;
use std::path::Path;

use ceralacca_host::Endpoint;

use super::finding::Finding;
use super::postconf::{Postconf, Service};

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
        found.extend(cleanup(postconf, service));
        found.push(size(postconf, service, ours));
    }
    found.extend(ROLES.iter().filter_map(|role| missing(role, &roles)));
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
    Some(match role.needed {
        true => Finding::fail(what, remedy),
        false => Finding::warn(what, remedy),
    })
}

fn role(service: &Service, name: &str) -> Finding {
    if ROLES.iter().any(|role| role.name == name) {
        return Finding::ok(format!("{service}: our milter, as {name}"));
    }
    let names: Vec<_> = ROLES.iter().map(|role| role.name).collect();
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
fn cleanup(postconf: &Postconf, smtpd: &Service) -> Vec<Finding> {
    let name = postconf
        .of(smtpd, "cleanup_service_name")
        .unwrap_or_default();
    match postconf.service(name, "unix") {
        Some(cleanup) => apply(postconf, cleanup, CLEANUP),
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
    found.push(reach(service));
    found.push(room(postconf, service, ours));
    found
}

/// Whoever can connect to it sends as the provider.
fn reach(service: &Service) -> Finding {
    let local = ["127.", "[::1]:", "localhost:"];
    if local.iter().any(|prefix| service.name.starts_with(prefix)) {
        return Finding::ok(format!("{service}: listens on this machine only"));
    }
    Finding::warn(
        format!("{service}: not bound to a loopback address"),
        "name it 127.0.0.1:PORT in master.cf, or keep strangers out with a firewall",
    )
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

// ---- rules about single parameters -----------------------------------------------------------

/// One parameter, the values that will do, and what happens with others.
struct Rule {
    parameter: &'static str,
    fits: fn(&str) -> bool,
    /// A value that will do.
    set: &'static str,
    /// What happens with another one.
    otherwise: &'static str,
    /// Is mail damaged or lost by it?
    fatal: bool,
}

fn apply(postconf: &Postconf, service: &Service, rules: &[Rule]) -> Vec<Finding> {
    let finding = |rule: &Rule| {
        // A version that does not know it does not do what it would turn off.
        let value = postconf.of(service, rule.parameter)?;
        let what = format!("{service}: {}={value}", rule.parameter);
        if (rule.fits)(value) {
            return Some(Finding::ok(what));
        }
        let what = format!("{what}: {}", rule.otherwise);
        let remedy = format!("add -o {}={} to it in master.cf", rule.parameter, rule.set);
        Some(match rule.fatal {
            true => Finding::fail(what, remedy),
            false => Finding::warn(what, remedy),
        })
    };
    rules.iter().filter_map(finding).collect()
}

fn is_empty(value: &str) -> bool {
    value.trim().is_empty()
}

fn is_no(value: &str) -> bool {
    value.eq_ignore_ascii_case("no")
}

fn lists(value: &str, word: &str) -> bool {
    let mut words = value.split([',', ' ', '\t']);
    words.any(|listed| listed.eq_ignore_ascii_case(word))
}

/// Of each service with our milter.
const SMTPD: &[Rule] = &[
    Rule {
        parameter: "local_header_rewrite_clients",
        fits: is_empty,
        set: "",
        otherwise: "Postfix adds Date, Message-ID and From, and completes bare addresses",
        fatal: true,
    },
    Rule {
        parameter: "smtpd_forbid_bare_newline",
        fits: |value| !is_no(value),
        set: "reject",
        otherwise: "a bare LF becomes CRLF, and one message can pretend to be two (SMTP smuggling)",
        fatal: true,
    },
    Rule {
        parameter: "smtpd_forbid_bare_newline",
        fits: |value| value.eq_ignore_ascii_case("reject") || is_no(value),
        set: "reject",
        otherwise: "a bare LF in a message becomes CRLF",
        fatal: false,
    },
    Rule {
        parameter: "smtpd_forbid_bare_newline_exclusions",
        fits: is_empty,
        set: "",
        otherwise: "for these clients a bare LF becomes CRLF",
        fatal: false,
    },
    Rule {
        parameter: "force_mime_input_conversion",
        fits: is_no,
        set: "no",
        otherwise: "Postfix recodes 8-bit content before we see it",
        fatal: true,
    },
];

/// Of the service that users hand messages in to.
const ACCESS_ONLY: &[Rule] = &[
    Rule {
        parameter: "smtpd_sasl_auth_enable",
        fits: |value| value.eq_ignore_ascii_case("yes"),
        set: "yes",
        otherwise: "nobody can log in, and only who has logged in may hand in certified mail",
        fatal: true,
    },
    Rule {
        parameter: "smtpd_discard_ehlo_keywords",
        fits: |value| lists(value, "8bitmime") && lists(value, "smtputf8"),
        set: "8bitmime,smtputf8",
        otherwise: "clients may send 8-bit originals, which must be re-encoded to be signed, or refused",
        fatal: false,
    },
];

/// Of the cleanup behind a service with our milter.
const CLEANUP: &[Rule] = &[
    Rule {
        parameter: "message_drop_headers",
        fits: is_empty,
        set: "",
        otherwise: "Postfix removes Bcc before we can refuse it (RFC 6109 §3.1.1)",
        fatal: true,
    },
    Rule {
        parameter: "cleanup_replace_stray_cr_lf",
        fits: is_no,
        set: "no",
        otherwise: "a bare CR becomes a blank",
        fatal: true,
    },
    Rule {
        parameter: "header_checks",
        fits: is_empty,
        set: "",
        otherwise: "they may change header fields before we see them",
        fatal: false,
    },
    Rule {
        parameter: "mime_header_checks",
        fits: is_empty,
        set: "",
        otherwise: "they may change header fields before we see them",
        fatal: false,
    },
    Rule {
        parameter: "body_checks",
        fits: is_empty,
        set: "",
        otherwise: "they may change lines before we see them",
        fatal: false,
    },
];

/// Of the port without milters.
const INJECTION: &[Rule] = &[
    Rule {
        parameter: "smtpd_milters",
        fits: is_empty,
        set: "",
        otherwise: "what we have signed would come back to a milter, or be changed by one",
        fatal: true,
    },
    Rule {
        parameter: "receive_override_options",
        fits: |value| lists(value, "no_milters"),
        set: INJECTION_OPTIONS,
        otherwise: "a milter may change what we have signed",
        fatal: true,
    },
    Rule {
        parameter: "receive_override_options",
        fits: |value| lists(value, "no_header_body_checks"),
        set: INJECTION_OPTIONS,
        otherwise: "header_checks and body_checks may change what we have signed",
        fatal: true,
    },
    Rule {
        parameter: "receive_override_options",
        fits: |value| lists(value, "no_address_mappings"),
        set: INJECTION_OPTIONS,
        otherwise: "canonical, masquerade and alias maps may change addresses of what we have signed",
        fatal: false,
    },
    Rule {
        parameter: "local_header_rewrite_clients",
        fits: is_empty,
        set: "",
        otherwise: "Postfix completes header fields of what we have signed",
        fatal: true,
    },
    Rule {
        parameter: "content_filter",
        fits: is_empty,
        set: "",
        otherwise: "a filter may change what we have signed",
        fatal: true,
    },
    Rule {
        parameter: "force_mime_input_conversion",
        fits: is_no,
        set: "no",
        otherwise: "Postfix recodes what we have signed",
        fatal: true,
    },
    Rule {
        parameter: "smtpd_client_restrictions",
        fits: |value| lists(value, "reject"),
        set: "permit_mynetworks,reject",
        otherwise: "whoever reaches the port sends as the provider",
        fatal: false,
    },
];

const INJECTION_OPTIONS: &str =
    "no_milters,no_header_body_checks,no_unknown_recipient_checks,no_address_mappings";

// ---- milters ---------------------------------------------------------------------------------

/// One entry of `smtpd_milters`: `unix:/pec/milter.sock`, or `{ inet:host:port, name=value, … }`.
#[derive(Debug, PartialEq, Eq)]
struct Milter {
    address: String,
    default_action: Option<String>,
}

fn milters(list: &str) -> Vec<Milter> {
    let mut found = Vec::new();
    let mut rest = list.trim_start_matches(is_separator);
    while !rest.is_empty() {
        let (entry, after) = match rest.strip_prefix('{') {
            Some(inner) => inner.split_once('}').unwrap_or((inner, "")),
            None => rest.split_once(is_separator).unwrap_or((rest, "")),
        };
        let mut words = entry.split(is_separator).filter(|word| !word.is_empty());
        let address = words.next().unwrap_or_default().to_owned();
        let default_action = words
            .filter_map(|word| word.strip_prefix("default_action="))
            .next_back()
            .map(str::to_owned);
        found.push(Milter {
            address,
            default_action,
        });
        rest = after.trim_start_matches(is_separator);
    }
    found
}

fn is_separator(c: char) -> bool {
    c == ',' || c.is_whitespace()
}

/// Does this entry lead to one of our sockets? In a chroot even a path that begins with `/` is
/// relative to the queue directory.
fn is_ours(postconf: &Postconf, ours: &Ours<'_>, service: &Service, milter: &Milter) -> bool {
    ours.sockets.iter().any(|socket| match socket {
        Endpoint::Unix(path) => {
            let Some(named) = ["unix:", "local:"]
                .iter()
                .find_map(|kind| milter.address.strip_prefix(kind))
            else {
                return false;
            };
            let queue = Path::new(postconf.get("queue_directory").unwrap_or_default());
            let seen = match service.chroot {
                true => queue.join(named.trim_start_matches('/')),
                false => queue.join(named),
            };
            seen == *path
        }
        Endpoint::Inet(address) => {
            let Some(named) = milter.address.strip_prefix("inet:") else {
                return false;
            };
            // Sendmail's way of writing it.
            let named = match named.split_once('@') {
                Some((port, host)) => format!("{host}:{port}"),
                None => named.to_owned(),
            };
            same_port(&named, address)
        }
    })
}

/// `127.0.0.1:25` and `localhost:25`, and `25` alone, mean the same port of this machine.
fn same_port(named: &str, address: &str) -> bool {
    let split = |text: &str| match text.rsplit_once(':') {
        Some((host, port)) => (host.to_owned(), port.to_owned()),
        None => (String::new(), text.to_owned()),
    };
    let ((a, port), (b, other)) = (split(named), split(address));
    let local = |host: &str| {
        host.is_empty() || host.starts_with("127.") || matches!(host, "localhost" | "[::1]")
    };
    port == other && (a == b || (local(&a) && local(&b)))
}

/// A role, as `milter_macro_daemon_name` names it.
struct Role {
    name: &'static str,
    needed: bool,
    without: &'static str,
}

const ACCESS: &str = "PEC-ACCESS";

const ROLES: &[Role] = &[
    Role {
        name: ACCESS,
        needed: true,
        without: "users cannot hand in messages",
    },
    Role {
        name: "PEC-INCOMING",
        needed: true,
        without: "messages of other providers are not taken in",
    },
    Role {
        name: "PEC-BOUNCES",
        needed: false,
        without: "users do not learn that a message could not leave before the timers say so",
    },
];

/// Octets: header, certified data, text and signature around an original.
const OVERHEAD: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_milters_are_read_as_postfix_does() {
        let read = milters(
            "unix:/a, { inet:host:1, connect_timeout=10s, default_action=accept } inet:2@h",
        );
        let addresses: Vec<_> = read.iter().map(|milter| milter.address.as_str()).collect();
        assert_eq!(addresses, ["unix:/a", "inet:host:1", "inet:2@h"]);
        assert_eq!(read[1].default_action.as_deref(), Some("accept"));
        assert_eq!(milters(" , "), []);
    }

    #[test]
    fn one_port_has_several_names() {
        assert!(same_port("10026", "127.0.0.1:10026"));
        assert!(same_port("localhost:10026", "127.0.0.1:10026"));
        assert!(!same_port("10027", "127.0.0.1:10026"));
        assert!(!same_port("192.0.2.1:10026", "127.0.0.1:10026"));
    }
}
