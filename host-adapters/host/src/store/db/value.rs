//! The four types of value that both databases have: nothing, integers of 64 bits, text, octets.

use std::borrow::Cow;
use std::error::Error;

use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use super::DbError;

/// A value on its way into a statement.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Param<'a> {
    Null,
    Integer(i64),
    /// Fails where it does not fit: nothing we count is as large.
    Unsigned(u64),
    Text(&'a str),
    Octets(&'a [u8]),
}

impl Param<'_> {
    /// A copy that may wait.
    ///
    /// # Errors
    /// [`DbError::TooLarge`]: no column can have it.
    pub(in crate::store::db) fn keep(&self) -> Result<Kept, DbError> {
        Ok(match *self {
            Self::Null => Kept::Null,
            Self::Integer(value) => Kept::Integer(value),
            Self::Unsigned(value) => {
                Kept::Integer(i64::try_from(value).map_err(|_| DbError::TooLarge(value))?)
            }
            Self::Text(value) => Kept::Text(value.to_owned()),
            Self::Octets(value) => Kept::Octets(value.to_vec()),
        })
    }
}

/// A [`Param`] of its own.
#[derive(Debug)]
pub(in crate::store::db) enum Kept {
    Null,
    Integer(i64),
    Text(String),
    Octets(Vec<u8>),
}

impl Kept {
    pub(in crate::store::db) fn as_param(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Integer(value) => Param::Integer(*value),
            Self::Text(value) => Param::Text(value),
            Self::Octets(value) => Param::Octets(value),
        }
    }
}

/// `params![a, &b]`: the values of a statement's `?1`, `?2`, … in their order.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::store::db::Param::from($value)),*] };
}
pub(in crate::store) use params;

macro_rules! param_from {
    ($($type:ty => |$value:ident| $param:expr;)*) => {$(
        impl<'a> From<$type> for Param<'a> {
            fn from($value: $type) -> Self {
                $param
            }
        }
    )*};
}

param_from! {
    i64 => |value| Self::Integer(value);
    u64 => |value| Self::Unsigned(value);
    usize => |value| Self::Unsigned(value as u64);
    u32 => |value| Self::Integer(value.into());
    u16 => |value| Self::Integer(value.into());
    bool => |value| Self::Integer(value.into());
    &'a str => |value| Self::Text(value);
    &'a String => |value| Self::Text(value);
    &'a [u8] => |value| Self::Octets(value);
    &'a Vec<u8> => |value| Self::Octets(value);
    &'a [u8; 32] => |value| Self::Octets(value);
    &'a Option<String> => |value| Self::from(value.as_deref());
}

impl<'a, T> From<Option<T>> for Param<'a>
where
    Self: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(value),
            Self::Unsigned(value) => ValueRef::Integer(
                i64::try_from(value)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?,
            ),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Octets(value) => ValueRef::Blob(value),
        }))
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        to: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match *self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(value) if *to == Type::INT8 => value.to_sql(to, out),
            Self::Unsigned(value) if *to == Type::INT8 => i64::try_from(value)?.to_sql(to, out),
            Self::Text(value) if *to == Type::TEXT => without_nul(value).to_sql(to, out),
            Self::Octets(value) if *to == Type::BYTEA => value.to_sql(to, out),
            _ => Err(format!("{self:?} is no {to}").into()),
        }
    }

    fn accepts(to: &Type) -> bool {
        matches!(*to, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

/// PostgreSQL has no text with a NUL in it, mail that somebody wants us to stumble over may have:
/// in a decoded subject, say. U+2400 is its picture.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{2400}").into()
    } else {
        text.into()
    }
}

/// A row of a result.
pub(in crate::store) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// The value in a column, counted from 0.
    ///
    /// # Errors
    /// It is of another type, or does not fit.
    pub(in crate::store) fn get<T: Column>(&self, column: usize) -> Result<T, DbError> {
        let value = match self {
            Self::Sqlite(row) => Value::from(row.get_ref(column)?),
            Self::Postgres(row) => row.try_get(column)?,
        };
        T::from_value(&value)
            .ok_or_else(|| DbError::damaged(column, "has a value of another type, or out of range"))
    }
}

/// A value on its way out of a row.
pub(in crate::store) enum Value<'a> {
    Null,
    Integer(i64),
    Text(&'a [u8]),
    Octets(&'a [u8]),
    /// Of a type that we do not write.
    Strange,
}

impl<'a> From<ValueRef<'a>> for Value<'a> {
    fn from(value: ValueRef<'a>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Integer(value),
            ValueRef::Text(value) => Self::Text(value),
            ValueRef::Blob(value) => Self::Octets(value),
            ValueRef::Real(_) => Self::Strange,
        }
    }
}

impl<'a> FromSql<'a> for Value<'a> {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *of {
            Type::INT8 => Self::Integer(i64::from_sql(of, raw)?),
            Type::TEXT => Self::Text(raw),
            Type::BYTEA => Self::Octets(raw),
            _ => Self::Strange,
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// What a column can be read as.
pub(in crate::store) trait Column: Sized {
    /// None: it is something else.
    fn from_value(value: &Value<'_>) -> Option<Self>;
}

macro_rules! integer_column {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn from_value(value: &Value<'_>) -> Option<Self> {
                match *value {
                    Value::Integer(value) => value.try_into().ok(),
                    _ => None,
                }
            }
        }
    )*};
}

integer_column!(i64, u64, u32, u16);

impl Column for bool {
    fn from_value(value: &Value<'_>) -> Option<Self> {
        i64::from_value(value).map(|value| value != 0)
    }
}

impl Column for String {
    fn from_value(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Text(value) => Some(std::str::from_utf8(value).ok()?.to_owned()),
            _ => None,
        }
    }
}

impl Column for Vec<u8> {
    fn from_value(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Octets(value) => Some(value.to_vec()),
            _ => None,
        }
    }
}

impl<T: Column> Column for Option<T> {
    fn from_value(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}
