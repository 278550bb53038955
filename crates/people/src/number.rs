//! Numbers on their way into the database.

/// What the database's integers hold of a time, a count or a size.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
