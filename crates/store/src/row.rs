//! One row of a result, read by type.

use std::sync::Arc;

use crate::{
    error::Error,
    value::{FromValue, Value},
};

/// A row. NULL is read only as an [`Option`]; anything else refuses it and names the column.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Arc<[Box<str>]>,
    values: Box<[Value]>,
}

impl Row {
    pub(crate) fn new(columns: Arc<[Box<str>]>, values: Box<[Value]>) -> Self {
        Self { columns, values }
    }

    /// The content of a column, by its position from 0 or by its name.
    ///
    /// Fails with [`Error::Column`] where there is no such column, where it is NULL and `T` is not an
    /// [`Option`], and where it is of another kind.
    pub fn get<T: FromValue>(&self, column: impl Column) -> Result<T, Error> {
        let place = column.place(&self.columns);
        let Some(value) = place.and_then(|place| self.values.get(place)) else {
            let detail = format!("does not exist among {:?}", self.columns);
            return Err(Error::Column { column: column.label(), detail });
        };
        T::from_value(value).map_err(|detail| {
            let name = place.and_then(|place| self.columns.get(place));
            Error::Column { column: name.map_or_else(|| column.label(), ToString::to_string), detail }
        })
    }
}

/// What names a column: its position, or its name.
pub trait Column: Copy {
    /// Its position among these names.
    fn place(self, columns: &[Box<str>]) -> Option<usize>;
    /// What it is called in an error.
    fn label(self) -> String;
}

impl Column for usize {
    fn place(self, _: &[Box<str>]) -> Option<usize> {
        Some(self)
    }

    fn label(self) -> String {
        self.to_string()
    }
}

impl Column for &str {
    fn place(self, columns: &[Box<str>]) -> Option<usize> {
        columns.iter().position(|name| **name == *self)
    }

    fn label(self) -> String {
        self.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let columns: Vec<Box<str>> = ["count", "note", "score", "blob"].map(Into::into).into();
        let values =
            [Value::Integer(-1), Value::Null, Value::Real(0.5), Value::Bytes([1, 2].as_slice().into())];
        Row::new(columns.into(), values.into())
    }

    #[test]
    fn a_column_is_read_by_position_and_by_name() {
        assert_eq!(row().get::<i64>(0), Ok(-1));
        assert_eq!(row().get::<f64>("score"), Ok(0.5));
        assert_eq!(row().get::<Vec<u8>>("blob"), Ok(vec![1, 2]));
        assert_eq!(row().get::<Option<i64>>("count"), Ok(Some(-1)));
    }

    #[test]
    fn null_is_no_value_of_any_other_type() {
        fn refused<T: FromValue + std::fmt::Debug>(expected: &str) {
            let error = row().get::<T>(1).expect_err("it is NULL").to_string();
            assert_eq!(error, format!("column \"note\" is NULL, {expected} was expected"));
        }
        refused::<i64>("an integer");
        refused::<u64>("an integer");
        refused::<bool>("an integer");
        refused::<f64>("a number");
        refused::<String>("text");
        refused::<Vec<u8>>("bytes");
        assert_eq!(row().get::<Option<String>>("note"), Ok(None));
    }

    #[test]
    fn a_wrong_kind_range_or_name_is_named() {
        let message = |result: Result<u64, Error>| result.expect_err("it is refused").to_string();
        assert_eq!(message(row().get(0)), "column \"count\" is -1, an integer of 0 or more was expected");
        assert_eq!(message(row().get("score")), "column \"score\" is a number, an integer was expected");
        assert!(message(row().get("nothing")).starts_with("column \"nothing\" does not exist among"));
        assert!(message(row().get(9)).starts_with("column \"9\" does not exist among"));
    }
}
