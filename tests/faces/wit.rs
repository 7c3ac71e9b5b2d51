//! The types that are generated from `wit/types.wit`, and plain values: each made of the other. Serde
//! knows the names of Rust, plain values have those of WIT, with camelCase fields: the words are the
//! same.

use ceralacca::values::Value;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, VariantAccess,
    Visitor,
};
use serde::ser::{Impossible, Serialize, SerializeSeq, SerializeStruct, Serializer};
use serde::{Deserializer, forward_to_deserialize_any};
use serde_value::{DeserializerError, SerializerError};
use std::collections::BTreeMap;

/// A value of a generated type.
pub fn read<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(Plain(value.clone())).unwrap_or_else(|error| panic!("{error}: {value:?}"))
}

/// The plain form. An empty list of octets is an empty list.
pub fn write(value: &impl Serialize) -> Value {
    value.serialize(Writer).expect("a plain form")
}

/// `NoSuchDomain` or `no_such_domain`, in words.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for letter in name.chars() {
        match words.last_mut() {
            _ if letter == '_' => words.push(String::new()),
            Some(word) if !letter.is_uppercase() => word.push(letter),
            Some(word) if word.is_empty() => word.extend(letter.to_lowercase()),
            _ => words.push(letter.to_lowercase().collect()),
        }
    }
    words
}

/// A case, as WIT has it.
fn kebab(name: &str) -> String {
    words(name).join("-")
}

/// A field, as plain values have it.
fn camel(name: &str) -> String {
    let words = words(name);
    let rest = words.iter().skip(1).map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.iter().take(1).cloned().chain(rest).collect()
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// Read by the words of its names.
struct Plain(Value);

impl<'de> Deserializer<'de> for Plain {
    type Error = DeserializerError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Seq(list) => {
                visitor.visit_seq(SeqDeserializer::new(list.into_iter().map(Plain)))
            }
            Value::Bytes(octets) => visitor.visit_seq(SeqDeserializer::new(octets.into_iter())),
            Value::Option(Some(value)) => Plain(*value).deserialize_any(visitor),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Option(None) | Value::Unit => visitor.visit_none(),
            Value::Option(Some(value)) => visitor.visit_some(Plain(*value)),
            other => visitor.visit_some(Plain(other)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let mut there = match self.0 {
            Value::Map(there) => there,
            Value::Option(Some(value)) => {
                return Plain(*value).deserialize_struct(name, fields, visitor);
            }
            other => return Err(Self::Error::custom(format!("{name}: no record: {other:?}"))),
        };
        let found: Vec<_> = fields
            .iter()
            .filter_map(|field| Some((*field, Plain(there.remove(&text(&camel(field)))?))))
            .collect();
        if let Some((field, _)) = there.pop_first() {
            return Err(Self::Error::custom(format!("{name} has no {field:?}")));
        }
        visitor.visit_map(MapDeserializer::new(found.into_iter()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        cases: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let (tag, val) = match self.0 {
            Value::Map(mut fields) => (fields.remove(&text("tag")), fields.remove(&text("val"))),
            tag => (Some(tag), None),
        };
        let is_it = |case: &&&str| tag == Some(text(&kebab(case)));
        match cases.iter().find(is_it) {
            Some(case) => visitor.visit_enum(Case(case, val.unwrap_or(Value::Option(None)))),
            None => Err(Self::Error::custom(format!("{name} has no {tag:?}"))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl IntoDeserializer<'_, DeserializerError> for Plain {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// One case, and its value.
struct Case(&'static str, Value);

impl<'de> EnumAccess<'de> for Case {
    type Error = DeserializerError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), Self::Error> {
        Ok((seed.deserialize(text(self.0))?, self))
    }
}

impl<'de> VariantAccess<'de> for Case {
    type Error = DeserializerError;

    fn unit_variant(self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, Self::Error> {
        seed.deserialize(Plain(self.1))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("a case has one value"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("a case has one value"))
    }
}

/// Written with the words of its names.
struct Writer;

type Written = Result<Value, SerializerError>;

/// What WIT has no types like.
type Never = Impossible<Value, SerializerError>;

macro_rules! numbers {
    ($($name:ident $type:ident $case:ident;)+) => {$(
        fn $name(self, value: $type) -> Written {
            Ok(Value::$case(value))
        }
    )+};
}

impl Serializer for Writer {
    type Ok = Value;
    type Error = SerializerError;
    type SerializeSeq = List;
    type SerializeStruct = Fields;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStructVariant = Never;

    numbers! {
        serialize_bool bool Bool;
        serialize_u8 u8 U8;
        serialize_u16 u16 U16;
        serialize_u32 u32 U32;
        serialize_u64 u64 U64;
        serialize_i8 i8 I8;
        serialize_i16 i16 I16;
        serialize_i32 i32 I32;
        serialize_i64 i64 I64;
        serialize_f32 f32 F32;
        serialize_f64 f64 F64;
        serialize_char char Char;
    }

    fn serialize_str(self, value: &str) -> Written {
        Ok(text(value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        Ok(Value::Bytes(value.to_vec()))
    }

    fn serialize_none(self) -> Written {
        Ok(Value::Option(None))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(Value::Option(None))
    }

    /// A text, or a record where other cases have values.
    fn serialize_unit_variant(self, name: &'static str, _: u32, case: &'static str) -> Written {
        let tag = text(&kebab(case));
        let is_enum = TYPES.contains(&format!("enum {} {{", kebab(name)));
        Ok(if is_enum {
            tag
        } else {
            Value::Map([(text("tag"), tag)].into())
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        case: &'static str,
        value: &T,
    ) -> Written {
        let fields = [
            (text("tag"), text(&kebab(case))),
            (text("val"), value.serialize(self)?),
        ];
        Ok(Value::Map(fields.into()))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List, SerializerError> {
        Ok(List::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields, SerializerError> {
        Ok(Fields::default())
    }

    fn serialize_unit_struct(self, name: &'static str) -> Written {
        Err(unlike(name))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, _: &T) -> Written {
        Err(unlike(name))
    }

    fn serialize_tuple(self, _: usize) -> Result<Never, SerializerError> {
        Err(unlike("a tuple"))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Never, SerializerError> {
        Err(unlike(name))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, SerializerError> {
        Err(unlike(name))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Never, SerializerError> {
        Err(unlike("a map"))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, SerializerError> {
        Err(unlike(name))
    }
}

fn unlike(name: &str) -> SerializerError {
    SerializerError::Custom(format!("{name}: no type of wit/ is like that"))
}

/// A list, of octets or of something else.
#[derive(Default)]
struct List {
    octets: Vec<u8>,
    others: Vec<Value>,
}

impl SerializeSeq for List {
    type Ok = Value;
    type Error = SerializerError;

    fn serialize_element<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
    ) -> Result<(), SerializerError> {
        match value.serialize(Writer)? {
            Value::U8(octet) => self.octets.push(octet),
            other => self.others.push(other),
        }
        Ok(())
    }

    fn end(self) -> Written {
        Ok(if self.octets.is_empty() {
            Value::Seq(self.others)
        } else {
            Value::Bytes(self.octets)
        })
    }
}

/// A record.
#[derive(Default)]
struct Fields(BTreeMap<Value, Value>);

impl SerializeStruct for Fields {
    type Ok = Value;
    type Error = SerializerError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), SerializerError> {
        self.0.insert(text(&camel(name)), value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Written {
        Ok(Value::Map(self.0))
    }
}

const TYPES: &str = include_str!("../../wit/types.wit");
