//! Questions to what may hang, as a database does whose disk hangs: whoever watches wants to hear
//! that, and soon.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Asks one question at a time, and waits a few seconds only.
#[derive(Default)]
pub struct Patience {
    asked: Arc<Asked>,
}

/// Since when an answer has been awaited.
#[derive(Default)]
struct Asked(Mutex<Option<Instant>>);

impl Patience {
    /// The answer to `question`, which a thread of its own finds, however long that takes.
    ///
    /// # Errors
    /// There is none yet, or there is still none to an earlier question.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        if let Some(since) = self.asked.get() {
            return Err(silent(since.elapsed()));
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
                RecvTimeoutError::Timeout => silent(LONGEST),
                RecvTimeoutError::Disconnected => "it panicked".to_owned(),
            })
        })
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

fn silent(since: Duration) -> String {
    format!("no answer from the store for {} s", since.as_secs())
}

/// Prometheus itself waits for ten seconds.
const LONGEST: Duration = Duration::from_secs(5);
