//! Frames: JSON that points to octets.
//!
//! ```text
//! frame  = size header octets
//! size   = 4OCTET     ; octets of the header, big-endian
//! header = *OCTET     ; JSON (RFC 8259), UTF-8
//! octets = *OCTET     ; what the header points to
//! ```
//! Where the header has `{"octets": [start, length]}` it means that many octets, `start` counted
//! from the end of the header. Each is pointed to once, and none is left over.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

use crate::fault::Fault;
use crate::limits::Limits;
use crate::values::{self, Refusal, Value};

/// Reads a frame.
///
/// # Errors
/// As [`open`] and [`Octets::fill`].
pub fn read(frame: Vec<u8>) -> Result<Value, Refusal> {
    let (value, octets) = open(frame, Fault::Event)?;
    octets.fill(value)
}

/// Reads the header of a frame. Where the value has octet strings, it has their numbers for now.
///
/// # Errors
/// `too-large`, and `frame` for whatever is not of the form: truncated, no JSON, octets that are
/// not there. `crowded` makes the fault of a header that has more in it than any call has.
pub fn open(frame: Vec<u8>, crowded: fn(String) -> Fault) -> Result<(Value, Octets), Refusal> {
    let most = Limits::DEFAULT.call;
    if frame.len() > most {
        return Err(Refusal::too_large(frame.len(), most));
    }
    let size = frame
        .first_chunk::<SIZE>()
        .ok_or_else(|| malformed("it ends before its size does"))?;
    let body = SIZE.saturating_add(u32::from_be_bytes(*size) as usize);
    let header = frame
        .get(SIZE..body)
        .ok_or_else(|| malformed("it ends inside its header"))?;
    let mut tree = Tree {
        items: Limits::DEFAULT.items,
        crowded: false,
        places: Vec::new(),
    };
    let mut json = serde_json::Deserializer::from_slice(header);
    let value = tree
        .deserialize(&mut json)
        .and_then(|value| json.end().map(|()| value));
    if tree.crowded {
        let what = "the call holds more lists and fields than any event has";
        return Err(crowded(what.to_owned()).into());
    }
    let value = value.map_err(|error| malformed(&format!("its header is no JSON: {error}")))?;
    check(&tree.places, frame.len() - body)?;
    Ok((
        value,
        Octets {
            frame,
            body,
            places: tree.places,
        },
    ))
}

/// The octet strings of a frame whose header was read.
pub struct Octets {
    frame: Vec<u8>,
    /// Where the header ends.
    body: usize,
    places: Vec<Place>,
}

impl Octets {
    /// What the octet strings of a part of the value take together.
    pub fn of(&self, value: &Value) -> usize {
        let numbers = numbers(value).into_iter();
        numbers.map(|number| self.places[number].length).sum()
    }

    /// Puts octet strings into their places in a part of the value.
    ///
    /// # Errors
    /// `too-large`: memory has no room for them.
    pub fn fill(&self, value: Value) -> Result<Value, Refusal> {
        replace(value, &mut |number| self.copy(self.places[number]))
    }

    /// The same for the last part that is wanted. The longest of its octet strings, a message, is not
    /// copied: the frame's memory becomes its own.
    ///
    /// # Errors
    /// As [`Octets::fill`].
    pub fn finish(self, value: Value) -> Result<Value, Refusal> {
        let length = |number: &usize| self.places[*number].length;
        let Some(longest) = numbers(&value).into_iter().max_by_key(length) else {
            return Ok(value);
        };
        let value = replace(value, &mut |number| match number == longest {
            true => Ok(placeholder(number)),
            false => self.copy(self.places[number]),
        })?;
        let mut longest = self.cut(longest);
        replace(value, &mut |_| {
            Ok(Value::Bytes(std::mem::take(&mut longest)))
        })
    }

    /// One octet string in the frame's stead.
    fn cut(self, number: usize) -> Vec<u8> {
        let Place { start, length } = self.places[number];
        let mut frame = self.frame;
        frame.truncate(self.body + start + length);
        frame.drain(..self.body + start);
        frame.shrink_to_fit();
        frame
    }

