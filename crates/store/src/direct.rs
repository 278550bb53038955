//! SQLite on the thread of whoever asks: the connection of the writer, which has a thread for it.
//!
//! A connection of sqlx has a thread of its own and answers through a channel. That suits readers, who must
//! not block the runtime of their caller, but the writer waits for each statement and for nothing else: the
//! switches between those two threads were two thirds of what a publication cost.

use std::{
    ops::ControlFlow,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rusqlite::{
    CachedStatement, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use veche_kernel::Clock;

use crate::{error::Error, row::Row, sqlite, value::Value};

/// A connection whose calls block.
pub(crate) struct Direct {
    connection: rusqlite::Connection,
    /// When a running statement is interrupted, by the clock; `u64::MAX` for never.
    deadline_ms: Arc<AtomicU64>,
}

impl Direct {
    /// Opens a file that exists and has its journal mode.
    pub(crate) fn open(file: &Path, clock: Clock) -> Result<Self, Error> {
        let connection = rusqlite::Connection::open(file).map_err(error_of)?;
        let direct = Self { connection, deadline_ms: Arc::new(AtomicU64::new(u64::MAX)) };
        direct.prepare(clock).map_err(error_of)?;
        Ok(direct)
    }

    fn prepare(&self, clock: Clock) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.busy_timeout(Duration::from_millis(sqlite::BUSY_MS))?;
        connection.set_prepared_statement_cache_capacity(sqlite::STATEMENTS);
        connection.create_collation(sqlite::BYTES, |a: &str, b: &str| a.cmp(b))?;
        for (name, value) in sqlite::WRITER {
            connection.pragma_update(None, name, value)?;
        }
        let deadline_ms = Arc::clone(&self.deadline_ms);
        let is_over = move || {
            let deadline_ms = deadline_ms.load(Ordering::Relaxed);
            deadline_ms != u64::MAX && clock.now_ms() >= deadline_ms
        };
        connection.progress_handler(sqlite::STEPS_PER_LOOK, Some(is_over))
    }

    /// Interrupts what still runs at that time, by the clock.
    pub(crate) fn interrupt_at(&self, now_ms: u64) {
        self.deadline_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        self.each(sql, params, |_| Ok(ControlFlow::Continue(())))?;
        Ok(self.connection.changes())
    }

    /// Runs a query and shows its rows one by one, until `visit` breaks.
    pub(crate) fn each(
        &self,
        sql: &str,
        params: &[Value],
        mut visit: impl FnMut(Row) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let mut statement = self.bound(sql, params).map_err(error_of)?;
        let mut rows = statement.raw_query();
        let mut columns: Option<Arc<[Box<str>]>> = None;
        while let Some(row) = rows.next().map_err(error_of)? {
            // Known only now: a table may have changed since the statement was prepared.
            let columns = columns
                .get_or_insert_with(|| row.as_ref().column_names().into_iter().map(Into::into).collect());
            let value = |place| row.get_ref(place).map_err(error_of).and_then(value_of);
            let values = (0..columns.len()).map(value).collect::<Result<_, _>>()?;
            if visit(Row::new(Arc::clone(columns), values))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Runs statements that have no parameters, separated by `;`.
    pub(crate) fn script(&self, sql: &str) -> Result<(), Error> {
        self.connection.execute_batch(sql).map_err(error_of)
    }

    /// Ends it in order.
    pub(crate) fn close(self) -> Result<(), Error> {
        self.connection.close().map_err(|(_, error)| error_of(error))
    }

    /// A parameter's place is by its first use, and its number is its name.
    fn bound(&self, sql: &str, params: &[Value]) -> rusqlite::Result<CachedStatement<'_>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        for place in 1..=statement.parameter_count() {
            let number = |name: &str| name.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1);
            let param =
                statement.parameter_name(place).and_then(number).and_then(|number| params.get(number));
            let param = param.ok_or_else(|| rusqlite::Error::InvalidParameterName(sql.to_owned()))?;
            statement.raw_bind_parameter(place, param)?;
        }
        Ok(statement)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn value_of(value: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(text) => {
            Value::Text(str::from_utf8(text).map_err(|error| Error::Corrupt(error.to_string()))?.into())
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.into()),
    })
}

fn error_of(error: rusqlite::Error) -> Error {
    match error.sqlite_error() {
        Some(failure) => sqlite::error_of(failure.extended_code, error.to_string()),
        None => Error::Other(error.to_string()),
    }
}
