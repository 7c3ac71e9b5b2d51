//! Named points at which a test can kill the process, as a power cut would.
//!
//! `CERALACCA_CRASH_AT=after-commit` aborts the process the first time it passes that point,
//! `after-commit:3` the third time. Unset, a point costs one load of a variable. Nothing is
//! flushed, no destructor runs: what a later process finds is what a real crash leaves.
//!
//! The names are stable; [`POINTS`] lists them with what a crash there must not lose or double.

use std::process::abort;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Every point, in the order in which a message meets them, and what it stands for.
pub const POINTS: &[(&str, &str)] = &[
    (
        "after-spool",
        "a large message is in the spool, not yet synced, and no row names it",
    ),
    (
        "before-loop-at-once",
        "our own incoming point is about to be asked of what is not in the store yet",
    ),
    (
        "before-commit",
        "the outcome is known; nothing of it is in the store",
    ),
    (
        "inside-commit",
        "all rows are said, and nothing is committed",
    ),
    ("after-commit", "all is durable; the client has not heard"),
    ("before-relay", "a relay is about to be handed over"),
    (
        "after-relay-before-mark",
        "the network has it; the store does not know",
    ),
    ("before-deposit", "a deposit is about to be made"),
    (
        "after-deposit-before-mark",
        "the mailbox has it; the store does not know",
    ),
    (
        "after-verdict",
        "the store knows how the deposit ended; the plug-in does not",
    ),
    (
        "before-loop",
        "our own incoming point is about to be given a message of the outbox",
    ),
    ("file-written", "a file is written under a temporary name"),
    (
        "file-named",
        "a file has its name; the folder is not synced",
    ),
    (
        "before-sweep",
        "the store has forgotten spool files that are still there",
    ),
];

/// The name of the environment variable.
pub const VARIABLE: &str = "CERALACCA_CRASH_AT";

/// Ends the process here if the environment says so.
///
/// `name` is one of [`POINTS`]; the tests check that every point is passed.
pub fn point(name: &str) {
    if let Some(plan) = PLAN.get_or_init(Plan::from_environment) {
        plan.meet(name);
    }
}

/// Read once: changing the environment of a running process is not safe anyway.
static PLAN: OnceLock<Option<Plan>> = OnceLock::new();

struct Plan {
    name: String,
    /// How many more times the point may be passed.
    left: AtomicU64,
}

impl Plan {
    fn from_environment() -> Option<Self> {
        let value = std::env::var(VARIABLE).ok()?;
        let (name, count) = match value.split_once(':') {
            Some((name, count)) => (name, count.parse().ok()),
            None => (value.as_str(), Some(1)),
        };
        if count.is_none() || !POINTS.iter().any(|(known, _)| *known == name) {
            // A test that kills nothing would pass for the wrong reason.
            tracing::error!(value, "{VARIABLE} names no crash point");
            abort();
        }
        Some(Self {
            name: name.to_owned(),
            left: AtomicU64::new(count.unwrap_or(1)),
        })
    }

    fn meet(&self, name: &str) {
        if self.name == name && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            abort();
        }
    }
}
