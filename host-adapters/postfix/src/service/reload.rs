//! SIGHUP: another configuration, whole or not at all.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use ceralacca_host::provider::Error;

use super::running::{Current, Foundation, Running};
use crate::config::Config;
use crate::observe::Logging;

/// Reloads, one at a time, beside the thread that hears signals: what a configuration names may hang, and
/// neither the end nor a sign of life is to wait for it.
pub(super) struct Reloads {
    with: Arc<With>,
    asked: bool,
    under_way: Option<JoinHandle<String>>,
}

/// What a reload works with.
pub(super) struct With {
    pub(super) path: PathBuf,
    pub(super) current: Arc<Current>,
    pub(super) foundation: Foundation,
    pub(super) logging: Logging,
}

impl Reloads {
    pub(super) fn new(with: With) -> Self {
        Self {
            with: Arc::new(with),
            asked: false,
            under_way: None,
        }
    }

    /// There is to be one that begins after now.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    /// Begins the one that was asked for; false: none was, one is still under way, or it could not begin,
    /// as the log says.
    pub(super) fn begin(&mut self) -> bool {
        if !self.asked || self.under_way.is_some() {
            return false;
        }
        self.asked = false;
        let with = Arc::clone(&self.with);
        let thread = thread::Builder::new().name("reload".to_owned());
        match thread.spawn(move || with.reload()) {
            Ok(thread) => self.under_way = Some(thread),
            Err(error) => tracing::error!(%error, "the configuration before stays in force"),
        }
        self.under_way.is_some()
    }

    /// What came of the one that has ended, in a line; none: none has.
    pub(super) fn ended(&mut self) -> Option<String> {
        let thread = self.under_way.take_if(|thread| thread.is_finished())?;
        let panicked = |_| "serving with the configuration before: the reload panicked".to_owned();
        Some(thread.join().unwrap_or_else(panicked))
    }
}

impl With {
    /// Puts what the file now says in force; returns what came of it, in a line.
    fn reload(&self) -> String {
        match self.try_reload() {
            Ok(()) => {
                metrics::counter!("ceralacca_reloads_total", "result" => "ok").increment(1);
                tracing::info!("the new configuration is in force");
                "serving".to_owned()
            }
            Err(error) => {
                metrics::counter!("ceralacca_reloads_total", "result" => "refused").increment(1);
                tracing::error!(%error, "the configuration before stays in force");
                format!("serving with the configuration before: {error}")
            }
        }
    }

    fn try_reload(&self) -> Result<(), Error> {
        let mut config = Config::load(&self.path)?;
        for section in keep_what_is_bound(&mut config, &self.current.get().config) {
            tracing::warn!(section, "changed, and takes effect at the next start only");
        }
        let next = Running::new(config, &self.path, &self.foundation)?;
        self.logging.set_level(&next.config.log);
        self.current.replace(next);
        Ok(())
    }
}

/// Takes over what the process is bound to; returns where the new configuration wants it otherwise.
fn keep_what_is_bound(new: &mut Config, old: &Config) -> Vec<&'static str> {
    fn keep<T: Clone + PartialEq>(new: &mut T, old: &T) -> bool {
        let changed = new != old;
        new.clone_from(old);
        changed
    }
    // Each worker has a connection to the database.
    let pooled = old.store.postgres.is_some();
    let sections = [
        (
            "limits.workers",
            pooled && keep(&mut new.limits.workers, &old.limits.workers),
        ),
        ("store", keep(&mut new.store, &old.store)),
        ("listen", keep(&mut new.listen, &old.listen)),
        ("metrics", keep(&mut new.metrics, &old.metrics)),
        ("plug-in", keep(&mut new.plug_in, &old.plug_in)),
        ("log.format", keep(&mut new.log.format, &old.log.format)),
        (
            "limits.connections",
            keep(&mut new.limits.connections, &old.limits.connections),
        ),
        (
            "limits.octets-in-flight",
            keep(
                &mut new.limits.octets_in_flight,
                &old.limits.octets_in_flight,
            ),
        ),
    ];
    let changed = sections.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(section, _)| section).collect()
}
