//! A session that has logged in and knows its key.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;

use super::Pkcs11Settings;
use super::fault::{Fault, refused_login};
use super::key::{self, Key};
use super::module::Running;
use super::pin::Pin;

/// A session, its key, and how to sign with it. Nothing is closed by forgetting it: a handle of an
/// earlier life of the module may be somebody else's in this one.
pub(super) struct OpenSession {
    session: Session,
    key: Key,
    hashing: Hashing,
    generation: u64,
    token: String,
}

/// Who makes the digest.
#[derive(Clone, Copy, Debug)]
enum Hashing {
    /// We, and the token pads and signs (`CKM_RSA_PKCS`).
    Here,
    /// The token, for want of the former (`CKM_SHA256_RSA_PKCS`).
    Token,
}

impl OpenSession {
    /// Finds token and key, and logs in.
    ///
    /// # Errors
    /// Final if the token refuses the PIN.
    pub(super) fn open(
        running: &Running,
        settings: &Pkcs11Settings,
        pin: &Pin,
    ) -> Result<Self, Fault> {
        let context = &running.context;
        let (slot, token) = key::find_token(context, &settings.token)?;
        let hashing = hashing(&context.get_mechanism_list(slot)?)?;
        let session = open(running, slot)?;
        let found = log_in(&session, pin).and_then(|()| key::find(&session, settings));
        match found {
            Ok(key) => Ok(Self {
                session,
                key,
                hashing,
                generation: running.generation,
                token,
            }),
            Err(fault) => {
                close(session);
                Err(fault)
            }
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn public_key_spki(&self) -> &[u8] {
        &self.key.spki
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        let Self { token, key, .. } = self;
        format!("{token}, key {}, {} bits", key.name, key.bits)
    }

    /// RSA PKCS #1 v1.5 over the SHA-256 of `octets`, checked.
    ///
    /// # Errors
    /// The token did not sign, or wrongly.
    pub(super) fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, Fault> {
        let Self { session, key, .. } = self;
        let signature = match self.hashing {
            Hashing::Here => {
                let info = [DIGEST_INFO, digest(&SHA256, octets).as_ref()].concat();
                session.sign(&Mechanism::RsaPkcs, key.handle, &info)?
            }
            Hashing::Token => session.sign(&Mechanism::Sha256RsaPkcs, key.handle, octets)?,
        };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.spki)
            .verify(octets, &signature)
            .map_err(|_| {
                let problem = format!("it signed wrongly with key {}", key.name);
                Fault::new(
                    problem,
                    "do private and public key of the token belong together?",
                )
            })?;
        Ok(signature)
    }

    /// Only in the life of the module in which it was opened.
    pub(super) fn close(self) {
        close(self.session);
    }
}

fn close(session: Session) {
    // What cannot be closed is closed: by the token's going away.
    let _ = session.close();
}

fn open(running: &Running, slot: Slot) -> Result<Session, Fault> {
    Ok(running.context.open_ro_session_no_drop(slot)?)
}

/// All sessions of a process with a token are logged in or none; the last to close logs out.
fn log_in(session: &Session, pin: &Pin) -> Result<(), Fault> {
    match session.login(UserType::User, Some(&pin.0)) {
        Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        result => result.map_err(refused_login),
    }
}

fn hashing(mechanisms: &[MechanismType]) -> Result<Hashing, Fault> {
    if mechanisms.contains(&MechanismType::RSA_PKCS) {
        return Ok(Hashing::Here);
    }
    if mechanisms.contains(&MechanismType::SHA256_RSA_PKCS) {
        return Ok(Hashing::Token);
    }
    Err(Fault::new(
        "the token offers neither CKM_RSA_PKCS nor CKM_SHA256_RSA_PKCS",
        "PEC signs with RSA, PKCS #1 v1.5, SHA-256: allow one of them, or choose another token",
    ))
}

/// What stands before a SHA-256 in a `DigestInfo` (RFC 8017 §9.2, note 1).
const DIGEST_INFO: &[u8] = &[
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];
