//! Rules about single parameters: what fits, and what happens with anything else.

use crate::check_config::finding::Finding;
use crate::check_config::postconf::{Postconf, Service};

/// One parameter, the values that will do, and what happens with others.
pub(super) struct Rule {
    parameter: &'static str,
    fits: fn(&str) -> bool,
    /// A value that will do.
    set: &'static str,
    /// What happens with another one.
    otherwise: &'static str,
    /// Is mail damaged or lost by it?
    fatal: bool,
}

pub(super) fn apply(postconf: &Postconf, service: &Service, rules: &[Rule]) -> Vec<Finding> {
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
pub(super) const SMTPD: &[Rule] = &[
    Rule {
        parameter: "local_header_rewrite_clients",
        fits: is_empty,
        set: "",
        otherwise: "Postfix adds Date, Message-ID and From, and completes bare addresses",
        fatal: true,
    },
    Rule {
        parameter: "remote_header_rewrite_domain",
        fits: is_empty,
        set: "",
        otherwise: "Postfix completes addresses without a domain in header fields",
        fatal: true,
    },
    Rule {
        parameter: "receive_override_options",
        fits: |value| !lists(value, "no_milters"),
        set: "",
        otherwise: "our milter is not asked, and mail passes uncertified",
        fatal: true,
    },
    Rule {
        parameter: "smtpd_milter_maps",
        fits: is_empty,
        set: "",
        otherwise: "for these clients other milters are asked, or none, and mail passes uncertified",
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
        fatal: true,
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
pub(super) const ACCESS_ONLY: &[Rule] = &[
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
pub(super) const CLEANUP: &[Rule] = &[
    Rule {
        parameter: "message_drop_headers",
        fits: is_empty,
        set: "",
        otherwise: "Postfix removes Bcc before we can refuse it (RFC 6109 §3.1.1)",
        fatal: true,
    },
    STRAY_CR,
    Rule {
        parameter: "message_reject_characters",
        fits: |value| value.contains("\\0"),
        set: "\\0",
        otherwise: "a milter sees a header field only up to its first NUL, and the rest is lost",
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
    Rule {
        parameter: "in_flow_delay",
        fits: |value| value.trim_end_matches(['s', 'm', 'h', 'd', 'w']) == "0",
        set: "0",
        otherwise: "Postfix has messages wait for its queue manager, which never sees what we take: \
                    after a hundred each takes a second longer",
        fatal: false,
    },
];

/// Of the cleanup behind the port without milters.
pub(super) const INJECTION_CLEANUP: &[Rule] = &[STRAY_CR];

const STRAY_CR: Rule = Rule {
    parameter: "cleanup_replace_stray_cr_lf",
    fits: is_no,
    set: "no",
    otherwise: "a bare CR becomes a blank",
    fatal: true,
};

/// Of bounce(8), which makes the bounces.
pub(super) const BOUNCE: &[Rule] = &[Rule {
    parameter: "internal_mail_filter_classes",
    fits: |value| lists(value, "bounce"),
    set: "bounce",
    otherwise: "bounces do not meet the milter where they are made",
    fatal: false,
}];

/// Of the cleanup behind bounce(8).
pub(super) const BOUNCE_CLEANUP: &[Rule] = &[
    Rule {
        parameter: "milter_macro_daemon_name",
        fits: |value| value == super::BOUNCES,
        set: super::BOUNCES,
        otherwise: "bounces come without their role, and go through uncertified",
        fatal: false,
    },
    Rule {
        parameter: "milter_default_action",
        fits: |value| value.eq_ignore_ascii_case("accept"),
        set: "accept",
        otherwise: "while this service is away Postfix cannot make its bounces",
        fatal: true,
    },
];

/// Of the port without milters.
pub(super) const INJECTION: &[Rule] = &[
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
