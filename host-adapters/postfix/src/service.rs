//! The service: threads around a host, and signals.
//!
//! ```text
//!  milter ──▶ submit, arrive        what Postfix hands over, one thread for each connection
//!  workers ─▶ run_outbox_workers    what was committed leaves
//!  ticker ──▶ tick_beside_workers   deadlines, the directory file; once a minute
//!  directory ▶ refresh               fetched once a day, where it is to be fetched
//!  http ────▶ /metrics, /healthz
//!  reload ──▶ another configuration, as long as it takes to put it together
//!  main ────▶ SIGTERM, SIGINT: drain; SIGHUP: reload; the watchdog of systemd
//! ```
//!
//! **Draining.** No connection is accepted any more, transactions under way get their replies,
//! workers end between two items. What takes longer than [`DRAIN`] is left: it is committed, and is
//! done or found done at the next start.
//!
//! **Reloading.** A second host is put together from the new configuration, certificate, key, texts,
//! mailboxes and parts. Only when all of it works does it take the place of the first, which ends
//! what it has begun. What is bound to the process (store, sockets, metrics, limits, plug-in) stays,
//! and the log says so.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ceralacca_host::provider::{Error, load_plug_in};
use ceralacca_host::{Refreshed, Stop};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::config::Config;
use crate::hosts::Hosts;
use crate::observe::{HttpEndpoint, Logging, Metrics, Patience};
use crate::server::Server;
use notify::Manager;
use reload::{Reloads, With};
use running::{Current, Foundation, Running};

pub(crate) mod assemble;
mod notify;
mod reload;
mod running;

/// Runs the service until it is told to end.
///
/// # Errors
/// It cannot start: a setting, a file or a socket; or a part of it has died.
pub fn run(path: &Path) -> Result<(), Error> {
    // Before anything is begun: a signal that comes early is not lost.
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])
        .map_err(|error| Error::file(path, error, "this system cannot tell of signals"))?;
    let config = Config::load(path)?;
    let logging = Logging::start(&config.log);
    let mut service = Service::start(config, path)?;
    let mut reloads = Reloads::new(With {
        path: path.to_owned(),
        current: Arc::clone(&service.current),
        foundation: service.foundation.clone(),
        logging,
    });
    let mut manager = Manager::new();
    manager.ready();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "serving");
    loop {
        for signal in signals.pending() {
            if signal != SIGHUP {
                manager.stopping();
                service.drain();
                return Ok(());
            }
            reloads.ask();
        }
        if let Some(outcome) = reloads.ended() {
            manager.status(&outcome);
            manager.ready();
        }
        if reloads.begin() {
            manager.reloading();
        }
        if let Some(name) = service.dead() {
            let remedy = "this is a bug of ceralacca-postfix: report it with the log";
            return Err(Error::file(
                path,
                format!("the thread `{name}` has died"),
                remedy,
            ));
        }
        manager.pulse();
        thread::sleep(GLANCE);
    }
}

/// All threads but the one that hears signals.
struct Service {
    current: Arc<Current>,
    foundation: Foundation,
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
}

impl Service {
    fn start(config: Config, path: &Path) -> Result<Self, Error> {
        let foundation = Foundation {
            plug_in: load_plug_in(config.plug_in.as_deref())?,
            store: assemble::store(&config)?,
        };
        let metrics = Metrics::start();
        let http = match &config.metrics {
            Some(config) => Some(HttpEndpoint::bind(config.address).map_err(|error| {
                let problem = format!("{} cannot be listened on: {error}", config.address);
                Error::field(path, "metrics.address", problem, "name a free port")
            })?),
            None => None,
        };
        let (listen, limits) = (assemble::listen(&config, path)?, assemble::limits(&config));
        let current = Arc::new(Current::new(Running::new(config, path, &foundation)?));
        let hosts = Arc::clone(&current) as Arc<dyn Hosts>;
        let milter = Server::bind(&listen, hosts, limits).map_err(|error| {
            let remedy = "mend what it says, or change it";
            Error::field(path, "listen.milter", error, remedy)
        })?;
        for address in milter.addresses() {
            tracing::info!(%address, "milter");
        }
        let mut service = Self {
            current,
            foundation,
            stop: Stop::new(),
            threads: Vec::new(),
        };
        service.spawn("milter", path, move |_, stop| milter.run(stop))?;
        service.spawn("outbox", path, work)?;
        service.spawn("ticker", path, keep_time)?;
        service.spawn("directory", path, fetch)?;
        if let (Some(http), Some(metrics)) = (http, metrics) {
            if let Some(address) = http.address() {
                tracing::info!(%address, "metrics and health");
            }
            service.spawn("http", path, move |current, stop| {
                let (plug_in, store) = (Patience::with("the plug-in"), Patience::with("the store"));
                let render = || {
                    let running = current.get();
                    let gauges = running.gauges();
                    let queue = store.ask(move || running.queue());
                    if let Err(error) = &queue {
                        tracing::warn!(error, "what waits is not known; its gauges are old");
                    }
                    metrics.render(&gauges, queue.is_ok())
                };
                let health = || {
                    let running = current.get();
                    let host = Arc::clone(&running.host);
                    plug_in
                        .ask(move || host.check_plug_in().map_err(|error| error.to_string()))
                        .map_err(|error| current.explained(error))?;
                    store.ask(move || running.health())
                };
                http.serve(stop, render, health);
            })?;
        }
        Ok(service)
    }

