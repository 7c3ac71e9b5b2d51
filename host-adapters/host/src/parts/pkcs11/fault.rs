//! What goes wrong with an HSM, and what mends it.

use cryptoki::error::{Error, RvError};

/// Why something could not be done.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// What the module says or what was found.
    pub(super) problem: String,
    /// What the operator can do.
    pub(super) remedy: String,
    /// No other session, and no other start of the module, will do better.
    pub(super) is_final: bool,
    /// In which life of the module it happened.
    pub(super) generation: u64,
}

impl Fault {
    pub(super) fn new(problem: impl ToString, remedy: impl Into<String>) -> Self {
        Self {
            problem: problem.to_string(),
            remedy: remedy.into(),
            is_final: false,
            generation: 0,
        }
    }

    pub(super) fn of_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let remedy = match &error {
            Error::Pkcs11(error, _) => remedy(error),
            _ => None,
        };
        Self::new(&error, remedy.unwrap_or("see the log of the HSM"))
    }
}

/// A token that will not let us in: asking again may lock it.
pub(super) fn refused_login(error: Error) -> Fault {
    let is_final = matches!(
        error,
        Error::Pkcs11(
            RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinExpired
                | RvError::PinLocked
                | RvError::UserPinNotInitialized,
            _
        )
    );
    Fault {
        is_final,
        ..error.into()
    }
}

fn remedy(error: &RvError) -> Option<&'static str> {
    Some(match error {
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => {
            "put the right user PIN in its place and reload; it is not tried again until then, since tokens lock themselves"
        }
        RvError::PinLocked => "have the security officer unlock the user PIN, and reload",
        RvError::PinExpired => "have the user PIN changed, and reload",
        RvError::UserPinNotInitialized => "have the security officer set a user PIN, and reload",
        RvError::SessionCount => "allow fewer sessions here, or more on the token",
        RvError::TokenNotPresent
        | RvError::TokenNotRecognized
        | RvError::DeviceRemoved
        | RvError::SlotIdInvalid => "is the token plugged in, and the HSM reachable?",
        RvError::KeyFunctionNotPermitted => "the key must have CKA_SIGN set",
        RvError::DeviceError | RvError::DeviceMemory | RvError::FunctionFailed => {
            "see the log of the HSM, which is in trouble"
        }
        _ => return None,
    })
}
