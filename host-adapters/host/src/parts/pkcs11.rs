//! Signing with a key in an HSM, by PKCS #11 (OASIS PKCS #11 v2.40).
//!
//! The module of the HSM's maker is loaded into this process. A signature takes a session from a
//! pool, and no session is used by two threads at once. What goes wrong is mended from the small to
//! the large: another session, then, not too often, the module started anew. Until that helps,
//! signatures are [`Unavailable`] and clients come again.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use self::fault::Fault;
use self::module::Module;
use self::pin::Pin;
use self::pool::{Pool, Turn};
use self::session::OpenSession;
use super::{SetupError, Signer, Unavailable};

pub use self::pin::PinSource;

mod fault;
mod key;
mod module;
mod pin;
mod pool;
mod session;

/// Which key, and how to get at it.
#[derive(Clone, Debug)]
pub struct Pkcs11Settings {
    /// The shared library of the HSM's maker.
    pub module: PathBuf,
    /// The token that holds the key.
    pub token: TokenChoice,
    /// `CKA_LABEL` of the private key. This or `key_id` must be there; where both are, both count.
    pub key_label: Option<String>,
    /// `CKA_ID` of the private key.
    pub key_id: Option<Vec<u8>>,
    /// Where the user PIN of the token is.
    pub pin: PinSource,
    /// The most sessions to open, which is how many signatures are made at once; others wait.
    /// [`Self::SESSIONS`] unless the token allows fewer.
    pub sessions: usize,
}

impl Pkcs11Settings {
    /// Eight: more than a network HSM makes of RSA-2048 at once; small tokens allow ten or so.
    pub const SESSIONS: usize = 8;
}

/// How to tell the token from the others that the module has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenChoice {
    /// By its label.
    Label(String),
    /// By its serial number, which stays when the label changes.
    Serial(String),
    /// By the number of its slot, which may change when the machine is started.
    Slot(u64),
}

impl fmt::Display for TokenChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "token {label:?}"),
            Self::Serial(serial) => write!(f, "token with serial number {serial:?}"),
            Self::Slot(slot) => write!(f, "token in slot {slot}"),
        }
    }
}

/// Signs with a key in an HSM.
///
/// The digest is made here: whatever the size of what is signed, 51 octets enter the HSM. Only a
/// token that lacks `CKM_RSA_PKCS` is given all of it (`CKM_SHA256_RSA_PKCS`).
///
/// Each signature is checked with the public key before it is used: one that a failing device got
/// wrong would make a message that nobody accepts.
///
/// A PIN that the token refuses is not tried again until a signer is made anew, for tokens lock
/// themselves after a few wrong ones.
///
/// Calls into the module take as long as the module lets them: a client of a network HSM should
/// have a time-out in its own configuration.
pub struct Pkcs11Signer {
    settings: Pkcs11Settings,
    pin: Pin,
    module: Arc<Module>,
    pool: Pool,
    /// Why the token will not have the PIN.
    refused: OnceLock<Fault>,
}

impl Pkcs11Signer {
    /// Loads the module and reads the PIN. The token is first needed when something is signed, and
    /// may be away now; [`Self::check`] says whether it is.
    ///
    /// # Errors
    /// The settings cannot work, whatever the state of the token.
    pub fn new(settings: Pkcs11Settings) -> Result<Self, SetupError> {
        if settings.key_label.is_none() && settings.key_id.is_none() {
            return Err(SetupError::new(
                format_args!("the key in {}", settings.token),
                "neither its label nor its id is given",
                "give one; `pkcs11-tool --list-objects --login` shows them",
            ));
        }
        if settings.sessions == 0 {
            return Err(SetupError::new(
                "HSM sessions",
                "there are to be 0",
                "allow one or more",
            ));
        }
        Ok(Self {
            pin: settings.pin.read()?,
            module: Module::load(&settings.module)?,
            pool: Pool::new(settings.sessions),
            refused: OnceLock::new(),
            settings,
        })
    }

    /// Signs something of no meaning. Returns what was found: token, key, size.
    ///
    /// # Errors
    /// It cannot sign now, and what to do about it.
    pub fn check(&self) -> Result<String, SetupError> {
        self.with_session(|session| {
            session.sign(b"a check of the signing key")?;
            Ok(session.describe())
        })
        .map_err(|fault| SetupError::new(self.culprit(), fault.problem, fault.remedy))
    }

    /// The public key, DER `SubjectPublicKeyInfo`: what the provider's certificate must contain.
    ///
    /// # Errors
    /// The token cannot be used now.
    pub fn public_key_spki(&self) -> Result<Vec<u8>, Unavailable> {
        self.with_session(|session| Ok(session.public_key_spki().to_vec()))
            .map_err(|fault| self.unavailable(fault))
    }

    /// Does something with a session, which may have to be done again with another one.
    fn with_session<T>(&self, job: impl Fn(&OpenSession) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut turn = self.pool.turn()?;
        let first = match self.attempt(&mut turn, &job) {
            Err(fault) if !fault.is_final => fault,
            settled => return settled,
        };
        tracing::warn!(
            hsm = self.culprit(),
            problem = first.problem,
            "the HSM failed; trying a new session"
        );
        // Those that lie there are most likely as old as this one was.
        self.pool.clear(&self.module);
        let second = match self.attempt(&mut turn, &job) {
            Err(fault) if !fault.is_final => fault,
            settled => return settled,
        };
        if !self.module.restart(second.generation) {
            return Err(second);
        }
        tracing::warn!(
            hsm = self.culprit(),
            problem = second.problem,
            "the HSM failed; started its module anew"
        );
        self.attempt(&mut turn, &job)
    }

    fn attempt<T>(
        &self,
        turn: &mut Turn<'_>,
        job: impl Fn(&OpenSession) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        // Other threads' signatures go on; a restart of the module waits for all of them.
        let running = self.module.running();
        let done = self.session(turn, &running).and_then(|session| {
            let done = job(&session);
            match &done {
                Ok(_) => turn.give_back(session),
                Err(_) => session.close(),
            }
            done
        });
        done.map_err(|fault| {
            metrics::counter!("ceralacca_hsm_errors_total").increment(1);
            fault.of_generation(running.generation)
        })
    }

    fn session(
        &self,
        turn: &mut Turn<'_>,
        running: &module::Running,
    ) -> Result<OpenSession, Fault> {
        if let Some(refused) = self.refused.get() {
            return Err(refused.clone());
        }
        if let Some(session) = turn.take(running.generation) {
            return Ok(session);
        }
        OpenSession::open(running, &self.settings, &self.pin).inspect_err(|fault| {
            if fault.is_final {
                // Whoever was first has said it.
                let _ = self.refused.set(fault.clone());
            }
        })
    }

    fn culprit(&self) -> String {
        format!(
            "HSM {}, {}",
            self.settings.module.display(),
            self.settings.token
        )
    }

    fn unavailable(&self, fault: Fault) -> Unavailable {
        let Fault {
            problem, remedy, ..
        } = fault;
        Unavailable(format!("{}: {problem}; {remedy}", self.culprit()))
    }
}

impl Signer for Pkcs11Signer {
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, Unavailable> {
        self.with_session(|session| session.sign(octets))
            .map_err(|fault| self.unavailable(fault))
    }
}

impl Drop for Pkcs11Signer {
    /// Tokens have few sessions, and the signer that comes next, with other settings, wants some.
    fn drop(&mut self) {
        self.pool.clear(&self.module);
    }
}

impl fmt::Debug for Pkcs11Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Signer({})", self.culprit())
    }
}
