//! Which of Postfix's milters are we?

use std::path::Path;

use ceralacca_host::Endpoint;

use super::Ours;
use crate::check_config::postconf::{Postconf, Service};

/// One entry of `smtpd_milters`: `unix:/pec/milter.sock`, or `{ inet:host:port, name=value, … }`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Milter {
    pub(super) address: String,
    pub(super) default_action: Option<String>,
}

pub(super) fn milters(list: &str) -> Vec<Milter> {
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
pub(super) fn is_ours(
    postconf: &Postconf,
    ours: &Ours<'_>,
    service: &Service,
    milter: &Milter,
) -> bool {
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
pub(super) fn same_port(named: &str, address: &str) -> bool {
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
