//! How events, questions, answers and outcomes look as plain data, where their own shape would say
//! something else than `wit/types.wit` does.
//!
//! The types derive `serde`'s traits, so a conversation can be stored, replayed, and carried over
//! any border: records have camelCase fields, cases have kebab-case names, variants are `tag` and
//! `val`, an absent option is left out, octet strings are octet strings. That is how tools of the
//! component model show WIT to JavaScript; 64-bit numbers are plain ones here, none is that large.

/// Octet strings. `serde` alone takes them for lists of numbers; here nothing else is taken for
/// them, text least of all: its character set would be anybody's guess.
pub(crate) mod octets {
    use serde::de::{Error, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(octets: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(octets)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        from.deserialize_byte_buf(Octets)
    }

    /// Takes octet strings.
    struct Octets;

    impl Visitor<'_> for Octets {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("octets")
        }

        fn visit_bytes<E: Error>(self, octets: &[u8]) -> Result<Vec<u8>, E> {
            Ok(octets.to_vec())
        }

        fn visit_byte_buf<E: Error>(self, octets: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(octets)
        }
    }

    /// Octets inside something else, on the way out.
    #[derive(Serialize)]
    #[serde(transparent)]
    pub(super) struct Shown<'a>(#[serde(serialize_with = "serialize")] pub &'a [u8]);

    /// The same on the way in.
    #[derive(Deserialize)]
    #[serde(transparent)]
    pub(super) struct Taken(#[serde(deserialize_with = "deserialize")] pub Vec<u8>);
}

/// Octets that may be absent.
pub(crate) mod octets_if_any {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::octets::{Shown, Taken};

    pub(crate) fn serialize<S: Serializer>(
        octets: &Option<Vec<u8>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        octets.as_deref().map(Shown).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let octets = Option::<Taken>::deserialize(from)?;
        Ok(octets.map(|Taken(octets)| octets))
    }
}

/// Lists of octet strings.
pub(crate) mod octet_strings {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::octets::{Shown, Taken};

    pub(crate) fn serialize<S: Serializer>(list: &[Vec<u8>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(|octets| Shown(octets)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Vec<u8>>, D::Error> {
        let list = Vec::<Taken>::deserialize(from)?;
        Ok(list.into_iter().map(|Taken(octets)| octets).collect())
    }
}

/// Spans of the event's message: `start` and `length`.
pub(crate) mod span {
    use std::ops::Range;

    use serde::{Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(range: &Range<usize>, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Span {
            start: usize,
            length: usize,
        }
        let span = Span {
            start: range.start,
            length: range.len(),
        };
        span.serialize(to)
    }
}

/// Findings: whether the message holds is their first fact.
pub(crate) mod judged {
    use serde::{Serialize, Serializer};

    use crate::finding::Finding;

    pub(crate) fn serialize<S: Serializer>(
        finding: &Option<Finding>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Judged<'a> {
            holds: bool,
            #[serde(flatten)]
            finding: &'a Finding,
        }
        let judged = finding.as_ref().map(|finding| Judged {
            holds: finding.holds(),
            finding,
        });
        judged.serialize(to)
    }
}

/// Whom a notice is for: the provider's operators are the empty address.
pub(crate) mod addressee {
    use serde::{Serialize, Serializer};

    use crate::address::EmailAddress;

    pub(crate) fn serialize<S: Serializer>(
        address: &Option<EmailAddress>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let text = address.as_ref().map_or("", EmailAddress::as_str);
        text.serialize(to)
    }
}

/// What is text outside and proof inside ([`TryFrom`] makes the one of the other).
macro_rules! text_outside {
    ($type:ident) => {
        impl TryFrom<String> for $type {
            type Error = <$type as TryFrom<&'static str>>::Error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::try_from(text.as_str())
            }
        }

        impl From<$type> for String {
            fn from(proof: $type) -> Self {
                proof.to_string()
            }
        }
    };
}
pub(crate) use text_outside;
