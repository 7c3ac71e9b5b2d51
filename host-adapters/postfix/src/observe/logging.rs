//! Lines on stderr, where systemd picks them up.

use std::io::IsTerminal as _;
use std::str::FromStr as _;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use crate::config::{LogConfig, LogFormat};

/// The log of this process.
pub struct Logging {
    level: reload::Handle<Targets, Registry>,
}

impl Logging {
    /// Begins to log. To be called once.
    pub fn start(config: &LogConfig) -> Self {
        let (filter, level) = reload::Layer::new(targets(&config.level));
        let stderr = fmt::layer().with_writer(std::io::stderr).with_target(false);
        let layer = match config.format {
            // systemd's journal has the time already; a terminal wants it.
            LogFormat::Text if under_systemd() => stderr.without_time().with_ansi(false).boxed(),
            LogFormat::Text => stderr.with_ansi(std::io::stderr().is_terminal()).boxed(),
            LogFormat::Json => stderr.json().flatten_event(true).boxed(),
        };
        tracing_subscriber::registry()
            .with(layer.with_filter(filter))
            .init();
        Self { level }
    }

    /// Another level from now on.
    pub fn set_level(&self, config: &LogConfig) {
        if let Err(error) = self.level.reload(targets(&config.level)) {
            tracing::error!(%error, "the log keeps its level");
        }
    }
}

/// systemd.exec(5): set when stderr goes to the journal.
fn under_systemd() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some()
}

/// The configuration has been checked for it.
fn targets(level: &str) -> Targets {
    Targets::from_str(level).unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO))
}
