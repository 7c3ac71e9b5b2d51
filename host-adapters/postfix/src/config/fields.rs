//! Fields that are more than what TOML knows.

use std::fmt::Display;
use std::str::FromStr;

use ceralacca_host::Endpoint;
use serde::de::{Deserialize, Deserializer, Error};
use tracing_subscriber::filter::LevelFilter;

/// Addresses of services.
pub(super) mod endpoint {
    use super::{Deserialize, Deserializer, Endpoint, parsed};

    pub(in super::super) fn read<'de, D: Deserializer<'de>>(
        field: D,
    ) -> Result<Endpoint, D::Error> {
        parsed(&String::deserialize(field)?)
    }

    pub(in super::super) fn optional<'de, D: Deserializer<'de>>(
        field: D,
    ) -> Result<Option<Endpoint>, D::Error> {
        read(field).map(Some)
    }
}

/// Several of them.
pub(super) fn endpoints<'de, D: Deserializer<'de>>(field: D) -> Result<Vec<Endpoint>, D::Error> {
    let texts = Vec::<String>::deserialize(field)?;
    texts.iter().map(|text| parsed(text)).collect()
}

/// What the log lets through: `info`, or `warn,ceralacca_postfix=debug`. A single word that is no
/// level would pass for the name of a target.
pub(super) fn level<'de, D: Deserializer<'de>>(field: D) -> Result<String, D::Error> {
    let text = String::deserialize(field)?;
    let is_level = |part: &str| {
        let level = part.rsplit('=').next().unwrap_or(part);
        LevelFilter::from_str(level.trim()).is_ok()
    };
    if !text.is_empty() && text.split(',').all(is_level) {
        return Ok(text);
    }
    Err(D::Error::custom(format!(
        "`{text}` is not error, warn, info, debug or trace"
    )))
}

/// Modes of sockets.
pub(super) mod mode {
    use super::{Deserialize, Deserializer, Error};

    pub(in super::super) fn read<'de, D: Deserializer<'de>>(field: D) -> Result<u32, D::Error> {
        let text = String::deserialize(field)?;
        match u32::from_str_radix(&text, 8) {
            Ok(mode @ 0..=0o777) => Ok(mode),
            _ => Err(D::Error::custom(format!(
                "`{text}` is not a mode like 0660"
            ))),
        }
    }

    /// Postfix may connect, by the socket's group.
    pub(in super::super) fn usual() -> u32 {
        0o660
    }
}

fn parsed<T, E>(text: &str) -> Result<T, E>
where
    T: FromStr,
    T::Err: Display,
    E: Error,
{
    text.parse().map_err(E::custom)
}
