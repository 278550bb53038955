//! Boards in the database.

pub(crate) mod archive;
pub(crate) mod boards;
pub(crate) mod cards;
pub(crate) mod labels;
pub(crate) mod lists;
pub(crate) mod members;
pub(crate) mod sequence;
pub(crate) mod snapshot;
pub(crate) mod trash;

use serde::{Serialize, de::DeserializeOwned};
use veche_store::{Error, Migration, Row};

/// The tables, version by version.
pub(crate) const TABLES: &[Migration] = &[Migration { name: "boards", sql: include_str!("../desk.sql") }];

/// What the database's integers hold of an offset, a count or a time.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A column of JSON.
fn parse<T: DeserializeOwned>(row: &Row, column: usize) -> Result<T, Error> {
    let text: Box<str> = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| Error::Corrupt(format!("a board's JSON: {error}")))
}

/// What a column of JSON holds.
fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Other(format!("a board's JSON: {error}")))
}

/// A column of an id.
fn id<T: std::str::FromStr<Err: std::fmt::Display>>(row: &Row, column: usize) -> Result<T, Error> {
    let text: Box<str> = row.get(column)?;
    text.parse().map_err(|error| Error::Corrupt(format!("the id {text:?} of a board: {error}")))
}
