//! What a closure of [`Store::read`](crate::Store::read) and [`Store::write`](crate::Store::write) holds.

use std::{
    ops::{ControlFlow, Deref, DerefMut},
    sync::Arc,
};

use veche_kernel::{ChannelName, Publication};

use crate::{connection::Connection, error::Error, row::Row, value::Value};

/// A transaction that reads: one snapshot from its first query on.
pub struct ReadTx {
    pub(crate) connection: Connection,
    now_ms: u64,
    failed: Option<Error>,
}

/// A transaction that writes. It reads too, as a [`ReadTx`].
///
/// **A statement that failed fails the transaction**, as PostgreSQL has it: every later statement is refused
/// with the same error, and what the closure returns no longer matters. Where a conflict is expected, say
/// `ON CONFLICT DO NOTHING` and look at the number of changed rows.
pub struct Tx {
    read: ReadTx,
    /// What was published, in order; delivered after the commit.
    pub(crate) published: Vec<Arc<Publication>>,
    /// Sorted by name.
    pub(crate) locked: Vec<ChannelName>,
}

impl ReadTx {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, now_ms: 0, failed: None }
    }

    pub(crate) fn begin_at(&mut self, now_ms: u64) {
        (self.now_ms, self.failed) = (now_ms, None);
    }

    pub(crate) fn failure(&mut self) -> Option<Error> {
        self.failed.take()
    }

    /// The wall clock when the transaction began, ms since 1970.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The rows of a query.
    pub async fn rows<const N: usize>(
        &mut self,
        sql: &'static str,
        params: [Value; N],
    ) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        self.each(sql, params, |row| {
            rows.push(row);
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        Ok(rows)
    }

    /// The row of a query that has one or none. More than one is [`Error::Rows`].
    pub async fn row<const N: usize>(
        &mut self,
        sql: &'static str,
        params: [Value; N],
    ) -> Result<Option<Row>, Error> {
        let mut rows = self.rows(sql, params).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            _ => Err(Error::Rows { found: 2 }),
        }
    }

    /// The row of a query that has exactly one. None and more than one are [`Error::Rows`].
    pub async fn one<const N: usize>(&mut self, sql: &'static str, params: [Value; N]) -> Result<Row, Error> {
        self.row(sql, params).await?.ok_or(Error::Rows { found: 0 })
    }

    /// Shows the rows of a query one by one, for results that are not to be held as a whole. Stops where
    /// `visit` breaks or fails.
    pub async fn each<const N: usize>(
        &mut self,
        sql: &'static str,
        params: [Value; N],
        visit: impl FnMut(Row) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        self.check()?;
        let result = self.connection.each(sql, &params, visit).await;
        self.note(result)
    }

    fn check(&self) -> Result<(), Error> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn note<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }
}

impl Tx {
    pub(crate) fn new(read: ReadTx) -> Self {
        Self { read, published: Vec::new(), locked: Vec::new() }
    }

    pub(crate) fn begin_at(&mut self, now_ms: u64) {
        self.read.begin_at(now_ms);
        self.published.clear();
        self.locked.clear();
    }

    pub(crate) fn into_connection(self) -> Connection {
        self.read.connection
    }

    /// Runs a statement; how many rows it changed.
    pub async fn execute<const N: usize>(
        &mut self,
        sql: &'static str,
        params: [Value; N],
    ) -> Result<u64, Error> {
        self.execute_slice(sql, &params).await
    }

    /// [`Tx::execute`] with a number of parameters that is known only now.
    pub(crate) async fn execute_slice(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, Error> {
        self.check()?;
        let result = self.read.connection.execute(sql, params).await;
        self.note(result)
    }

    /// Runs statements without parameters, separated by `;`: a migration.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Error> {
        self.check()?;
        let result = self.read.connection.script(sql).await;
        self.note(result)
    }
}

impl Deref for Tx {
    type Target = ReadTx;

    fn deref(&self) -> &ReadTx {
        &self.read
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut ReadTx {
        &mut self.read
    }
}