    fn copy(&self, Place { start, length }: Place) -> Result<Value, Refusal> {
        let mut copy = Vec::new();
        copy.try_reserve_exact(length)
            .map_err(|_| Refusal::no_room(length))?;
        let start = self.body + start;
        copy.extend_from_slice(&self.frame[start..start + length]);
        Ok(Value::Bytes(copy))
    }
}

/// The numbers that stand for octet strings in a value.
fn numbers(value: &Value) -> Vec<usize> {
    match value {
        Value::Newtype(number) => vec![self::number(number)],
        Value::Seq(list) => list.iter().flat_map(numbers).collect(),
        Value::Map(fields) => fields.values().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

/// Puts octet strings where their numbers stand.
fn replace(
    value: Value,
    string: &mut impl FnMut(usize) -> Result<Value, Refusal>,
) -> Result<Value, Refusal> {
    Ok(match value {
        Value::Newtype(number) => string(self::number(&number))?,
        Value::Seq(list) => {
            let list = list.into_iter().map(|v| replace(v, string));
            Value::Seq(list.collect::<Result<_, _>>()?)
        }
        Value::Map(fields) => {
            let fields = fields.into_iter();
            let fields = fields.map(|(k, v)| Ok((k, replace(v, string)?)));
            Value::Map(fields.collect::<Result<_, Refusal>>()?)
        }
        other => other,
    })
}

/// What stands for an octet string for now.
fn placeholder(number: usize) -> Value {
    Value::Newtype(Box::new(Value::U64(number as u64)))
}

fn number(value: &Value) -> usize {
    match value {
        Value::U64(number) => *number as usize,
        other => unreachable!("only octet strings have numbers: {other:?}"),
    }
}

/// Writes a frame.
pub fn write(value: &Value) -> Vec<u8> {
    let mut tail = Tail::default();
    let header = json(value, &mut tail).unwrap_or(Json::Null).to_string();
    let mut frame = Vec::with_capacity(SIZE + header.len() + tail.length);
    // No header comes near 4 GiB: nothing in an instance does.
    frame.extend_from_slice(&(header.len() as u32).to_be_bytes());
    frame.extend_from_slice(header.as_bytes());
    for string in tail.strings {
        frame.extend_from_slice(string);
    }
    frame
}

/// Where an octet string lies, from the end of the header.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    length: usize,
}

impl Place {
    fn of(value: &Value) -> Option<Self> {
        let Value::Seq(place) = value else {
            return None;
        };
        let [Value::U64(start), Value::U64(length)] = place.as_slice() else {
            return None;
        };
        Some(Self {
            start: usize::try_from(*start).ok()?,
            length: usize::try_from(*length).ok()?,
        })
    }

    fn end(self) -> Option<usize> {
        self.start.checked_add(self.length)
    }
}

/// What will stand behind the header.
#[derive(Default)]
struct Tail<'a> {
    strings: Vec<&'a [u8]>,
    length: usize,
}

impl<'a> Tail<'a> {
    fn push(&mut self, string: &'a [u8]) -> Json {
        let place = Json::Array(vec![self.length.into(), string.len().into()]);
        self.strings.push(string);
        self.length += string.len();
        Json::Object(Map::from_iter([(OCTETS.to_owned(), place)]))
    }
}

/// Makes a value of JSON while that is read, so that a header takes no more memory than a call may.
/// Octet strings are noted down, and their numbers stand in their places.
struct Tree {
    /// Items and fields that may still come.
    items: usize,
    /// More of them came.
    crowded: bool,
    places: Vec<Place>,
}

