//! Entry points for fuzzing: every parser of foreign octets, and whole conversations, with what
//! must hold of their results. Not part of the interface (feature `fuzzing`).
//!
//! A target takes any octets and panics when a promise is broken. `tests/fuzz` runs them under
//! libFuzzer; `tests/fuzz_corpus.rs` replays the committed corpus with every finding of the past.

mod conversations;
mod data;
mod host;
mod mail;
mod signatures;

/// Panics if a promise is broken.
pub type Target = fn(&[u8]);

/// Name and entry point of every target; the name is that of its corpus folder.
pub const TARGETS: &[(&str, Target)] = &[
    ("mime_scan", mail::mime_scan),
    ("recode", mail::recode),
    ("brief", mail::brief),
    ("address_list", mail::address_list),
    ("cms", signatures::cms),
    ("certificate", signatures::certificate),
    ("crl", signatures::crl),
    ("daticert", data::daticert),
    ("ldif", data::ldif),
    ("directory", data::signed_directory),
    ("text_template", data::text_template),
    ("submission", conversations::submission),
    ("arrival", conversations::arrival),
];

/// Runs the target of this name.
///
/// # Panics
/// There is no such target, or the octets break a promise: the text says which.
pub fn run(target: &str, octets: &[u8]) {
    let (_, run) = TARGETS
        .iter()
        .find(|(name, _)| *name == target)
        .unwrap_or_else(|| panic!("no target {target}"));
    run(octets);
}
