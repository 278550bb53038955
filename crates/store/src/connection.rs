//! One connection to a database, whichever it is: the only place that knows sqlx's types.
//!
//! Everything above speaks SQL in the portable subset, [`Value`]s and [`Row`]s. PostgreSQL becomes a further
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
    Column, Executor, Row as _, SqliteConnection, TypeInfo, ValueRef,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{direct::Direct, error::Error, row::Row, sqlite, value::Value};

/// A connection.
pub(crate) struct Connection {
    database: Database,
    /// Runs before the next statement.
    deferred: &'static [&'static str],
}

enum Database {
    /// SQLite, on a thread of the driver.
    Sqlite(Box<Sqlite>),
    /// SQLite, on the caller's thread.
    Direct(Direct),
}

struct Sqlite {
    connection: SqliteConnection,
    /// When a running statement is interrupted, by the clock that the connection was opened with; `u64::MAX`
    /// for never.
    deadline_ms: Arc<AtomicU64>,
}

impl Connection {
    pub(crate) fn sqlite(connection: SqliteConnection, deadline_ms: Arc<AtomicU64>) -> Self {
        Self { database: Database::Sqlite(Box::new(Sqlite { connection, deadline_ms })), deferred: &[] }
    }

    pub(crate) fn direct(direct: Direct) -> Self {
        Self { database: Database::Direct(direct), deferred: &[] }
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, Error> {
        check(sql, params)?;
        self.run_deferred().await?;
        self.database.execute(sql, params).await
    }

    /// Runs a query and shows its rows one by one, until `visit` breaks.
    pub(crate) async fn each(
        &mut self,
        sql: &'static str,
        params: &[Value],
        visit: impl FnMut(Row) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        check(sql, params)?;
        self.run_deferred().await?;
        match &mut self.database {
            Database::Sqlite(sqlite) => walk(sqlite.connection.fetch(query(sql, params)), visit).await,
            Database::Direct(direct) => direct.each(sql, params, visit),
        }
    }

    /// Runs statements that have no parameters, separated by `;`.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Error> {
        self.run_deferred().await?;
        match &mut self.database {
            Database::Sqlite(sqlite) => {
                sqlite.connection.execute(sqlx::raw_sql(sql)).await.map_err(error_of).map(|_| ())
            }
            Database::Direct(direct) => direct.script(sql),
        }
    }

    /// Begins, commits or undoes; in place of what was deferred.
    pub(crate) async fn control(&mut self, sql: &'static str) -> Result<(), Error> {
        self.deferred = &[];
        self.database.execute(sql, &[]).await.map(|_| ())
    }

    /// Runs these before the next statement, if there will be one.
    pub(crate) fn defer(&mut self, statements: &'static [&'static str]) {
        self.deferred = statements;
    }

    /// What was deferred and has not run yet.
    pub(crate) fn deferred(&self) -> &'static [&'static str] {
        self.deferred
    }

    async fn run_deferred(&mut self) -> Result<(), Error> {
        for sql in std::mem::take(&mut self.deferred) {
            self.database.execute(sql, &[]).await?;
        }
        Ok(())
    }

    /// Interrupts what still runs at that time, by the clock that the connection was opened with.
    pub(crate) fn interrupt_at(&self, now_ms: u64) {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.deadline_ms.store(now_ms, Ordering::Relaxed),
            Database::Direct(direct) => direct.interrupt_at(now_ms),
        }
    }

    /// Ends it in order.
    pub(crate) async fn close(self) -> Result<(), Error> {
        match self.database {
            Database::Sqlite(sqlite) => sqlx::Connection::close(sqlite.connection).await.map_err(error_of),
            Database::Direct(direct) => direct.close(),
        }
    }
}

impl Database {
    async fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, Error> {
        match self {
            Self::Sqlite(sqlite) => {
                let done = sqlite.connection.execute(query(sql, params)).await;
                done.map(|done| done.rows_affected()).map_err(error_of)
            }
            Self::Direct(direct) => direct.execute(sql, params),
        }
    }
}

type SqliteQuery = Query<'static, sqlx::Sqlite, SqliteArguments>;

/// Refuses what SQLite would take for something else.
fn check(sql: &str, params: &[Value]) -> Result<(), Error> {
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
    Ok(())
}

fn query(sql: &'static str, params: &[Value]) -> SqliteQuery {
    params.iter().fold(sqlx::query(sql), |query, param| match param {
        Value::Null => query.bind(None::<i64>),
        Value::Integer(value) => query.bind(*value),
        Value::Real(value) => query.bind(*value),
        Value::Text(text) => query.bind(Arc::clone(text)),
        Value::Bytes(bytes) => query.bind(Arc::clone(bytes)),
    })
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
        sqlx::Error::Database(reported) => {
            let code = reported.code().and_then(|code| code.parse().ok()).unwrap_or(0);
            sqlite::error_of(code, reported.message().to_owned())
        }
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => Error::Unavailable(error.to_string()),
        _ => Error::Other(error.to_string()),
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
