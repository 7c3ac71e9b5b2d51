//! The provider directory, fetched by HTTPS (RFC 6109 §4.5: daily, after verification).

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io};

use ureq::Agent;
use ureq::http::{Response, StatusCode, Uri, header};

use self::schedule::Schedule;
use self::state::State;
use super::{Clock, Entropy, SetupError, TlsSettings, Unavailable};
use crate::durable;

pub use self::schedule::FetchTimes;

mod schedule;
mod state;

/// Where the directory is, and where its copy goes.
#[derive(Clone, Debug)]
pub struct DirectorySource {
    /// `https`; no redirection is followed from there.
    pub url: String,
    /// The copy: the last one that was good. What is known about it lies beside it, in
    /// `FILE.fetch`.
    pub file: PathBuf,
    /// Whom to trust, and who we are.
    pub tls: TlsSettings,
    /// When to fetch.
    pub times: FetchTimes,
    /// Octets of the largest directory. [`Self::LARGEST`] unless there is a reason.
    pub largest: u64,
    /// How long a fetch may take. [`Self::PATIENCE`] unless there is a reason.
    pub patience: Duration,
}

impl DirectorySource {
    /// 64 MiB: the real one has a few hundred thousand domains in some ten.
    pub const LARGEST: u64 = 64 * 1024 * 1024;
    /// Five minutes: that much at two megabits a second.
    pub const PATIENCE: Duration = Duration::from_secs(300);
}

/// Fetches the directory when it is due.
///
/// What comes is first given to whoever loads directories ([`crate::Host::load_directory`]); only
/// what that accepts replaces the copy, so that the copy is always good, and the old directory stays
/// in force and on disk while the new one is bad or the server away. After a failure it tries again
/// soon, then less and less often. When it is due is on disk, too: a restart is no reason to fetch.
pub struct DirectoryFetcher {
    source: DirectorySource,
    agent: Agent,
    schedule: Schedule,
    /// None until the copy has been looked at.
    state: Mutex<Option<State>>,
}

/// What came of a call to [`DirectoryFetcher::refresh`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed<T> {
    /// It is not time yet.
    NotDue,
    /// The server has no other than the one that is here.
    Unchanged,
    /// This was loaded: what the server gave, or after a start the copy.
    Loaded(T),
}

