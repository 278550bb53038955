//! The five kinds of value that both databases have, and how Rust's types become them and come back.

use std::sync::Arc;

/// A parameter or a column's content.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A 64-bit integer; also a boolean (0 or 1), a time in ms, money in minor units.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text in UTF-8.
    Text(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
}

impl Value {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Integer(_) => "an integer",
            Self::Real(_) => "a number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// The parameters of a statement, in the order of `$1`, `$2` …
///
/// ```
/// let params = veche_store::params!["board:1", 7_i64, None::<&str>];
/// assert_eq!(params.len(), 3);
/// ```
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        [$($crate::Value::from($value)),*]
    };
}

macro_rules! into_value {
    ($($type:ty => |$value:ident| $made:expr;)*) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}

into_value! {
    i64 => |value| Self::Integer(value);
    i32 => |value| Self::Integer(value.into());
    u32 => |value| Self::Integer(value.into());
    bool => |value| Self::Integer(value.into());
    f64 => |value| Self::Real(value);
    &str => |value| Self::Text(value.into());
    String => |value| Self::Text(value.into());
    &String => |value| Self::Text(value.as_str().into());
    Box<str> => |value| Self::Text(value.into());
    Arc<str> => |value| Self::Text(value);
    &Arc<str> => |value| Self::Text(Arc::clone(value));
    &[u8] => |value| Self::Bytes(value.into());
    Vec<u8> => |value| Self::Bytes(value.into());
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a column can be read as.
#[diagnostic::on_unimplemented(
    message = "a column cannot be read as `{Self}`",
    note = "columns are read as i64, u64, u32, bool, f64, String, Arc<str>, Box<str>, Vec<u8>, or an Option of one"
)]
pub trait FromValue: Sized {
    /// Takes the value; a text that says what was found where it is of another kind.
    fn from_value(value: &Value) -> Result<Self, String>;
}

fn mismatch(value: &Value, expected: &str) -> String {
    format!("is {}, {expected} was expected", value.kind())
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Integer(value) => Ok(*value),
            other => Err(mismatch(other, "an integer")),
        }
    }
}

impl FromValue for u64 {
    fn from_value(value: &Value) -> Result<Self, String> {
        let value = i64::from_value(value)?;
        Self::try_from(value).map_err(|_| format!("is {value}, an integer of 0 or more was expected"))
    }
}

impl FromValue for u32 {
    fn from_value(value: &Value) -> Result<Self, String> {
        let value = i64::from_value(value)?;
        Self::try_from(value)
            .map_err(|_| format!("is {value}, an integer from 0 to {} was expected", Self::MAX))
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Result<Self, String> {
        match i64::from_value(value)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("is {other}, 0 or 1 was expected")),
        }
    }
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Real(value) => Ok(*value),
            other => Err(mismatch(other, "a number")),
        }
    }
}

impl FromValue for Arc<str> {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(Self::clone(text)),
            other => Err(mismatch(other, "text")),
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self, String> {
        Arc::from_value(value).map(|text: Arc<str>| Self::from(&*text))
    }
}

impl FromValue for Box<str> {
    fn from_value(value: &Value) -> Result<Self, String> {
        Arc::from_value(value).map(|text: Arc<str>| Self::from(&*text))
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bytes(bytes) => Ok(bytes.to_vec()),
            other => Err(mismatch(other, "bytes")),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}
