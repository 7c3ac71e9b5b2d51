//! The module of an HSM's maker in this process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use crate::parts::SetupError;

/// A module, of which there is one for the whole process, however many signers use it:
/// `C_Initialize` and `C_Finalize` count for all of them.
pub(super) struct Module {
    running: RwLock<Running>,
}

/// One life of a module, from `C_Initialize` to `C_Finalize`. Sessions and handles of an earlier one
/// mean nothing in it, or something else.
pub(super) struct Running {
    pub(super) context: Pkcs11,
    pub(super) generation: u64,
    /// When it was last started anew.
    restarted: Option<Instant>,
}

impl Module {
    /// The module at this path, loaded and started if it is not yet. It stays for as long as the
    /// process does.
    ///
    /// # Errors
    /// There is none, or it will not start.
    pub(super) fn load(path: &Path) -> Result<Arc<Self>, SetupError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, module)) = loaded.iter().find(|(known, _)| known == path) {
            return Ok(Arc::clone(module));
        }
        let wrong = |problem: Error, remedy| {
            let culprit = format!("PKCS #11 module {}", path.display());
            SetupError::new(culprit, problem, remedy)
        };
        let context = Pkcs11::new(path).map_err(|error| {
            wrong(
                error,
                "name the shared library of the HSM's maker, often a file ending in .so",
            )
        })?;
        start(&context)
            .map_err(|error| wrong(error, "is the HSM's client configured on this machine?"))?;
        let module = Arc::new(Self {
            running: RwLock::new(Running {
                context,
                generation: 1,
                restarted: None,
            }),
        });
        loaded.push((path.to_owned(), Arc::clone(&module)));
        Ok(module)
    }

    /// The life it is in, which does not end while this is held.
    pub(super) fn running(&self) -> RwLockReadGuard<'_, Running> {
        self.running.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the life of that number and begins another: some modules look for tokens only then.
    /// Says whether there is a newer life than that now.
    ///
    /// There is none while a call into the module hangs, and none within a few seconds of the last
    /// time: while an HSM is away every message asks for this.
    pub(super) fn restart(&self, generation: u64) -> bool {
        let Some(mut running) = self.stopped() else {
            return false;
        };
        if running.generation != generation {
            return running.generation > generation;
        }
        let restarted = running.restarted;
        if restarted.is_some_and(|restarted| restarted.elapsed() < RESTART_PAUSE) {
            return false;
        }
        running.restarted = Some(Instant::now());
        running.generation += 1;
        // Whatever this says: if it did not work, starting says so, too.
        let _ = running.context.clone().finalize();
        if let Err(error) = start(&running.context) {
            tracing::error!(%error, "the HSM's module cannot be started");
        }
        true
    }

    /// It with nobody in it. Not by waiting in line: one call that hangs would then stop everybody.
    fn stopped(&self) -> Option<RwLockWriteGuard<'_, Running>> {
        let begun = Instant::now();
        loop {
            match self.running.try_write() {
                Ok(running) => return Some(running),
                Err(TryLockError::Poisoned(running)) => return Some(running.into_inner()),
                Err(TryLockError::WouldBlock) if begun.elapsed() > STOP_PATIENCE => return None,
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

fn start(context: &Pkcs11) -> Result<(), Error> {
    // Several threads use it, and it may lock as the system does.
    let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    match context.initialize(arguments) {
        // The same library by another name.
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        result => result,
    }
}

static LOADED: Mutex<Vec<(PathBuf, Arc<Module>)>> = Mutex::new(Vec::new());

/// A start costs a network HSM's client up to a second or so, during which nobody can sign.
const RESTART_PAUSE: Duration = Duration::from_secs(5);
/// Calls that do not hang are over by then.
const STOP_PATIENCE: Duration = Duration::from_secs(1);