    fn spawn(
        &mut self,
        name: &str,
        path: &Path,
        does: impl FnOnce(&Current, &Stop) + Send + 'static,
    ) -> Result<(), Error> {
        let (current, stop) = (Arc::clone(&self.current), self.stop.clone());
        let thread = thread::Builder::new().name(name.to_owned());
        let thread = thread
            .spawn(move || does(&current, &stop))
            .map_err(|error| Error::file(path, error, "let this user have more threads"))?;
        self.threads.push(thread);
        Ok(())
    }

    /// The first thread that has ended, which none does by itself.
    fn dead(&self) -> Option<&str> {
        let dead = self.threads.iter().find(|thread| thread.is_finished())?;
        dead.thread().name()
    }

    fn drain(&mut self) {
        tracing::info!("draining");
        self.stop.request();
        self.current.get().stop.request();
        let deadline = Instant::now() + DRAIN;
        while self.threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < deadline {
            thread::sleep(GLANCE.min(Duration::from_millis(20)));
        }
        let busy = self.threads.iter().filter(|thread| !thread.is_finished());
        let busy: Vec<_> = busy.filter_map(|thread| thread.thread().name()).collect();
        if busy.is_empty() {
            tracing::info!("drained");
        } else {
            tracing::warn!(
                ?busy,
                "still busy; what is committed goes on at the next start"
            );
        }
    }
}

/// Carries the outbox out, with whichever host is in force. Its workers begin at once: those of the one
/// before may have something in hand for minutes.
fn work(current: &Current, stop: &Stop) {
    thread::scope(|scope| {
        while !stop.is_requested() {
            let running = current.get();
            let employer = Arc::clone(&running);
            let workers = scope.spawn(move || {
                let workers = employer.config.limits.workers;
                employer.host.run_outbox_workers(workers, &employer.stop);
            });
            while !running.stop.wait(GLANCE) {
                // They do not end by themselves, and the service must not go on without them.
                if workers.is_finished() {
                    return;
                }
            }
        }
    });
}

/// Looks every minute whether the provider directory is to be fetched. A thread of its own: a server
/// may take its time.
fn fetch(current: &Current, stop: &Stop) {
    loop {
        let running = current.get();
        if let Some(fetcher) = &running.fetcher {
            match fetcher.refresh(|content| running.host.load_directory(content)) {
                Ok(Refreshed::Loaded(summary)) => {
                    let (providers, domains) = (summary.providers, summary.domains);
                    tracing::info!(providers, domains, "the provider directory is in force");
                }
                Ok(Refreshed::NotDue | Refreshed::Unchanged) => {}
                Err(error) => tracing::error!(%error, "the provider directory stays as it was"),
            }
        }
        drop(running);
        if stop.wait(MINUTE) {
            return;
        }
    }
}

/// Every minute; at once at the start, for what has become due meanwhile.
fn keep_time(current: &Current, stop: &Stop) {
    loop {
        let running = current.get();
        if let Err(error) = running.host.tick_beside_workers(&mut |_| {}) {
            tracing::error!(%error, "the tick stopped; the next one tries again");
        }
        drop(running);
        if stop.wait(MINUTE) {
            return;
        }
    }
}

/// How long transactions and items under way may take once the service is to end. Less than the
/// 90 s after which systemd loses patience, and more than the milter takes ([`server::Limits::drain`]).
///
/// [`server::Limits::drain`]: crate::server::Limits::drain
const DRAIN: Duration = Duration::from_secs(70);
const MINUTE: Duration = Duration::from_secs(60);
/// How soon a signal is acted upon.
const GLANCE: Duration = Duration::from_millis(200);
