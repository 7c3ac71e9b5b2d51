//! What a check found, as one line for a postmaster.

use std::fmt;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Works, but not as well as it could, or could not be looked at.
    Warn,
    /// Mail would be refused, lost or damaged.
    Fail,
}

/// One line of `check-config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it ended.
    pub level: Level,
    /// What was looked at and what was found.
    pub what: String,
    /// What to do about it; empty where nothing need be done.
    pub remedy: String,
}

impl Finding {
    /// It is as it should be.
    pub fn ok(what: impl Into<String>) -> Self {
        Self::new(Level::Ok, what, "")
    }

    /// Something is less than it should be.
    pub fn warn(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Level::Warn, what, remedy)
    }

    /// Something must be mended before mail may pass.
    pub fn fail(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Level::Fail, what, remedy)
    }

    fn new(level: Level, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level,
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// `ok    what`, or `FAIL  what  -- remedy`: the level in a column of its own, for eyes and `grep`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        write!(f, "{level:<4}  {}", one_line(&self.what))?;
        if self.remedy.is_empty() {
            return Ok(());
        }
        write!(f, "  -- {}", one_line(&self.remedy))
    }
}

/// Servers and libraries answer in several lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