impl Tree {
    /// One more item or field.
    fn count<E: Error>(&mut self) -> Result<(), E> {
        self.items = self.items.checked_sub(1).ok_or_else(|| {
            self.crowded = true;
            E::custom("too many items")
        })?;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Tree {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Tree {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Option(None))
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Value, E> {
        Ok(Value::Bool(bool))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::U64(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(values::number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(values::number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(&mut *self)? {
            self.count()?;
            items.push(item);
        }
        Ok(Value::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(name) = object.next_key::<String>()? {
            self.count()?;
            let value = object.next_value_seed(&mut *self)?;
            // Octets of the one that is lost would be pointed to, and nobody would get them.
            if fields.insert(Value::String(name), value).is_some() {
                return Err(A::Error::custom("a name stands twice in an object"));
            }
        }
        let octets = fields.get(&Value::String(OCTETS.to_owned()));
        let (1, Some(place)) = (fields.len(), octets) else {
            return Ok(Value::Map(fields));
        };
        let place = Place::of(place)
            .ok_or_else(|| A::Error::custom("octets are given by [start, length]"))?;
        // An octet string is one value.
        self.items += 3;
        self.places.push(place);
        Ok(placeholder(self.places.len() - 1))
    }
}

/// All octets behind the header are pointed to once: a small frame cannot ask for much memory, and
/// nothing gets lost unnoticed.
fn check(places: &[Place], available: usize) -> Result<(), Refusal> {
    let mut sorted: Vec<Place> = places.to_vec();
    sorted.sort_by_key(|place| (place.start, place.length));
    let mut free = 0;
    for place in sorted {
        let end = place.end().filter(|end| *end <= available).ok_or_else(|| {
            let Place { start, length } = place;
            malformed(&format!(
                "octets [{start}, {length}] are not among the {available} behind the header"
            ))
        })?;
        if place.start < free {
            return Err(malformed("octets are pointed to twice"));
        }
        if place.start > free {
            return Err(left_over(free, place.start));
        }
        free = end;
    }
    if free < available {
        return Err(left_over(free, available));
    }
    Ok(())
}

/// A value as JSON, octet strings apart. None for an option that is absent.
fn json<'a>(value: &'a Value, tail: &mut Tail<'a>) -> Option<Json> {
    let number = |n: u64| Some(Json::Number(Number::from(n)));
    match value {
        Value::Option(None) | Value::Unit => None,
        Value::Option(Some(value)) | Value::Newtype(value) => json(value, tail),
        Value::Bool(bool) => Some(Json::Bool(*bool)),
        Value::U8(n) => number(u64::from(*n)),
        Value::U16(n) => number(u64::from(*n)),
        Value::U32(n) => number(u64::from(*n)),
        Value::U64(n) => number(*n),
        Value::I8(n) => Some(Json::Number(Number::from(*n))),
        Value::I16(n) => Some(Json::Number(Number::from(*n))),
        Value::I32(n) => Some(Json::Number(Number::from(*n))),
        Value::I64(n) => Some(Json::Number(Number::from(*n))),
        Value::F32(n) => Number::from_f64(f64::from(*n)).map(Json::Number),
        Value::F64(n) => Number::from_f64(*n).map(Json::Number),
        Value::Char(c) => Some(Json::String(c.to_string())),
        Value::String(text) => Some(Json::String(text.clone())),
        Value::Bytes(string) => Some(tail.push(string)),
        Value::Seq(list) => {
            let list = list.iter().map(|v| json(v, tail).unwrap_or(Json::Null));
            Some(Json::Array(list.collect()))
        }
        Value::Map(fields) => {
            let mut object = Map::new();
            for (name, value) in fields {
                if let (Value::String(name), Some(json)) = (name, json(value, tail)) {
                    object.insert(name.clone(), json);
                }
            }
            Some(Json::Object(object))
        }
    }
}

fn left_over(from: usize, to: usize) -> Refusal {
    malformed(&format!("nothing points to octets {from} to {to}"))
}

fn malformed(what: &str) -> Refusal {
    Refusal {
        code: "frame",
        text: format!("the call's frame is malformed: {what}"),
    }
}

/// Octets that say the header's size.
const SIZE: usize = 4;
/// The one field of an object that stands for an octet string.
const OCTETS: &str = "octets";