impl DirectoryFetcher {
    /// Fetches nothing yet.
    ///
    /// # Errors
    /// The address is not of HTTPS, or a file of the TLS settings cannot be used.
    pub fn new(
        source: DirectorySource,
        clock: Box<dyn Clock>,
        entropy: Box<dyn Entropy>,
    ) -> Result<Self, SetupError> {
        let uri = source.url.parse::<Uri>().ok();
        let is_https = uri.is_some_and(|uri| {
            uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty())
        });
        if !is_https {
            return Err(SetupError::new(
                format_args!("directory address {:?}", source.url),
                "is no https address",
                "write https://HOST/PATH",
            ));
        }
        let config = Agent::config_builder()
            .https_only(true)
            .tls_config(source.tls.read()?)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_global(Some(source.patience))
            // Fetches are a day apart: nobody keeps a connection for that long.
            .max_idle_connections(0)
            .user_agent(concat!("ceralacca/", env!("CARGO_PKG_VERSION")));
        Ok(Self {
            agent: config.build().into(),
            schedule: Schedule::new(source.times, clock, entropy),
            state: Mutex::new(None),
            source,
        })
    }

    /// Fetches the directory if it is due, and has it loaded. To be called every minute or so, from
    /// a thread that may wait for [`DirectorySource::patience`].
    ///
    /// The first call has the copy loaded, if there is one: a store that was lost gets it without
    /// the network.
    ///
    /// # Errors
    /// It could not be fetched, or not loaded, for which `load` has the reason; the next calls say
    /// [`Refreshed::NotDue`] until it is time to try again.
    pub fn refresh<T, E: Display>(
        &self,
        load: impl Fn(Vec<u8>) -> Result<T, E>,
    ) -> Result<Refreshed<T>, Unavailable> {
        let mut guard = self.lock();
        let mut state = match guard.take() {
            Some(state) => state,
            None => {
                let mut state = State::read(&self.source);
                let loaded = self.load_copy(&mut state, &load);
                if !self.schedule.is_due(&state) {
                    *guard = Some(state);
                    return Ok(loaded.map_or(Refreshed::NotDue, Refreshed::Loaded));
                }
                state
            }
        };
        if !self.schedule.is_due(&state) {
            *guard = Some(state);
            return Ok(Refreshed::NotDue);
        }
        let result = self.fetch(&mut state, load);
        match &result {
            Ok(_) => self.schedule.succeeded(&mut state),
            Err(_) => self.schedule.failed(&mut state),
        }
        let outcome = match &result {
            Ok(Refreshed::Loaded(_)) => "loaded",
            Ok(_) => "unchanged",
            Err(_) => "failed",
        };
        metrics::counter!("ceralacca_directory_fetches_total", "result" => outcome).increment(1);
        if let Err(error) = state.write(&self.source) {
            // It is in memory; a restart fetches once more.
            tracing::warn!(%error, file = %self.source.file.display(), "when to fetch cannot be kept");
        }
        *guard = Some(state);
        result.map_err(|reason| self.unavailable(&reason))
    }

    /// Asks the server for the directory's head, which takes all of TLS. Returns what it says of
    /// its size and age.
    ///
    /// # Errors
    /// It does not give it to us, and what to do about it.
    pub fn check(&self) -> Result<String, SetupError> {
        let wrong = |problem: String| {
            let remedy = remedy(&problem).unwrap_or("is the address right, and the server up?");
            SetupError::new(
                format_args!("directory at {}", self.source.url),
                problem,
                remedy,
            )
        };
        let response = self.agent.head(&self.source.url).call();
        let response = response.map_err(|error| wrong(error.to_string()))?;
        if response.status() != StatusCode::OK {
            return Err(wrong(answers(response.status())));
        }
        let length = text(&response, header::CONTENT_LENGTH);
        let modified = text(&response, header::LAST_MODIFIED);
        Ok(format!(
            "{} octets, last modified {}",
            length.as_deref().unwrap_or("unknown"),
            modified
                .as_deref()
                .unwrap_or("at a time that it does not say"),
        ))
    }

    /// Has the copy loaded. One that is bad is as good as none.
    fn load_copy<T, E: Display>(
        &self,
        state: &mut State,
        load: impl Fn(Vec<u8>) -> Result<T, E>,
    ) -> Option<T> {
        let loaded = match fs::read(&self.source.file) {
            Ok(content) => load(content).map_err(|error| error.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err("there is none".to_owned())
            }
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = &loaded {
            tracing::warn!(file = %self.source.file.display(), reason, "no copy of the provider directory");
            state.forget_copy();
        }
        loaded.ok()
    }

    fn fetch<T, E: Display>(
        &self,
        state: &mut State,
        load: impl Fn(Vec<u8>) -> Result<T, E>,
    ) -> Result<Refreshed<T>, String> {
        let mut request = self.agent.get(&self.source.url);
        if let Some(etag) = &state.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(modified) = &state.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, modified);
        }
        let mut response = request.call().map_err(not_fetched)?;
        let is_conditional = state.etag.is_some() || state.last_modified.is_some();
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if is_conditional => return Ok(Refreshed::Unchanged),
            status => return Err(not_fetched(answers(status))),
        }
        let (etag, last_modified) = (
            text(&response, header::ETAG),
            text(&response, header::LAST_MODIFIED),
        );
        let body = response.body_mut().with_config().limit(self.source.largest);
        let content = body.read_to_vec().map_err(not_fetched)?;
        // A copy of it, which is small beside what the plug-in makes of it.
        let loaded = load(content.clone()).map_err(|error| error.to_string())?;
        // In force already: what comes now is for the next start.
        state.forget_copy();
        match self.keep(&content) {
            Ok(()) => (state.etag, state.last_modified) = (etag, last_modified),
            Err(error) => {
                let file = self.source.file.display();
                tracing::error!(%error, %file, "the new provider directory cannot be kept");
            }
        }
        Ok(Refreshed::Loaded(loaded))
    }

    fn keep(&self, content: &[u8]) -> io::Result<()> {
        let file = &self.source.file;
        durable::replace(file, &state::beside(file, "new"), |out| {
            out.write_all(content)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unavailable(&self, reason: &str) -> Unavailable {
        Unavailable(format!("directory at {}: {reason}", self.source.url))
    }
}

fn answers(status: StatusCode) -> String {
    format!("the server answers {status}")
}

/// Why nothing came, with the remedy where there is one. What refuses a directory that came has
/// remedies of its own.
fn not_fetched(error: impl Display) -> String {
    let reason = error.to_string();
    match remedy(&reason) {
        Some(remedy) => format!("{reason}; {remedy}"),
        None => reason,
    }
}

/// What TLS and HTTP say when the settings are to blame.
fn remedy(reason: &str) -> Option<&'static str> {
    const REMEDIES: &[(&[&str], &str)] = &[
        (
            &["UnknownIssuer", "CaUsedAsEndEntity"],
            "the roots must hold the authority that certified the server",
        ),
        (
            &["NotValidForName", "not valid for name"],
            "the address must have the name that the server's certificate has",
        ),
        (
            &[
                "CertificateRequired",
                "HandshakeFailure",
                "UnknownCA",
                "BadCertificate",
                " 400 ",
                " 401 ",
                " 403 ",
            ],
            "set the client certificate that the server's operator knows",
        ),
        (
            &["limit"],
            "raise the limit if the directory has grown so large",
        ),
        (
            &[" 301 ", " 302 ", " 307 ", " 308 "],
            "set the address to which the server redirects",
        ),
        (
            &["timeout"],
            "is the server up, and the network fast enough?",
        ),
    ];
    let applies = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    REMEDIES
        .iter()
        .find(|(words, _)| applies(words))
        .map(|(_, remedy)| *remedy)
}

/// A header that can be said again.
fn text<B>(response: &Response<B>, name: header::HeaderName) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    (value.len() <= LONGEST_VALUE).then(|| value.to_owned())
}

/// Octets. Entity tags are digests and the like.
const LONGEST_VALUE: usize = 512;
