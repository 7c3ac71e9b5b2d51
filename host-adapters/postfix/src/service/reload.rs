//! SIGHUP: another configuration, whole or not at all.

use std::path::Path;

use ceralacca_host::provider::Error;

use super::running::{Current, Foundation, Running};
use crate::config::Config;
use crate::observe::Logging;

/// Puts what the file now says in force; returns what came of it, in a line.
pub(super) fn reload(
    current: &Current,
    path: &Path,
    foundation: &Foundation,
    logging: &Logging,
) -> String {
    match try_reload(current, path, foundation, logging) {
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

fn try_reload(
    current: &Current,
    path: &Path,
    foundation: &Foundation,
    logging: &Logging,
) -> Result<(), Error> {
    let mut config = Config::load(path)?;
    for section in keep_what_is_bound(&mut config, &current.get().config) {
        tracing::warn!(section, "changed, and takes effect at the next start only");
    }
    let next = Running::new(config, path, foundation)?;
    logging.set_level(&next.config.log);
    current.replace(next);
    Ok(())
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
