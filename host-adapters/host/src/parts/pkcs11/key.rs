//! Which of the tokens, and which of its keys.

use cryptoki::context::Pkcs11;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use x509_cert::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use x509_cert::der::{self, Encode as _};
use x509_cert::spki::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::fault::Fault;
use super::{Pkcs11Settings, TokenChoice};
use crate::hex;
use crate::parts::signer::MIN_MODULUS;

/// A private key in one session.
pub(super) struct Key {
    pub(super) handle: ObjectHandle,
    /// DER `SubjectPublicKeyInfo`.
    pub(super) spki: Vec<u8>,
    pub(super) bits: usize,
    /// For people.
    pub(super) name: String,
}

/// The slot with the token, and the token's name for people.
pub(super) fn find_token(context: &Pkcs11, choice: &TokenChoice) -> Result<(Slot, String), Fault> {
    let mut found = Vec::new();
    let mut others = Vec::new();
    for slot in context.get_slots_with_initialized_token()? {
        // One that goes away in this moment is not there.
        let Ok(token) = context.get_token_info(slot) else {
            continue;
        };
        let is_it = match choice {
            TokenChoice::Label(label) => token.label() == label,
            TokenChoice::Serial(serial) => token.serial_number() == serial,
            TokenChoice::Slot(id) => slot.id() == *id,
        };
        let serial = token.serial_number();
        let name = format!("{:?} (serial {serial}, slot {})", token.label(), slot.id());
        if is_it {
            found.push((slot, name));
        } else {
            others.push(name);
        }
    }
    match found.pop() {
        Some(token) if found.is_empty() => Ok(token),
        Some(_) => Err(Fault::new(
            "there are several such tokens",
            "choose the token by its serial number",
        )),
        None => Err(Fault::new(
            format_args!("it is not there; there is {}", list(&others)),
            "plug it in, or name the right one",
        )),
    }
}

/// The one private RSA key that the settings name.
pub(super) fn find(session: &Session, settings: &Pkcs11Settings) -> Result<Key, Fault> {
    let name = name_of(settings);
    let keys = session.find_objects(&template(settings, ObjectClass::PRIVATE_KEY))?;
    let handle = match keys[..] {
        [handle] => handle,
        [] => {
            let class = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
            let others = session.find_objects(&class)?;
            let others: Vec<String> = others.iter().map(|key| label_of(session, *key)).collect();
            return Err(Fault::new(
                format_args!(
                    "it holds no private RSA key {name}; it holds {}",
                    list(&others)
                ),
                "name the right key, by label or id",
            ));
        }
        [..] => {
            return Err(Fault::new(
                format_args!("it holds {} private keys {name}", keys.len()),
                "choose the key by label and id",
            ));
        }
    };
    let (modulus, exponent) = public_numbers(session, handle, settings)?;
    let bits = modulus.len() * 8;
    if modulus.len() < MIN_MODULUS {
        return Err(Fault::new(
            format_args!("key {name} has {bits} bits"),
            "choose a key of at least 2048 bits",
        ));
    }
    let spki = spki(&modulus, &exponent).map_err(|error| {
        let problem = format!("the public key of {name} is none: {error}");
        Fault::new(problem, "choose another key")
    })?;
    Ok(Key {
        handle,
        spki,
        bits,
        name,
    })
}

/// Modulus and exponent, without leading zeros. Most tokens tell them of the private key; for
/// others the public key must lie beside it, with the same label and id.
fn public_numbers(
    session: &Session,
    private: ObjectHandle,
    settings: &Pkcs11Settings,
) -> Result<(Vec<u8>, Vec<u8>), Fault> {
    let public = session.find_objects(&template(settings, ObjectClass::PUBLIC_KEY))?;
    for key in std::iter::once(private).chain(public) {
        let (mut modulus, mut exponent) = (None, None);
        let wanted = [AttributeType::Modulus, AttributeType::PublicExponent];
        for attribute in session.get_attributes(key, &wanted)? {
            match attribute {
                Attribute::Modulus(number) => modulus = without_zeros(number),
                Attribute::PublicExponent(number) => exponent = without_zeros(number),
                _ => {}
            }
        }
        if let (Some(modulus), Some(exponent)) = (modulus, exponent) {
            return Ok((modulus, exponent));
        }
    }
    Err(Fault::new(
        format_args!(
            "key {} tells neither modulus nor exponent",
            name_of(settings)
        ),
        "put the public key beside it, with the same label and id",
    ))
}

fn without_zeros(number: Vec<u8>) -> Option<Vec<u8>> {
    let first = number.iter().position(|octet| *octet != 0)?;
    Some(number[first..].to_vec())
}

fn spki(modulus: &[u8], exponent: &[u8]) -> der::Result<Vec<u8>> {
    // RSAPublicKey is a sequence of two numbers (RFC 8017 §A.1.1).
    let key = [UintRef::new(modulus)?, UintRef::new(exponent)?].to_der()?;
    SubjectPublicKeyInfo {
        algorithm: AlgorithmIdentifier {
            oid: RSA_ENCRYPTION,
            parameters: Some(AnyRef::NULL),
        },
        subject_public_key: BitStringRef::from_bytes(&key)?,
    }
    .to_der()
}

fn template(settings: &Pkcs11Settings, class: ObjectClass) -> Vec<Attribute> {
    let mut template = vec![Attribute::Class(class), Attribute::KeyType(KeyType::RSA)];
    if let Some(label) = &settings.key_label {
        template.push(Attribute::Label(label.clone().into_bytes()));
    }
    if let Some(id) = &settings.key_id {
        template.push(Attribute::Id(id.clone()));
    }
    template
}

fn name_of(settings: &Pkcs11Settings) -> String {
    match (&settings.key_label, &settings.key_id) {
        (Some(label), None) => format!("{label:?}"),
        (Some(label), Some(id)) => format!("{label:?} with id {}", hex(id)),
        (None, id) => format!("with id {}", hex(id.as_deref().unwrap_or_default())),
    }
}

/// For people; a key that will not tell its label has none.
fn label_of(session: &Session, key: ObjectHandle) -> String {
    let attributes = session.get_attributes(key, &[AttributeType::Label]);
    match attributes.unwrap_or_default().pop() {
        Some(Attribute::Label(label)) => format!("{:?}", String::from_utf8_lossy(&label)),
        _ => "one without a label".to_owned(),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
