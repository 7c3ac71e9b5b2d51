//! Questions to what may hang, as a database does whose disk hangs: whoever watches wants to hear
//! that, and soon.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Asks somebody one question at a time, and waits a few seconds only.
pub struct Patience {
    whom: &'static str,
    asked: Arc<Asked>,
}

/// Since when an answer has been awaited.
#[derive(Default)]
struct Asked(Mutex<Option<Instant>>);

impl Patience {
    /// With somebody, whom the errors name.
    pub fn with(whom: &'static str) -> Self {
        Self {
            whom,
            asked: Arc::default(),
        }
    }

    /// The answer to `question`, which a thread of its own finds, however long that takes.
    ///
    /// # Errors
    /// There is none yet, or there is still none to an earlier question.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        if let Some(since) = self.asked.get() {
            return Err(self.silent(since.elapsed()));
        }
        self.asked.set(Some(Instant::now()));
        let (tell, told) = mpsc::channel();
        let answered = Answered(Arc::clone(&self.asked));
        thread::Builder::new()
            .name("question".to_owned())
            .spawn(move || {
                let answer = question();
                drop(answered);
                // Nobody may be waiting any more.
                let _ = tell.send(answer);
            })
            .map_err(|error| error.to_string())?;
        told.recv_timeout(LONGEST).unwrap_or_else(|end| {
            Err(match end {
                RecvTimeoutError::Timeout => self.silent(LONGEST),
                RecvTimeoutError::Disconnected => format!("{} panicked", self.whom),
            })
        })
    }

    fn silent(&self, since: Duration) -> String {
        format!("no answer from {} for {} s", self.whom, since.as_secs())
    }
}

impl Asked {
    fn get(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}

/// Dropped once there is an answer, whichever.
struct Answered(Arc<Asked>);

impl Drop for Answered {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

/// Prometheus itself waits for ten seconds, and two may be asked for one answer.
const LONGEST: Duration = Duration::from_secs(4);
