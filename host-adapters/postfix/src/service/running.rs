//! One configuration in force: a host, and what else must change with it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use ceralacca_host::provider::{Error, Folder, Identity};
use ceralacca_host::{DirectoryFetcher, Host, Plugin, Queue, Stop, Store};

use super::assemble;
use crate::config::Config;
use crate::hosts::Hosts;
use crate::observe::Gauges;

/// What stays as long as the process.
#[derive(Clone)]
pub(super) struct Foundation {
    pub(super) store: Store,
    pub(super) plug_in: Plugin,
}

/// A configuration in force.
pub(super) struct Running {
    pub(super) config: Config,
    pub(super) host: Arc<Host>,
    /// Asks the workers of this host to end: another one is in force, or the service ends.
    pub(super) stop: Stop,
    /// Fetches the provider directory, if it is to be fetched.
    pub(super) fetcher: Option<DirectoryFetcher>,
    store: Store,
    identity: Identity,
    directory: PathBuf,
}

impl Running {
    /// Reads everything that the configuration names.
    pub(super) fn new(config: Config, path: &Path, foundation: &Foundation) -> Result<Self, Error> {
        let folder = Config::folder(path);
        let identity = assemble::identity(&config, &folder)?;
        Ok(Self {
            directory: directory_file(&config, &folder),
            host: Arc::new(assemble::host(&config, path, &identity, foundation)?),
            fetcher: assemble::fetcher(&config, &folder)?,
            store: foundation.store.clone(),
            stop: Stop::new(),
            identity,
            config,
        })
    }

    /// Can mail pass, as far as the store and our certificate go? If not, why.
    pub(super) fn health(&self) -> Result<String, String> {
        self.host.check_store().map_err(|error| error.to_string())?;
        let waiting = self.queue()?.oldest.unwrap_or_default();
        if waiting > OVERDUE {
            return Err(format!(
                "the outbox stands still: an item has been waiting for {waiting} s"
            ));
        }
        let ends = self.identity.not_after;
        if now() > ends {
            return Err(format!("our certificate has ended, {} s ago", now() - ends));
        }
        Ok("ok".to_owned())
    }

    /// What waits; sets the gauges that say so.
    pub(super) fn queue(&self) -> Result<Queue, String> {
        let queue = self.store.queue(now());
        queue.map_err(|error| error.to_string())
    }

    pub(super) fn gauges(&self) -> Gauges {
        let written = std::fs::metadata(&self.directory).and_then(|file| file.modified());
        Gauges {
            now: now(),
            certificate_ends: self.identity.not_after,
            directory_written: written.ok().map(seconds),
        }
    }
}

/// The one in force; whoever has taken it keeps it to the end of what they do.
pub(super) struct Current {
    running: RwLock<Arc<Running>>,
    /// Those that were in force before, as long as somebody has them: with those in force since, they
    /// share the plug-in, and its places.
    earlier: Mutex<Vec<Weak<Host>>>,
}

impl Current {
    pub(super) fn new(running: Running) -> Self {
        Self {
            running: RwLock::new(Arc::new(running)),
            earlier: Mutex::default(),
        }
    }

    pub(super) fn get(&self) -> Arc<Running> {
        Arc::clone(&self.running.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another one in force, and asks the workers of the one before to end.
    pub(super) fn replace(&self, next: Running) {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        running.stop.request();
        let before = std::mem::replace(&mut *running, Arc::new(next));
        drop(running);
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        earlier.retain(|host| host.strong_count() > 0);
        earlier.push(Arc::downgrade(&before.host));
    }

    /// What is wrong with the plug-in, and which question it has been waiting for the answer to for the longest.
    pub(super) fn explained(&self, error: String) -> String {
        let earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hosts: Vec<Arc<Host>> = earlier.iter().filter_map(Weak::upgrade).collect();
        drop(earlier);
        hosts.push(Arc::clone(&self.get().host));
        let awaited = hosts.iter().filter_map(|host| host.awaited());
        let Some((question, since)) = awaited.max_by_key(|(_, since)| *since) else {
            return error;
        };
        let seconds = since.as_secs();
        format!(
            "{error}; the question `{question}` has been waiting for its answer for {seconds} s"
        )
    }
}

impl Hosts for Current {
    fn current(&self) -> Arc<Host> {
        Arc::clone(&self.get().host)
    }
}

pub(super) fn directory_file(config: &Config, folder: &Folder) -> PathBuf {
    folder.file(&config.provider.files.directory)
}

fn now() -> u64 {
    seconds(SystemTime::now())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Seconds an item may wait before the outbox counts as standing still: several times what a try
/// takes that runs into each of its time limits.
const OVERDUE: u64 = 900;
