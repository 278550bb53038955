//! One connection to a database, whichever it is: the only place that knows sqlx's types.
//!
//! Everything above speaks SQL in the portable subset, [`Value`]s and [`Row`]s. PostgreSQL becomes a second
//! variant here.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::{Stream, TryStreamExt};
use sqlx::{
    AssertSqlSafe, Column, Either, Executor, Row as _, SqlSafeStr, SqliteConnection, TypeInfo, ValueRef,
    error::{DatabaseError, ErrorKind},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{error::Error, row::Row, value::Value};

/// A connection.
pub(crate) enum Connection {
    /// SQLite, embedded.
    Sqlite(Box<Sqlite>),
}

/// A connection to SQLite. Each trip to it costs two switches of threads.
pub(crate) struct Sqlite {
    connection: SqliteConnection,
    /// When a running statement is interrupted, by the clock that the connection was opened with; `u64::MAX`
    /// for never.
    deadline_ms: Arc<AtomicU64>,
    /// Runs in one trip with the next statement.
    deferred: Option<&'static str>,
}

impl Connection {
    pub(crate) fn sqlite(connection: SqliteConnection, deadline_ms: Arc<AtomicU64>) -> Self {
        Self::Sqlite(Box::new(Sqlite { connection, deadline_ms, deferred: None }))
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, Error> {
        match self {
            Self::Sqlite(sqlite) => {
                let query = sqlite.query(sql, params)?;
                let mut steps = sqlite.connection.fetch_many(query);
                let mut changed = 0;
                while let Some(step) = steps.try_next().await.map_err(error_of)? {
                    // The last one's: what was deferred comes before it.
                    if let Either::Left(done) = step {
                        changed = done.rows_affected();
                    }
                }
                Ok(changed)
            }
        }
    }

    /// Runs a query and shows its rows one by one, until `visit` breaks.
    pub(crate) async fn each(
        &mut self,
        sql: &'static str,
        params: &[Value],
        visit: impl FnMut(Row) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        match self {
            Self::Sqlite(sqlite) => {
                let query = sqlite.query(sql, params)?;
                walk(sqlite.connection.fetch(query), visit).await
            }
        }
    }

    /// Runs statements that have no parameters, separated by `;`.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Error> {
        self.run_deferred().await?;
        match self {
            Self::Sqlite(sqlite) => {
                sqlite.connection.execute(sqlx::raw_sql(sql)).await.map_err(error_of).map(|_| ())
            }
        }
    }

    /// Begins, commits or undoes; in place of what was deferred.
    pub(crate) async fn control(&mut self, sql: &'static str) -> Result<(), Error> {
        match self {
            Self::Sqlite(sqlite) => sqlite.deferred = None,
        }
        self.execute(sql, &[]).await.map(|_| ())
    }

    /// Runs this right before the next statement, if there will be one.
    pub(crate) fn defer(&mut self, sql: &'static str) {
        match self {
            Self::Sqlite(sqlite) => sqlite.deferred = Some(sql),
        }
    }

    /// What was deferred and has not run yet.
    pub(crate) fn deferred(&self) -> Option<&'static str> {
        match self {
            Self::Sqlite(sqlite) => sqlite.deferred,
        }
    }

    async fn run_deferred(&mut self) -> Result<(), Error> {
        let deferred = match self {
            Self::Sqlite(sqlite) => sqlite.deferred.take(),
        };
        match deferred {
            Some(sql) => self.execute(sql, &[]).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Interrupts what still runs at that time, by the clock that the connection was opened with.
    pub(crate) fn interrupt_at(&self, now_ms: u64) {
        match self {
            Self::Sqlite(sqlite) => sqlite.deadline_ms.store(now_ms, Ordering::Relaxed),
        }
    }

    /// Ends it in order.
    pub(crate) async fn close(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(sqlite) => sqlx::Connection::close(sqlite.connection).await.map_err(error_of),
        }
    }
}

type SqliteQuery = Query<'static, sqlx::Sqlite, SqliteArguments>;

impl Sqlite {
    /// The statement, after what was deferred; both are texts of the program.
    fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<SqliteQuery, Error> {
        let named = parameters(sql);
        if named != params.len() {
            // SQLite would read a missing parameter as NULL.
            let given = params.len();
            return Err(Error::Other(format!("the statement names {named} parameters, {given} are given")));
        }
        if params.iter().any(|param| matches!(param, Value::Real(number) if number.is_nan())) {
            // SQLite would keep it as NULL.
            return Err(Error::Other("NaN is no value".into()));
        }
        let text = match self.deferred.take() {
            Some(deferred) => AssertSqlSafe(format!("{deferred}; {sql}")).into_sql_str(),
            None => sql.into_sql_str(),
        };
        let mut query = sqlx::query(text);
        for param in params {
            query = match param {
                Value::Null => query.bind(None::<i64>),
                Value::Integer(value) => query.bind(*value),
                Value::Real(value) => query.bind(*value),
                Value::Text(text) => query.bind(Arc::clone(text)),
                Value::Bytes(bytes) => query.bind(Arc::clone(bytes)),
            };
        }
        Ok(query)
    }
}

/// The highest `n` of all `$n`. A `$` inside a literal counts too: literals belong into parameters.
fn parameters(sql: &str) -> usize {
    sql.split('$').skip(1).fold(0, |highest, after| {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        after[..digits].parse().unwrap_or(0).max(highest)
    })
}

async fn walk(
    mut rows: impl Stream<Item = Result<SqliteRow, sqlx::Error>> + Unpin,
    mut visit: impl FnMut(Row) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let mut columns: Option<Arc<[Box<str>]>> = None;
    while let Some(row) = rows.try_next().await.map_err(error_of)? {
        let columns =
            columns.get_or_insert_with(|| row.columns().iter().map(|column| column.name().into()).collect());
        let values = (0..columns.len()).map(|place| value(&row, place)).collect::<Result<_, _>>()?;
        if visit(Row::new(Arc::clone(columns), values))?.is_break() {
            break;
        }
    }
    Ok(())
}

fn value(row: &SqliteRow, place: usize) -> Result<Value, Error> {
    let raw = row.try_get_raw(place).map_err(error_of)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    // The kind of this very value, not what the column was declared as.
    let value = match raw.type_info().name() {
        "INTEGER" => row.try_get_unchecked(place).map(Value::Integer),
        "REAL" => row.try_get_unchecked(place).map(Value::Real),
        "TEXT" => row.try_get_unchecked::<&str, _>(place).map(|text| Value::Text(text.into())),
        _ => row.try_get_unchecked::<&[u8], _>(place).map(|bytes| Value::Bytes(bytes.into())),
    };
    value.map_err(error_of)
}

/// What an error of the driver is to a caller.
pub(crate) fn error_of(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(reported) => error_of_sqlite(&**reported),
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => Error::Unavailable(error.to_string()),
        _ => Error::Other(error.to_string()),
    }
}

fn error_of_sqlite(error: &dyn DatabaseError) -> Error {
    let message = error.message().to_owned();
    let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or(0);
    // The primary code is the low byte of the extended one: https://sqlite.org/rescode.html
    match code & 0xff {
        5 | 6 => Error::Unavailable(message),
        9 => Error::TooSlow { seconds: crate::LIMIT.as_secs() },
        11 | 26 => Error::Corrupt(message),
        13 => Error::Full(message),
        19 => Error::Constraint(message),
        _ if error.kind() != ErrorKind::Other => Error::Constraint(message),
        _ => Error::Other(format!("{message} (SQLite's code {code})")),
    }
}

#[cfg(test)]
mod tests {
    use super::parameters;

    #[test]
    fn parameters_are_counted_by_the_highest_number() {
        assert_eq!(parameters("SELECT 1"), 0);
        assert_eq!(parameters("SELECT $2, $1, $2"), 2);
        assert_eq!(parameters("VALUES ($1,$10, $9)"), 10);
        assert_eq!(parameters("$"), 0);
    }
}
