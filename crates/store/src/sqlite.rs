//! How a SQLite database is opened and checked.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{
    ConnectOptions, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use veche_kernel::Clock;

use crate::{
    connection::{Connection, error_of},
    error::Error,
    folder::{Folder, Left, size},
};

/// Marks a file as ours: `Vech`.
const APPLICATION_ID: i64 = 0x5665_6368;

/// How many steps of SQLite's machine pass between two looks at the deadline: some 100 µs.
const STEPS_PER_LOOK: i32 = 10_000;

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everything; it makes a missing file.
    Write,
    /// Read a file that another connection holds open.
    Read,
    /// Read a file that nobody else uses, and change nothing beside it.
    Inspect,
}

/// Opens the folder's database for its one writer: made where it is missing, checked where the last
/// process did not close it, refused where it is damaged.
pub(crate) async fn open_writer(folder: &mut Folder, clock: &Clock) -> Result<Connection, Error> {
    let file = folder.database();
    let left = folder.left()?;
    let has_log = size(&folder.write_ahead_log()) > 0;
    if size(&file) == 0 && (left != Left::New || has_log) {
        // SQLite would take it for a new database, and drop the log of the old one.
        return Err(Error::Damaged { file, detail: "it is missing or empty, and was not before".into() });
    }
    let opened = check(&file, clock, left == Left::Open || has_log).await;
    opened.map_err(|error| match error {
        Error::Corrupt(detail) => Error::Damaged { file, detail },
        other => other,
    })
}

async fn check(file: &Path, clock: &Clock, thoroughly: bool) -> Result<Connection, Error> {
    let mut connection = connect(file, Access::Write, clock).await?;
    adopt(&mut connection).await?;
    if thoroughly {
        tracing::info!(file = %file.display(), "the database was not closed; checking it");
        verify(&mut connection, "PRAGMA quick_check(1)").await?;
    }
    Ok(connection)
}

/// Refuses another program's file, and marks a new one as ours.
pub(crate) async fn adopt(connection: &mut Connection) -> Result<(), Error> {
    match pragma(connection, "PRAGMA application_id").await? {
        APPLICATION_ID => Ok(()),
        0 if pragma(connection, "SELECT COUNT(*) FROM sqlite_schema").await? == 0 => {
            connection.execute("PRAGMA application_id = 0x56656368", &[]).await.map(|_| ())
        }
        _ => Err(Error::Other("the file is no database of Veche".into())),
    }
}

/// Refuses a file that another program made, or nobody.
pub(crate) async fn recognize(connection: &mut Connection) -> Result<(), Error> {
    match pragma(connection, "PRAGMA application_id").await? {
        APPLICATION_ID => Ok(()),
        _ => Err(Error::Other("the file is no database of Veche".into())),
    }
}

/// Runs a check whose first row is `ok` where all is well.
pub(crate) async fn verify(connection: &mut Connection, check: &'static str) -> Result<(), Error> {
    let mut found = String::from("the check gave no answer");
    let first = |row: crate::Row| {
        found = row.get(0)?;
        Ok(std::ops::ControlFlow::Break(()))
    };
    connection.each(check, &[], first).await?;
    if found == "ok" { Ok(()) } else { Err(Error::Corrupt(found)) }
}

async fn pragma(connection: &mut Connection, sql: &'static str) -> Result<i64, Error> {
    let mut found = 0;
    let first = |row: crate::Row| {
        found = row.get(0)?;
        Ok(std::ops::ControlFlow::Break(()))
    };
    connection.each(sql, &[], first).await?;
    Ok(found)
}

/// A connection whose statements stop at the deadline that [`Connection::interrupt_at`] sets.
pub(crate) async fn connect(file: &Path, access: Access, clock: &Clock) -> Result<Connection, Error> {
    let mut connection = options(file, access).connect().await.map_err(error_of)?;
    let deadline_ms = Arc::new(AtomicU64::new(u64::MAX));
    interrupt_by(&mut connection, clock.clone(), Arc::clone(&deadline_ms)).await?;
    Ok(Connection::sqlite(connection, deadline_ms))
}

fn options(file: &Path, access: Access) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        // PostgreSQL's name for the order of bytes.
        .collation("C", |a: &str, b: &str| a.cmp(b))
        // A statement of a group is one for each savepoint that it may open.
        .statement_cache_capacity(500)
        .disable_statement_logging();
    match access {
        Access::Write => options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged commit survives a power cut.
            .synchronous(SqliteSynchronous::Full)
            // After a burst the log shrinks again.
            .pragma("journal_size_limit", "67108864"),
        Access::Read => options.pragma("query_only", "ON"),
        Access::Inspect => options.read_only(true),
    }
}

async fn interrupt_by(
    connection: &mut SqliteConnection,
    clock: Clock,
    deadline_ms: Arc<AtomicU64>,
) -> Result<(), Error> {
    let mut handle = connection.lock_handle().await.map_err(error_of)?;
    handle.set_progress_handler(STEPS_PER_LOOK, move || {
        let deadline_ms = deadline_ms.load(Ordering::Relaxed);
        deadline_ms == u64::MAX || clock.now_ms() < deadline_ms
    });
    Ok(())
}
